-- SPDX-License-Identifier: MPL-2.0
-- What bench/run asks for.

-- @endpoint  GET /one/{id}
-- @operation get_one
-- @auth public
-- @returns row
SELECT id, name, number FROM one WHERE id = :id;
