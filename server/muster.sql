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

-- Answers of writes that carried an Idempotency-Key: who asked, the key, and what was asked, as SHA-256. A row is put
-- in before the write's own statements, in their transaction; the answer follows before its COMMIT.
CREATE TABLE IF NOT EXISTS muster.answers (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    body bytea,
    cursor text,
    claim text,                -- of a worker that is at it without holding a transaction,
    claimed_until timestamptz, -- ... until then
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX IF NOT EXISTS answers_created_at ON muster.answers (created_at);
