-- SPDX-License-Identifier: MPL-2.0
-- People who log in, and what happened at the door.

CREATE SCHEMA auth;
CREATE SCHEMA audit;

CREATE TABLE auth.users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id   text NOT NULL DEFAULT gen_random_uuid()::text,
    email         text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_lower   text NOT NULL GENERATED ALWAYS AS (lower(email)) STORED,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash text NOT NULL CHECK (length(password_hash) BETWEEN 1 AND 72),
    role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_external_id UNIQUE (external_id),
    CONSTRAINT users_email UNIQUE (email_lower)
);

CREATE TABLE audit.security_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type text NOT NULL CHECK (length(event_type) BETWEEN 1 AND 100),
    severity   text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'warning', 'high', 'critical')),
    user_id    text,
    ip_address inet,
    message    text,
    details    jsonb NOT NULL DEFAULT '{}',
    request_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX security_events_created ON audit.security_events (created_at);
