# SPDX-License-Identifier: MPL-2.0
"""Writes under crashes of PostgreSQL: a 2xx is in the database once, a 503 is not, and nothing is there twice."""
import collections
import http.client
import itertools
import json
import threading
import time

import pytest

from conftest import SLOW, psql, wait_for
from test_database_away import postgres  # noqa: F401  (a fixture)

ENDPOINTS = """
-- @endpoint POST /single
-- @operation write_single
-- @body key text
-- @returns row
INSERT INTO written (key) VALUES (:key) RETURNING key;

-- @endpoint POST /held
-- @operation write_held
-- @body key text
-- @empty nothing
-- @error nothing 404 "Nothing"
-- @returns row
INSERT INTO written (key) VALUES (:key) RETURNING key;

-- @endpoint POST /refused
-- @operation write_refused
-- @body key text
-- @error no 409 "No {key}: {_why}"
-- @returns row
WITH new AS (INSERT INTO written (key) VALUES (:key) RETURNING key)
SELECT 'no' AS _error, 'because' AS _why, key FROM new;

-- @endpoint POST /failing
-- @operation write_failing
-- @body key text
-- @empty nothing
-- @error nothing 404 "Nothing"
-- @error broken 409 "Division" on 22012
-- @returns row
INSERT INTO written (key) SELECT :key WHERE 1 / (length(:key) - length(:key)) = 1 RETURNING key;

-- @endpoint GET /sneaky
-- @operation read_that_writes
-- @returns row
SELECT sneak() AS key;

-- @endpoint POST /deferred
-- @operation write_deferred
-- @body key text
-- @empty nothing
-- @error nothing 404 "Nothing"
-- @error twice 409 "{key} is there" on 23505
-- @returns row
INSERT INTO checked (key) VALUES (:key) RETURNING key;
"""
SCHEMA = """CREATE TABLE written (key text);
CREATE TABLE checked (key text UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION sneak() RETURNS text LANGUAGE sql AS $$ INSERT INTO written VALUES ('sneaked') RETURNING key $$;"""


def post(connection, path, key):
    connection.request("POST", path, json.dumps({"key": key}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or "null")


def test_refused_writes_leave_nothing(scratch, start):
    scratch.sql(SCHEMA)
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", str(scratch.folder), "--actors", "2", database=scratch.url)
    for n in range(20):
        answer = server.request("POST", "/refused", {"key": f"k{n}"})
        assert answer.status == 409 and answer.json["detail"] == f"No k{n}: because."
        assert server.request("POST", "/failing", {"key": f"f{n}"}).status == 409
        assert server.request("GET", "/sneaky").status == 500
        assert server.request("POST", "/held", {"key": f"h{n}"}).json == {"key": f"h{n}"}
        assert server.request("POST", "/single", {"key": f"s{n}"}).json == {"key": f"s{n}"}
        assert server.request("POST", "/deferred", {"key": "d"}).status == (409 if n else 200)
    keys = collections.Counter(scratch.sql("SELECT key FROM written").split())
    assert keys == collections.Counter([f"h{n}" for n in range(20)] + [f"s{n}" for n in range(20)])
    assert scratch.sql("SELECT count(*) FROM checked") == "1"


def test_neighbours_of_a_failure_get_their_own_answer(scratch, start):
    """Reads share a Sync: the one that fails must not take the others along."""
    scratch.endpoints("-- @endpoint GET /divide/{n}\n-- @operation divide\n-- @path n int4\n-- @returns value\n"
                      "SELECT 100 / :n;\n")
    server = start("--dir", str(scratch.folder), "--actors", "1", database=scratch.url)
    with server.connect() as client:
        for _ in range(30):
            client.sendall(b"".join(b"GET /divide/%d HTTP/1.1\r\nHost: t\r\n\r\n" % n for n in (1, 2, 0, 4, 5, 0, 10)))
            received = b""
            while received.count(b"HTTP/1.1 ") < 7 or not received.endswith((b"10", b"}")):
                received += client.recv(65536)
            statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
            bodies = [part.rsplit(b"\r\n\r\n", 1)[1] for part in received.split(b"HTTP/1.1 ")[1:]]
            assert statuses == [200, 200, 422, 200, 200, 422, 200]
            assert [b for b in bodies if not b.startswith(b"{")] == [b"100", b"50", b"25", b"20", b"10"]


def test_writes_under_crashes(postgres, start, tmp_path):  # noqa: F811
    postgres("stop")
    postgres("start")  # durable from here on: what it confirms it keeps
    psql(SCHEMA, postgres.url)
    folder = tmp_path / "api"
    (folder / "endpoints").mkdir(parents=True)
    (folder / "endpoints/write.sql").write_text(ENDPOINTS)
    server = start("--dir", str(folder), "--actors", "4", "--access-log", "off", database=postgres.url)
    outcome, numbers, stop, errors = {}, itertools.count(), threading.Event(), []

    def work(path):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            while not stop.is_set():
                key = f"{path[1]}{next(numbers)}"
                outcome[key] = post(connection, path, key)
        except Exception as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(path,)) for path in ["/single", "/held"] * 8]
    for thread in threads:
        thread.start()
    for how in [("--immediate",), (), ("--immediate",), ("--immediate",)]:
        done = len(outcome)
        wait_for(lambda: sum(s == 200 for s, _ in list(outcome.values())[done:]) > 200, what="writes")
        postgres("stop", *how)
        postgres("start")
    done = len(outcome)
    wait_for(lambda: sum(s == 200 for s, _ in list(outcome.values())[done:]) > 200, what="writes")
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    there = collections.Counter(psql("SELECT key FROM written", postgres.url).split())
    statuses = collections.Counter(status for status, _ in outcome.values())
    assert set(statuses) <= {200, 503, 504}, statuses
    assert statuses[200] > 1000 and statuses[503] > 10
    for key, (status, body) in outcome.items():
        if status == 200:
            assert there[key] == 1, (key, there[key])
        elif status == 503:
            assert there[key] == 0, (key, body)
        else:
            assert body["code"] == "outcome_unknown" and there[key] <= 1, (key, body)
    assert set(there) <= set(outcome)
