-- SPDX-License-Identifier: MPL-2.0
-- Who there is to talk to: model providers, their models, personas, agents, and what was said.

CREATE SCHEMA agent;
CREATE SCHEMA communication;

CREATE TYPE agent.agent_status AS ENUM ('idle', 'active', 'busy', 'offline');
CREATE TYPE communication.message_role AS ENUM ('user', 'assistant', 'system', 'tool');

CREATE TABLE agent.providers (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL CHECK (name <> '' AND char_length(name) <= 50 AND name = lower(name)),
    display_name text,
    api_base_url text,
    is_local     boolean NOT NULL DEFAULT false,
    config       jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT providers_name_unique UNIQUE (name)
);

CREATE TABLE agent.models (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id         bigint NOT NULL REFERENCES agent.providers,
    model_name          text NOT NULL CHECK (model_name <> '' AND char_length(model_name) <= 100),
    model_alias         text CHECK (char_length(model_alias) <= 100),
    pricing_in          numeric(10, 4) CHECK (pricing_in >= 0),
    pricing_out         numeric(10, 4) CHECK (pricing_out >= 0),
    pricing_cache_read  numeric(10, 4) CHECK (pricing_cache_read >= 0),
    pricing_cache_write numeric(10, 4) CHECK (pricing_cache_write >= 0),
    extended_thinking   boolean NOT NULL DEFAULT false,
    vision              boolean NOT NULL DEFAULT false,
    function_calling    boolean NOT NULL DEFAULT true,
    streaming           boolean NOT NULL DEFAULT true,
    context_window      integer CHECK (context_window > 0),
    max_output          integer CHECK (max_output > 0),
    release_date        date,
    is_deprecated       boolean NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT models_name_unique UNIQUE (provider_id, model_name) -- its index serves provider_id, too
);

CREATE TABLE agent.personas (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    display_name        text NOT NULL CHECK (display_name <> ''),
    role                text NOT NULL CHECK (role <> ''),
    base_prompt         text,
    full_prompt         text,
    traits              text[] NOT NULL DEFAULT '{}',
    communication_style text NOT NULL DEFAULT 'balanced',
    specializations     text[] NOT NULL DEFAULT '{}',
    languages           text[] NOT NULL DEFAULT '{}',
    motto               text,
    description         text,
    default_model_id    bigint REFERENCES agent.models,
    is_builtin          boolean NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT personas_display_name_unique UNIQUE (display_name)
);
CREATE INDEX personas_default_model ON agent.personas (default_model_id);

CREATE TABLE agent.agents (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL CHECK (name <> '' AND char_length(name) <= 100),
    persona_id     bigint REFERENCES agent.personas,
    model_id       bigint REFERENCES agent.models,
    system_prompt  text,
    competencies   text[] NOT NULL DEFAULT '{}',
    can_review     text[] NOT NULL DEFAULT '{}',
    temperature    double precision NOT NULL DEFAULT 0.7 CHECK (temperature BETWEEN 0 AND 2),
    max_tokens     integer CHECK (max_tokens > 0),
    status         agent.agent_status NOT NULL DEFAULT 'idle',
    is_active      boolean NOT NULL DEFAULT true,
    last_active_at timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agents_persona ON agent.agents (persona_id);
CREATE INDEX agents_model ON agent.agents (model_id);

CREATE TABLE communication.chat_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id   bigint NOT NULL REFERENCES agent.agents ON DELETE CASCADE,
    user_id    text,
    role       communication.message_role NOT NULL,
    content    text NOT NULL,
    model_used text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- By id, not by time: ids alone tell the order of two messages of one moment.
CREATE INDEX chat_history_agent ON communication.chat_history (agent_id, id DESC);
