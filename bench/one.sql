\set id random(1, 10000)
SELECT id, name, number FROM one WHERE id = :id;
