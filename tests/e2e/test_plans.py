# SPDX-License-Identifier: MPL-2.0
"""The lists of the GatheRing API with 100,000 rows in every table they read: whatever a client filters by and however
deep it has come, PostgreSQL reads at most ten rows for each that comes of it. `muster check --analyze` judges that.
"""
import json
import os
import subprocess

import pytest

from conftest import BINARY, SLOW, database_url, psql

# Skewed as real data is: a few own much, most little; most goals are over. A fifth of them are parents of 20 each.
FILL = """
SET session_replication_role = replica; -- no triggers, no foreign keys
INSERT INTO agent.providers (name, display_name) SELECT 'provider ' || i, 'Provider ' || i FROM generate_series(1, 100000) i;
INSERT INTO agent.models (provider_id, model_name, model_alias, is_deprecated)
    SELECT CASE WHEN i <= 30000 THEN 1 WHEN i <= 50000 THEN 1 + i % 10 ELSE i END, 'model ' || i, 'alias ' || i % 70000,
           i % 10 = 0 FROM generate_series(1, 100000) i;
INSERT INTO agent.personas (display_name, role, default_model_id)
    SELECT 'Persona ' || i, 'role ' || i % 100, 1 + i * 7 % 100000 FROM generate_series(1, 100000) i;
INSERT INTO agent.agents (name, persona_id, model_id, is_active, status)
    SELECT 'Agent ' || i, 1 + i * 3 % 100000, 1 + i * 11 % 100000, i % 10 > 0, (enum_range(NULL::agent.agent_status))[1 + i % 4]
    FROM generate_series(1, 100000) i;
INSERT INTO communication.chat_history (agent_id, role, content)
    SELECT CASE WHEN i % 5 = 0 THEN 1 ELSE i END, 'user', 'word ' || i FROM generate_series(1, 100000) i;
INSERT INTO circle.circles (name, is_active, created_at)
    SELECT 'Circle ' || i, i % 10 > 0, now() - i * interval '1 minute' FROM generate_series(1, 100000) i;
INSERT INTO circle.members (circle_id, agent_id, is_active, left_at)
    SELECT CASE WHEN i % 5 = 0 THEN 1 ELSE 1 + i % 1000 END, i, i % 20 > 0, CASE WHEN i % 20 = 0 THEN now() END
    FROM generate_series(1, 100000) i;
INSERT INTO circle.tasks (circle_id, title, assigned_agent_id, status, priority)
    SELECT CASE WHEN i % 5 = 0 THEN 1 ELSE 1 + i % 1000 END, 'task', CASE WHEN i % 3 = 0 THEN i END,
           CASE WHEN i % 100 < 80 THEN 'completed' WHEN i % 100 < 95 THEN 'pending'
                ELSE (enum_range(NULL::circle.task_status))[2 + i % 5] END::circle.task_status, 1 + i % 10
    FROM generate_series(1, 100000) i;
INSERT INTO agent.goals (agent_id, circle_id, parent_id, depth, title, description, status, priority, created_at,
                         progress_percent, completed_at)
    SELECT CASE WHEN hash % 3 = 0 THEN 1 ELSE 1 + hash % 2000 END, CASE WHEN hash % 4 = 0 THEN NULL WHEN hash % 4 = 1 THEN 1
           ELSE 1 + hash % 100 END, CASE WHEN i > 24 AND i % 5 > 0 THEN i / 25 * 5 END, (i > 24 AND i % 5 > 0)::int, 'goal ' || i, 'of ' || i, status,
           (enum_range(NULL::agent.goal_priority))[1 + hash % 4], now() - i * interval '1 minute',
           CASE WHEN status = 'completed' THEN 100 ELSE 0 END,
           CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN now() END
    FROM (SELECT i, hash, CASE WHEN hash % 100 < 70 THEN 'completed' WHEN hash % 100 < 80 THEN 'pending'
                 ELSE (enum_range(NULL::agent.goal_status))[1 + hash % 7] END::agent.goal_status AS status
          FROM (SELECT i, abs(hashint4(i)) AS hash FROM generate_series(1, 100000) i) h) s;
INSERT INTO agent.goal_dependencies (goal_id, depends_on_id)
    SELECT DISTINCT CASE WHEN i % 50 = 0 THEN 1 ELSE i END, CASE WHEN i % 10 = 1 THEN 2 ELSE 3 + i * 7 % 99000 END
    FROM generate_series(3, 100002) i WHERE i <> 3 + i * 7 % 99000 AND i <= 100000;
INSERT INTO agent.goal_activities (goal_id, activity_type)
    SELECT CASE WHEN i % 5 = 0 THEN 1 ELSE i END, 'status_changed' FROM generate_series(1, 100000) i;
INSERT INTO agent.skills (name, category, is_enabled)
    SELECT 'skill ' || i, 'category ' || CASE WHEN i % 2 = 0 THEN 1 ELSE i % 20 END, i % 11 > 0
    FROM generate_series(1, 100000) i;
INSERT INTO agent.agent_tools (agent_id, skill_id, is_enabled)
    SELECT CASE WHEN i % 50 = 0 THEN 1 ELSE i END, i, i % 7 > 0 FROM generate_series(1, 100000) i;
ANALYZE;
"""


@pytest.fixture(scope="module")
def filled():
    name = f"plans_{os.getpid()}"
    psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE); CREATE DATABASE "{name}"')
    url = database_url(name)
    subprocess.run([BINARY, "migrate", "--database-url", url], check=True, capture_output=True)
    psql(FILL, url)
    yield url
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def analyze(url, *values):
    flags = [part for value in values for part in ("--value", value)]
    done = subprocess.run([BINARY, "check", "--json", "--analyze", *flags, "--database-url", url], capture_output=True,
                          text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Whose rows they are, and how many: of those that own most, of others with a rare state, and of states that are common.
VALUES = [
    ["category=category 1", "is_active=true"],
    ["category=category 3", "status=blocked", "agent_id=7", "circle_id=70", "parent_id=900", "id=5", "provider_id=60000",
     "is_active=false"],
    ["status=completed", "id=1", "parent_id=905"],
]


@pytest.mark.parametrize("values", VALUES, ids=["much", "little", "common"])
def test_ten_rows_are_read_for_one_at_most(filled, values):
    told = analyze(filled, *values)
    assert [plan for plan in told["plans"] if "reads " in plan["sentence"]] == []
    for reading in told["readings"]:
        assert reading["read"] <= max(100, 10 * max(reading["returned"], 1)), reading
    lists = {o["operation"] for o in told["operations"] if o["method"] == "GET" and o["service"] == "db"}
    assert len(lists) > 20 and lists <= {reading["operation"] for reading in told["readings"]}
    goals = [reading for reading in told["readings"] if reading["operation"] == "list_goals" and reading["step"] == "goals"]
    assert len({reading["with"] for reading in goals}) == 64 and sum(reading["deep"] for reading in goals) >= 6
    deep = [reading for reading in goals if reading["with"] == "with cursor"]
    assert [(reading["deep"], reading["returned"]) for reading in deep] == [(True, 50)]


def test_a_missing_index_is_told(filled):
    index = psql("SELECT pg_get_indexdef('circle.circles_newest'::regclass)", filled)
    psql("DROP INDEX circle.circles_newest", filled)
    told = [plan for plan in analyze(filled)["plans"] if "reads " in plan["sentence"]]
    psql(index, filled)
    assert [plan["operation"] for plan in told] == ["dashboard_circles"]
    assert "reads 100000 rows for 500 that it returns" in told[0]["sentence"]
