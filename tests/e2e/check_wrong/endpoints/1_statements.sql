-- SPDX-License-Identifier: MPL-2.0
-- @operation no_type
-- @param id int99
-- @reads
-- @returns row
SELECT id FROM books
WHERE id = :id;

-- @operation no_column
-- @reads
-- @returns row
SELECT id,   -- a comment, and 'a quote
       /* another; */ 'größer' AS g, nothing
FROM books;

-- @operation no_table
-- @param id int8
-- @reads
-- @returns row
SELECT id
FROM nowhere
WHERE id = :id;

-- @operation not_sql
-- @reads
-- @returns row
SELECT id
FROM books
WHERE WHERE id = 1;

-- @operation untyped
-- @param word
-- @reads
-- @returns row
SELECT id, title FROM books
WHERE
  :word IS NULL;

-- @operation one_condition
-- @param title text ?
-- @param seen int4 ?
-- @param owner text ?
-- @reads
-- @returns row
SELECT id FROM books WHERE true
  AND title = :title      --? title
  AND seen = :seen        --? seen
  AND owner = :owner      --? owner
ORDER BY id;

-- @operation none_holds
-- @param below numeric ?
-- @param word ?
-- @reads
-- @returns row
SELECT id FROM books WHERE :word IS NOT NULL
  AND price < :below      --? below
  AND title = :word       --? below
;

-- @operation two_types
-- @param x
-- @reads
-- @returns {"a": a.row, "b": b.row}
-- @step a
SELECT id FROM books WHERE id = :x;
-- @step b
SELECT title FROM books
WHERE title = :x;

-- @operation one_without_the_other
-- @param cheap bool = false
-- @param seen  bool = false
-- @reads
-- @returns row
SELECT id FROM books WHERE true
  AND (price < 1          --? cheap
    OR seen > 0)          --? seen
ORDER BY id;

-- @operation no_function
-- @param id int8
-- @reads
-- @returns value
SELECT
  book_of(:id);

-- @operation which_id
-- @reads
-- @returns row
SELECT id
FROM books a, books b;

-- @operation text_as_number
-- @param seen text
-- @reads
-- @returns row
SELECT id FROM books
WHERE seen = :seen;
