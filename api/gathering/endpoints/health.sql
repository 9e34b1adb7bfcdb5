-- SPDX-License-Identifier: MPL-2.0
-- What the gateway's health endpoints ask the database.

-- @operation health_counts
-- @reads   @auth public
-- @tier health   @timeout 2s
-- @returns row
SELECT (SELECT count(*) FROM agent.agents WHERE is_active) AS agents_count,
       circles.active AS circles_count, circles.running AS circles_running,
       (SELECT count(*) FROM circle.tasks t JOIN circle.circles c ON c.id = t.circle_id
        WHERE c.is_active AND t.status IN ('assigned', 'in_progress', 'in_review')) AS active_tasks
FROM (SELECT count(*) AS active, count(*) FILTER (WHERE status = 'running') AS running
      FROM circle.circles WHERE is_active) circles;
