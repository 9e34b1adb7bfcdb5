-- SPDX-License-Identifier: MPL-2.0
-- Talking to an agent. The endpoint belongs to the chat worker, which asks the two operations below it.

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
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row

-- What the chat worker needs to know of an agent. The messages are chosen as history.sql explains.
-- @operation chat_context
-- @param id int8
-- @reads   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
SELECT a.id AS agent_id, a.name AS agent_name, m.model_name AS model, p.name AS provider, p.api_base_url,
       a.temperature, coalesce(a.max_tokens, m.max_output) AS max_tokens,
       coalesce(a.system_prompt, r.full_prompt, r.base_prompt) AS system_prompt,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('role', h.role, 'content', h.content) ORDER BY h.id), '[]')
        FROM (SELECT id, role, content FROM communication.chat_history
              WHERE agent_id BETWEEN a.id AND a.id ORDER BY agent_id, id DESC LIMIT 20) h) AS history
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.id = :id AND a.is_active;

-- Both messages of one turn, or neither.
-- @operation chat_store
-- @param agent_id          int8
-- @param user_message      text
-- @param assistant_message text
-- @param model             text
-- @writes   @auth user
-- @error agent_not_found 404 "Agent {agent_id} not found" on 23503
-- @returns row
WITH stored AS (
    INSERT INTO communication.chat_history (agent_id, user_id, role, content, model_used)
    VALUES (:agent_id, :auth.sub, 'user', :user_message, NULL),
           (:agent_id, NULL, 'assistant', :assistant_message, :model)
    RETURNING id)
SELECT min(id) AS user_message_id, max(id) AS assistant_message_id, count(*) AS stored FROM stored;
