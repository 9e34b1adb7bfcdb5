# SPDX-License-Identifier: MPL-2.0
"""Nobody waits for the database: the concurrency proof, against real PostgreSQL, through HTTP."""
import json
import random
import socket
import threading
import time

import pytest

from conftest import SLOW, Server, wait_for

ENDPOINTS = """
-- @endpoint GET /wait/{n}
-- @operation wait_here
-- @path n int4
-- @returns row
SELECT :n AS n, pg_backend_pid() AS pid FROM pg_sleep(0.01);

-- @endpoint POST /slow
-- @operation slow_work
-- @slow
-- @returns row
WITH slept AS (SELECT pg_sleep(0.05))
UPDATE counter SET n = n + 1 FROM slept WHERE id = (SELECT 1 + floor(random() * 1000)::int) RETURNING counter.id;

-- @endpoint GET /things/{id}
-- @operation get_thing
-- @empty nothing
-- @error nothing 404 "No thing {id}"
-- @returns row
SELECT id, name FROM thing WHERE id = :id;
"""


class Client:
    """One keep-alive connection that speaks just enough HTTP, fast."""

    def __init__(self, server):
        self.socket = server.connect(timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, method, path):
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n".encode())

    def receive(self):
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        while len(self.buffer) < size:
            self.buffer += self.more()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return int(head[9:12]), json.loads(body) if body else None

    def more(self):
        data = self.socket.recv(65536)
        assert data, "the server closed the connection"
        return data

    def ask(self, method, path):
        self.send(method, path)
        return self.receive()


@pytest.fixture
def served(scratch, start):
    scratch.sql("""CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL);
                   INSERT INTO counter SELECT i, 0 FROM generate_series(1, 1000) i;
                   CREATE TABLE thing (id bigint PRIMARY KEY, name text);
                   INSERT INTO thing SELECT i, 'thing ' || i FROM generate_series(1, 1000) i;""")
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", str(scratch.folder), "--actors", "12", "--slow-actors", "10", "--access-log", "off",
                   database=scratch.url)
    wait_for(lambda: {s["service"]: s for s in server.show("services")}["db"]["workers"] == 12, what="12 actors")
    return server


def test_ten_requests_use_ten_connections_at_once(served):
    clients = [Client(served) for _ in range(10)]
    best = 1.0
    for attempt in range(20):
        start = time.monotonic()
        for n, client in enumerate(clients):
            client.send("GET", f"/wait/{n}")
        answers = [client.receive() for client in clients]
        best = min(best, time.monotonic() - start)
        assert [body["n"] for _, body in answers] == list(range(10))
        assert len({body["pid"] for _, body in answers}) == 10
    assert best < 0.030 * SLOW, f"{best * 1000:.1f} ms; one after the other would be 100"


def test_slow_work_keeps_to_its_share(served, scratch):
    """200 requests of 50 ms on ten actors; meanwhile the others do not wait for them."""
    took, latencies = [], []

    def slow(client):
        start = time.monotonic()
        for _ in range(4):
            client.send("POST", "/slow")  # pipelined writes run one after the other
        for _ in range(4):
            status, _body = client.receive()
            assert status == 200
        took.append(time.monotonic() - start)

    clients = [Client(served) for _ in range(50)]
    fast = Client(served)
    threads = [threading.Thread(target=slow, args=(client,)) for client in clients]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for _ in range(200):
        began = time.monotonic()
        n = random.randint(1, 1000)
        status, body = fast.ask("GET", f"/things/{n}")
        latencies.append(time.monotonic() - began)
        assert (status, body) == (200, {"id": n, "name": f"thing {n}"})
    for thread in threads:
        thread.join()
    total = time.monotonic() - start
    assert scratch.sql("SELECT sum(n) FROM counter") == "200"
    assert len(took) == 50
    assert 1.0 <= total <= 3 * SLOW, f"{total:.2f} s"  # one after the other they take 10 s
    latencies.sort()
    assert latencies[180] < 0.025 * SLOW, f"p90 {latencies[180] * 1000:.1f} ms"  # half of one that is slow


def test_every_reply_belongs_to_its_request(served):
    """50,000 mixed requests over 64 connections, each reply compared."""
    connections, per_thread, errors = 64, 16, []
    requests = 50000 // connections

    def work(seed, clients):
        chance = random.Random(seed)
        try:
            for _ in range(requests):
                expected = []
                for client in clients:
                    n = chance.randint(1, 1100)
                    client.send("GET", f"/things/{n}")
                    expected.append((200, {"id": n, "name": f"thing {n}"}) if n <= 1000 else (404, n))
                for client, want in zip(clients, expected):
                    status, body = client.receive()
                    if status == 404:
                        body = int(body["detail"].removesuffix(".").split()[-1])
                    assert (status, body) == want
        except Exception as error:  # told below, in the test's own thread
            errors.append(repr(error))

    groups = [[Client(served) for _ in range(per_thread)] for _ in range(connections // per_thread)]
    threads = [threading.Thread(target=work, args=(i, group)) for i, group in enumerate(groups)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    stats = served.show("stats")[0]
    assert stats["late"] == 0 and stats["in_flight"] <= 1
