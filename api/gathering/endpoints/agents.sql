-- SPDX-License-Identifier: MPL-2.0
-- Agents as the database knows them.

-- @endpoint  GET /agents-db
-- @operation list_agents
-- @summary   Active agents as the dashboard lists them
-- @tier read   @auth user
-- @returns {"agents": rows, "total": count}
SELECT a.id, a.name, r.role, r.display_name AS persona_name, r.role AS persona_role,
       p.name AS provider, p.name AS provider_name, m.model_alias AS model, m.model_name,
       a.status, a.is_active, a.competencies, a.can_review,
       a.tasks_completed, a.reviews_done, a.approval_rate, a.average_quality_score,
       0 AS memory_count,
       (SELECT count(*) FROM communication.chat_history h WHERE h.agent_id = a.id) AS message_count,
       0 AS circle_count,
       a.last_active_at, a.created_at
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.is_active ORDER BY a.id;

-- @endpoint  GET /agents-db/{id}
-- @operation get_agent
-- @summary   One agent with its persona and model
-- @tier read   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
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
       0 AS circle_count,
       a.last_active_at, a.created_at, a.updated_at
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.id = :id;
