-- SPDX-License-Identifier: MPL-2.0
-- @endpoint  FETCH /form
-- @operation form
-- @nonsense
-- @returns row
SELECT 1 AS one;

-- @operation folded
-- @returns row
-- @reads
SELECT 2 AS two;
