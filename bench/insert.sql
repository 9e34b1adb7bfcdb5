\set n random(1, 10000)
INSERT INTO made (name, number) VALUES ('row', :n) RETURNING id;
