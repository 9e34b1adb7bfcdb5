-- SPDX-License-Identifier: MPL-2.0
-- Skills, and which agent may use which of them as a tool.

-- @endpoint  GET /tools/skills
-- @operation list_skills
-- @summary   Enabled skills by category and name
-- @tier read   @auth user
-- @query category text ? (1..50 chars)
-- @query limit    int4 = 500 (1..500)
-- @returns rows
SELECT id, name, display_name, description, category, required_permissions, is_dangerous, is_enabled, version,
       0 AS tools_count
FROM agent.skills WHERE is_enabled
  AND category = :category                                                                   --? category
ORDER BY category, name LIMIT :limit;

-- @endpoint  GET /tools/skills/categories
-- @operation skill_categories
-- @summary   How many enabled skills each category has
-- @tier read   @auth user
-- @returns value
SELECT coalesce(json_object_agg(category, skills ORDER BY category), '{}')
FROM (SELECT category, count(*) AS skills FROM agent.skills WHERE is_enabled GROUP BY category) c;

-- @endpoint  GET /tools/agents/{id}
-- @operation agent_tools
-- @summary   Every skill, and whether the agent may use it
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns {"agent_id": agent.agent_id, "agent_name": agent.agent_name, "tools": tools.rows,
--           "enabled_count": counts.enabled_count, "total_count": counts.total_count}
-- @step agent expect one else agent_not_found
SELECT id AS agent_id, name AS agent_name FROM agent.agents WHERE id = :id;
-- @step tools
SELECT s.id AS skill_id, s.name AS skill_name, s.display_name AS skill_display_name, s.category AS skill_category,
       s.required_permissions, s.is_dangerous, coalesce(t.is_enabled, false) AS is_enabled,
       coalesce(t.usage_count, 0) AS usage_count, t.last_used_at
FROM agent.skills s LEFT JOIN LATERAL (
    SELECT * FROM agent.agent_tools t WHERE t.agent_id = :id AND t.skill_id = s.id OFFSET 0) t ON true
WHERE s.is_enabled ORDER BY s.category, s.name LIMIT :limit OFFSET :offset;
-- @step counts
SELECT count(*) AS total_count, count(*) FILTER (WHERE t.is_enabled) AS enabled_count
FROM agent.skills s LEFT JOIN agent.agent_tools t ON t.skill_id = s.id AND t.agent_id = :id WHERE s.is_enabled;

-- @endpoint  PATCH /tools/agents/{id}/skills/{skill_name}
-- @operation switch_agent_skill
-- @summary   Whether an agent may use a skill
-- @tier write   @auth user
-- @body is_enabled bool
-- @error agent_not_found 404 "Agent {id} not found"
-- @error skill_not_found 404 "Skill {skill_name} not found"
-- @returns row
WITH known AS (
         SELECT (SELECT id FROM agent.agents WHERE id = :id) AS agent_id,
                (SELECT id FROM agent.skills WHERE name = :skill_name AND is_enabled) AS skill_id),
     changed AS (
         INSERT INTO agent.agent_tools AS t (agent_id, skill_id, is_enabled)
         SELECT agent_id, skill_id, :is_enabled FROM known WHERE agent_id IS NOT NULL AND skill_id IS NOT NULL
         ON CONFLICT (agent_id, skill_id) DO UPDATE SET is_enabled = excluded.is_enabled, updated_at = now()
         RETURNING t.is_enabled)
SELECT CASE WHEN k.agent_id IS NULL THEN 'agent_not_found' WHEN k.skill_id IS NULL THEN 'skill_not_found' END AS _error,
       k.agent_id, :skill_name AS skill_name, c.is_enabled,
       format('Skill %s %s', :skill_name, CASE WHEN c.is_enabled THEN 'enabled' ELSE 'disabled' END) AS message
FROM known k LEFT JOIN changed c ON true;

-- @endpoint  POST /tools/agents/{id}/skills/bulk
-- @operation switch_agent_skills
-- @summary   Whether an agent may use these skills; unknown names are passed over
-- @tier write   @auth user
-- @body skill_names text[] (..500 items)
-- @body is_enabled  bool
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
WITH known AS (SELECT id FROM agent.agents WHERE id = :id),
     changed AS (
         INSERT INTO agent.agent_tools AS t (agent_id, skill_id, is_enabled)
         SELECT known.id, s.id, :is_enabled FROM known CROSS JOIN agent.skills s
         WHERE s.is_enabled AND s.name = ANY (:skill_names) ORDER BY s.id
         ON CONFLICT (agent_id, skill_id) DO UPDATE SET is_enabled = excluded.is_enabled, updated_at = now()
         RETURNING t.skill_id)
SELECT known.id AS agent_id, (SELECT count(*) FROM changed) AS updated_count, :is_enabled AS is_enabled,
       format('%s skills %s', (SELECT count(*) FROM changed), CASE WHEN :is_enabled THEN 'enabled' ELSE 'disabled' END)
           AS message
FROM known;

-- @endpoint  POST /tools/agents/{id}/skills/enable-all
-- @operation enable_all_agent_skills
-- @summary   An agent may use all skills, or all of a category
-- @tier write   @auth user
-- @query category text ? (1..50 chars)
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
WITH known AS (SELECT id FROM agent.agents WHERE id = :id),
     changed AS (
         INSERT INTO agent.agent_tools AS t (agent_id, skill_id, is_enabled)
         SELECT known.id, s.id, true FROM known CROSS JOIN agent.skills s WHERE s.is_enabled
           AND s.category = :category                                                        --? category
         ORDER BY s.id
         ON CONFLICT (agent_id, skill_id) DO UPDATE SET is_enabled = true, updated_at = now()
         RETURNING t.skill_id)
SELECT known.id AS agent_id, (SELECT count(*) FROM changed) AS enabled_count, :category::text AS category,
       format('%s skills enabled', (SELECT count(*) FROM changed)) AS message
FROM known;

-- @endpoint  POST /tools/agents/{id}/skills/disable-all
-- @operation disable_all_agent_skills
-- @summary   An agent may use no skill, or none of a category
-- @tier write   @auth user
-- @query category text ? (1..50 chars)
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
WITH known AS (SELECT id FROM agent.agents WHERE id = :id),
     changed AS (
         INSERT INTO agent.agent_tools AS t (agent_id, skill_id, is_enabled)
         SELECT known.id, s.id, false FROM known CROSS JOIN agent.skills s WHERE s.is_enabled
           AND s.category = :category                                                        --? category
         ORDER BY s.id
         ON CONFLICT (agent_id, skill_id) DO UPDATE SET is_enabled = false, updated_at = now()
         RETURNING t.skill_id)
SELECT known.id AS agent_id, :category::text AS category,
       format('%s skills disabled', (SELECT count(*) FROM changed)) AS message
FROM known;

-- @endpoint  GET /tools/agents/{id}/enabled
-- @operation enabled_agent_skills
-- @summary   Names of the skills that an agent may use
-- @tier read   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
SELECT a.id AS agent_id,
       (SELECT coalesce(array_agg(n.name ORDER BY n.name), '{}')
        FROM (SELECT s.name FROM agent.agent_tools t JOIN agent.skills s ON s.id = t.skill_id
              WHERE t.agent_id = a.id AND t.is_enabled AND s.is_enabled ORDER BY s.name LIMIT 500) n) AS enabled_skills
FROM agent.agents a WHERE a.id = :id;
