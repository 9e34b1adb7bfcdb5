-- SPDX-License-Identifier: MPL-2.0
-- Skills there are, and which agent may use which of them as a tool. Without a row in agent_tools it may not.

CREATE TABLE agent.skills (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                 text NOT NULL CHECK (name <> '' AND char_length(name) <= 50),
    display_name         text CHECK (char_length(display_name) <= 100),
    description          text,
    category             text NOT NULL DEFAULT 'general' CHECK (category <> '' AND char_length(category) <= 50),
    required_permissions text[] NOT NULL DEFAULT '{}',
    version              text NOT NULL DEFAULT '1.0.0' CHECK (char_length(version) <= 20),
    is_dangerous         boolean NOT NULL DEFAULT false,
    is_enabled           boolean NOT NULL DEFAULT true,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT skills_name_unique UNIQUE (name)
);
CREATE INDEX skills_category ON agent.skills (category, name) WHERE is_enabled;

CREATE TABLE agent.agent_tools (
    agent_id     bigint NOT NULL REFERENCES agent.agents ON DELETE CASCADE,
    skill_id     bigint NOT NULL REFERENCES agent.skills ON DELETE CASCADE,
    is_enabled   boolean NOT NULL DEFAULT true,
    config       jsonb NOT NULL DEFAULT '{}',
    usage_count  integer NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, skill_id)
);
CREATE INDEX agent_tools_skill ON agent.agent_tools (skill_id);
