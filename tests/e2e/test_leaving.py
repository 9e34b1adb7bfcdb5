# SPDX-License-Identifier: MPL-2.0
"""A gateway that leaves: who has connected is served, and with --drain-delay a load balancer has time to notice."""
import http.client
import json
import signal
import socket
import threading

import pytest

from conftest import SLOW, wait_for

ENDPOINTS = """
-- @endpoint GET /echo/{n}
-- @operation echo
-- @tier read
-- @returns value
SELECT :n::int8;

-- @endpoint POST /marks
-- @operation mark
-- @tier write
-- @body n int8
-- @returns row
INSERT INTO marks (n) VALUES (:n) RETURNING n;
"""


@pytest.fixture
def api(scratch):
    scratch.sql("CREATE TABLE marks (n int8)")
    scratch.endpoints(ENDPOINTS)
    return scratch


class Proxy:
    """Asks one of two gateways, each time over a new connection, and the other when the first refuses the connection:
    what a load balancer may do with any request."""

    def __init__(self, gateways):
        self.ports = [gateway.port for gateway in gateways]
        self.answered, self.broken, self.over = 0, [], threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.broken, self.broken

    def run(self):
        while not self.over.is_set() and not self.broken:
            with self.lock:
                self.answered += 1
                number = self.answered
            try:
                self.one(number)
            except Exception as error:
                self.broken.append(repr(error))

    def one(self, number):
        for port in (self.ports[number % 2], self.ports[1 - number % 2]):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * SLOW)
            try:
                connection.connect()
            except ConnectionRefusedError:
                continue
            connection.request("POST", "/marks", json.dumps({"n": number}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            connection.close()
            if status == 503 and json.loads(body)["code"] == "not_ready":  # begins: it knows no endpoints yet
                continue
            assert status == 200 and json.loads(body) == {"n": number}, (status, body)
            return
        raise AssertionError("both refuse")

    def more(self, count):
        goal = self.answered + count
        wait_for(lambda: self.answered >= goal or self.broken, 30, "answers")


def test_no_connection_is_reset_when_gateways_leave(api, parts):
    broker = parts.broker()
    parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateways = [parts.gateway([broker]).logged("ready") for _ in range(2)]
    with Proxy(gateways) as proxy:
        for turn in range(6):
            leaving = gateways[turn % 2]
            proxy.more(100)
            assert leaving.stop() == 0
            proxy.more(100)
            leaving.begin()
            wait_for(lambda: leaving.listens() and leaving.request("GET", "/health/ready").status == 200, 10, "readiness")


def test_who_waited_to_be_accepted_is_served(start, api):
    """A stopped process leaves connections to the kernel. When it goes on, it learns of them and of its end at once."""
    server = start("--dir", api.folder, database=api.url)
    server.send(signal.SIGSTOP)
    clients = [server.connect(20 * SLOW) for _ in range(40)]
    for client in clients[:20]:
        client.sendall(b"GET /echo/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    server.send(signal.SIGTERM)
    server.send(signal.SIGCONT)
    server.logged("stopping")
    wait_for(lambda: not server.listens(), 20, "the gateway's end")
    for client in clients[20:]:
        client.sendall(b"GET /echo/7 HTTP/1.1\r\nHost: a\r\n\r\n")
    for n, client in enumerate(clients):
        answer = server.read_all(client)
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n7"), answer
        assert n < 20 or b"\r\nConnection: close\r\n" in answer  # the others' may have left before the gateway knew
        client.close()
    assert server.stop() == 0


def test_a_body_under_way_is_waited_for(start, api):
    server = start("--dir", api.folder, "--drain", "60s", database=api.url)
    with server.connect(20 * SLOW) as client, server.connect(20 * SLOW) as idle:
        for connection in client, idle:  # both have had an answer: who has not is waited for anyway
            connection.sendall(b"GET /echo/7 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.recv(4096).endswith(b"7")
        client.sendall(b"POST /marks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{")
        wait_for(lambda: server.request("GET", "/echo/1").status == 200)  # the gateway has read that by now
        server.send(signal.SIGTERM)
        assert idle.recv(1) == b""
        client.sendall(b'"n": 1}')
        assert server.read_all(client).startswith(b"HTTP/1.1 503 ")  # not the first of its connection; a definite answer
    assert server.stop() == 0
    assert api.sql("SELECT count(*) FROM marks") == "0"


def test_a_load_balancer_has_time_to_notice(start, api):
    server = start("--dir", api.folder, "--drain-delay", "600s", database=api.url)
    with server.connect() as kept:
        server.send(signal.SIGTERM)
        answer = wait_for(lambda: (got := server.request("GET", "/health/ready")).status == 503 and got, what="no readiness")
        assert answer.json == {"ready": False, "reason": "shutting_down"}
        assert server.request("GET", "/health/live").status == 200
        for n in range(20):  # new connections, too
            answer = server.request("POST", "/marks", {"n": n})
            assert answer.status == 200 and answer.headers["Connection"] == "close"
        kept.sendall(b"GET /echo/7 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert server.read_all(kept).startswith(b"HTTP/1.1 200 ")
    server.running()
    server.send(signal.SIGTERM)  # a second one ends the wait
    assert server.process.wait(20 * SLOW) == 0
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port)):
        pass
