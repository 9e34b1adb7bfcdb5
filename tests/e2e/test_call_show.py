# SPDX-License-Identifier: MPL-2.0
"""`muster call` and `muster show`: their words, several brokers, tables once and again and again."""
import json
import os
import pty
import signal
import subprocess

import pytest

from conftest import BINARY, SLOW, wait_for


def muster(*arguments, env=None):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=30 * SLOW,
                          env={**os.environ, **(env or {})})


@pytest.mark.parametrize("words", [["get_provider", "id=1"], ["db", "get_provider", "id=1"],
                                   ["get_provider", "--service", "db", "id=1"], ["db", "get_provider", "--json", '{"id": 1}']],
                         ids=" ".join)
def test_the_words_of_call(shared, words):
    done = shared.call(*words)
    assert done.returncode == 0 and json.loads(done.stdout)["name"] == "anthropic", done.stderr


def test_brokers_from_flag_and_environment(shared):
    ipc = "ipc://" + shared.ipc
    assert muster("call", "get_provider", "id=1", "--brokers", shared.zmq).returncode == 0
    assert muster("call", "get_provider", "id=1", env={"MUSTER_BROKERS": ipc}).returncode == 0
    done = muster("call", "get_provider", "id=1", "--brokers", "ipc:///nonexistent/socket")
    assert done.returncode == 2 and "no broker answers at ipc:///nonexistent/socket" in done.stderr
    for command in (("call", "get_provider"), ("show",)):
        done = muster(*command, "--brokers", "nonsense")
        assert done.returncode != 0 and "nonsense is no endpoint" in done.stderr
        done = muster(*command, "--brokers", "tcp://127.0.0.1:1", "--cert", "x", "--broker-cert", "/nonexistent")
        assert done.returncode != 0 and "certificate" in done.stderr


def test_a_deadline_is_kept(shared):
    done = shared.call("muster", "services", "--timeout", "0.5")
    assert done.returncode == 0 and isinstance(json.loads(done.stdout), list)
    assert shared.call("x", "--timeout", "0").returncode == 2


def test_show_config_hides_secrets(start, gathering):
    server = start(database=gathering.replace("muster@", "muster:sesame@"))
    settings = {row["setting"]: row["value"] for row in server.show("config")}
    assert settings["http/bind"] == f"127.0.0.1:{server.port}" and settings["broker/ipc"] == server.ipc
    assert "gathering" in settings["database/url"] or "e2e_" in settings["database/url"]
    assert "sesame" not in json.dumps(settings)


def test_show_catalogue(shared):
    catalogue = shared.show("catalogue")
    names = {operation["name"] for operation in catalogue["operations"]}
    assert {"list_providers", "chat_with_agent"} <= names
    lines = muster("show", "catalogue", "--ipc", shared.ipc).stdout.splitlines()
    assert lines[0].split() == ["service", "operation", "endpoint", "mode", "auth", "parameters"]
    row = next(line for line in lines if " get_provider " in line)
    assert "GET /providers/{id}" in row and " reads " in row and row.endswith("id bigint")


def test_show_asks_each_broker(shared, start):
    other = start("--actors", "2")
    wait_for(lambda: {row["service"]: row for row in other.show("services")}["db"]["workers"] == 2, what="both actors")
    both = ("--brokers", f"ipc://{shared.ipc},ipc://{other.ipc}")
    done = muster("show", "services", *both)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("broker")] == \
        [f"broker ipc://{shared.ipc}", f"broker ipc://{other.ipc}"]
    tables = [json.loads(line) for line in muster("show", "services", "--json", *both).stdout.splitlines()]
    assert [{row["service"]: row for row in table}["db"]["workers"] for table in tables] == [8, 2]
    done = muster("show", "--brokers", f"ipc://{shared.ipc},ipc:///nonexistent/socket")
    assert done.returncode == 1 and "ipc:///nonexistent/socket: No broker answers" in done.stderr
    assert "services" not in done.stderr and "chat" in done.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_watch_goes_on_until_it_is_ended(shared, how):
    process = subprocess.Popen([BINARY, "show", "stats", "--watch", "0.05", "--json", "--ipc", shared.ipc],
                               stdout=subprocess.PIPE, text=True)
    counts = [json.loads(process.stdout.readline())[0]["requests"] for _ in range(4)]
    assert counts == sorted(set(counts))  # each look is a request of its own
    process.send_signal(how)
    assert process.wait(10 * SLOW) == 0


def test_watch_stays_in_place_on_a_terminal(shared):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "show", "--watch", "0.05", "--ipc", shared.ipc], stdout=theirs)
    os.close(theirs)
    seen = b""
    while seen.count(b"\033[H") < 3:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(10 * SLOW) == 0
    os.close(ours)
    assert seen.startswith(b"\033[2J") and b"\033[K" in seen and b"\033[J" in seen and b"services" not in seen


@pytest.mark.parametrize("arguments", [("--watch", "0"), ("--watch", "1x"), ("--watch", "99999"), ("services", "workers")])
def test_mistakes_of_show(arguments):
    done = muster("show", *arguments)
    assert done.returncode == 2 and done.stdout == ""
