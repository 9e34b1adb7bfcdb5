-- SPDX-License-Identifier: MPL-2.0
-- @operation answers
-- @param id int8
-- @error never 404 "Never"
-- @error gone 404 "Gone"
-- @error taken 409 "Taken" on 23505
-- @reads
-- @returns {"title": book.tilte, "next": more.row}
-- @location /books/{id}/{title}
-- @step book expect one else gone
SELECT id, title FROM books WHERE id = :id;
-- @step more
SELECT id, seen AS id
FROM books WHERE id >
  :book.idd LIMIT 1;

-- @endpoint GET /paged
-- @operation paged
-- @summary Pages
-- @tier read
-- @query limit int4 = 5 (1..)
-- @cursor price, id
-- @returns {"books": rows, "next": next_cursor}
SELECT id, title FROM books WHERE true
  AND (price, id) > (:after.price, :after.id)   --? after
ORDER BY price, id LIMIT :limit;

-- @endpoint POST /silent
-- @operation silent
-- @summary Says nothing
-- @tier write
-- @status 204   @location /books/{nowhere}
-- @returns row
INSERT INTO books (title, shelf, price) VALUES ('x', 'fiction', 1) RETURNING id;

-- @operation folded
-- @reads
-- @returns {"title": book.bookTitle}
-- @step book
SELECT title AS "bookTitle" FROM books WHERE id = 1;
