# SPDX-License-Identifier: MPL-2.0
"""Broker, gateway and actors as processes of their own; several brokers, of which one dies under load."""
import os
import re
import signal
import subprocess

import pytest

from conftest import BINARY, psql, wait_for
from load import Load

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

-- @endpoint GET /nap/{n}
-- @operation nap
-- @tier read
-- @returns row
SELECT :n::int8 AS n, pg_sleep(1.5);

-- @endpoint POST /nap
-- @operation nap_mark
-- @tier write
-- @body n int8
-- @returns row
INSERT INTO marks (n) SELECT :n FROM pg_sleep(1.5) RETURNING n;
"""


@pytest.fixture
def api(scratch):
    scratch.sql("CREATE TABLE marks (n int8)")
    scratch.endpoints(ENDPOINTS)
    return scratch


def ask(number):
    return ("POST", "/marks", {"n": number}) if number % 3 == 0 else ("GET", f"/echo/{number}", None)


def judge(load, api):
    """Every answer is the one to its request, and says what happened."""
    marks = api.sql("SELECT n FROM marks").split()
    assert len(marks) == len(set(marks)), "executed twice"
    done = set(map(int, marks))
    for result in load.results:
        if result.status < 300:
            assert result.body == ({"n": result.number} if result.method == "POST" else result.number), result
            assert result.method == "GET" or result.number in done, result
        else:
            assert (result.status, result.code) in (
                (503, "no_worker"), (503, "not_ready"), (503, "worker_lost"), (503, "shutting_down"),
                (504, "outcome_unknown")), result
            assert result.status != 503 or result.number not in done, result
            assert result.status != 504 or result.method == "POST", result
    return load


@pytest.mark.parametrize("tcp", [False, True], ids=["ipc", "tcp"])
def test_three_processes(api, parts, tcp):
    broker = parts.broker(tcp=tcp)
    actors = parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateway = parts.gateway([broker]).logged("ready").wait_ready()
    assert gateway.request("GET", "/echo/7").json == 7
    assert gateway.request("POST", "/marks", {"n": 7}).json == {"n": 7}
    assert gateway.request("GET", "/openapi.json").status == 200
    names = {check["name"]: check["status"] for check in gateway.request("GET", "/health/checks").json["checks"]}
    assert names[f"Broker {broker.endpoint}"] == "healthy"
    assert broker.call("echo", "n=8").stdout == "8\n"
    # Each can be started again, in any order, and the others go on.
    assert gateway.stop() == 0
    assert actors.stop() == 0
    wait_for(lambda: broker.show("services")[0]["workers"] == 0, what="the workers to be gone")
    gateway = parts.gateway([broker])
    assert gateway.request("GET", "/echo/7").status == 503
    parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateway.wait_ready()
    assert gateway.request("GET", "/echo/9").json == 9
    assert broker.stop() == 0
    wait_for(lambda: gateway.request("GET", "/echo/9").status == 503, what="the broker's loss to be noticed")
    answer = gateway.request("GET", "/echo/9")
    assert answer.json["code"] == "not_ready" and answer.headers["Retry-After"] == "1"
    assert gateway.request("GET", "/health/ready").json == {"ready": False, "reason": "no_broker"}
    assert gateway.request("GET", "/health/live").status == 200
    broker.begin()
    wait_for(lambda: gateway.request("GET", "/echo/9").status == 200, what="service with the broker's return")


def test_parts_wait_for_a_broker(api, parts):
    """Whoever starts first waits."""
    broker = parts.broker()
    assert broker.stop() == 0
    gateway = parts.gateway([broker])
    assert gateway.request("GET", "/echo/1").status == 503
    actors = parts.actors([broker], "--dir", api.folder, database=api.url).logged("actors for 5 operations")
    assert "ready" not in gateway.log() + actors.log()
    broker.begin()
    gateway.logged("ready").wait_ready()
    actors.logged("ready")


def two_of_each(api, parts):
    brokers = [parts.broker(), parts.broker()]
    for order in (brokers, brokers[::-1]):
        parts.actors(order, "--dir", api.folder, "--actors", "2", database=api.url).logged("ready")
    gateways = [parts.gateway(brokers).wait_ready() for _ in range(2)]
    for gateway in gateways:
        wait_for(lambda g=gateway: g.log().count("answers") == 2, what="both brokers to answer")
    for broker in brokers:
        wait_for(lambda b=broker: served(b), what="workers at both brokers")
    return brokers, gateways


def served(broker):
    return any(service["service"] == "db" and service["workers"] for service in broker.show("services"))


def answered(broker):
    return sum(service["answered"] for service in broker.show("services") if service["service"] == "db")


def test_load_is_spread_over_brokers(api, parts):
    brokers, gateways = two_of_each(api, parts)
    before = [answered(broker) for broker in brokers]
    with Load([gateway.port for gateway in gateways], ask) as load:
        load.more(500)
    judge(load, api)
    shares = [answered(broker) - old for broker, old in zip(brokers, before)]
    assert all(result.status < 300 for result in load.results), load.counts()
    assert min(shares) > 0.3 * sum(shares), shares


def test_a_broker_is_killed_and_comes_back(api, parts):
    brokers, gateways = two_of_each(api, parts)
    with Load([gateway.port for gateway in gateways], ask) as load:
        for victim in brokers:
            load.more(200)
            victim.kill()
            load.more(200)
            for gateway in gateways:
                gateway.logged(f"the broker at {victim.endpoint} does not answer")
            done = len(load.results)
            load.more(200)
            assert all(result.status < 300 for result in load.results[done + 20:]), load.counts()
            victim.begin()
            wait_for(lambda: served(victim), what="workers at the broker that is back")
            wait_for(lambda: answered(victim) > 20, what="work for the broker that is back")
    judge(load, api)
    assert not any(result.method == "GET" and result.status != 200 for result in load.results), load.counts()
    assert max(result.seconds for result in load.results) < 10


def test_a_broker_stands_still_and_goes_on(api, parts):
    brokers, gateways = two_of_each(api, parts)
    with Load([gateway.port for gateway in gateways], ask) as load:
        load.more(200)
        brokers[0].send(signal.SIGSTOP)
        for gateway in gateways:
            gateway.logged(f"the broker at {brokers[0].endpoint} does not answer")
        load.more(200)
        done = len(load.results)
        load.more(200)
        assert all(result.status < 300 for result in load.results[done + 20:]), load.counts()
        before = None
        brokers[0].send(signal.SIGCONT)
        wait_for(lambda: served(brokers[0]), what="workers at the broker that goes on")
        before = answered(brokers[0])
        wait_for(lambda: answered(brokers[0]) > before + 20, what="work for the broker that goes on")
    judge(load, api)


def test_writes_under_way_at_a_broker_that_dies_are_not_sent_again(api, parts):
    """Their workers may be at them still."""
    brokers, gateways = two_of_each(api, parts)
    with Load([gateways[0].port], lambda number: ("POST", "/nap", {"n": number}), threads=4) as load:
        wait_for(lambda: len(brokers[0].show("inflight")) == 2 == len(brokers[1].show("inflight")),
                 what="all to be under way")
        brokers[0].kill()
        load.more(6)
    judge(load, api)
    assert load.counts()["POST", 504, "outcome_unknown"] == 2, load.counts()


def test_a_broker_started_anew_at_once_leaves_no_request_hanging(api, parts):
    """It is back before its silence could be noticed, and knows nothing of what its predecessor was asked."""
    broker = parts.broker()
    parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateway = parts.gateway([broker]).wait_ready()
    asks = {0: ("GET", "/nap/1", None), 1: ("POST", "/nap", {"n": 1})}
    # Somebody else keeps the gateway busy: it has no reason to say HEARTBEAT, which would tell it that it is unknown.
    with Load([gateway.port], lambda number: asks[number % 2], threads=4) as load, Load([gateway.port], ask, threads=2):
        wait_for(lambda: sum(row["operation"].startswith("nap") for row in broker.show("inflight")) == 4,
                 what="all to be under way")
        broker.kill()
        broker.begin()
        wait_for(lambda: sum(result.number <= 4 for result in load.results) == 4, what="an end to what was under way")
        load.more(2)
    for result in (result for result in load.results if result.number <= 4):
        assert (result.method, result.status, result.code) in (("GET", 200, None), ("GET", 503, "worker_lost"),
                                                                ("POST", 504, "outcome_unknown")), result


def test_parts_with_keys_meet_over_tcp(api, parts, tmp_path):
    """Each part has keys of its own; what it may do stands in the rights file, which the broker reads again."""
    for name in ("broker", "front", "back", "stranger"):
        subprocess.run([BINARY, "keygen", name, "--dir", tmp_path], check=True, capture_output=True)
    key = {name: re.search('public-key = "(.{40})"', (tmp_path / f"{name}.cert").read_text()).group(1)
           for name in ("front", "back")}
    entries = {"front": 'call = *\n    gateway = on', "back": 'register = "db, chat"\n    paths = /\n    call = "db/*"'}
    rights = tmp_path / "rights.zpl"

    def write(*names):
        rights.write_text("".join(f'peer\n    name = {name}\n    key = "{key[name]}"\n    {entries[name]}\n'
                                  for name in names))

    def keys(name):
        return "--cert", tmp_path / f"{name}.cert_secret", "--broker-cert", tmp_path / "broker.cert"

    write("front", "back")
    broker = parts.broker("--cert", tmp_path / "broker.cert_secret", "--rights", rights, curve=True)
    actors = parts.actors([broker], "--dir", api.folder, *keys("back"), database=api.url).logged("ready")
    gateway = parts.gateway([broker], *keys("front")).wait_ready()
    stranger = parts.gateway([broker], *keys("stranger"))
    assert gateway.request("GET", "/echo/7").json == 7
    assert gateway.request("POST", "/marks", {"n": 7}).json == {"n": 7}
    assert stranger.request("GET", "/health/ready").status == 503
    write("back")
    broker.send(signal.SIGHUP)
    wait_for(lambda: gateway.request("GET", "/echo/7").status != 200, what="the lost right")
    denied = broker.show("stats")[0]["forbidden"]
    said = [broker.show("stats")[0]["forbidden"] for _ in range(20)][-1] - denied
    assert said < 200, f"the gateway asks without a pause: {said}"
    write("front", "back")
    broker.send(signal.SIGHUP)
    wait_for(lambda: gateway.request("GET", "/echo/7").status == 200, what="the right that was given again")
    assert actors.running()


def test_chat_asks_the_database_for_whom_it_was_asked(gathering, parts, tmp_path):
    """The chat worker is a client of the database, too: the key of its process must have the right `gateway`."""
    for name in ("broker", "front", "back"):
        subprocess.run([BINARY, "keygen", name, "--dir", tmp_path], check=True, capture_output=True)
    entries = {"front": "call = *\n    gateway = on",
               "back": 'register = "db, db.read, chat"\n    paths = /\n    call = "db/*"\n    gateway = on'}
    key = {name: re.search('public-key = "(.{40})"', (tmp_path / f"{name}.cert").read_text()).group(1)
           for name in entries}
    rights = tmp_path / "rights.zpl"
    rights.write_text("".join(f'peer\n    name = {name}\n    key = "{key[name]}"\n    {entries[name]}\n'
                              for name in entries))
    own = {name: ("--cert", tmp_path / f"{name}.cert_secret", "--broker-cert", tmp_path / "broker.cert")
           for name in entries}
    broker = parts.broker("--cert", tmp_path / "broker.cert_secret", "--rights", rights, curve=True)
    parts.actors([broker], *own["back"]).logged("ready")
    gateway = parts.gateway([broker], *own["front"]).wait_ready()
    answer = gateway.request("POST", "/agents/1/chat", {"message": "over keys"})
    assert answer.status == 200, answer.body
    assert psql("SELECT user_id FROM communication.chat_history WHERE content = 'over keys'", gathering).split() == ["dev"]


@pytest.mark.parametrize("command,takes,refuses", [
    ("broker", {"--ipc", "--bind", "--queue", "--dev", "--rights"}, {"--http", "--database-url", "--brokers", "--dir"}),
    ("gateway", {"--http", "--brokers", "--broker-cert"}, {"--database-url", "--actors", "--dir", "--bind", "--queue"}),
    ("actors", {"--database-url", "--actors", "--dir", "--brokers", "--replica-url"}, {"--http", "--bind", "--queue"}),
])
def test_each_has_its_own_options(command, takes, refuses):
    text = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"^  (--[a-z-]+)", text, re.M))
    assert takes <= flags and not refuses & flags
    for flag in refuses:
        done = subprocess.run([BINARY, command, flag, "1"], capture_output=True, text=True)
        assert done.returncode == 2 and f"unknown option {flag}" in done.stderr


@pytest.mark.parametrize("arguments,words", [
    (("broker", "extra"), "muster broker: unknown argument extra"),
    (("broker", "--dev", "--bind", "tcp://0.0.0.0:5555"), "loopback only"),
    (("gateway", "--brokers", "nonsense"), "muster gateway: --brokers: nonsense is no endpoint"),
    (("gateway", "--http", "here"), "--http is ADDRESS:PORT"),
    (("actors", "--database-url", ""), "which database?"),
    (("actors", "--database-url", "dbname=x", "--replica-url", "nonsense"), "(--replica-url)"),
    (("actors", "--database-url", "dbname=x", "--dir", "/nonexistent"), "there is no folder /nonexistent"),
    (("actors", "--database-url", "dbname=x", "--brokers", "tcp://192.0.2.1:5555"), "--cert"),
], ids=lambda v: " ".join(v)[:40] if isinstance(v, tuple) else "")
def test_mistakes_are_told_before_anything_starts(arguments, words):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode in (1, 2) and words in done.stderr, done.stderr


def test_a_second_broker_at_the_socket_is_refused_and_the_first_leaves_none(parts):
    broker = parts.broker()
    done = subprocess.run([BINARY, "broker", "--ipc", broker.ipc], capture_output=True, text=True)
    assert done.returncode == 1 and "another broker answers" in done.stderr
    assert broker.stop() == 0
    assert not os.path.exists(broker.ipc)


def test_a_gateway_names_who_holds_its_port(parts):
    broker = parts.broker()
    gateway = parts.gateway([broker])
    done = subprocess.run([BINARY, "gateway", "--http", f"127.0.0.1:{gateway.port}", "--brokers", broker.endpoint],
                          capture_output=True, text=True)
    assert done.returncode == 1 and f"process {gateway.process.pid}" in done.stderr


def test_hangup_reloads_the_files_of_actors_and_ends_nobody(api, parts):
    broker = parts.broker()
    actors = parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateway = parts.gateway([broker]).wait_ready()
    api.endpoints("-- @endpoint GET /new\n-- @operation new\n-- @returns value\nSELECT 1;\n", "new.sql")
    for process in (broker, gateway, actors):
        process.send(signal.SIGHUP)
    actors.logged("reloaded: 6 operations")
    wait_for(lambda: gateway.request("GET", "/new").status == 200, what="the new endpoint")
    assert broker.running() and gateway.running()


def test_a_broker_lets_what_is_under_way_finish(api, parts):
    broker = parts.broker("--drain", "20s")
    parts.actors([broker], "--dir", api.folder, database=api.url).logged("ready")
    gateway = parts.gateway([broker]).wait_ready()
    with Load([gateway.port], lambda number: ("POST", "/nap", {"n": number}), threads=2) as load:
        wait_for(lambda: len(broker.show("inflight")) == 2, what="both to be under way")
        load.over.set()
        assert broker.stop() == 0
    assert load.counts() == {("POST", 200, None): 2}
