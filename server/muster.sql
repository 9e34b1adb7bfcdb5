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

-- Tokens that were revoked before they expired, by the first 16 bytes of SHA-256 over their text. `xid` is the
-- transaction that did it: whoever reads the table again and again asks for those that its last snapshot did not see.
-- A counter would not do: numbers are not committed in their order.
CREATE TABLE IF NOT EXISTS muster.revocations (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 16),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX IF NOT EXISTS revocations_xid ON muster.revocations (xid);
CREATE INDEX IF NOT EXISTS revocations_expires ON muster.revocations (expires_at);

-- Revokes a token: once that is committed, gateways hear of it at once. Those that have expired go meanwhile, some at
-- each call. Always true.
CREATE OR REPLACE FUNCTION muster.revoke(token_key bytea, token_expires_at timestamptz) RETURNS boolean
LANGUAGE sql AS $$
    DELETE FROM muster.revocations WHERE key IN (
        SELECT key FROM muster.revocations WHERE expires_at < now() - interval '1 minute'
        LIMIT 100 FOR UPDATE SKIP LOCKED);
    INSERT INTO muster.revocations (key, expires_at) VALUES (token_key, token_expires_at)
        ON CONFLICT (key) DO NOTHING;
    SELECT pg_notify('muster_revoked', '');
    SELECT true;
$$;

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
