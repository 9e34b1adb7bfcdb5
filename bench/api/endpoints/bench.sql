-- SPDX-License-Identifier: MPL-2.0
-- What bench/run asks for.

-- @endpoint  GET /one/{id}
-- @operation get_one
-- @auth public
-- @returns row
SELECT id, name, number FROM one WHERE id = :id;

-- @endpoint  GET /mine/{id}
-- @operation get_mine
-- @summary   The same for whoever has a token, with a limit
-- @tier read   @auth user
-- @returns row
SELECT id, name, number FROM one WHERE id = :id;

-- @endpoint  GET /rows
-- @operation list_rows
-- @auth public
-- @query     after int4 = 0
-- @returns rows
SELECT id, name, kind, price, active, score, note, created_at FROM wide WHERE id > :after ORDER BY id LIMIT 100;

-- @endpoint  POST /made
-- @operation make
-- @auth public
-- @body name text   @body number int4
-- @status 201
-- @returns row
INSERT INTO made (name, number) VALUES (:name, :number) RETURNING id;

-- @endpoint  GET /slow
-- @operation sleep
-- @auth public   @slow
-- @returns value
SELECT 1 FROM pg_sleep(0.5);
