# SPDX-License-Identifier: MPL-2.0
"""The admin address: what it answers, and that its figures are true."""
import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections import Counter

import pytest

from conftest import BINARY, ActorsProcess, BrokerProcess, GatewayProcess, free_port, psql, wait_for
from load import Load
from tokens import as_user


class Admin:
    """What is at an admin address."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flags = ["--admin", f"127.0.0.1:{self.port}"]

    def ask(self, path, method="GET", headers=None):
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def text(self):
        return self.ask("/metrics")[2].decode()

    def figures(self):
        """(name, labels): value."""
        found = {}
        for line in self.text().splitlines():
            if not line.startswith("#"):
                name, labels, value = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line).groups()
                found[name, labels or ""] = float(value)
        return found

    def sum(self, name, part=""):
        return sum(value for (each, labels), value in self.figures().items() if each == name and part in labels)


@pytest.fixture
def admin():
    return Admin()


def checked(text):
    """promtool's judgement of names, types, helps and values."""
    assert shutil.which("promtool"), "the package prometheus is to be installed"
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return text


def test_the_figures_add_up_to_what_was_sent(start, admin):
    server = start("--gateways", "2", *admin.flags)
    before = admin.figures()

    def ask(number):
        return [("GET", "/providers", None), ("GET", "/providers/1", None), ("GET", f"/providers/{number}00000", None),
                ("GET", "/providers/x", None), ("GET", "/nothing", None), ("PATCH", "/providers", None),
                ("GET", "/health/live", None),
                ("POST", "/memories", {"agent_id": 1, "content": "x"})][number % 8]

    with Load([server.port], ask) as load:
        load.more(500)
    sent = Counter(str(result.status) for result in load.results)

    def counted():
        after = admin.figures()
        grown = Counter()
        for (name, labels), value in after.items():
            if name == "muster_http_requests_total":
                grown[re.search(r'status="(\w+)"', labels).group(1)] += value - before.get((name, labels), 0)
        return +grown
    wait_for(lambda: counted() == sent, what=f"{sent}")
    after = admin.figures()
    total = sum(sent.values())

    def grown(name, part=""):
        return sum(value - before.get((each, labels), 0) for (each, labels), value in after.items()
                   if each == name and part in labels)
    assert grown("muster_http_request_duration_seconds_count") == total
    assert grown("muster_http_request_duration_seconds_bucket", 'le="+Inf"') == total
    operations = sum(value - before.get((name, labels), 0) for (name, labels), value in after.items()
                     if name == "muster_http_requests_total" and 'operation="(' not in labels)
    handed_on = operations - grown("muster_http_problems_total", 'code="invalid"')
    for name in ("muster_actor_requests_total", "muster_service_answers_total"):
        known = sum(value for (each, labels), value in before.items() if each == name and '="chat' not in labels)
        wait_for(lambda: admin.sum(name, '="db') == known + handed_on, what=name)
    assert grown("muster_http_sent_bytes_total") > 100 * total
    slowest = max(result.seconds for result in load.results)
    assert 0 < grown("muster_http_request_duration_seconds_sum") <= slowest * total
    checked(admin.text())


def test_decisions_are_counted(start, admin, gathering):
    """Of tokens and rate limits, and answers given again."""
    server = start("--rate-limits", "on", "--rate-read", "3", *admin.flags, dev=False, ready=False)
    wait_for(lambda: server.request("GET", "/health/ready").status == 200, what="being ready")
    own = as_user()
    statuses = [server.request("GET", "/providers/1", headers=own).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert server.request("GET", "/providers/1", headers={"Authorization": "Bearer x"}).status == 401
    for _ in range(3):
        key = {"Idempotency-Key": f"metrics-{admin.port}"}
        assert server.request("POST", "/providers", {"name": f"metrics {admin.port}"}, {**own, **key}).status == 201
    psql(f"DELETE FROM agent.providers WHERE name = 'metrics {admin.port}'", gathering)

    def grown(name, part):
        return admin.sum(name, part)
    assert wait_for(lambda: grown("muster_http_replayed_total", ""), what="the figures") == 2
    assert grown("muster_tokens_total", 'result="verified"') == 1 and grown("muster_tokens_total", 'result="cached"') == 7
    assert grown("muster_tokens_total", 'result="refused"') == 1
    decisions = {(tier, what): grown("muster_rate_limit_decisions_total", f'tier="{tier}",decision="{what}"')
                 for tier in ("read", "write", "failed_auth") for what in ("allowed", "refused")}
    assert decisions == {("read", "allowed"): 3, ("read", "refused"): 2, ("write", "allowed"): 3, ("write", "refused"): 0,
                         ("failed_auth", "allowed"): 1, ("failed_auth", "refused"): 0}
    assert "muster_redis_connected" not in admin.text()
    wait_for(lambda: "muster_revocation_snapshots_total 0" not in admin.text(), what="what was revoked before")
    checked(admin.text())


def test_every_part_has_figures_that_promtool_takes(gathering, tmp_path):
    admins = [Admin() for _ in range(3)]
    broker = BrokerProcess(tmp_path / "b", *admins[0].flags)
    gateway = GatewayProcess(tmp_path / "g", [broker], *admins[1].flags)
    actors = ActorsProcess(tmp_path / "a", [broker], gathering, "--actors", "2", *admins[2].flags)
    gateway.wait_ready()
    assert gateway.request("GET", "/providers").status == 200
    for each, prefix, others in ((admins[0], "muster_broker_", "muster_http_"),
                                 (admins[1], "muster_http_", "muster_actor_"),
                                 (admins[2], "muster_actor_", "muster_broker_")):
        text = checked(each.text())
        assert prefix in text and others not in text and "process_cpu_seconds_total" in text
    wait_for(lambda: admins[0].figures().get(("muster_service_workers", 'service="db"')) == 2, what="two workers")
    assert admins[0].sum("muster_service_credit_requests", '"db"') == admins[0].sum("muster_service_window_requests",
                                                                                    '"db"') == 64
    assert admins[2].sum("muster_actor_connection_state", 'state="ready"') == 2
    for process in (gateway, actors, broker):
        assert process.stop() == 0, process.log()


def test_a_database_that_is_away_shows(start, scratch, admin):
    start("--actors", "2", "--database-url", "postgresql://127.0.0.1:1/none", *admin.flags, ready=False)
    wait_for(lambda: admin.sum("muster_actor_connections_lost_total") >= 2, what="two failures")
    wait_for(lambda: admin.sum("muster_actor_connection_state", 'state="down"') == 2, what="both down")


def test_waiting_and_shed_requests_show(start, scratch, admin):
    scratch.sql("CREATE TABLE gate (id int); INSERT INTO gate VALUES (1)")
    scratch.endpoints("""-- @endpoint POST /wait
-- @operation wait
-- @returns none
-- @status 204
UPDATE gate SET id = id;
""")
    server = start("--actors", "1", "--window", "1", "--queue", "2", "--dir", scratch.folder, *admin.flags,
                   database=scratch.url)
    lock = subprocess.Popen(["psql", "-XqAt", "-d", scratch.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; SELECT id FROM gate FOR UPDATE;\n")
    lock.stdin.flush()
    assert lock.stdout.readline().strip() == "1"
    clients = []
    for expected in range(3):
        client = server.connect(30)
        client.sendall(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        clients.append(client)
        wait_for(lambda: admin.sum("muster_broker_requests_total") >= expected + 1, what="its arrival")
    wait_for(lambda: admin.sum("muster_service_queue_requests", '"db"') == 2, what="two that wait")
    wait_for(lambda: admin.sum("muster_service_queue_age_seconds", '"db"') > 0.1, what="their age")
    assert admin.sum("muster_service_queue_bytes", '"db"') > 50
    assert admin.sum("muster_service_credit_requests", '"db"') == 0
    assert admin.sum("muster_http_requests_in_flight") == 3
    assert admin.sum("muster_actor_pipeline_depth") > 0
    assert server.request("POST", "/wait").status == 503
    wait_for(lambda: admin.sum("muster_broker_unserved_total", '"overloaded"') >= 1, what="the shed request")
    assert admin.sum("muster_http_problems_total", '"overloaded"') == 1
    lock.communicate("COMMIT;\n")
    for client in clients:
        assert b" 204 " in client.recv(1000)
        client.close()
    wait_for(lambda: admin.sum("muster_actor_busy_seconds_total") > 0.1, what="busy time")


def test_what_the_admin_address_takes(start, admin):
    start(*admin.flags)
    assert admin.ask("/metrics")[1]["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert json.loads(admin.ask("/status.json")[2])["figures"]
    assert admin.ask("/", "HEAD")[0] == 200 and admin.ask("/", "HEAD")[2] == b""
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, headers, _ = admin.ask("/metrics", method)
        assert status == 405 and headers["Allow"] == "GET, HEAD"
    assert admin.ask("/providers")[0] == 404
    for host, status in (("evil.example", 403), ("localhost.evil.example:80", 403), ("127.0.0.1.evil.example", 403),
                         ("192.0.2.1", 403), ("x" * 200, 403), ("localhost", 200), (f"[::1]:{admin.port}", 200),
                         ("127.0.0.1", 200)):
        assert admin.ask("/metrics", headers={"Host": host})[0] == status, host
    with socket.create_connection(("127.0.0.1", admin.port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\nHost: x\r\n\r\n")
        answer = b""
        while chunk := client.recv(4096):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_many_connections_and_one_that_reads_nothing(start, admin):
    """Whoever holds all of them gets no further ones, and delays nobody but himself."""
    server = start(*admin.flags)
    clients = [socket.create_connection(("127.0.0.1", admin.port), timeout=5) for _ in range(40)]

    def ended(client):
        client.setblocking(False)
        try:
            return client.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def answers():
        try:
            return admin.ask("/")[0] == 200
        except OSError:
            return False
    wait_for(lambda: sum(map(ended, clients)) == 8, what="the end of those beyond 32")
    assert server.request("GET", "/providers").status == 200
    for client in clients:
        client.close()
    wait_for(answers, what="room")
    deaf = socket.create_connection(("127.0.0.1", admin.port), timeout=5)
    try:
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
    except ConnectionError:
        pass
    assert admin.ask("/metrics")[0] == 200 and server.request("GET", "/providers").status == 200
    deaf.close()


def test_an_address_that_cannot_be_had_is_told(start, admin):
    server = start(*admin.flags)
    done = subprocess.run([BINARY, "broker", "--ipc", server.ipc + "2", *admin.flags], capture_output=True, text=True)
    assert done.returncode == 1 and "choose another with --admin ADDRESS:PORT" in done.stderr
    done = subprocess.run([BINARY, "broker", "--admin", "example.com:1"], capture_output=True, text=True)
    assert done.returncode != 0 and "--admin is ADDRESS:PORT" in done.stderr
