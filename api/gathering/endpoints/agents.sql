-- SPDX-License-Identifier: MPL-2.0
-- Agents, what was said to them, and talking to them.

-- @endpoint  GET /agents-db
-- @operation list_agents
-- @summary   Agents as the dashboard lists them
-- @tier read   @auth user
-- @returns {"agents": rows, "total": count}
SELECT a.id, a.name, r.role, p.name AS provider, m.model_alias AS model, a.status, a.competencies, a.can_review,
       0 AS memory_count,
       (SELECT count(*) FROM communication.chat_history h WHERE h.agent_id = a.id) AS message_count,
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
SELECT a.id, a.name, r.role, a.status, a.is_active, a.competencies, a.can_review, a.temperature, a.max_tokens,
       a.persona_id, r.display_name AS persona_name, r.role AS persona_role,
       coalesce(a.system_prompt, r.full_prompt, r.base_prompt) AS system_prompt, r.base_prompt, r.traits,
       r.specializations, r.communication_style, r.languages, r.motto,
       a.model_id, m.model_name, m.model_alias, m.model_alias AS model, p.name AS provider,
       0 AS memory_count,
       (SELECT count(*) FROM communication.chat_history h WHERE h.agent_id = a.id) AS message_count,
       0 AS circle_count,
       a.last_active_at, a.created_at, a.updated_at
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.id = :id;

-- @endpoint  GET /agents/{id}/history
-- @operation agent_history
-- @summary   The newest messages, oldest of them first
-- @tier read   @auth user
-- @query limit int4 = 50 (1..500)
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns {"messages": value}
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'id', h.id, 'role', h.role, 'content', h.content,
           'timestamp', to_char(h.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'agent_name', CASE WHEN h.role = 'assistant' THEN a.name END) ORDER BY h.id)
           FILTER (WHERE h.id IS NOT NULL), '[]') AS messages
FROM agent.agents a
LEFT JOIN LATERAL (SELECT id, role, content, created_at FROM communication.chat_history
                   WHERE agent_id = a.id ORDER BY id DESC LIMIT :limit) h ON true
WHERE a.id = :id GROUP BY a.id;

-- @endpoint  POST /agents/{id}/chat
-- @operation chat_with_agent
-- @summary   Says something to an agent; both messages are stored before the answer comes
-- @tier write   @auth user
-- @path id int8
-- @body message          text (1..100000 chars)
-- @body include_memories bool = true
-- @body allow_tools      bool = true
-- @service chat
-- @timeout 120s
-- @returns row

-- What the chat worker needs to know of an agent.
-- @operation chat_context
-- @param id int8
-- @reads   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
SELECT a.id AS agent_id, a.name AS agent_name, m.model_name AS model,
       coalesce(a.system_prompt, r.full_prompt, r.base_prompt) AS system_prompt,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('role', h.role, 'content', h.content) ORDER BY h.id), '[]')
        FROM (SELECT id, role, content FROM communication.chat_history
              WHERE agent_id = a.id ORDER BY id DESC LIMIT 20) h) AS history
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
WHERE a.id = :id;

-- Both messages of one turn, or neither.
-- @operation chat_store
-- @param agent_id          int8
-- @param user_message      text
-- @param assistant_message text
-- @param model             text
-- @writes   @auth user
-- @error agent_not_found 404 "Agent {agent_id} not found" on 23503
-- @returns {"stored": count}
INSERT INTO communication.chat_history (agent_id, user_id, role, content, model_used)
VALUES (:agent_id, :auth.sub, 'user', :user_message, NULL),
       (:agent_id, NULL, 'assistant', :assistant_message, :model)
RETURNING id;
