-- SPDX-License-Identifier: MPL-2.0
-- @endpoint  GET /habits
-- @operation habits
-- @writes
-- @returns rows
SELECT id, 'LIMIT' AS word FROM books;

-- @endpoint  PUT /books/{id}/title
-- @operation rename_book
-- @summary   Another title
-- @tier write
-- @body title text
-- @returns row
UPDATE books SET title = :title
WHERE id = :id RETURNING id;

-- @operation by_price
-- @param id numeric
-- @reads
-- @returns row
SELECT title FROM books WHERE id = :id;
