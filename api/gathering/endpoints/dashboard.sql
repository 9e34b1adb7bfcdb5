-- SPDX-License-Identifier: MPL-2.0
-- What a dashboard shows. demo_mode is always false: everything comes from the database.

-- @endpoint  GET /dashboard/config
-- @operation dashboard_config
-- @summary   What the dashboard can count on
-- @tier read   @auth user
-- @returns {"demo_mode": false, "version": value,
--           "features": {"agents": true, "circles": true, "conversations": true, "memories": true}}
SELECT '0.1.1';

-- @endpoint  GET /dashboard/agents
-- @operation dashboard_agents
-- @summary   Active agents, oldest first
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @returns {"demo_mode": false, "agents": agents.rows, "total": total.value}
-- @step agents
SELECT * FROM agent.agent_dashboard ORDER BY id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.agents WHERE is_active;

-- @endpoint  GET /dashboard/agents/{id}
-- @operation dashboard_agent
-- @summary   One agent with its persona and model
-- @tier read   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns {"demo_mode": false, "agent": row}
SELECT * FROM agent.agents_full WHERE id = :id;

-- @endpoint  GET /dashboard/providers
-- @operation dashboard_providers
-- @summary   Model providers, oldest first
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @returns {"demo_mode": false, "providers": providers.rows, "total": total.value}
-- @step providers
SELECT p.*, (SELECT count(*) FROM agent.models m WHERE m.provider_id = p.id) AS model_count
FROM agent.providers p ORDER BY p.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.providers;

-- @endpoint  GET /dashboard/providers/{id}
-- @operation dashboard_provider
-- @summary   One provider
-- @tier read   @auth user
-- @empty provider_not_found
-- @error provider_not_found 404 "Provider {id} not found"
-- @returns {"demo_mode": false, "provider": row}
SELECT * FROM agent.providers WHERE id = :id;

-- @endpoint  GET /dashboard/models
-- @operation dashboard_models
-- @summary   Models that are not deprecated, by provider and alias
-- @tier read   @auth user
-- @query provider_id int8 ?
-- @query limit       int4 = 500 (1..500)
-- @query offset      int4 = 0 (0..)
-- @returns {"demo_mode": false, "models": models.rows, "total": total.value, "provider_id": total.provider_id}
-- @step models
SELECT m.*, p.name AS provider_name
FROM agent.providers p CROSS JOIN LATERAL (
    SELECT * FROM agent.models m WHERE m.provider_id = p.id AND NOT m.is_deprecated
    ORDER BY m.model_alias, m.id LIMIT :limit::int8 + :offset) m
WHERE true
  AND p.id = :provider_id                                                                    --? provider_id
ORDER BY p.name, m.model_alias, m.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) AS total, :provider_id::int8 AS provider_id FROM agent.models m WHERE NOT m.is_deprecated
  AND m.provider_id = :provider_id                                                           --? provider_id
;

-- @endpoint  GET /dashboard/models/{id}
-- @operation dashboard_model
-- @summary   One model
-- @tier read   @auth user
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @returns {"demo_mode": false, "model": row}
SELECT m.*, p.name AS provider_name FROM agent.models m JOIN agent.providers p ON p.id = m.provider_id WHERE m.id = :id;

-- @endpoint  GET /dashboard/stats
-- @operation dashboard_stats
-- @summary   How much there is of everything
-- @tier read   @auth user
-- @returns row
SELECT false AS demo_mode,
       (SELECT json_build_object('total', count(*), 'active', count(*) FILTER (WHERE status = 'active'),
                                 'busy', count(*) FILTER (WHERE status = 'busy'),
                                 'idle', count(*) FILTER (WHERE status = 'idle'))
        FROM agent.agents WHERE is_active) AS agents,
       (SELECT json_build_object('total', count(*)) FROM agent.providers) AS providers,
       (SELECT json_build_object('total', count(*)) FROM agent.models WHERE NOT is_deprecated) AS models,
       (SELECT json_build_object('total', count(*), 'active', count(*) FILTER (WHERE status = 'running'),
                                 'total_tasks', coalesce(sum((SELECT count(*) FROM circle.tasks t
                                                              WHERE t.circle_id = c.id)), 0))
        FROM circle.circles c WHERE is_active) AS circles,
       (SELECT json_build_object('tasks_completed', coalesce(sum(tasks_completed), 0),
                                 'reviews_done', coalesce(sum(reviews_done), 0))
        FROM agent.agents WHERE is_active) AS activity;

-- @endpoint  GET /dashboard/circles
-- @operation dashboard_circles
-- @summary   Circles, newest first
-- @tier read   @auth user
-- @query is_active bool ?
-- @query limit     int4 = 500 (1..500)
-- @query offset    int4 = 0 (0..)
-- @returns {"demo_mode": false, "circles": circles.rows, "total": total.value}
-- @step circles
SELECT c.*, (SELECT count(*) FROM circle.members m WHERE m.circle_id = c.id AND m.is_active) AS member_count,
       (SELECT count(*) FROM circle.tasks t WHERE t.circle_id = c.id) AS task_count
FROM circle.circles c WHERE (c.is_active = :is_active) IS NOT FALSE
ORDER BY c.created_at DESC, c.id DESC LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM circle.circles c WHERE (c.is_active = :is_active) IS NOT FALSE;

-- @endpoint  GET /dashboard/circles/{id}
-- @operation dashboard_circle
-- @summary   One circle
-- @tier read   @auth user
-- @empty circle_not_found
-- @error circle_not_found 404 "Circle {id} not found"
-- @returns {"demo_mode": false, "circle": row}
SELECT * FROM circle.circles WHERE id = :id;

-- @endpoint  GET /dashboard/circles/{id}/members
-- @operation dashboard_circle_members
-- @summary   Who is in a circle
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @error circle_not_found 404 "Circle {id} not found"
-- @returns {"demo_mode": false, "circle_id": circle.id, "members": members.rows, "total": total.value}
-- @step circle expect one else circle_not_found
SELECT id FROM circle.circles WHERE id = :id;
-- @step members
SELECT m.*, a.name AS agent_name, p.role AS agent_role
FROM circle.members m CROSS JOIN LATERAL (SELECT * FROM agent.agents a WHERE a.id = m.agent_id OFFSET 0) a
LEFT JOIN LATERAL (SELECT role FROM agent.personas p WHERE p.id = a.persona_id OFFSET 0) p ON true
WHERE m.circle_id = :id AND m.is_active ORDER BY m.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM circle.members m WHERE m.circle_id = :id AND m.is_active;

-- @endpoint  GET /dashboard/circles/{id}/tasks
-- @operation dashboard_circle_tasks
-- @summary   Tasks of a circle, the most urgent first, then the oldest
-- @tier read   @auth user
-- @query status circle.task_status ?
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @error circle_not_found 404 "Circle {id} not found"
-- @returns {"demo_mode": false, "circle_id": circle.id, "tasks": tasks.rows, "total": total.value,
--           "status_filter": total.status_filter}
-- @step circle expect one else circle_not_found
SELECT id FROM circle.circles WHERE id = :id;
-- @step tasks
SELECT t.*, a.name AS assigned_agent_name
FROM circle.tasks t LEFT JOIN agent.agents a ON a.id = t.assigned_agent_id WHERE t.circle_id = :id
  AND t.status = :status                                                                     --? status
ORDER BY t.priority, t.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) AS total, :status::circle.task_status AS status_filter FROM circle.tasks t WHERE t.circle_id = :id
  AND t.status = :status                                                                     --? status
;
