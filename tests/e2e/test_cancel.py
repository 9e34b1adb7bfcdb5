# SPDX-License-Identifier: MPL-2.0
"""What nobody waits for any more is cancelled in PostgreSQL when it has its connection to itself; nobody else suffers."""
import random
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import SLOW, psql, wait_for
from native import Party

TABLES = """
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO thing SELECT n, 'thing ' || n FROM generate_series(1, 100) n;
CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL);
"""
ENDPOINTS = """
-- @endpoint GET /things/{id}
-- @operation get_thing
-- @empty nothing
-- @error nothing 404 "No thing {id}"
-- @returns row
SELECT id, name FROM thing WHERE id = :id;

-- @endpoint POST /notes
-- @operation add_note
-- @body text text
-- @returns row
INSERT INTO note (text) VALUES (:text) RETURNING id;

-- @endpoint GET /nap
-- @operation nap
-- @slow
-- @returns value
SELECT 'slept' FROM pg_sleep(30);

-- @endpoint POST /nap
-- @operation nap_and_write
-- @slow
-- @returns row
WITH added AS (INSERT INTO note (text) VALUES ('in a nap') RETURNING id) SELECT id FROM added, pg_sleep(30);

-- @endpoint POST /steps
-- @operation write_and_nap
-- @returns slept.value
-- @step added
INSERT INTO note (text) VALUES ('before a nap') RETURNING id;
-- @step slept
SELECT :added.id FROM pg_sleep(30);

-- @endpoint POST /single
-- @operation write_slowly
-- @returns none
INSERT INTO note (text) SELECT 'single' FROM pg_sleep(2);

-- @endpoint PATCH /things/{id}
-- @operation rename_thing
-- @body name text
-- @empty nothing
-- @error nothing 404 "No thing {id}"
-- @returns row
UPDATE thing SET name = :name WHERE id = :id RETURNING id, name;
"""
NAPS = [("GET", "/nap"), ("POST", "/nap"), ("POST", "/steps")]


@pytest.fixture
def served(scratch, start):
    """A server of two actors, one of which takes slow work."""
    scratch.sql(TABLES)
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", str(scratch.folder), "--actors", "2", database=scratch.url)
    wait_for(lambda: [w["service"] for w in server.show("workers")].count("db") == 2, what="the second actor")
    return server


def states(scratch, condition):
    """What the actors' backends are in: state, wait, statement, of those that meet the condition."""
    return psql(f"SELECT state, wait_event, query FROM pg_stat_activity WHERE application_name LIKE 'muster db %' "
                f"AND datname = '{scratch.name}' AND {condition}")


def naps(scratch):
    return states(scratch, "state <> 'idle' AND wait_event = 'PgSleep'")


def ask(server, method, path, body=b"", headers=""):
    """A client that has asked, and waits."""
    client = server.connect(timeout=30)
    kind = "Content-Type: application/json\r\n" if body else ""
    client.sendall(f"{method} {path} HTTP/1.1\r\nHost: t\r\n{kind}{headers}Content-Length: {len(body)}\r\n\r\n".encode() +
                   body)
    return client


def leave(client, reset=True):
    """Resets the connection; or just closes it, which looks like a client that may still read its answer."""
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def all_idle(scratch):
    return not states(scratch, "state <> 'idle'")


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("method, path", NAPS)
def test_a_client_that_leaves_frees_its_connection(served, scratch, method, path, reset):
    client = ask(served, method, path)
    wait_for(lambda: naps(scratch), 5, "the nap")
    leave(client, reset)
    wait_for(lambda: all_idle(scratch), 5, "the end of a nap of 30 s")
    assert " 499 " in served.log()
    assert scratch.sql("SELECT count(*) FROM note") == "0"  # what was written before is rolled back
    wait_for(lambda: served.show("stats")[0]["in_flight"] == 0, 5, "the credit")
    assert served.request("POST", "/notes", {"text": "after"}).status == 200  # and the connections serve again
    for id_ in range(1, 20):
        assert served.request("GET", f"/things/{id_}").json == {"id": id_, "name": f"thing {id_}"}


@pytest.mark.parametrize("method, path", NAPS)
def test_a_deadline_that_passes_frees_the_connection(served, scratch, method, path):
    answer = served.request(method, path, headers={"X-Request-Timeout": "0.3"})
    assert (answer.status, answer.json["code"]) == (504, "timeout" if method == "GET" else "outcome_unknown")
    wait_for(lambda: all_idle(scratch), 5, "the end of a nap of 30 s")
    assert scratch.sql("SELECT count(*) FROM note") == "0"


def test_waiting_for_a_lock_is_cancelled(served, scratch):
    with subprocess.Popen(["psql", "-Xq", "-d", scratch.url], stdin=subprocess.PIPE, text=True) as holder:
        holder.stdin.write("BEGIN; LOCK TABLE thing IN EXCLUSIVE MODE;\n")
        holder.stdin.flush()
        wait_for(lambda: scratch.sql("SELECT 1 FROM pg_locks WHERE relation = 'thing'::regclass AND granted"))
        client = ask(served, "PATCH", "/things/7", b'{"name": "renamed"}')
        wait_for(lambda: states(scratch, "wait_event_type = 'Lock'"), 10, "the wait for the lock")
        client.close()
        wait_for(lambda: not states(scratch, "wait_event_type = 'Lock'"), 5, "the end of the wait")
        holder.stdin.close()
    wait_for(lambda: all_idle(scratch), 5, "rest")
    assert served.request("GET", "/things/7").json["name"] == "thing 7"


def test_what_shares_its_connection_runs_to_its_end(served, scratch):
    client = ask(served, "POST", "/single")
    wait_for(lambda: naps(scratch), 5, "the nap")
    client.close()
    wait_for(lambda: " 499 " in served.log(), 5, "the client's leaving")
    wait_for(lambda: scratch.sql("SELECT count(*) FROM note WHERE text = 'single'") == "1", 5, "the row")


class Neighbour(threading.Thread):
    """Reads, writes and renames until it is told to stop, and keeps what went wrong."""

    def __init__(self, server, seed):
        super().__init__()
        self.server, self.random, self.stopping, self.done, self.wrong = server, random.Random(seed), False, 0, []
        self.start()

    def run(self):
        while not self.stopping:
            id_ = self.random.randint(1, 100)
            kind = self.random.random()
            if kind < 0.6:
                answer = self.server.request("GET", f"/things/{id_}")
            elif kind < 0.8:
                answer = self.server.request("POST", "/notes", {"text": "by a neighbour"})
            else:
                answer = self.server.request("PATCH", f"/things/{id_}", {"name": f"thing {id_}"})
            self.done += 1
            if answer.status != 200 or (kind < 0.6 and answer.json["name"] != f"thing {id_}"):
                self.wrong.append((answer.status, answer.body))


def test_clients_that_leave_hurt_no_neighbour(served, scratch):
    """Each while its nap is under way, at no certain moment; the next one comes when the connection is free."""
    party = Party(f"ipc://{served.ipc}")
    watcher = party.peer()

    def napping():
        return [row for row in watcher.table("inflight") if "nap" in row["operation"]]

    neighbours = [Neighbour(served, seed) for seed in range(3)]
    chance = random.Random(7)
    for _ in range(100 if SLOW == 1 else 50):
        client = ask(served, *chance.choice(NAPS))
        wait_for(napping, 5, "the nap")
        time.sleep(chance.choice([0, 0, 0.001, 0.003, 0.01]))
        leave(client, reset=chance.random() < 0.9)
        wait_for(lambda: not napping(), 5, "the end of a nap of 30 s")
    wait_for(lambda: all(n.done > 100 for n in neighbours), 30, "some work of the neighbours")
    for neighbour in neighbours:
        neighbour.stopping = True
    for neighbour in neighbours:
        neighbour.join()
    assert not any(neighbour.wrong for neighbour in neighbours), [n.wrong[:3] for n in neighbours]
    wait_for(lambda: all_idle(scratch), 5, "rest")
    assert scratch.sql("SELECT count(*) FROM note WHERE text LIKE '% nap'") == "0"
    assert watcher.stats()["late"] == 0
    party.close()
