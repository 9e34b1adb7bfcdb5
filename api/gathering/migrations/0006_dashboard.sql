-- SPDX-License-Identifier: MPL-2.0
-- What the dashboard shows: who is in a circle, how urgent a task is, and agents with everything around them.

CREATE TYPE circle.member_role AS ENUM ('lead', 'member', 'specialist', 'reviewer', 'observer');

CREATE TABLE circle.members (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    circle_id    bigint NOT NULL REFERENCES circle.circles ON DELETE CASCADE,
    agent_id     bigint NOT NULL REFERENCES agent.agents ON DELETE CASCADE,
    role         circle.member_role NOT NULL DEFAULT 'member',
    competencies text[] NOT NULL DEFAULT '{}',
    can_review   text[] NOT NULL DEFAULT '{}',
    is_active    boolean NOT NULL DEFAULT true,
    joined_at    timestamptz NOT NULL DEFAULT now(),
    left_at      timestamptz,
    CONSTRAINT members_unique UNIQUE (circle_id, agent_id),
    CONSTRAINT members_left CHECK (is_active = (left_at IS NULL))
);
CREATE INDEX members_agent ON circle.members (agent_id) WHERE is_active;

-- 1 is the most urgent.
ALTER TABLE circle.tasks ADD COLUMN priority integer NOT NULL DEFAULT 5 CHECK (priority BETWEEN 1 AND 10);
DROP INDEX circle.tasks_circle;
CREATE INDEX tasks_circle ON circle.tasks (circle_id, priority, id);

-- Active agents, as lists show them.
CREATE VIEW agent.agent_dashboard AS
SELECT a.id, a.name, r.role, r.display_name AS persona_name, r.role AS persona_role,
       p.name AS provider, p.name AS provider_name, m.model_alias AS model, m.model_name,
       a.status, a.is_active, a.competencies, a.can_review,
       a.tasks_completed, a.reviews_done, a.approval_rate, a.average_quality_score,
       0 AS memory_count,
       (SELECT count(*) FROM communication.chat_history h WHERE h.agent_id = a.id) AS message_count,
       (SELECT count(*) FROM circle.members c WHERE c.agent_id = a.id AND c.is_active) AS circle_count,
       a.last_active_at, a.created_at
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.is_active;

-- Agents, active or not, each with its persona and model.
CREATE VIEW agent.agents_full AS
SELECT a.id, a.name, r.role, a.status, a.is_active, a.competencies, a.can_review, a.review_strictness,
       a.temperature, coalesce(a.max_tokens, m.max_output) AS max_tokens,
       a.persona_id, r.display_name AS persona_name, r.role AS persona_role,
       coalesce(a.system_prompt, r.full_prompt, r.base_prompt) AS system_prompt, r.base_prompt, r.traits,
       r.specializations, r.communication_style, r.languages, r.motto,
       a.model_id, m.model_name, m.model_alias, m.model_alias AS model, p.name AS provider, p.name AS provider_name,
       m.context_window, m.extended_thinking, m.vision, m.pricing_in, m.pricing_out,
       a.tasks_completed, a.reviews_done, a.approval_rate, a.average_quality_score,
       0 AS memory_count,
       (SELECT count(*) FROM communication.chat_history h WHERE h.agent_id = a.id) AS message_count,
       (SELECT count(*) FROM circle.members c WHERE c.agent_id = a.id AND c.is_active) AS circle_count,
       a.last_active_at, a.created_at, a.updated_at
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id;
