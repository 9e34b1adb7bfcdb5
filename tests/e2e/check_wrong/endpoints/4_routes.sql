-- SPDX-License-Identifier: MPL-2.0
-- @endpoint  GET /a/{x}
-- @operation a_x
-- @summary   One
-- @tier read
-- @returns row
SELECT :x::text AS x;

-- @endpoint  GET /{y}/b
-- @operation y_b
-- @summary   Other
-- @tier read
-- @returns row
SELECT :y::text AS y;

-- @endpoint  GET /health
-- @operation my_health
-- @summary   Hidden
-- @tier health
-- @returns row
SELECT 1 AS one;

-- @endpoint  GET /docs
-- @operation my_docs
-- @summary   Hidden
-- @tier read
-- @returns row
SELECT 1 AS one;

-- @endpoint  GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}
-- @operation nine
-- @summary   Too many parameters
-- @tier read
-- @returns value
SELECT :a || :b || :c || :d || :e || :f || :g || :h || :i;
