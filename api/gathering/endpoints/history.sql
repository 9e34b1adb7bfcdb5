-- SPDX-License-Identifier: MPL-2.0
-- What was said to agents, and what they answered.
--
-- "BETWEEN a.id AND a.id ORDER BY agent_id, id DESC" looks odd and is on purpose. With "= a.id ORDER BY id DESC" the
-- planner may walk the primary key backwards past everybody else's messages until it has enough of this agent's; this
-- order only chat_history_agent has.

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
                   WHERE agent_id BETWEEN a.id AND a.id ORDER BY agent_id, id DESC LIMIT :limit) h ON true
WHERE a.id = :id GROUP BY a.id;
