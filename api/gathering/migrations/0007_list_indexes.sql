-- SPDX-License-Identifier: MPL-2.0
-- Indexes in the order of lists, behind what they are filtered by: a page reads about as many rows as it shows.
-- tests/e2e/test_plans.py looks at that with 100,000 rows in each table.

-- Goals of an agent, a circle or both, all of them or those of one state, which may be rare. parent_id at the end is for
-- those that have none: they are found in the index, without a look at the others.
DROP INDEX agent.goals_agent, agent.goals_circle;
CREATE INDEX goals_agent ON agent.goals (agent_id, priority DESC, created_at DESC, id DESC, parent_id);
CREATE INDEX goals_circle ON agent.goals (circle_id, priority DESC, created_at DESC, id DESC, parent_id)
    WHERE circle_id IS NOT NULL;
CREATE INDEX goals_agent_status ON agent.goals (agent_id, status, priority DESC, created_at DESC, id DESC, parent_id);
CREATE INDEX goals_circle_status ON agent.goals (circle_id, status, priority DESC, created_at DESC, id DESC, parent_id)
    WHERE circle_id IS NOT NULL;
CREATE INDEX goals_circle_agent ON agent.goals (circle_id, agent_id, priority DESC, created_at DESC, id DESC, parent_id)
    WHERE circle_id IS NOT NULL;
CREATE INDEX goals_circle_agent_status
    ON agent.goals (circle_id, agent_id, status, priority DESC, created_at DESC, id DESC, parent_id)
    WHERE circle_id IS NOT NULL;
-- The parts of one goal are few. A plan that does not look at the values takes an agent's goals for fewer, though, and
-- would go through all of them.
CREATE INDEX goals_parts ON agent.goals (parent_id, agent_id, circle_id, status) WHERE parent_id IS NOT NULL;

DROP INDEX agent.goal_dependencies_depends_on;
CREATE INDEX goal_dependencies_depends_on ON agent.goal_dependencies (depends_on_id, id);
CREATE INDEX goal_dependencies_goal ON agent.goal_dependencies (goal_id, id);

CREATE INDEX models_alias ON agent.models (provider_id, model_alias, id);

CREATE INDEX circles_newest ON circle.circles (created_at DESC, id DESC);
CREATE INDEX members_circle ON circle.members (circle_id, id) WHERE is_active;
CREATE INDEX tasks_circle_status ON circle.tasks (circle_id, status, priority, id);
