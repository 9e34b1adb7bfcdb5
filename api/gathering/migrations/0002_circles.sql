-- SPDX-License-Identifier: MPL-2.0
-- Circles of agents and their tasks, as far as the health endpoints count them.

CREATE SCHEMA circle;

CREATE TYPE circle.circle_status AS ENUM ('stopped', 'starting', 'running', 'stopping');
CREATE TYPE circle.task_status AS ENUM
    ('pending', 'assigned', 'in_progress', 'in_review', 'completed', 'failed');

CREATE TABLE circle.circles (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL CHECK (name <> '' AND char_length(name) <= 100),
    require_review boolean NOT NULL DEFAULT true,
    auto_route     boolean NOT NULL DEFAULT true,
    status         circle.circle_status NOT NULL DEFAULT 'stopped',
    is_active      boolean NOT NULL DEFAULT true,
    started_at     timestamptz,
    stopped_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
-- A name is free again once its circle was removed.
CREATE UNIQUE INDEX circles_name_unique ON circle.circles (name) WHERE is_active;

CREATE TABLE circle.tasks (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    circle_id         bigint NOT NULL REFERENCES circle.circles ON DELETE CASCADE,
    title             text NOT NULL CHECK (title <> '' AND char_length(title) <= 500),
    description       text NOT NULL DEFAULT '',
    assigned_agent_id bigint REFERENCES agent.agents ON DELETE SET NULL,
    status            circle.task_status NOT NULL DEFAULT 'pending',
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tasks_circle ON circle.tasks (circle_id);
CREATE INDEX tasks_assigned_agent ON circle.tasks (assigned_agent_id);
CREATE INDEX tasks_active ON circle.tasks (status) WHERE status IN ('assigned', 'in_progress', 'in_review');
