-- The first step of the schema. Each file here is applied once, in the order of the numbers, in a transaction of its
-- own; do not change it afterwards, add 0002_something.sql instead.

CREATE TABLE greetings (
    language text PRIMARY KEY CHECK (language ~ '^[a-z]{2}$'),
    words    text NOT NULL
);
