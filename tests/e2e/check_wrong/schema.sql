-- SPDX-License-Identifier: MPL-2.0
CREATE TYPE shelf AS ENUM ('fiction', 'science', 'travel');
CREATE TABLE books (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, shelf shelf NOT NULL,
    price numeric(8,2) NOT NULL, seen int4 NOT NULL DEFAULT 0);
