# SPDX-License-Identifier: MPL-2.0
"""The endpoint language through the whole chain: steps, expectations, conditional lines, :name.given, cursors."""
import itertools
import json
import threading
import urllib.parse

import msgpack
import pytest

import native
from conftest import Server, psql, wait_for
from test_concurrency import Client

SCHEMA = """
CREATE TYPE goal_status AS ENUM ('pending', 'active', 'completed');
CREATE TABLE goals (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, agent_id bigint, parent_id bigint,
    title text NOT NULL, status goal_status NOT NULL DEFAULT 'pending', tags text[] NOT NULL DEFAULT '{}',
    started_at timestamptz, created_at timestamptz NOT NULL);
INSERT INTO goals (agent_id, parent_id, title, status, created_at)
    SELECT i % 3, CASE WHEN i % 2 = 0 THEN 1 END, 'goal ' || i, (ARRAY['pending', 'active']::goal_status[])[1 + i % 2],
           timestamptz '2026-01-01Z' + (i / 4) * interval '1 minute' FROM generate_series(1, 40) i;
CREATE TABLE models (id int PRIMARY KEY, alias text UNIQUE, price numeric, note text DEFAULT 'n', updated_at timestamptz);
INSERT INTO models VALUES (1, 'one', 1.50, 'n', NULL), (2, 'two', 2, 'n', NULL);
CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0));
INSERT INTO accounts VALUES (1, 100), (2, 0), (3, 0);
CREATE TABLE ledger (from_id int, to_id int, amount int);
"""

ENDPOINTS = """
-- @endpoint  GET /goals
-- @operation list_goals
-- @summary   Goals, newest first
-- @tier read   @auth user
-- @query status    goal_status ?
-- @query agent_id  int8 ?
-- @query root_only bool = false
-- @query limit     int4 = 50 (1..500)
-- @cursor created_at desc, id desc
-- @returns {"goals": goals.rows, "total": total.value, "next_cursor": next_cursor}

-- @step goals
SELECT id, agent_id, title, status, tags, created_at
FROM goals WHERE true
  AND status = :status                                            --? status
  AND agent_id = :agent_id                                        --? agent_id
  AND parent_id IS NULL                                           --? root_only
  AND (created_at, id) < (:after.created_at, :after.id)           --? after
ORDER BY created_at DESC, id DESC LIMIT :limit;

-- @step total
SELECT count(*) FROM goals WHERE true
  AND status = :status                                            --? status
  AND agent_id = :agent_id                                        --? agent_id
  AND parent_id IS NULL                                           --? root_only
;

-- @endpoint  POST /goals/{id}/start
-- @operation start_goal
-- @tier write   @auth user
-- @empty goal_not_found
-- @error goal_not_found 404 "Goal {id} not found"
-- @error wrong_state    409 "Goal {id} is {_status}, not pending"
-- @returns row
WITH cur AS MATERIALIZED (SELECT id, status FROM goals WHERE id = :id FOR UPDATE),
     upd AS (UPDATE goals g SET status = 'active', started_at = coalesce(g.started_at, now())
             FROM cur WHERE g.id = cur.id AND cur.status = 'pending'
             RETURNING g.id, g.title, g.status, g.started_at)
SELECT CASE WHEN upd.id IS NULL THEN 'wrong_state' END AS _error, cur.status AS _status, upd.*
FROM cur LEFT JOIN upd ON true;

-- @endpoint  PATCH /models/{id}
-- @operation update_model
-- @tier write   @auth user
-- @body alias text ? (1..100 chars)   @body price numeric ? (0..)   @body note text ?
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @error duplicate 409 "That model exists already" on 23505
-- @returns row
UPDATE models SET updated_at = now()
     , alias = :alias                                                --? alias
     , price = :price                                                --? price
     , note = :note                                                  --? note
WHERE id = :id RETURNING id, alias, price, note;

-- @endpoint GET /given
-- @operation given
-- @query a text ?
-- @query b int4 = 5
-- @returns row
SELECT :a.given AS a_given, :b.given AS b_given, :a AS a, :b AS b;

-- @endpoint POST /transfer
-- @operation transfer
-- @body source int4  @body target int4  @body amount int4 (1..1000)
-- @error no_source 404 "No account {source}"
-- @error no_target 404 "No account {target}"
-- @error poor 409 "Account {source} has {_balance} only" on 23514
-- @error refused 409 "Refused: {_why}"
-- @returns {"from": taken.row, "to": given.row, "total": sum.value, "was": source.balance}
-- @step source expect one else no_source
SELECT id, balance, balance AS _balance FROM accounts WHERE id = :source FOR UPDATE;
-- @step taken
UPDATE accounts SET balance = balance - :amount WHERE id = :source.id RETURNING id, balance;
-- @step given expect some else no_target
UPDATE accounts SET balance = balance + :amount WHERE id = :target RETURNING id, balance;
-- @step noted
INSERT INTO ledger VALUES (:source, :target, :amount);
-- @step judged
SELECT CASE WHEN :amount = 13 THEN 'refused' END AS _error, 'thirteen' AS _why;
-- @step sum
SELECT sum(balance) FROM accounts;

-- @endpoint GET /chain/{id}
-- @operation chain
-- @returns {"first": a.row, "second": b.row, "third": c.rows}
-- @step a
SELECT id, alias FROM models WHERE id = :id;
-- @step b
SELECT :a.alias AS alias, length(:a.alias) AS size;
-- @step c
SELECT n FROM generate_series(1, coalesce(:b.size::int, 0)) n;

-- @endpoint GET /divide/{n}
-- @operation divide
-- @error by_zero 409 "By zero" on 22012
-- @returns row
SELECT :n::int AS n, 5040 / :n::int AS quotient;

-- @endpoint GET /texts/{t}
-- @operation cast_text
-- @path t text
-- @returns row
SELECT :t::text::int AS n;

-- @endpoint GET /capitals
-- @operation capitals
-- @returns {"row": a.row, "column": a.bookTitle, "later": b.value}
-- @step a
SELECT 'x' AS "bookTitle", 'y' AS booktitle;
-- @step b
SELECT :a.bookTitle::text;

-- @endpoint POST /none
-- @operation none
-- @body id int4
-- @error there 409 "There is {id} already"
-- @status 201
-- @returns row
-- @step check expect none else there
SELECT 1 FROM accounts WHERE id = :id;
-- @step made
INSERT INTO accounts VALUES (:id, 0) RETURNING id;

-- @endpoint GET /many
-- @operation many
""" + "".join(f"-- @query p{i} int4 ?\n" for i in range(7)) + """-- @returns value
SELECT array_remove(ARRAY[NULL::int
""" + "".join(f"  , :p{i}    --? p{i}\n" for i in range(7)) + """  ], NULL);
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory, request):
    from conftest import database_url
    name = "language"
    psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE); CREATE DATABASE {name}")
    url = database_url(name)
    psql(SCHEMA, url)
    folder = tmp_path_factory.mktemp("api")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/all.sql").write_text(ENDPOINTS)
    server = Server(tmp_path_factory.mktemp("server"), url, "--dir", str(folder), "--actors", "3").wait_ready()
    assert "not served" not in server.log(), server.log()
    yield server
    assert server.stop() == 0, server.log()[-3000:]
    psql(f"DROP DATABASE {name} WITH (FORCE)")


def rows(server, sql):
    return psql(sql, server.database)


@pytest.mark.parametrize("given", [c for n in range(4) for c in itertools.combinations(range(3), n)])
def test_every_filter_combination(served, given):
    filters = [("status", "active", "status = 'active'"), ("agent_id", "2", "agent_id = 2"),
               ("root_only", "true", "parent_id IS NULL")]
    query = urllib.parse.urlencode([filters[i][:2] for i in given])
    where = " AND ".join(["true", *(filters[i][2] for i in given)])
    answer = served.request("GET", f"/goals?{query}").json
    ids = rows(served, f"SELECT id FROM goals WHERE {where} ORDER BY created_at DESC, id DESC").split()
    assert [g["id"] for g in answer["goals"]] == [int(i) for i in ids]
    assert answer["total"] == len(ids) and answer["next_cursor"] is None


def test_a_boolean_condition_is_its_value(served):
    assert served.request("GET", "/goals?root_only=false").json["total"] == 40
    assert served.request("GET", "/goals?root_only=true").json["total"] == 20


@pytest.mark.parametrize("limit,filters", [(7, ""), (1, "&agent_id=1"), (40, ""), (13, "&status=active&root_only=1")])
def test_pages_join_to_the_whole(served, limit, filters):
    whole = [g["id"] for g in served.request("GET", f"/goals?limit=500{filters}").json["goals"]]
    seen, cursor = [], None
    for _ in range(60):
        page = served.request("GET", f"/goals?limit={limit}{filters}" + (f"&cursor={cursor}" if cursor else "")).json
        seen += [g["id"] for g in page["goals"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == whole and len(whole) > 1


def test_foreign_cursors_are_refused(served):
    cursor = served.request("GET", "/goals?limit=3&status=active").json["next_cursor"]
    assert served.request("GET", f"/goals?limit=9&status=active&cursor={cursor}").status == 200
    for query in (f"limit=3&cursor={cursor}", f"limit=3&status=pending&cursor={cursor}",
                  f"status=active&cursor={cursor[:-1]}", f"status=active&cursor={cursor}A", "cursor=x", "cursor=",
                  "cursor=%2B%2F", f"status=active&cursor={cursor[::-1]}"):
        answer = served.request("GET", f"/goals?{query}")
        assert answer.status == 422 and "ursor must be one" in answer.json["detail"], query


def test_the_cursor_is_the_key_of_final(served):
    """Over ZeroMQ the next page needs no look into the document."""
    party = native.Party(f"ipc://{served.ipc}")
    try:
        client, seen, cursor = party.peer(), [], b""
        for _ in range(9):
            arguments = {"limit": 9, **({"cursor": cursor.decode()} if cursor else {})}
            id_ = client.ask("db", "list_goals", arguments, subject=b"me", role=b"user")
            final = client.expect(native.FINAL)
            page, cursor = native.value(final.body), final.key
            assert final.id == id_ and (page["next_cursor"] or "") == cursor.decode()
            seen += [goal["id"] for goal in page["goals"]]
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 40
    finally:
        party.close()


def test_a_cursor_that_cannot_say_where_it_is(scratch, tmp_path_factory):
    """A NULL, or a column that the result lacks: told at once, not a list that begins anew or ends early."""
    scratch.sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, NULL)")
    list_ = """-- @endpoint GET /{0}
-- @operation {0}
-- @query limit int4 = 2
-- @cursor name, id
-- @returns {{"t": rows, "next": next_cursor}}
SELECT id{1} FROM t WHERE true
  AND (name, id) > (:after.name, :after.id)  --? after
ORDER BY name, id LIMIT :limit;
"""
    scratch.endpoints(list_.format("nulls", ", name") + list_.format("lacks", ""))
    server = Server(tmp_path_factory.mktemp("server"), scratch.url, "--dir", str(scratch.folder)).wait_ready()
    assert server.request("GET", "/nulls").json["next"]
    for path in ("/nulls?limit=3", "/lacks"):
        answer = server.request("GET", path)
        assert answer.status == 500 and answer.json["code"] == "internal", answer.body
    assert server.request("GET", "/lacks?limit=9").json["next"] is None
    assert server.stop() == 0
    assert "test.sql:6: nulls: the cursor's column name is NULL" in server.log()
    assert "test.sql:14: lacks: the cursor's column name is not in the result" in server.log()


def test_twenty_start_one_goal_and_one_wins(served):
    goal = int(rows(served, "SELECT id FROM goals WHERE status = 'pending' LIMIT 1"))
    barrier, answers = threading.Barrier(20), []

    def race():
        barrier.wait()
        answers.append(served.request("POST", f"/goals/{goal}/start"))

    threads = [threading.Thread(target=race) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers) == [200] + [409] * 19
    assert {a.json["detail"] for a in answers if a.status == 409} == {f"Goal {goal} is active, not pending."}
    assert served.request("POST", "/goals/999/start").status == 404
    rows(served, f"UPDATE goals SET status = 'pending', started_at = NULL WHERE id = {goal}")


def test_patch_tells_absent_from_null(served):
    def patch(body):
        answer = served.request("PATCH", "/models/1", body)
        assert answer.status == 200, answer.body
        return answer.json

    assert patch({}) == {"id": 1, "alias": "one", "price": 1.5, "note": "n"}
    assert patch({"note": None}) == {"id": 1, "alias": "one", "price": 1.5, "note": None}
    assert patch({"note": "x", "price": 3.25}) == {"id": 1, "alias": "one", "price": 3.25, "note": "x"}
    assert patch({"alias": "uno"})["alias"] == "uno"
    assert served.request("PATCH", "/models/1", {"alias": "two"}).json["code"] == "duplicate"
    assert served.request("PATCH", "/models/1", {"alias": ""}).status == 422
    assert served.request("PATCH", "/models/9", {}).status == 404
    assert patch({"alias": "one", "price": 1.5, "note": "n"}) == {"id": 1, "alias": "one", "price": 1.5, "note": "n"}


def test_given(served):
    assert served.request("GET", "/given").json == {"a_given": False, "b_given": False, "a": None, "b": 5}
    assert served.request("GET", "/given?a=&b=5").json == {"a_given": True, "b_given": True, "a": "", "b": 5}
    done = served.call("given", "--json", '{"a": null}')
    assert json.loads(done.stdout) == {"a_given": True, "b_given": False, "a": None, "b": 5}


def test_steps_commit_together(served):
    answer = served.request("POST", "/transfer", {"source": 1, "target": 2, "amount": 30})
    assert answer.status == 200, answer.body
    assert answer.json == {"from": {"id": 1, "balance": 70}, "to": {"id": 2, "balance": 30}, "total": 100, "was": 100}
    assert rows(served, "SELECT * FROM ledger") == "1|2|30"
    back = served.request("POST", "/transfer", {"source": 2, "target": 1, "amount": 30})
    assert back.status == 200 and back.json["to"] == {"id": 1, "balance": 100}
    rows(served, "DELETE FROM ledger")


@pytest.mark.parametrize("body,status,detail", [
    ({"source": 9, "target": 2, "amount": 1}, 404, "No account 9."),
    ({"source": 1, "target": 9, "amount": 1}, 404, "No account 9."),
    ({"source": 1, "target": 2, "amount": 101}, 409, "Account 1 has 100 only."),
    ({"source": 1, "target": 2, "amount": 13}, 409, "Refused: thirteen."),
    ({"source": 1, "target": 2, "amount": 0}, 422, None),
])
def test_a_refusal_in_any_step_leaves_no_trace(served, body, status, detail):
    before = rows(served, "SELECT * FROM accounts ORDER BY id; SELECT count(*) FROM ledger")
    for _ in range(4):  # every actor, also behind a refusal
        answer = served.request("POST", "/transfer", body)
        assert answer.status == status and detail in (None, answer.json["detail"])
    assert rows(served, "SELECT * FROM accounts ORDER BY id; SELECT count(*) FROM ledger") == before


def test_later_steps_read_earlier_ones(served):
    assert served.request("GET", "/chain/2").json == {
        "first": {"id": 2, "alias": "two"}, "second": {"alias": "two", "size": 3},
        "third": [{"n": 1}, {"n": 2}, {"n": 3}]}
    assert served.request("GET", "/chain/9").json == {"first": None, "second": {"alias": None, "size": None}, "third": []}


def test_columns_are_found_by_their_exact_names(served):
    assert served.request("GET", "/capitals").json == {
        "row": {"bookTitle": "x", "booktitle": "y"}, "column": "x", "later": "x"}


def test_expect_none(served):
    assert served.request("POST", "/none", {"id": 77}).status == 201
    answer = served.request("POST", "/none", {"id": 77})
    assert answer.status == 409 and answer.json["detail"] == "There is 77 already."
    rows(served, "DELETE FROM accounts WHERE id = 77")


def test_more_combinations_than_are_kept(served):
    """128 of them, 64 stay prepared; each still answers as its lines say, whoever was given up meanwhile."""
    for turn in range(2):
        for mask in range(128):
            names = [i for i in range(7) if mask >> i & 1]
            query = "&".join(f"p{i}={i + 10 * turn}" for i in names)
            assert served.request("GET", f"/many?{query}").json == [i + 10 * turn for i in names]
    assert "failed" not in served.log()


def test_more_combinations_at_once_than_are_kept(scratch, tmp_path_factory):
    """128 of them in the pipeline of one connection: those that find no room wait for those that run."""
    scratch.endpoints(ENDPOINTS[ENDPOINTS.index("-- @endpoint GET /many"):])
    server = Server(tmp_path_factory.mktemp("server"), scratch.url, "--dir", str(scratch.folder), "--actors", "1",
                    "--window", "256").wait_ready()
    party = native.Party(f"ipc://{server.ipc}")
    client, wanted, records = party.peer(), {}, []
    for mask in [*range(128), *range(128)][:250]:
        arguments = {f"p{i}": i for i in range(7) if mask >> i & 1}
        wanted[id_ := client.next_id()] = sorted(arguments.values())
        records.append(native.Record(native.REQUEST, id=id_, service=b"db", name=b"many", deadline=30000, subject=b"me",
                                     role=b"user", body=msgpack.packb(arguments)))
    try:
        client.send(*records)
        answers = [client.expect(native.FINAL, native.ERROR) for _ in records]
        assert [a for a in answers if a.type == native.ERROR] == []
        assert {a.id: native.value(a.body) for a in answers} == wanted
    finally:
        party.close()
    assert server.stop() == 0 and "lost" not in server.log()


def test_reads_that_share_a_sync_never_see_a_neighbours_error(served):
    """10,000 pipelined reads on three connections, some of which fail in the database, in two ways."""
    errors = []

    def expected(kind, i):
        if kind == 0:
            return "/divide/0", 409, "by_zero"
        if kind == 1:
            return "/texts/x", 422, "invalid"
        return f"/divide/{i + 1}", 200, {"n": i + 1, "quotient": 5040 // (i + 1)}

    def work(seed):
        try:
            client = Client(served)
            for turn in range(79):
                asked = [expected((seed + 3 * turn + i) % 7, i) for i in range(16)]
                for path, _, _ in asked:
                    client.send("GET", path)
                for path, status, body in asked:
                    got, answer = client.receive()
                    assert got == status and body == (answer if status == 200 else answer["code"]), (path, answer)
        except Exception as error:  # told below, in the test's own thread
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_mixed_load_keeps_answers_apart(served):
    """Held, shared and single operations pipelined on three connections by eight clients."""
    errors = []

    def work(seed):
        try:
            for i in range(60):
                n = (seed * 7 + i) % 40 + 1
                goal = served.request("GET", f"/goals?agent_id={n % 3}&limit=5").json
                assert all(g["agent_id"] == n % 3 for g in goal["goals"])
                assert served.request("GET", "/chain/1").json["second"]["alias"] == "one"
                status = served.request("POST", "/transfer", {"source": 1, "target": 3, "amount": 13}).status
                assert status == 409
        except Exception as error:  # told below, in the test's own thread
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows(served, "SELECT sum(balance) FROM accounts") == "100"
    wait_for(lambda: served.show("stats")[0]["in_flight"] <= 1, what="an idle broker")
