# SPDX-License-Identifier: MPL-2.0
"""Trace contexts (W3C Trace Context level 1): taken, made, passed on, answered, logged, shown in PostgreSQL."""
import json
import re
import subprocess

import pytest

from conftest import wait_for

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{ID}-{SPAN}-01"


def lines(server, part=None):
    """The log's lines; each has to be JSON."""
    found = [json.loads(line) for line in server.log().splitlines()]
    return [line for line in found if part in (None, line["part"])]


def access(server, request_id):
    def find():
        return [line for line in lines(server, "access") if line["request_id"] == request_id]
    return wait_for(find, what="the access line")[0]


@pytest.fixture
def server(start):
    return start("--log-format", "json", "--log-level", "debug")


def test_a_trace_goes_on(server):
    answer = server.request("GET", "/providers/1", headers={"traceparent": GOOD, "X-Request-ID": "mine"})
    version, trace, span, flags = answer.headers["traceresponse"].split("-")
    assert (version, trace, flags) == ("00", ID, "01") and re.fullmatch("[0-9a-f]{16}", span) and span != SPAN
    line = access(server, "mine")
    assert line["trace_id"] == ID and line["span_id"] == span
    spans = {server.request("GET", "/health/live", headers={"traceparent": GOOD}).headers["traceresponse"]
             for _ in range(20)}
    assert len(spans) == 20


def test_a_request_without_one_begins_one(server):
    request_id = server.request("GET", "/providers/1").headers["X-Request-ID"]
    line = access(server, request_id)
    assert line["trace_id"] == request_id and re.fullmatch("[0-9a-f]{16}", line["span_id"])
    answer = server.request("GET", "/providers/1", headers={"X-Request-ID": "own"})
    assert answer.headers["traceresponse"] is None
    assert re.fullmatch("[0-9a-f]{32}", access(server, "own")["trace_id"])


@pytest.mark.parametrize("bad", [f"ff-{ID}-{SPAN}-01", GOOD.upper(), f"00-{'0' * 32}-{SPAN}-01", GOOD + "-x", "x", "",
                                 f"00-{ID}-{'0' * 16}-01", "a" * 500])
def test_what_is_none_is_ignored(shared, bad):
    answer = shared.request("GET", "/providers/1", headers={"traceparent": bad})
    assert answer.status == 200 and answer.headers["traceresponse"] is None


def test_two_contradict_each_other(shared):
    answer = shared.raw(f"GET /health/live HTTP/1.1\r\nHost: x\r\ntraceparent: {GOOD}\r\ntraceparent: {GOOD}\r\n"
                        "Connection: close\r\n\r\n".encode())
    assert b" 200 OK" in answer and b"traceresponse" not in answer


def test_an_error_in_the_database_is_told_with_it(server, scratch, start):
    scratch.endpoints("""-- @endpoint GET /broken
-- @operation broken
-- @query n int4 = 0
-- @returns rows
SELECT 1 / :n AS x;

-- @endpoint GET /ids
-- @operation ids
-- @returns row
SELECT :request.id AS id;
""")
    server = start("--log-format", "json", "--dir", scratch.folder, database=scratch.url)
    assert server.request("GET", "/broken", headers={"traceparent": GOOD, "X-Request-ID": "b1"}).status >= 400
    line, = (line for line in lines(server, "actors") if line.get("request_id") == "b1")
    assert line["trace_id"] == ID and line["span_id"] == access(server, "b1")["span_id"]
    assert "22012" in line["message"]
    assert server.request("GET", "/ids", headers={"traceparent": GOOD, "X-Request-ID": "b2"}).json == {"id": "b2"}


@pytest.mark.parametrize("flags, name", [("01", f"muster/{ID}"), ("00", "muster db 1")])
def test_a_transaction_of_its_own_bears_its_name(start, scratch, flags, name):
    """What is sampled shows in pg_stat_activity while it has the connection to itself, and no longer."""
    scratch.sql("CREATE TABLE gate (id int); INSERT INTO gate VALUES (1)")
    scratch.endpoints("""-- @endpoint POST /wait
-- @operation wait
-- @empty not_there
-- @error not_there 404 "Nothing"
-- @returns row
UPDATE gate SET id = id RETURNING id;
""")
    server = start("--actors", "1", "--dir", scratch.folder, database=scratch.url)
    lock = subprocess.Popen(["psql", "-XqAt", "-d", scratch.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; SELECT id FROM gate FOR UPDATE;\n")
    lock.stdin.flush()
    assert lock.stdout.readline().strip() == "1"
    with server.connect(30) as client:
        client.sendall(f"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\ntraceparent: 00-{ID}-{SPAN}-{flags}\r\n"
                       "\r\n".encode())
        waits = "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        assert wait_for(lambda: scratch.sql(waits), what="the transaction") == name
        lock.communicate("COMMIT;\n")
        assert b" 200 " in client.recv(1000)
    shown = "SELECT application_name FROM pg_stat_activity WHERE (application_name LIKE 'muster db%' OR application_name LIKE 'muster/%') AND datname = current_database()"
    wait_for(lambda: scratch.sql(shown) == "muster db 1", what="its end")
