-- SPDX-License-Identifier: MPL-2.0
-- Goals of agents. 0004_goals.sql has the rules and says why rows are locked as they are: what changes a state locks
-- the row, judges it by agent.goal_refusal, and names the state that it found.
--
-- The goal as it was goes by the name was: RETURNING g would be a column g of judged. A refusal names it by _goal, for
-- id is a column of the answer and NULL then.
--
-- A list reads goals in the order of its index and only then looks at what belongs to each: MATERIALIZED keeps that so.

-- @endpoint  GET /goals
-- @operation list_goals
-- @summary   Goals, the most important first, then the newest
-- @tier read   @auth user
-- @query agent_id  int8 ?
-- @query circle_id int8 ?
-- @query status    agent.goal_status ?
-- @query parent_id int8 ?
-- @query root_only bool = false
-- @query limit     int4 = 50 (1..500)
-- @query offset    int4 = 0 (0..10000)
-- @cursor priority desc, created_at desc, id desc
-- @returns {"goals": goals.rows, "total": total.value, "counts": counts.value}
-- @step goals
WITH page AS MATERIALIZED (
SELECT g FROM agent.goals g WHERE true
  AND g.agent_id = :agent_id                                                                 --? agent_id
  AND g.circle_id = :circle_id                                                               --? circle_id
  AND g.status = :status                                                                     --? status
  AND g.parent_id = :parent_id                                                               --? parent_id
  AND g.parent_id IS NULL                                                                    --? root_only
  AND (g.priority, g.created_at, g.id) < (:after.priority, :after.created_at, :after.id)     --? after
ORDER BY g.priority DESC, g.created_at DESC, g.id DESC LIMIT :limit OFFSET :offset)
SELECT s.* FROM page CROSS JOIN LATERAL agent.goal_shown(page.g) s
ORDER BY s.priority DESC, s.created_at DESC, s.id DESC;
-- @step total
SELECT count(*) FROM agent.goals g WHERE true
  AND g.agent_id = :agent_id                                                                 --? agent_id
  AND g.circle_id = :circle_id                                                               --? circle_id
  AND g.status = :status                                                                     --? status
  AND g.parent_id = :parent_id                                                               --? parent_id
  AND g.parent_id IS NULL                                                                    --? root_only
;
-- @step counts
SELECT coalesce(json_object_agg(status, goals ORDER BY status), '{}')
FROM (SELECT status, count(*) AS goals FROM agent.goals GROUP BY status) c;

-- @endpoint  GET /goals/{id}
-- @operation get_goal
-- @summary   One goal
-- @tier read   @auth user
-- @empty goal_not_found
-- @error goal_not_found 404 "Goal {id} not found"
-- @returns row
SELECT s.* FROM agent.goals g CROSS JOIN LATERAL agent.goal_shown(g) s WHERE g.id = :id;

-- @endpoint  POST /goals
-- @operation create_goal
-- @summary   A new goal, pending; with parent_id a part of another
-- @tier write   @auth user
-- @body agent_id         int8
-- @body title            text (1..255 chars)
-- @body description      text (1..100000 chars)
-- @body circle_id        int8 ?
-- @body parent_id        int8 ?
-- @body success_criteria text ? (..100000 chars)
-- @body priority         agent.goal_priority = medium
-- @body deadline         timestamptz ?
-- @body estimated_hours  float8 ? (0..1e9)
-- @body tags             text[] = [] (..100 items)
-- @body context          jsonb = {}
-- @error parent_not_found 404 "Goal {_parent} not found"
-- @error parent_over      409 "Goal {_parent} is {_status}: it takes no more subgoals"
-- @error too_deep         409 "Goal {_parent} is too deep for subgoals"
-- @error agent_not_found  409 "There is no agent {agent_id}" on 23503 goals_agent
-- @error circle_not_found 409 "There is no circle {circle_id}" on 23503 goals_circle
-- @status 201   @location /goals/{id}
-- @returns row
WITH parent AS MATERIALIZED (SELECT id, status, depth FROM agent.goals WHERE id = :parent_id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT CASE WHEN :parent_id::int8 IS NULL THEN NULL
                     WHEN parent.id IS NULL THEN 'parent_not_found'
                     WHEN parent.status IN ('completed', 'failed', 'cancelled') THEN 'parent_over'
                     WHEN parent.depth >= 10 THEN 'too_deep' END AS refusal, parent.status
         FROM (SELECT) one LEFT JOIN parent ON true),
     new AS (
         INSERT INTO agent.goals AS g (agent_id, circle_id, parent_id, title, description, success_criteria, priority,
                                       deadline, estimated_hours, tags, context, created_by)
         SELECT :agent_id, :circle_id, :parent_id, :title, :description, :success_criteria, :priority,
                :deadline, :estimated_hours, :tags, :context, coalesce(:auth.sub, 'user')
         FROM judged WHERE refusal IS NULL
         RETURNING g)
SELECT j.refusal AS _error, :parent_id::int8 AS _parent, j.status AS _status, s.*
FROM judged j LEFT JOIN new ON true LEFT JOIN LATERAL agent.goal_shown(new.g) s ON true;

-- @endpoint  PATCH /goals/{id}
-- @operation update_goal
-- @summary   Changes what the body names; null clears what a goal can be without
-- @tier write   @auth user
-- @body title            text ? (1..255 chars)
-- @body description      text ? (1..100000 chars)
-- @body success_criteria text ? (..100000 chars)
-- @body priority         agent.goal_priority ?
-- @body status           agent.goal_status ?
-- @body progress_percent int4 ? (0..100)
-- @body status_message   text ? (..10000 chars)
-- @body deadline         timestamptz ?
-- @body estimated_hours  float8 ? (0..1e9)
-- @body result_summary   text ? (..100000 chars)
-- @body lessons_learned  text ? (..100000 chars)
-- @body tags             text[] ? (..100 items)
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status} and may not become {_wanted}"
-- @error goal_blocked     409 "Goal {_goal} waits for open goals: {_blocking}"
-- @error attempts_used_up 409 "Goal {_goal} was started {_attempts} times, and may not be again"
-- @error goal_over        409 "Goal {_goal} is {_status}: its progress stays"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (SELECT cur.was, coalesce(NULL
         , CASE WHEN (cur.was).status <> :status THEN agent.goal_refusal(cur.was, :status) END   --? status
         , CASE WHEN (cur.was).progress_percent <> :progress_percent                           --? progress_percent
                 AND (cur.was).status IN ('completed', 'failed', 'cancelled') THEN 'goal_over' END  --? progress_percent
         ) AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET updated_at = now()
         , title = :title                                                                    --? title
         , description = :description                                                        --? description
         , success_criteria = :success_criteria                                              --? success_criteria
         , priority = :priority                                                              --? priority
         , status = :status                                                                  --? status
         , progress_percent = :progress_percent                                              --? progress_percent
         , status_message = :status_message                                                  --? status_message
         , deadline = :deadline                                                              --? deadline
         , estimated_hours = :estimated_hours                                                --? estimated_hours
         , result_summary = :result_summary                                                  --? result_summary
         , lessons_learned = :lessons_learned                                                --? lessons_learned
         , tags = :tags                                                                      --? tags
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, :status::agent.goal_status AS _wanted,
       (j.was).attempts AS _attempts,
       CASE WHEN j.refusal = 'goal_blocked' THEN agent.goal_blockers((j.was).id) END AS _blocking, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- A goal below it that is active is found by the trigger before_delete.
-- @endpoint  DELETE /goals/{id}
-- @operation delete_goal
-- @summary   Removes a goal and its subgoals, unless one of them is active
-- @tier write   @auth user
-- @empty goal_not_found
-- @error goal_not_found 404 "Goal {id} not found"
-- @error goal_active    409 "Goal {id} is active"
-- @error subgoal_active 409 "A subgoal of goal {id} is active" on PT409
-- @returns none
WITH cur AS MATERIALIZED (SELECT id, status FROM agent.goals WHERE id = :id FOR UPDATE),
     gone AS (DELETE FROM agent.goals g USING cur WHERE g.id = cur.id AND cur.status <> 'active' RETURNING g.id)
SELECT CASE WHEN cur.status = 'active' THEN 'goal_active' END AS _error FROM cur LEFT JOIN gone ON true;

-- @endpoint  POST /goals/{id}/start
-- @operation start_goal
-- @summary   Makes a pending goal active, unless it waits for others
-- @tier write   @auth user
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not pending"
-- @error goal_blocked     409 "Goal {_goal} waits for open goals: {_blocking}"
-- @error attempts_used_up 409 "Goal {_goal} was started {_attempts} times, and may not be again"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status <> 'pending' THEN 'wrong_state'
                            ELSE agent.goal_refusal(cur.was, 'active') END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET status = 'active'
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, (j.was).attempts AS _attempts,
       CASE WHEN j.refusal = 'goal_blocked' THEN agent.goal_blockers((j.was).id) END AS _blocking, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  POST /goals/{id}/complete
-- @operation complete_goal
-- @summary   Completes an active goal
-- @tier write   @auth user
-- @query result_summary text ? (..100000 chars)
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not active"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status <> 'active' THEN 'wrong_state'
                            ELSE agent.goal_refusal(cur.was, 'completed') END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET status = 'completed', result_summary = coalesce(:result_summary, g.result_summary)
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  POST /goals/{id}/fail
-- @operation fail_goal
-- @summary   An active, blocked or paused goal has failed
-- @tier write   @auth user
-- @query reason          text (1..10000 chars)
-- @query lessons_learned text ? (..100000 chars)
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not active, blocked or paused"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status NOT IN ('active', 'blocked', 'paused') THEN 'wrong_state'
                            ELSE agent.goal_refusal(cur.was, 'failed') END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET status = 'failed', status_message = :reason,
                                     lessons_learned = coalesce(:lessons_learned, g.lessons_learned)
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  POST /goals/{id}/pause
-- @operation pause_goal
-- @summary   Pauses an active goal
-- @tier write   @auth user
-- @query reason text ? (..10000 chars)
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not active"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status <> 'active' THEN 'wrong_state'
                            ELSE agent.goal_refusal(cur.was, 'paused') END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET status = 'paused', status_message = :reason
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  POST /goals/{id}/resume
-- @operation resume_goal
-- @summary   Makes a paused or blocked goal active again, unless it waits for others
-- @tier write   @auth user
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not paused or blocked"
-- @error goal_blocked     409 "Goal {_goal} waits for open goals: {_blocking}"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status NOT IN ('paused', 'blocked') THEN 'wrong_state'
                            ELSE agent.goal_refusal(cur.was, 'active') END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET status = 'active', status_message = NULL
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status,
       CASE WHEN j.refusal = 'goal_blocked' THEN agent.goal_blockers((j.was).id) END AS _blocking, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  POST /goals/{id}/progress
-- @operation set_goal_progress
-- @summary   How far an active goal has come
-- @tier write   @auth user
-- @query percent int4 (0..100)
-- @query message text ? (..10000 chars)
-- @empty goal_not_found
-- @error goal_not_found   404 "Goal {id} not found"
-- @error wrong_state      409 "Goal {_goal} is {_status}, not active"
-- @returns row
WITH cur AS MATERIALIZED (SELECT g AS was FROM agent.goals g WHERE g.id = :id FOR NO KEY UPDATE),
     judged AS MATERIALIZED (
         SELECT cur.was, CASE WHEN (cur.was).status <> 'active' THEN 'wrong_state' END AS refusal FROM cur),
     upd AS (UPDATE agent.goals g SET progress_percent = :percent, last_worked_at = now(),
                                     status_message = coalesce(:message, g.status_message)
             FROM judged j WHERE g.id = (j.was).id AND j.refusal IS NULL RETURNING g)
SELECT j.refusal AS _error, (j.was).id AS _goal, (j.was).status AS _status, s.*
FROM judged j LEFT JOIN upd ON true LEFT JOIN LATERAL agent.goal_shown(upd.g) s ON true;

-- @endpoint  GET /goals/{id}/subgoals
-- @operation goal_subgoals
-- @summary   The parts of a goal
-- @tier read   @auth user
-- @query limit int4 = 50 (1..500)
-- @error goal_not_found 404 "Goal {id} not found"
-- @returns {"goal_id": goal.id, "subgoals": subgoals.rows}
-- @step goal expect one else goal_not_found
SELECT id FROM agent.goals WHERE id = :id;
-- @step subgoals
WITH page AS MATERIALIZED (SELECT g FROM agent.goals g WHERE g.parent_id = :id
                           ORDER BY g.priority DESC, g.created_at DESC, g.id DESC LIMIT :limit)
SELECT s.* FROM page CROSS JOIN LATERAL agent.goal_shown(page.g) s
ORDER BY s.priority DESC, s.created_at DESC, s.id DESC;

-- @endpoint  GET /goals/{id}/tree
-- @operation goal_tree
-- @summary   A goal with all goals below it, at most 500
-- @tier read   @auth user
-- @empty goal_not_found
-- @error goal_not_found 404 "Goal {id} not found"
-- @error tree_too_large 422 "Goal {id} has more than 500 goals below it: ask for its subgoals"
-- @returns value
WITH RECURSIVE below AS (
    SELECT id FROM agent.goals WHERE id = :id
    UNION ALL SELECT c.id FROM agent.goals c JOIN below b ON c.parent_id = b.id),
     size AS MATERIALIZED (SELECT count(*) AS goals FROM (SELECT FROM below LIMIT 502) b)
SELECT CASE WHEN goals <= 501 THEN agent.goal_tree(:id) END AS tree,
       CASE WHEN goals > 501 THEN 'tree_too_large' END AS _error
FROM size WHERE goals > 0;

-- @endpoint  POST /goals/{id}/dependencies
-- @operation add_goal_dependency
-- @summary   A goal depends on another; while one that blocks it is open it cannot become active
-- @tier write   @auth user
-- @body depends_on_id   int8
-- @body dependency_type agent.goal_dependency_type = blocks
-- @error goal_not_found    404 "Goal {id} not found" on 23503 goal_dependencies_goal
-- @error needed_not_found  404 "Goal {depends_on_id} not found" on 23503 goal_dependencies_depends_on
-- @error dependency_exists 409 "Goal {id} depends on goal {depends_on_id} already" on 23505
-- @error dependency_cycle  409 "Goal {depends_on_id} depends on goal {id} already" on PT409
-- @error dependency_self   422 "A goal cannot depend on itself" on 23514
-- @returns row
INSERT INTO agent.goal_dependencies (goal_id, depends_on_id, dependency_type)
VALUES (:id, :depends_on_id, :dependency_type) RETURNING goal_id, depends_on_id, dependency_type;

-- @endpoint  DELETE /goals/{id}/dependencies/{depends_on_id}
-- @operation remove_goal_dependency
-- @summary   A goal does not depend on another any more
-- @tier write   @auth user
-- @empty dependency_not_found
-- @error dependency_not_found 404 "Goal {id} does not depend on goal {depends_on_id}"
-- @returns none
DELETE FROM agent.goal_dependencies WHERE goal_id = :id AND depends_on_id = :depends_on_id;

-- @endpoint  GET /goals/{id}/dependencies
-- @operation goal_dependencies
-- @summary   What a goal depends on
-- @tier read   @auth user
-- @query limit int4 = 100 (1..500)
-- @error goal_not_found 404 "Goal {id} not found"
-- @returns {"goal_id": goal.id, "dependencies": dependencies.rows}
-- @step goal expect one else goal_not_found
SELECT id FROM agent.goals WHERE id = :id;
-- @step dependencies
SELECT s.*, d.dependency_type
FROM agent.goal_dependencies d JOIN agent.goals g ON g.id = d.depends_on_id CROSS JOIN LATERAL agent.goal_shown(g) s
WHERE d.goal_id = :id ORDER BY d.id LIMIT :limit;

-- @endpoint  GET /goals/{id}/dependents
-- @operation goal_dependents
-- @summary   What depends on a goal
-- @tier read   @auth user
-- @query limit int4 = 100 (1..500)
-- @error goal_not_found 404 "Goal {id} not found"
-- @returns {"goal_id": goal.id, "dependents": dependents.rows}
-- @step goal expect one else goal_not_found
SELECT id FROM agent.goals WHERE id = :id;
-- @step dependents
SELECT s.*, d.dependency_type
FROM agent.goal_dependencies d JOIN agent.goals g ON g.id = d.goal_id CROSS JOIN LATERAL agent.goal_shown(g) s
WHERE d.depends_on_id = :id ORDER BY d.id LIMIT :limit;

-- @endpoint  GET /goals/{id}/activities
-- @operation goal_activities
-- @summary   What happened to a goal, newest first
-- @tier read   @auth user
-- @query limit  int4 = 50 (1..500)
-- @query offset int4 = 0 (0..)
-- @error goal_not_found 404 "Goal {id} not found"
-- @returns {"goal_id": goal.id, "activities": activities.rows}
-- @step goal expect one else goal_not_found
SELECT id FROM agent.goals WHERE id = :id;
-- @step activities
SELECT id, goal_id, activity_type, description, old_value, new_value, actor_type, tokens_used, duration_ms, created_at
FROM agent.goal_activities WHERE goal_id BETWEEN :goal.id AND :goal.id ORDER BY goal_id, id DESC
LIMIT :limit OFFSET :offset;
