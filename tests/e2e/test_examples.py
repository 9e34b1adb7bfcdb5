# SPDX-License-Identifier: MPL-2.0
"""The Python programs of docs/examples, by the commands of their README, against real servers. (Those in C:
test_libmuster.py.)"""
import json
import queue
import re
import shlex
import signal
import subprocess
import threading

import pytest

from conftest import BINARY, SLOW, SOURCE, wait_for
from mdp import Crowd

EXAMPLES = SOURCE / "docs/examples"
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", (EXAMPLES / "README.md").read_text(), re.S)
            for line in block.splitlines()]
LINES = re.search(r"```text\n(get_provider .*?)```", (EXAMPLES / "README.md").read_text(), re.S).group(1).splitlines()


def command(words, endpoint=None):
    """The README's one command that begins so, for an endpoint (or several) of the test."""
    [found] = [line for line in COMMANDS if line.startswith(words)]
    if endpoint:
        found, count = re.subn(r"tcp://\S+", endpoint, found)
        assert count == 1
    found = found.replace("python3", "/usr/bin/python3", 1)
    return re.sub(r"^muster", BINARY, found)


def run(text):
    return subprocess.run(["bash", "-c", text], cwd=EXAMPLES, capture_output=True, text=True, timeout=30 * SLOW)


def test_every_command_is_tried():
    assert len(COMMANDS) == 10 and {line.split()[0] for line in COMMANDS} == {"python3", "muster", "curl", "cc", "./client"}


# client.py

def test_the_client(shared):
    text = command("python3 client.py", shared.zmq)
    done = run(text)
    assert done.returncode == 0 and json.loads(done.stdout)["name"] == "anthropic", done.stderr
    done = run(text.replace('"id": 1', '"id": 999'))
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "provider_not_found"
    done = run(text.replace("""'{"id": 1}'""", ""))
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "invalid"
    done = run(text.replace("get_provider", "list_providers").replace("""'{"id": 1}'""", ""))
    assert done.returncode == 0 and json.loads(done.stdout)["providers"]


def test_the_client_of_a_broker_that_is_not_there():
    done = run(command("python3 client.py", "ipc:///nonexistent/socket"))
    assert done.returncode == 1 and done.stderr == "ipc:///nonexistent/socket does not answer\n" and not done.stdout


# failover.py

class Failover:
    """failover.py as a process: a line in, a line out."""

    def __init__(self, endpoints):
        self.process = subprocess.Popen(shlex.split(command("python3 failover.py", ",".join(endpoints))), cwd=EXAMPLES,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()

    def send(self, line):
        self.process.stdin.write(line + "\n")

    def answer(self):
        return json.loads(self.lines.get(timeout=20 * SLOW))

    def ask(self, line):
        self.send(line)
        return self.answer()

    def end(self):
        """What it told of brokers."""
        self.process.stdin.close()
        told = self.process.stderr.read().splitlines()
        assert self.process.wait(20 * SLOW) == 0, told
        return told


@pytest.fixture
def failover():
    """Starts it at endpoints."""
    started = []

    def begin(*endpoints):
        started.append(Failover(endpoints))
        return started[-1]

    yield begin
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


@pytest.fixture
def two(parts):
    """Two brokers with actors at both."""
    brokers = [parts.broker(tcp=True), parts.broker(tcp=True)]
    parts.actors(brokers, "--actors", "2").logged("ready")
    for broker in brokers:
        wait_for(lambda b=broker: working(b), what="actors at each broker")
    return brokers


def working(broker):
    return any(row["service"] == "db" and row["workers"] for row in broker.show("services"))


def test_a_broker_is_killed_and_the_other_one_asked(two, failover):
    program = failover(*(broker.endpoint for broker in two))
    get, update = LINES
    for victim in two:
        assert program.ask(get)["name"] == "anthropic"
        assert victim.show("stats")[0]["answered"] > 0
        victim.kill()
        assert program.ask(update)["pricing_in"] == "3.0000"
        assert program.ask(get)["name"] == "anthropic"
        assert program.ask('get_provider {"id": 999}')["code"] == "provider_not_found"  # final, asked once
        victim.begin()
        wait_for(lambda b=victim: working(b), what="actors at the broker that is back")
    assert program.ask(get)["name"] == "anthropic"
    assert program.end() == [f"{broker.endpoint} failed" for broker in two]


def models(broker):
    return json.loads(broker.call("list_models").stdout)["total"]


@pytest.mark.parametrize("line,code", [(LINES[0], None), (LINES[1], None), (
    'create_model {"provider_id": 1, "model_name": "made once"}', "outcome_unknown")], ids=["read", "update", "insert"])
def test_what_may_have_run_is_sent_again_only_when_that_is_safe(two, failover, line, code):
    """The first broker stands still with the request."""
    first, second = two
    program = failover(first.endpoint, second.endpoint)
    assert program.ask(LINES[0])["name"] == "anthropic"
    before = models(second)
    first.send(signal.SIGSTOP)
    answer = program.ask(line)
    first.kill()
    assert answer.get("code") == code
    assert models(second) == before  # neither there nor here
    assert program.ask(LINES[0])["name"] == "anthropic"
    assert program.end() == [f"{first.endpoint} failed"]


def test_what_has_certainly_not_run_is_sent_again_in_any_case(two, failover):
    first, second = two
    program = failover(first.endpoint, second.endpoint)
    first.kill()
    new = 'create_model {"provider_id": 1, "model_name": "made at the other"}'
    answer = program.ask(new)
    assert answer["model_name"] == "made at the other"
    assert second.call("delete_model", f"id={answer['id']}").returncode == 0
    assert program.end() == [f"{first.endpoint} failed"]


def test_all_brokers_are_away(failover):
    program = failover("ipc:///nonexistent/a", "ipc:///nonexistent/b")
    assert program.ask(LINES[0])["code"] == "not_sent"
    assert len(program.end()) == 4


# worker.py

@pytest.fixture
def worker():
    """Starts it at an endpoint; it must end well by SIGTERM."""
    started = []

    def begin(endpoint):
        started.append(subprocess.Popen(shlex.split(command("python3 worker.py", endpoint)), cwd=EXAMPLES,
                                        stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.terminate()
        said = process.communicate(timeout=20 * SLOW)[1]
        assert process.returncode == 0 and not said, said


def embedders(broker):
    return [row for row in broker.show("workers") if row["service"] == "embed"]


VECTORS = {"vectors": [[0, 0, 0, 0, 2, 1, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]]}  # of "to be or not to be"


def test_the_worker(start, worker):
    server = start()
    process = worker(server.zmq)
    wait_for(lambda: server.request("POST", "/embed", {"texts": []}).status == 422, what="the endpoint")
    done = run(command("curl -s").replace("http://127.0.0.1:8000", server.url))
    assert json.loads(done.stdout) == VECTORS, done
    done = run(command("muster call embed") + f" --ipc {server.ipc}")
    assert json.loads(done.stdout) == VECTORS, done
    # Refused by the gateway, and by the worker, which goes on.
    for body in ({}, {"texts": "to be"}, {"texts": [1]}, {"texts": ["x"] * 101}):
        answer = server.request("POST", "/embed", body)
        assert (answer.status, answer.json["code"]) == (422, "invalid"), answer.body
    crowd = Crowd(server.zmq)
    try:
        client = crowd.client(2)
        for params in ([], [None], [{}], [{"texts": "to be"}], [{"texts": [1]}]):
            assert client.refused("embed", "embed", *params) == "invalid"
        assert client.call("embed", "embed", {"texts": ["to be or not to be"]}) == VECTORS
    finally:
        crowd.close()
    assert "/embed" in server.request("GET", "/openapi.json").json["paths"]
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(20 * SLOW)
    wait_for(lambda: not embedders(server), what="its end to be known")
    assert server.request("POST", "/embed", {"texts": ["x"]}).status == 503


def test_the_worker_keeps_its_heartbeats_and_comes_back_after_a_restart(parts, worker):
    broker = parts.broker(tcp=True)
    gateway = parts.gateway([broker])
    process = worker(broker.endpoint)

    def served():
        return gateway.request("POST", "/embed", {"texts": ["to be or not to be"]}).status == 200

    wait_for(served, what="the endpoint")
    for way in (broker.stop, broker.kill):
        way()
        wait_for(lambda: not served(), what="the broker's loss")
        broker.begin()
        wait_for(served, 20, "service after the broker's return")
    # Idle, it is heard again and again, and stays the same registration.
    [row] = embedders(broker)
    silences = [row["silent_ms"]]

    def heard_again():
        silences.append(embedders(broker)[0]["silent_ms"])
        return sum(later < earlier for earlier, later in zip(silences, silences[1:])) >= 3

    wait_for(heard_again, 30, "its heartbeats")
    assert [row["epoch"]] == [row["epoch"] for row in embedders(broker)]
    assert process.poll() is None
