-- SPDX-License-Identifier: MPL-2.0
-- Goals of agents. Their rules stand here, so that no way to the table goes around them:
--
--     pending --> active <-> paused, blocked
--        ^          |
--        |          +--> completed
--        |          v
--        +------- failed                     paused and blocked goals may fail, too
--
--     Every goal that is not over may be cancelled. Completed and cancelled goals stay as they are. A goal becomes active
--     only when no goal that it waits for is open. A failed one may become pending and be started again, max_attempts
--     times in all; to go on after paused or blocked is the same attempt.
--
-- A statement that judges a goal locks its row first, FOR NO KEY UPDATE: that is the lock an UPDATE takes, and unlike FOR
-- UPDATE it lets others insert subgoals and activities, whose foreign keys lock the row FOR KEY SHARE. What is judged in
-- other rows is read by VOLATILE functions: they see what was committed while the statement waited for the lock.

CREATE TYPE agent.goal_status AS ENUM ('pending', 'active', 'blocked', 'paused', 'completed', 'failed', 'cancelled');
CREATE TYPE agent.goal_priority AS ENUM ('low', 'medium', 'high', 'critical');
CREATE TYPE agent.goal_dependency_type AS ENUM ('blocks', 'informs', 'enhances');

CREATE TABLE agent.goals (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id               bigint NOT NULL CONSTRAINT goals_agent REFERENCES agent.agents ON DELETE CASCADE,
    circle_id              bigint CONSTRAINT goals_circle REFERENCES circle.circles ON DELETE SET NULL,
    parent_id              bigint CONSTRAINT goals_parent REFERENCES agent.goals ON DELETE CASCADE,
    depth                  integer NOT NULL DEFAULT 0,
    title                  text NOT NULL CHECK (title <> '' AND char_length(title) <= 255),
    description            text NOT NULL CHECK (description <> ''),
    success_criteria       text,
    status                 agent.goal_status NOT NULL DEFAULT 'pending',
    priority               agent.goal_priority NOT NULL DEFAULT 'medium',
    progress_percent       integer NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    status_message         text,
    deadline               timestamptz,
    estimated_hours        double precision CHECK (estimated_hours >= 0 AND estimated_hours < 'infinity'),
    actual_hours           double precision NOT NULL DEFAULT 0 CHECK (actual_hours >= 0),
    is_decomposed          boolean NOT NULL DEFAULT false,
    decomposition_strategy text,
    background_task_id     bigint,
    attempts               integer NOT NULL DEFAULT 0,
    max_attempts           integer NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    result_summary         text,
    lessons_learned        text,
    artifacts              jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(artifacts) = 'array'),
    tags                   text[] NOT NULL DEFAULT '{}' CHECK (array_position(tags, NULL) IS NULL),
    context                jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(context) = 'object'),
    metadata               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    created_by             text,
    created_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at             timestamptz,
    last_worked_at         timestamptz,
    completed_at           timestamptz,
    updated_at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT goals_depth CHECK (depth BETWEEN 0 AND 10),
    CONSTRAINT goals_attempts CHECK (attempts BETWEEN 0 AND max_attempts),
    CONSTRAINT goals_completed CHECK (status <> 'completed' OR progress_percent = 100),
    CONSTRAINT goals_over CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled')))
);
CREATE INDEX goals_order ON agent.goals (priority DESC, created_at DESC, id DESC);
CREATE INDEX goals_agent ON agent.goals (agent_id, priority DESC, created_at DESC, id DESC);
CREATE INDEX goals_parent ON agent.goals (parent_id, priority DESC, created_at DESC, id DESC);
CREATE INDEX goals_status ON agent.goals (status, priority DESC, created_at DESC, id DESC);
CREATE INDEX goals_circle ON agent.goals (circle_id) WHERE circle_id IS NOT NULL;

CREATE TABLE agent.goal_dependencies (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    goal_id         bigint NOT NULL CONSTRAINT goal_dependencies_goal REFERENCES agent.goals ON DELETE CASCADE,
    depends_on_id   bigint NOT NULL CONSTRAINT goal_dependencies_depends_on REFERENCES agent.goals ON DELETE CASCADE,
    dependency_type agent.goal_dependency_type NOT NULL DEFAULT 'blocks',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT goal_dependencies_unique UNIQUE (goal_id, depends_on_id),
    CONSTRAINT goal_dependencies_self CHECK (goal_id <> depends_on_id)
);
CREATE INDEX goal_dependencies_depends_on ON agent.goal_dependencies (depends_on_id);

CREATE TABLE agent.goal_activities (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    goal_id       bigint NOT NULL REFERENCES agent.goals ON DELETE CASCADE,
    activity_type text NOT NULL CHECK (activity_type <> '' AND char_length(activity_type) <= 50),
    description   text,
    old_value     text,
    new_value     text,
    actor_type    text NOT NULL DEFAULT 'system' CHECK (actor_type IN ('system', 'user', 'agent')),
    tokens_used   integer NOT NULL DEFAULT 0 CHECK (tokens_used >= 0),
    duration_ms   integer NOT NULL DEFAULT 0 CHECK (duration_ms >= 0),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- By id, not by time: ids alone tell the order of two activities of one moment.
CREATE INDEX goal_activities_goal ON agent.goal_activities (goal_id, id DESC);

-- How many open goals this one waits for.
CREATE FUNCTION agent.goal_blockers(goal bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT count(*) FROM agent.goal_dependencies d JOIN agent.goals g ON g.id = d.depends_on_id
    WHERE d.goal_id = goal AND d.dependency_type = 'blocks' AND g.status NOT IN ('completed', 'cancelled')
$$;

-- The states that a goal of this state may be given.
CREATE FUNCTION agent.goal_may_become(status agent.goal_status) RETURNS agent.goal_status[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE status
        WHEN 'pending' THEN '{active,cancelled}'
        WHEN 'active'  THEN '{paused,blocked,completed,failed,cancelled}'
        WHEN 'blocked' THEN '{active,failed,cancelled}'
        WHEN 'paused'  THEN '{active,failed,cancelled}'
        WHEN 'failed'  THEN '{pending}'
        ELSE '{}' END::agent.goal_status[]
$$;

-- Why this goal may not be given that state: wrong_state, attempts_used_up, goal_blocked, or NULL for it may.
CREATE FUNCTION agent.goal_refusal(goal agent.goals, becomes agent.goal_status) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN becomes <> ALL (agent.goal_may_become(goal.status)) THEN 'wrong_state'
        WHEN becomes = 'active' AND goal.status = 'pending' AND goal.attempts >= goal.max_attempts
            THEN 'attempts_used_up'
        WHEN becomes = 'active' AND agent.goal_blockers(goal.id) > 0 THEN 'goal_blocked' END
$$;

-- A new goal: how deep it is. The parent's row is locked by its foreign key only after this.
CREATE FUNCTION agent.goals_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.depth := coalesce((SELECT depth + 1 FROM agent.goals WHERE id = NEW.parent_id), 0);
    RETURN NEW;
END $$;
CREATE TRIGGER before_insert BEFORE INSERT ON agent.goals
    FOR EACH ROW EXECUTE FUNCTION agent.goals_before_insert();

-- A changed goal: whether that may be, and the times and numbers that go with its state.
CREATE FUNCTION agent.goals_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refusal text;
BEGIN
    NEW.updated_at := now();
    IF NEW.parent_id IS DISTINCT FROM OLD.parent_id THEN
        RAISE EXCEPTION SQLSTATE 'PT409' USING MESSAGE = format('Goal %s keeps its parent', OLD.id);
    END IF;
    IF NEW.status <> OLD.status THEN
        refusal := agent.goal_refusal(OLD, NEW.status);
        IF refusal IS NOT NULL THEN
            RAISE EXCEPTION SQLSTATE 'PT409' USING MESSAGE = format('Goal %s is %s and may not become %s (%s)',
                OLD.id, OLD.status, NEW.status, refusal);
        END IF;
        NEW.last_worked_at := now();
        IF NEW.status = 'active' AND OLD.status = 'pending' THEN
            NEW.started_at := coalesce(OLD.started_at, now());
            NEW.attempts := OLD.attempts + 1;
        END IF;
        IF NEW.status = 'completed' THEN
            NEW.progress_percent := 100;
        END IF;
        NEW.completed_at := CASE WHEN NEW.status IN ('completed', 'failed', 'cancelled') THEN now() END;
    ELSIF NEW.progress_percent <> OLD.progress_percent THEN
        IF OLD.status IN ('completed', 'failed', 'cancelled') THEN
            RAISE EXCEPTION SQLSTATE 'PT409' USING MESSAGE = format('Goal %s is %s already', OLD.id, OLD.status);
        END IF;
        NEW.last_worked_at := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER before_update BEFORE UPDATE ON agent.goals
    FOR EACH ROW EXECUTE FUNCTION agent.goals_before_update();

-- An active goal is not deleted, neither by itself nor with the goal above it.
CREATE FUNCTION agent.goals_before_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION SQLSTATE 'PT409' USING MESSAGE = format('Goal %s is active', OLD.id);
END $$;
CREATE TRIGGER before_delete BEFORE DELETE ON agent.goals
    FOR EACH ROW WHEN (OLD.status = 'active') EXECUTE FUNCTION agent.goals_before_delete();

-- The progress of an open parent is the mean of its children's. Its row is locked before they are read: of two children
-- that change at once, the second sees the first.
CREATE FUNCTION agent.goals_tell_parent(parent bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM agent.goals WHERE id = parent FOR NO KEY UPDATE;
    UPDATE agent.goals p SET progress_percent = c.progress
    FROM (SELECT round(avg(progress_percent))::integer AS progress FROM agent.goals WHERE parent_id = parent) c
    WHERE p.id = parent AND p.status NOT IN ('completed', 'failed', 'cancelled') AND p.progress_percent <> c.progress;
END $$;

CREATE FUNCTION agent.goals_after_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.status <> OLD.status THEN
            INSERT INTO agent.goal_activities (goal_id, activity_type, description, old_value, new_value)
            VALUES (NEW.id, 'status_changed', coalesce(NEW.status_message, format('%s, was %s', NEW.status, OLD.status)),
                    OLD.status, NEW.status);
        END IF;
        IF NEW.progress_percent <> OLD.progress_percent THEN
            INSERT INTO agent.goal_activities (goal_id, activity_type, description, old_value, new_value)
            VALUES (NEW.id, 'progress_changed', format('%s %%, was %s %%', NEW.progress_percent, OLD.progress_percent),
                    OLD.progress_percent, NEW.progress_percent);
        ELSE
            RETURN NULL; -- only progress changes the parent
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        PERFORM agent.goals_tell_parent(OLD.parent_id);
    ELSIF NEW.parent_id IS NOT NULL THEN
        PERFORM agent.goals_tell_parent(NEW.parent_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER after_change AFTER INSERT OR UPDATE OF status, progress_percent ON agent.goals
    FOR EACH ROW EXECUTE FUNCTION agent.goals_after_change();
CREATE TRIGGER after_delete AFTER DELETE ON agent.goals
    FOR EACH ROW WHEN (OLD.parent_id IS NOT NULL) EXECUTE FUNCTION agent.goals_after_change();

-- No goal waits for itself, over however many others. One at a time: two new dependencies may close a circle together.
CREATE FUNCTION agent.goal_dependencies_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('agent.goal_dependencies'::regclass::oid::bigint);
    IF NEW.goal_id <> NEW.depends_on_id AND EXISTS (
        WITH RECURSIVE needed AS (
            SELECT NEW.depends_on_id AS id
            UNION SELECT d.depends_on_id FROM agent.goal_dependencies d JOIN needed n ON d.goal_id = n.id)
        SELECT FROM needed WHERE id = NEW.goal_id)
    THEN
        RAISE EXCEPTION SQLSTATE 'PT409'
            USING MESSAGE = format('Goal %s depends on goal %s already', NEW.depends_on_id, NEW.goal_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER before_insert BEFORE INSERT ON agent.goal_dependencies
    FOR EACH ROW EXECUTE FUNCTION agent.goal_dependencies_before_insert();

-- A goal as the API shows it.
CREATE FUNCTION agent.goal_shown(goal agent.goals) RETURNS TABLE (
    id bigint, agent_id bigint, circle_id bigint, parent_id bigint, depth integer, title text, description text,
    success_criteria text, status agent.goal_status, priority agent.goal_priority, progress_percent integer,
    status_message text, deadline timestamptz, estimated_hours double precision, actual_hours double precision,
    is_decomposed boolean, decomposition_strategy text, background_task_id bigint, attempts integer,
    max_attempts integer, result_summary text, artifacts jsonb, tags text[], created_at timestamptz,
    started_at timestamptz, completed_at timestamptz, agent_name text, subgoal_count bigint, completed_subgoals bigint,
    blocking_count bigint) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT goal.id, goal.agent_id, goal.circle_id, goal.parent_id, goal.depth, goal.title, goal.description,
           goal.success_criteria, goal.status, goal.priority, goal.progress_percent, goal.status_message, goal.deadline,
           goal.estimated_hours, goal.actual_hours, goal.is_decomposed, goal.decomposition_strategy,
           goal.background_task_id, goal.attempts, goal.max_attempts, goal.result_summary, goal.artifacts, goal.tags,
           goal.created_at, goal.started_at, goal.completed_at,
           (SELECT a.name FROM agent.agents a WHERE a.id = goal.agent_id), parts.goals, parts.completed,
           (SELECT count(*) FROM agent.goal_dependencies d JOIN agent.goals g ON g.id = d.depends_on_id
            WHERE d.goal_id = goal.id AND d.dependency_type = 'blocks' AND g.status NOT IN ('completed', 'cancelled'))
    FROM (SELECT count(*) AS goals, count(*) FILTER (WHERE c.status = 'completed') AS completed
          FROM agent.goals c WHERE c.parent_id = goal.id) parts -- one count: two would read all completed goals
$$;

-- A time as answers show it, for JSON that is made in the database.
CREATE FUNCTION agent.time_shown(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
           || rtrim(rtrim(to_char(at AT TIME ZONE 'UTC', '.US'), '0'), '.') || 'Z'
$$;

-- A goal with all goals below it, each in the subgoals of the one above. goals_depth bounds how deep that goes.
CREATE FUNCTION agent.goal_tree(goal bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT to_jsonb(s) || jsonb_build_object(
                'deadline', agent.time_shown(s.deadline), 'created_at', agent.time_shown(s.created_at),
                'started_at', agent.time_shown(s.started_at), 'completed_at', agent.time_shown(s.completed_at),
                'subgoals', (SELECT coalesce(jsonb_agg(agent.goal_tree(c.id)
                                             ORDER BY c.priority DESC, c.created_at DESC, c.id DESC), '[]')
                             FROM agent.goals c WHERE c.parent_id = g.id))
            FROM agent.goals g CROSS JOIN LATERAL agent.goal_shown(g) s WHERE g.id = goal);
END $$;
