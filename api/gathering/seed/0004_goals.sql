-- SPDX-License-Identifier: MPL-2.0
-- A goal with two steps, one waiting for the other, under fixed ids; only where there are no goals, and only for the
-- agent that the seed made.

INSERT INTO agent.goals (id, agent_id, parent_id, title, description, success_criteria, priority, estimated_hours, tags,
                         created_by, created_at)
OVERRIDING SYSTEM VALUE
SELECT v.id, a.id, v.parent_id, v.title, v.description, v.criteria, v.priority::agent.goal_priority, v.hours, v.tags,
       'seed', now() - make_interval(mins => 10 - v.id)
FROM (VALUES
    (1, NULL, 'Serve goals from the database', 'Every goal survives a restart, and two servers tell the same of it.',
     'All goal routes answer from PostgreSQL.', 'high', 16, '{api,database}'::text[]),
    (2, 1, 'Write the tables', 'Tables for goals, what they wait for and what happened to them.', NULL, 'medium', 4, '{}'),
    (3, 1, 'Write the endpoints', 'One file, one operation for each route.', NULL, 'medium', 12, '{}')
) AS v (id, parent_id, title, description, criteria, priority, hours, tags)
JOIN agent.agents a ON a.id = 2 AND a.name = 'Kwame'
WHERE NOT EXISTS (SELECT FROM agent.goals)
ORDER BY v.id;

INSERT INTO agent.goal_dependencies (goal_id, depends_on_id)
SELECT 3, 2 WHERE EXISTS (SELECT FROM agent.goals WHERE id = 2 AND created_by = 'seed')
              AND EXISTS (SELECT FROM agent.goals WHERE id = 3 AND created_by = 'seed')
              AND NOT EXISTS (SELECT FROM agent.goal_dependencies)
              AND NOT EXISTS (SELECT FROM agent.goal_activities);

SELECT setval(pg_get_serial_sequence('agent.goals', 'id'), greatest(max(g.id), s.last_value))
FROM agent.goals g CROSS JOIN agent.goals_id_seq s GROUP BY s.last_value;
