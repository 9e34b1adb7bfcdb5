# SPDX-License-Identifier: MPL-2.0
"""Goals under concurrency, their rules against statements that go around the endpoints, and refusals in a later step."""
import concurrent.futures
import itertools
import os
import pathlib
import subprocess
import threading

import pytest

from conftest import BINARY, SOURCE, Server, database_url, psql

API = pathlib.Path(os.environ.get("MUSTER_CONTRACT_API", SOURCE / "api/gathering"))
STATES = ("pending", "active", "blocked", "paused", "completed", "failed", "cancelled")
LEGAL = {"pending": {"active", "cancelled"}, "active": {"paused", "blocked", "completed", "failed", "cancelled"},
         "blocked": {"active", "failed", "cancelled"}, "paused": {"active", "failed", "cancelled"},
         "completed": set(), "failed": {"pending"}, "cancelled": set()}
WAY = {"pending": (), "active": ("active",), "blocked": ("active", "blocked"), "paused": ("active", "paused"),
       "completed": ("active", "completed"), "failed": ("active", "failed"), "cancelled": ("cancelled",)}


@pytest.fixture(scope="module")
def database():
    name = f"goals_{os.getpid()}"
    psql(f'CREATE DATABASE "{name}"')
    url = database_url(name)
    subprocess.run([BINARY, "migrate", "--seed", "--dir", str(API), "--database-url", url], check=True,
                   capture_output=True)
    yield url
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def server(tmp_path_factory, database):
    running = Server(tmp_path_factory.mktemp("goals"), database, "--dir", str(API), "--actors", "4").wait_ready()
    yield running
    assert running.stop() == 0, running.log()[-3000:]


def new_goal(url, parent="NULL"):
    return int(psql(f"INSERT INTO agent.goals (agent_id, parent_id, title, description) VALUES (1, {parent}, 't', 'd') "
                    "RETURNING id", url))


def at_once(work, arguments):
    """work(argument) for all arguments, each in a thread of its own, all let go together; their results."""
    arguments = list(arguments)
    gate = threading.Barrier(len(arguments))

    def run(argument):
        gate.wait()
        return work(argument)

    with concurrent.futures.ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


@pytest.mark.parametrize("round_", range(3))
def test_of_twenty_who_start_a_goal_one_wins(server, database, round_):
    goal = new_goal(database)
    answers = at_once(lambda _: server.request("POST", f"/goals/{goal}/start"), range(20))
    won = [answer for answer in answers if answer.status == 200]
    lost = [answer.json for answer in answers if answer.status != 200]
    assert len(won) == 1 and won[0].json["status"] == "active" and won[0].json["attempts"] == 1
    assert {(problem["status"], problem["code"], problem["detail"]) for problem in lost} == {
        (409, "wrong_state", f"Goal {goal} is active, not pending.")}
    assert psql(f"SELECT attempts, (SELECT count(*) FROM agent.goal_activities WHERE goal_id = g.id) "
                f"FROM agent.goals g WHERE id = {goal}", database) == "1|1"


def test_a_goal_ends_once(server, database):
    goal = new_goal(database)
    assert server.request("POST", f"/goals/{goal}/start").status == 200
    ways = ["complete", "fail?reason=r"] * 10
    answers = at_once(lambda way: server.request("POST", f"/goals/{goal}/{way}"), ways)
    (status,) = [answer.json["status"] for answer in answers if answer.status == 200]
    assert status in ("completed", "failed")
    for answer in answers:
        assert answer.status == 200 or (answer.status, answer.json["code"]) == (409, "wrong_state")
        assert answer.status == 200 or f" is {status}, not active" in answer.json["detail"]


def test_progress_of_two_subgoals_at_once_reaches_the_parent(server, database):
    parent = new_goal(database)
    children = [new_goal(database, parent) for _ in range(8)]
    for child in children:
        assert server.request("POST", f"/goals/{child}/start").status == 200
    for percent in (10, 60, 100):
        answers = at_once(lambda child: server.request("POST", f"/goals/{child}/progress?percent={percent}"), children)
        assert [answer.status for answer in answers] == [200] * 8
        assert server.request("GET", f"/goals/{parent}").json["progress_percent"] == percent


def test_dependencies_added_at_once_make_no_circle(server, database):
    goals = [new_goal(database) for _ in range(6)]
    pairs = list(zip(goals, goals[1:] + goals[:1]))
    answers = at_once(lambda pair: server.request("POST", f"/goals/{pair[0]}/dependencies", {"depends_on_id": pair[1]}),
                      pairs)
    assert sorted(answer.status for answer in answers) == [200] * 5 + [409]
    assert [answer.json["code"] for answer in answers if answer.status == 409] == ["dependency_cycle"]


@pytest.mark.parametrize("was,becomes", itertools.permutations(STATES, 2))
def test_no_statement_goes_around_the_rules(database, was, becomes):
    goal = new_goal(database)
    for status in WAY[was]:
        psql(f"UPDATE agent.goals SET status = '{status}' WHERE id = {goal}", database)
    done = subprocess.run(["psql", "-XqAt", "-v", "VERBOSITY=sqlstate", "-d", database, "-c",
                           f"UPDATE agent.goals SET status = '{becomes}' WHERE id = {goal}"],
                          capture_output=True, text=True)
    assert ("PT409" not in done.stderr) == (becomes in LEGAL[was]), done.stderr
    now = becomes if becomes in LEGAL[was] else was
    over = "t" if now in ("completed", "failed", "cancelled") else "f"
    assert psql(f"SELECT status, completed_at IS NOT NULL, progress_percent FROM agent.goals WHERE id = {goal}",
                database) == f"{now}|{over}|{100 if now == 'completed' else 0}"


@pytest.mark.parametrize("was,becomes", itertools.permutations(STATES, 2))
def test_patch_keeps_to_the_rules(server, database, was, becomes):
    goal = new_goal(database)
    for status in WAY[was]:
        assert server.request("PATCH", f"/goals/{goal}", {"status": status}).status == 200
    answer = server.request("PATCH", f"/goals/{goal}", {"status": becomes, "title": "other"})
    if becomes in LEGAL[was]:
        assert (answer.status, answer.json["status"], answer.json["title"]) == (200, becomes, "other")
    else:
        assert (answer.status, answer.json["detail"]) == (409, f"Goal {goal} is {was} and may not become {becomes}.")
        assert psql(f"SELECT status, title FROM agent.goals WHERE id = {goal}", database) == f"{was}|t"


def test_depth_is_bounded(server, database):
    goal = new_goal(database)
    for depth in range(1, 11):
        answer = server.request("POST", "/goals", {"agent_id": 1, "title": "t", "description": "d", "parent_id": goal})
        assert (answer.status, answer.json["depth"]) == (201, depth)
        goal = answer.json["id"]
    answer = server.request("POST", "/goals", {"agent_id": 1, "title": "t", "description": "d", "parent_id": goal})
    assert (answer.status, answer.json["code"]) == (409, "too_deep")


def test_a_tree_is_bounded(server, database):
    goal = new_goal(database)
    psql("INSERT INTO agent.goals (agent_id, parent_id, title, description) "
         f"SELECT 1, {goal}, 't', 'd' FROM generate_series(1, 500)", database)
    answer = server.request("GET", f"/goals/{goal}/tree")
    assert answer.status == 200 and len(answer.json["subgoals"]) == 500
    new_goal(database, goal)
    answer = server.request("GET", f"/goals/{goal}/tree")
    assert (answer.status, answer.json["code"]) == (422, "tree_too_large")


STEPS = """
-- @endpoint POST /orders
-- @operation make_order
-- @body item text
-- @body count int4
-- @error sold_out 409 "There is no more {item}"
-- @error too_many 409 "There are {_left} of {item}"
-- @returns {"order": order.row, "left": stock.value}
-- @step order
INSERT INTO orders (item, count) VALUES (:item, :count) RETURNING id, item, count;
-- @step note
INSERT INTO notes (order_id) VALUES (:order.id);
-- @step stock expect one else sold_out
UPDATE stock SET rest = rest - :count WHERE item = :item AND rest > 0
RETURNING rest, CASE WHEN rest < 0 THEN 'too_many' END AS _error, rest + :count AS _left;
"""


def test_a_refusal_in_the_last_step_leaves_no_trace_of_the_first(scratch, start):
    scratch.sql("CREATE TABLE orders (id int8 GENERATED ALWAYS AS IDENTITY, item text, count int4);"
                "CREATE TABLE notes (order_id int8 NOT NULL); CREATE TABLE stock (item text PRIMARY KEY, rest int4);"
                "INSERT INTO stock VALUES ('pen', 5), ('ink', 0)")
    scratch.endpoints(STEPS)
    server = start("--dir", str(scratch.folder), database=scratch.url)
    answer = server.request("POST", "/orders", {"item": "pen", "count": 3})
    assert (answer.status, answer.json) == (200, {"order": {"id": 1, "item": "pen", "count": 3}, "left": 2})
    for body, code in (({"item": "ink", "count": 1}, "sold_out"), ({"item": "cap", "count": 1}, "sold_out"),
                       ({"item": "pen", "count": 3}, "too_many")):
        answer = server.request("POST", "/orders", body)
        assert (answer.status, answer.json["code"]) == (409, code)
    assert server.request("POST", "/orders", {"item": "pen", "count": 3}).json["detail"] == "There are 2 of pen."
    state = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM notes), (SELECT rest FROM stock WHERE item = 'pen')"
    assert scratch.sql(state) == "1|1|2"
    # Twenty want the last two, one each: two get one, and only their orders stay.
    answers = at_once(lambda _: server.request("POST", "/orders", {"item": "pen", "count": 1}), range(20))
    assert sorted(answer.status for answer in answers) == [200] * 2 + [409] * 18
    assert scratch.sql(state) == "3|3|0"
