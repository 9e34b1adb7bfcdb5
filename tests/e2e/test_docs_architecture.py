# SPDX-License-Identifier: MPL-2.0
"""The three files that docs/architecture.md prints are served as they stand there."""
import re

import pytest

from conftest import SOURCE, Server

PAGE = (SOURCE / "docs/architecture.md").read_text()
SCHEMA = """
CREATE SCHEMA goal; CREATE SCHEMA agent;
CREATE TYPE goal.goal_status AS ENUM ('pending', 'active', 'completed');
CREATE TABLE agent.goals (id bigint PRIMARY KEY, agent_id bigint, parent_id bigint, title text NOT NULL,
    status goal.goal_status NOT NULL, priority int NOT NULL DEFAULT 1, tags text[] NOT NULL DEFAULT '{}',
    started_at timestamptz, created_at timestamptz NOT NULL);
INSERT INTO agent.goals (id, agent_id, parent_id, title, status, created_at) VALUES
    (1, 1, NULL, 'one', 'pending', '2026-01-01Z'), (2, 1, 1, 'two', 'active', '2026-01-02Z'),
    (3, 2, NULL, 'three', 'pending', '2026-01-02Z'), (4, 1, NULL, 'four', 'pending', '2026-01-03Z');
CREATE TABLE agent.models (id bigint PRIMARY KEY, model_alias text UNIQUE, pricing_in numeric(10,4), updated_at timestamptz);
INSERT INTO agent.models VALUES (1, 'a', 1.5), (2, 'b', NULL);
"""


def files():
    """The block behind "Three files ...", cut where an @endpoint begins."""
    block = re.search(r"^Three files that say most of it:\n\n((?:(?:    .*)?\n)+)", PAGE, re.M).group(1)
    text = re.sub(r"^    ", "", block, flags=re.M)
    return [part for part in re.split(r"^(?=-- @endpoint)", text, flags=re.M) if part.strip()]


@pytest.fixture
def server(scratch, tmp_path_factory):
    scratch.sql(SCHEMA)
    for i, text in enumerate(files()):
        scratch.endpoints(text, f"{i}.sql")
    made = Server(tmp_path_factory.mktemp("server"), scratch.url, "--dir", str(scratch.folder), "--actors", "2")
    made.wait_ready()
    yield made
    assert made.stop() == 0 and "not served" not in made.log(), made.log()[-3000:]


def ids(answer):
    assert answer.status == 200, answer.body
    return [goal["id"] for goal in answer.json["goals"]], answer.json["total"]


def test_three_files(server):
    assert len(files()) == 3
    # a list
    assert ids(server.request("GET", "/goals")) == ([4, 3, 2, 1], 4)
    assert ids(server.request("GET", "/goals?status=pending&agent_id=1")) == ([4, 1], 2)
    assert ids(server.request("GET", "/goals?root_only=true&limit=1")) == ([4], 3)
    page = server.request("GET", "/goals?limit=2")
    assert ids(page) == ([4, 3], 4)
    page = server.request("GET", f"/goals?limit=2&cursor={page.json['next_cursor']}")
    assert ids(page) == ([2, 1], 4)
    page = server.request("GET", f"/goals?limit=2&cursor={page.json['next_cursor']}")
    assert ids(page) == ([], 4) and page.json["next_cursor"] is None
    assert server.request("GET", "/goals?limit=501").status == 422
    # a change of state
    started = server.request("POST", "/goals/1/start")
    assert started.status == 200 and started.json["status"] == "active" and started.json["started_at"]
    again = server.request("POST", "/goals/1/start")
    assert (again.status, again.json["detail"]) == (409, "Goal 1 is active, not pending.")
    assert server.request("POST", "/goals/9/start").json["code"] == "goal_not_found"
    # a PATCH
    changed = server.request("PATCH", "/models/1", {"pricing_in": 2.25}).json
    assert (changed["model_alias"], changed["pricing_in"]) == ("a", 2.25) and changed["updated_at"]
    assert server.request("PATCH", "/models/1", {"model_alias": None}).json["model_alias"] is None
    assert server.request("PATCH", "/models/1", {"model_alias": "b"}).json["code"] == "duplicate"
    assert server.request("PATCH", "/models/1", {"pricing_in": -1}).status == 422
    assert server.request("PATCH", "/models/9", {}).status == 404
