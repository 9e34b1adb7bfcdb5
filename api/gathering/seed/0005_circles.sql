-- SPDX-License-Identifier: MPL-2.0
-- A circle with two members and two tasks, under fixed ids; only where there are no circles, and only with the agents
-- that the seed made.

INSERT INTO circle.circles (id, name, status, started_at) OVERRIDING SYSTEM VALUE
SELECT 1, 'backend', 'running', now()
WHERE NOT EXISTS (SELECT FROM circle.circles)
  AND 2 = (SELECT count(*) FROM agent.agents WHERE (id, name) IN ((2, 'Kwame'), (3, 'Raj')));

INSERT INTO circle.members (circle_id, agent_id, role, competencies, can_review)
SELECT 1, a.id, v.role::circle.member_role, a.competencies, a.can_review
FROM (VALUES (2, 'Kwame', 'lead'), (3, 'Raj', 'reviewer')) AS v (id, name, role)
JOIN agent.agents a ON a.id = v.id AND a.name = v.name
WHERE NOT EXISTS (SELECT FROM circle.members) AND EXISTS (SELECT FROM circle.circles WHERE id = 1 AND name = 'backend')
ORDER BY a.id;

INSERT INTO circle.tasks (circle_id, title, description, assigned_agent_id, status, priority)
SELECT 1, v.title, v.description, a.id, v.status::circle.task_status, v.priority
FROM (VALUES
    ('Find the slow list', 'One list takes a second. Which, and why?', 2, 'in_progress', 3),
    ('Test empty input', 'Every endpoint gets an empty body once.', NULL, 'pending', 5)
) AS v (title, description, agent_id, status, priority)
LEFT JOIN agent.agents a ON a.id = v.agent_id
WHERE NOT EXISTS (SELECT FROM circle.tasks) AND EXISTS (SELECT FROM circle.circles WHERE id = 1 AND name = 'backend')
ORDER BY v.priority;

SELECT setval(pg_get_serial_sequence('circle.circles', 'id'), greatest(max(c.id), s.last_value))
FROM circle.circles c CROSS JOIN circle.circles_id_seq s GROUP BY s.last_value;
