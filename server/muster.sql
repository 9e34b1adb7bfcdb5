-- What Muster itself keeps in a database it serves: the schema muster. Run at every `muster migrate`, before the
-- folder's own migrations, in one transaction: every statement does nothing when its work is done already.

CREATE SCHEMA IF NOT EXISTS muster;

-- The migrations that were applied.
CREATE TABLE IF NOT EXISTS muster.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
