# SPDX-License-Identifier: MPL-2.0
"""Writes with an Idempotency-Key: executed once, answered each time alike, whoever dies meanwhile."""
import concurrent.futures
import http.client
import itertools
import json
import os
import random
import subprocess
import threading
import time
from collections import Counter

import pytest

import mdp
import native
from conftest import BINARY, SLOW, Server, database_url, psql, wait_for

KEYS = int(os.environ.get("MUSTER_TEST_KEYS", 10000 if SLOW == 1 else 600))  # of the proof
THREADS = 24

ENDPOINTS = """
-- @endpoint POST /effects
-- @operation effect
-- @status 201
-- @location /effects/{id}
-- @body n int8
-- @body note jsonb ?
-- @returns row
INSERT INTO effects (n, note) VALUES (:n, :note) RETURNING id, n, random() AS luck;

-- @endpoint POST /judged/{n}
-- @operation judged
-- @error odd 409 "{n} is odd"
-- @returns row
WITH new AS (INSERT INTO effects (n) VALUES (:n) RETURNING id)
SELECT CASE WHEN (:n::int8) % 2 = 1 THEN 'odd' END AS _error, id, random() AS luck FROM new;

-- @endpoint POST /steps
-- @operation steps
-- @body n int8
-- @returns {"first": a.row, "second": b.row}

-- @step a
INSERT INTO effects (n) VALUES (:n) RETURNING id;

-- @step b
INSERT INTO others (id) VALUES (:a.id) RETURNING id, random() AS luck;

-- @endpoint DELETE /effects/{n}
-- @operation forget
-- @status 204
-- @returns none
DELETE FROM effects WHERE n = :n;

-- @endpoint POST /slowly
-- @operation slowly
-- @body n int8
-- @returns row
WITH new AS (INSERT INTO effects (n) VALUES (:n) RETURNING id)
SELECT id, pg_advisory_xact_lock_shared(7)::text AS passed FROM new;

-- @endpoint POST /large
-- @operation large
-- @body size int4
-- @returns row
INSERT INTO effects (n) VALUES (:size) RETURNING repeat('x', :size) AS text;

-- @endpoint POST /deferred
-- @operation deferred
-- @body n int8
-- @error twice 409 "{n} is there" on 23505
-- @returns row
INSERT INTO deferred (n) VALUES (:n) RETURNING n;

-- @endpoint GET /effects
-- @operation count_effects
-- @returns value
SELECT count(*) FROM effects;
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """A database with the table of answers, and a server at it."""
    folder = tmp_path_factory.mktemp("keyed")
    name = f"keyed_{os.getpid()}"
    url = database_url(name)
    psql(f'CREATE DATABASE "{name}"')
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_effects.sql").write_text(
        "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int8, note jsonb); "
        "CREATE TABLE others (id int8); CREATE TABLE deferred (n int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    subprocess.run([BINARY, "migrate", "--dir", folder, "--database-url", url], check=True, capture_output=True)
    server = Server(folder, url, "--dir", folder, "--actors", "4").wait_ready()
    server.sql = lambda text: psql(text, url)
    server.folder = folder
    yield server
    assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def served(everything):
    everything.sql("TRUNCATE effects, others, deferred, muster.answers")
    return everything


def post(server, path, body, key):
    return server.request("POST", path, body, {"Idempotency-Key": key})


class Gate:
    """Holds /slowly up until it is opened."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-d", self.server.database], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write("SELECT pg_advisory_lock(7);\n\\echo closed\n")
        self.psql.stdin.flush()
        while self.psql.stdout.readline() != "closed\n":
            pass
        return self

    def waiting(self):
        """The application_name of who waits at it."""
        return wait_for(lambda: self.server.sql(
            "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory' "
            "AND datname = current_database()"), what="somebody at the gate")

    def open(self):
        self.psql.communicate()

    def __exit__(self, *_):
        if self.psql.poll() is None:
            self.open()


def seen(answer):
    """What of an answer must be the same each time."""
    return answer.status, answer.headers["Location"], answer.headers["Content-Type"], answer.body


def replayed(answer):
    return answer.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path, body", [("/effects", {"n": 2}), ("/judged/2", {}), ("/steps", {"n": 2})])
def test_the_same_answer(served, path, body):
    first, second = post(served, path, body, '"k"'), post(served, path, body, "k")
    assert first.status in (200, 201) and not replayed(first), first.body
    assert seen(first) == seen(second) and replayed(second)
    other = post(served, path, body, '"other"')
    assert other.status == first.status and other.body != first.body and not replayed(other)
    assert served.sql("SELECT count(*) FROM effects") == "2"


def test_an_answer_without_content(served):
    for again in (False, True):
        answer = served.request("DELETE", "/effects/1", headers={"Idempotency-Key": "d"})
        assert answer.status == 204 and answer.body == b"" and replayed(answer) == again


def test_another_request(served):
    assert post(served, "/effects", {"n": 1, "note": {"a": 1}}, "k").status == 201
    for path, body in (("/effects", {"n": 2, "note": {"a": 1}}), ("/effects", {"n": 1, "note": {"a": 2}}),
                       ("/effects", {"n": 1}), ("/effects", {"n": 1, "note": None}), ("/steps", {"n": 1})):
        answer = post(served, path, body, "k")
        assert answer.status == 422 and answer.json["code"] == "key_reused", (body, answer.body)
    again = served.request("POST", "/effects", b'{"note": {"a":1} , "n":1}',
                           {"Idempotency-Key": "k", "Content-Type": "application/json"})
    assert again.status == 201 and replayed(again)
    assert served.sql("SELECT count(*) FROM effects") == "1"


def test_bad_keys(served):
    for key in ("", '""', "a b", "k" * 256, '"a', "ä"):
        answer = served.request("POST", "/effects", {"n": 1}, {"Idempotency-Key": key.encode().decode("latin-1")})
        assert answer.status == 400 and "Idempotency-Key" in answer.json["detail"], (key, answer.body)
    raw = served.raw(b"POST /effects HTTP/1.1\r\nHost: h\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n"
                     b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{\"n\":1}")
    assert raw.startswith(b"HTTP/1.1 400"), raw
    assert served.request("GET", "/effects", headers={"Idempotency-Key": "a b"}).body == b"0"


def test_refusals_are_not_kept(served):
    for _ in range(2):
        answer = post(served, "/judged/3", {}, "odd")
        assert answer.status == 409 and answer.json["code"] == "odd" and not replayed(answer)
    served.sql("INSERT INTO deferred VALUES (1)")
    assert post(served, "/deferred", {"n": 1}, "d").status == 409
    served.sql("DELETE FROM deferred")
    assert post(served, "/deferred", {"n": 1}, "d").status == 200
    large = post(served, "/large", {"size": 1100000}, "l")
    assert large.status == 500 and large.json["code"] == "result_too_large"
    assert served.sql("SELECT count(*) FROM effects") == "0"
    assert served.sql("SELECT key FROM muster.answers") == "d"
    ok = post(served, "/large", {"size": 1000000}, "l")
    assert ok.status == 200 and post(served, "/large", {"size": 1000000}, "l").body == ok.body
    assert served.request("POST", "/large", {"size": 1100000}).status == 200


def test_one_under_way(served):
    with concurrent.futures.ThreadPoolExecutor() as pool, Gate(served) as gate:
        slow = pool.submit(post, served, "/slowly", {"n": 1}, "s")
        gate.waiting()
        answer = post(served, "/slowly", {"n": 1}, "s")
        assert answer.status == 409 and answer.json["code"] == "key_busy" and answer.headers["Retry-After"] == "1"
        gate.open()
        first = slow.result()
    assert first.status == 200
    again = post(served, "/slowly", {"n": 1}, "s")
    assert seen(again) == seen(first) and replayed(again)
    assert served.sql("SELECT count(*) FROM effects") == "1"


def test_every_way(served):
    """The developer is one principal by HTTP and over tcp, whatever the dialect; at the local socket there is another."""
    answer = post(served, "/effects", {"n": 1}, "w")
    crowd, party = mdp.Crowd(served.zmq), native.Party(f"ipc://{served.ipc}", served.zmq)
    try:
        client, peer = crowd.client(), party.peer("tcp")
        for n, code in ((1, None), (2, "key_reused")):
            error, result = client.response("db", client.ask("db", "effect", {"n": n}, {"idempotency_key": "w"}))
            assert (error["code"] if error else result == answer.json and None) == code, (error, result)
        id_ = peer.ask("db", "effect", {"n": 1}, key=b"w")
        record = peer.expect(native.FINAL)
        assert (record.id, record.number, native.value(record.body)) == (id_, 1, answer.json)
        again = peer.ask("db", "effect", {"n": 1}, key=b"x")
        record = peer.expect(native.FINAL)
        assert (record.id, record.number) == (again, 0)
    finally:
        crowd.close()
        party.close()
    assert served.sql("SELECT count(*) FROM effects") == "2"
    first, second = (served.call("effect", "n=1", "--key", "w") for _ in range(2))
    assert first.returncode == second.returncode == 0 and first.stdout == second.stdout != ""
    assert served.sql("SELECT count(*) FROM effects") == "3"
    assert served.sql("SELECT count(DISTINCT principal) FROM muster.answers WHERE key = 'w'") == "2"


def test_old_answers_go(served):
    served.sql("INSERT INTO muster.answers (principal, key, fingerprint, created_at) "
               "SELECT 'p', i::text, '', now() - interval '1 minute' * i FROM generate_series(1, 3000) i")
    served.kill()  # a server sweeps soon after its start, then each minute
    served.begin()
    wait_for(lambda: served.sql("SELECT count(*) < 1440 FROM muster.answers") == "t", 20, what="the sweep")
    assert served.sql("SELECT max(key::int) BETWEEN 1400 AND 1439 FROM muster.answers") == "t"
    served.wait_ready()


def test_without_the_table(scratch, start):
    scratch.sql("CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int8, note jsonb); "
                "CREATE TABLE others (id int8); CREATE TABLE deferred (n int8)")
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", scratch.folder, "--actors", "2", database=scratch.url)
    answer = post(server, "/effects", {"n": 1}, "k")
    assert answer.status == 501 and answer.json["code"] == "not_implemented"
    assert server.request("POST", "/effects", {"n": 1}).status == 201
    server.logged("no table muster.answers")


def test_chat(shared, gathering):
    """A conversation turn with a key: both messages and the answer are stored together, once."""
    agent = psql("SELECT min(id) FROM agent.agents WHERE is_active", gathering)
    path, message = f"/agents/{agent}/chat", {"message": "exactly once"}
    said = f"SELECT count(*) FROM communication.chat_history WHERE agent_id = {agent} AND content = 'exactly once'"
    first, second = (post(shared, path, message, "turn") for _ in range(2))
    assert first.status == 200 and seen(first) == seen(second), (first.body, second.body)
    assert replayed(second) and not replayed(first)
    assert psql(said, gathering) == "1"
    other = post(shared, path, {"message": "something else"}, "turn")
    assert other.status == 422 and other.json["code"] == "key_reused"
    psql("INSERT INTO muster.answers (principal, key, fingerprint, claim, claimed_until) SELECT principal, 'turn2', "
         "fingerprint, 'x', now() + interval '1 hour' FROM muster.answers WHERE key = 'turn'", gathering)
    busy = post(shared, path, message, "turn2")
    assert busy.status == 409 and busy.json["code"] == "key_busy" and busy.headers["Retry-After"] == "1"
    psql("UPDATE muster.answers SET claimed_until = now() - interval '1 s' WHERE key = 'turn2'", gathering)
    assert post(shared, path, message, "turn2").status == 200  # whoever had it has died
    assert psql(said, gathering) == "2"
    assert post(shared, "/agents/999999/chat", message, "turn3").status == 404
    wait_for(lambda: psql("SELECT count(*) FROM muster.answers WHERE key = 'turn3'", gathering) == "0", what="a free key")
    psql("DELETE FROM communication.chat_history WHERE content LIKE '%exactly once%'; TRUNCATE muster.answers",
         gathering)


def test_the_actor_dies(served, parts):
    """The gateway asks again by itself: a keyed write gets an answer, others an unknown outcome."""
    broker = parts.broker(tcp=True)
    actors = {name: parts.actors([broker], "--dir", served.folder, "--actors", "1",
                                 database=f"{served.database}&application_name={name}") for name in ("one", "two")}
    gateway = parts.gateway([broker]).wait_ready()
    wait_for(lambda: sum(worker["service"] == "db" for worker in broker.show("workers")) == 2, what="both actors")
    for key, expected in (("again", 200), (None, 504)):
        headers = {"Idempotency-Key": key} if key else {}
        with concurrent.futures.ThreadPoolExecutor() as pool, Gate(served) as gate:
            answer = pool.submit(gateway.request, "POST", "/slowly", {"n": 1}, headers)
            name = gate.waiting()
            actors[name].kill()
            gate.open()
            answer = answer.result()
        while answer.status == 409:  # the server has not noticed yet that nobody waits for the first
            assert key and answer.json["code"] == "key_busy"
            answer = post(gateway, "/slowly", {"n": 1}, key)
        assert answer.status == expected, answer.body
        if key:
            assert served.sql("SELECT count(*) FROM effects") == "1"
            actors[name].begin()
            wait_for(lambda: sum(worker["service"] == "db" for worker in broker.show("workers")) == 2, what="both again")


def test_after_a_restart(served):
    answer = post(served, "/effects", {"n": 1}, "r")
    served.kill()
    served.begin()
    wait_for(served.listens, what="the server's port")
    served.wait_ready()
    again = post(served, "/effects", {"n": 1}, "r")
    assert seen(again) == seen(answer) and replayed(again)


class Insistent:
    """Sends each key three times at once, by two gateways, and each until there is an answer to keep."""

    def __init__(self, gateways):
        self.ports = [gateway.port for gateway in gateways]
        self.unsettled = True  # more keys, however many there were
        keys = itertools.takewhile(lambda n: n < KEYS or self.unsettled, itertools.count())
        self.work = itertools.chain.from_iterable(itertools.repeat(n, 3) for n in keys)
        self.lock, self.under_way = threading.Lock(), THREADS
        self.answers, self.setbacks, self.broken = {}, Counter(), []

    def ask(self, connections, n, turn):
        port = self.ports[turn % 2]
        connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=40 * SLOW))
        try:
            connection.request("POST", "/effects", json.dumps({"n": n}),
                               {"Content-Type": "application/json", "Idempotency-Key": f"key-{n}"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location"), answer.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            return 0, None, b""

    def insist(self, connections, n):
        for turn in itertools.count(random.randrange(2)):
            status, location, body = self.ask(connections, n, turn)
            if status == 201:
                return location, body
            code = json.loads(body)["code"] if body else "cut"
            assert status in (0, 503, 504) or code == "key_busy", (status, body)
            self.setbacks[code] += 1
            time.sleep(0.02)

    def run(self):
        connections = {}
        try:
            while True:
                with self.lock:
                    n = next(self.work, None)
                if n is None:
                    return
                answer = self.insist(connections, n)
                with self.lock:
                    self.answers.setdefault(n, []).append(answer)
        except Exception as error:  # the thread's end must not go unnoticed
            self.broken.append(repr(error))
        finally:
            with self.lock:
                self.under_way -= 1

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.unsettled = False
        for thread in self.threads:
            thread.join()
        assert not self.broken, self.broken


def test_proof(served, parts):
    """Connections to PostgreSQL and gateways die all the time: what was done is done once, and told alike."""
    broker = parts.broker(tcp=True)
    actors = [parts.actors([broker], "--dir", served.folder, "--actors", "3", database=served.database)
              for _ in range(2)]
    gateways = [parts.gateway([broker]).wait_ready() for _ in range(2)]
    killed = Counter()
    with Insistent(gateways) as clients:
        while clients.under_way and not clients.broken:
            time.sleep(0.2)
            killed["backends"] += served.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE 'muster db%' ORDER BY random() LIMIT 1") == "t"
            killed["turns"] += 1
            victims = {2: ("gateways", gateways), 5: ("actors", actors)}.get(killed["turns"] % 6)
            if victims:
                victim = victims[1][killed["turns"] // 6 % 2]
                victim.kill()
                victim.begin()
                killed[victims[0]] += 1
            clients.unsettled = not (killed["backends"] and killed["turns"] >= 12)  # each gateway and actor once
    print(dict(killed), dict(clients.setbacks))
    keys = len(clients.answers)
    assert keys >= KEYS and served.sql("SELECT count(*), count(DISTINCT n) FROM effects") == f"{keys}|{keys}"
    for n, answers in clients.answers.items():
        assert len(answers) == 3 and len(set(answers)) == 1 and json.loads(answers[0][1])["n"] == n, answers
