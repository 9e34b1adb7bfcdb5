# SPDX-License-Identifier: MPL-2.0
"""Endpoint files change under a running server: nothing fails, broken files change nothing, old and new hashes live side
by side."""
import json
import os
import signal
import threading

import pytest

from conftest import wait_for

SCHEMA = "CREATE TABLE thing (id bigint PRIMARY KEY, name text); INSERT INTO thing SELECT i, 'thing ' || i FROM generate_series(1, 50) i"


def endpoint(columns, path="/things/{id}", operation="get_thing"):
    return f"""-- @endpoint GET {path}
-- @operation {operation}
-- @empty nothing
-- @error nothing 404 "No thing {{id}}"
-- @returns row
SELECT {columns} FROM thing WHERE id = :id;
"""


@pytest.fixture
def served(scratch, start):
    scratch.sql(SCHEMA)
    scratch.endpoints(endpoint("id, name"))

    def run(*flags, dev=True):
        return start("--dir", str(scratch.folder), "--actors", "3", *flags, database=scratch.url, dev=dev)

    run.write = scratch.endpoints
    return run


def hangup(server):
    server.process.send_signal(signal.SIGHUP)


def test_files_are_watched_in_dev(served):
    server = served()
    served.write(endpoint("id, name, length(name) AS size"))
    wait_for(lambda: "size" in server.request("GET", "/things/1").json, what="the new column")
    served.write(endpoint("id", "/other/{id}", "get_other"), "other.sql")
    wait_for(lambda: server.request("GET", "/other/1").status == 200, what="the new endpoint")
    os.unlink(f"{served.write.__self__.folder}/endpoints/other.sql")
    wait_for(lambda: server.request("GET", "/other/1").status == 404, what="the endpoint's end")
    assert server.request("GET", "/things/2").json == {"id": 2, "name": "thing 2", "size": 7}


def test_a_broken_file_keeps_the_old_one_and_says_why(served):
    server = served()
    served.write(endpoint("id") + "-- @nonsense\n")
    wait_for(lambda: "not reloaded" in server.log(), what="the refusal")
    assert "test.sql:7: an unknown directive: nonsense" in server.log()
    assert server.request("GET", "/things/3").json == {"id": 3, "name": "thing 3"}
    served.write(endpoint("id"))
    wait_for(lambda: server.request("GET", "/things/3").json == {"id": 3}, what="the mended file")


def test_a_statement_the_database_refuses_leaves_the_others(served):
    server = served()
    served.write(endpoint("id") + endpoint("no_such_column", "/broken/{id}", "broken"))
    wait_for(lambda: server.request("GET", "/things/4").json == {"id": 4}, what="the new file")
    assert "no_such_column" in server.log()
    assert server.request("GET", "/broken/4").status in (404, 503)


def test_nothing_fails_under_load(served):
    server = served()
    stop, answers, wrong = threading.Event(), [], []

    def ask(seed):
        n = seed
        while not stop.is_set():
            n = n % 50 + 1
            answer = server.request("GET", f"/things/{n}")
            answers.append(answer.status)
            if answer.status != 200 or answer.json["id"] != n:
                wrong.append((answer.status, answer.body))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(8):
            column = f"c{turn}"
            served.write(endpoint(f"id, {turn} AS {column}"))
            hangup(server)
            wait_for(lambda: column in server.request("GET", "/things/1").json, what=column)
            before = len(answers)
            wait_for(lambda: len(answers) > before + 50, what="more answers")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and len(answers) > 400


def test_the_former_hash_is_still_served(served):
    server = served()
    operations = {}

    def offered():
        operations.update((w["peer"], w) for w in server.show("workers"))
        return operations

    assert offered()
    served.write(endpoint("id, upper(name) AS name"))
    hangup(server)
    wait_for(lambda: server.request("GET", "/things/5").json["name"] == "THING 5", what="the new statement")
    assert json.loads(server.call("get_thing", "id=5").stdout)["name"] == "THING 5"
    assert server.show("stats")[0]["workers_lost"] == 0 and server.show("stats")[0]["refused"] == 0


def test_without_dev_only_the_signal_reloads(served):
    server = served(dev=False)
    served.write(endpoint("id") + "-- @endpoint GET /open\n-- @operation open\n-- @auth public\n-- @returns value\nSELECT 1;\n")
    assert server.request("GET", "/open").status == 404
    hangup(server)
    wait_for(lambda: server.request("GET", "/open").status == 200, what="the new endpoint")
    hangup(server)
    wait_for(lambda: server.log().count("reloaded: 3 operations") >= 2, what="another reload")
    assert server.request("GET", "/open").status == 200
