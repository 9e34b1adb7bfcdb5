-- SPDX-License-Identifier: MPL-2.0
-- Agents as the database knows them.

-- @endpoint  GET /agents-db
-- @operation list_agents
-- @summary   Active agents as the dashboard lists them
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @returns {"agents": agents.rows, "total": total.value}
-- @step agents
SELECT * FROM agent.agent_dashboard ORDER BY id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.agents WHERE is_active;

-- @endpoint  GET /agents-db/{id}
-- @operation get_agent
-- @summary   One agent with its persona and model
-- @tier read   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
SELECT * FROM agent.agents_full WHERE id = :id;
