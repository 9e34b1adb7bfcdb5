# SPDX-License-Identifier: MPL-2.0
"""The commands as people meet them: help, mistakes, signals, taken ports, calls over ZeroMQ."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import BINARY, SLOW, Server, free_port, psql, wait_for


def muster(*arguments, env=None, timeout=30):
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL" and not k.startswith("MUSTER_")}
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
                          env={**environment, **(env or {})})


@pytest.mark.parametrize("command", [[], ["serve"], ["broker"], ["gateway"], ["actors"], ["migrate"], ["check"], ["call"], ["show"], ["new"], ["keygen"]], ids=lambda c: " ".join(c) or "-")
def test_help(command):
    done = muster(*command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("usage: muster")


def test_version():
    assert re.fullmatch(r"muster \d+\.\d+\.\d+\n", muster("--version").stdout)


@pytest.mark.parametrize("arguments,words", [
    ((), "usage"),
    (("nonsense",), "unknown command nonsense"),
    (("serve",), "DATABASE_URL"),
    (("serve", "--nonsense"), "--nonsense"),
    (("serve", "--actors", "0", "--database-url", "dbname=x"), "--actors must lie between 1 and 256"),
    (("serve", "--actors", "many"), "whole number"),
    (("serve", "--drain", "soon"), "time such as"),
    (("serve", "--dev", "--http", "0.0.0.0:1", "--database-url", "dbname=x"), "loopback"),
    (("serve", "--dev", "--bind", "tcp://0.0.0.0:1", "--http", "127.0.0.1:1", "--database-url", "dbname=x"), "loopback"),
    (("serve", "--http", "nowhere", "--database-url", "dbname=x"), "ADDRESS:PORT"),
    (("serve", "--dir", "/nonexistent", "--database-url", "dbname=x", "--http", "127.0.0.1:0"), ""),
    (("migrate",), "DATABASE_URL"),
    (("check",), "DATABASE_URL"),
    (("migrate", "--dir", "/nonexistent", "--database-url", "dbname=x"), "/nonexistent"),
    (("call",), "usage"),
    (("call", "x", "--ipc", "/nonexistent/socket"), "no broker answers"),
    (("show", "nonsense"), "services"),
    (("show", "--ipc", "/" + "x" * 200), "too long"),
], ids=lambda v: " ".join(v)[:40] if isinstance(v, tuple) else "")
def test_mistakes_are_told(arguments, words):
    done = muster(*arguments)
    assert done.returncode != 0
    assert words in done.stderr + done.stdout


def test_a_socket_that_cannot_be_bound_ends_the_start(gathering):
    done = muster("serve", "--dev", "--bind", "none", "--http", f"127.0.0.1:{free_port()}", "--ipc", "/proc/b.sock",
                  "--database-url", gathering)
    assert done.returncode == 1
    assert "cannot bind ipc:///proc/b.sock" in done.stderr and "could be started" in done.stderr


@pytest.mark.parametrize("url", ["postgresql://u:sec", "postgresql://u:sec/x@h/d?port=sec", "host='sec", "nonsense sec ret"])
def test_a_bad_connection_string_is_refused_without_being_shown(url):
    for command in (("serve", "--http", "127.0.0.1:0"), ("migrate",)):
        done = muster(*command, env={"DATABASE_URL": url})
        assert done.returncode == (1 if command[0] == "serve" else 2)
        assert "connection string" in done.stderr and "sec" not in done.stderr


def test_taken_port_names_its_holder(gathering, tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = muster("serve", "--dev", "--bind", "none", "--http", f"127.0.0.1:{port}", "--database-url", gathering,
                      "--ipc", str(tmp_path / "b.sock"))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and f"process {os.getpid()}" in done.stderr and "--http" in done.stderr


def test_second_server_on_the_same_socket_is_refused(shared, gathering):
    done = muster("serve", "--dev", "--bind", "none", "--http", f"127.0.0.1:{free_port()}", "--ipc", shared.ipc,
                  "--database-url", gathering)
    assert done.returncode == 1 and "another broker answers" in done.stderr


def test_endpoint_mistakes_stop_the_start(scratch):
    scratch.endpoints("-- @endpoint GET /x\n-- @operation x\n-- @nonsense\nSELECT :y;\n")
    done = muster("serve", "--dev", "--bind", "none", "--http", f"127.0.0.1:{free_port()}", "--dir",
                  str(scratch.folder), "--database-url", scratch.url)
    assert done.returncode == 1
    assert "test.sql:3: an unknown directive: nonsense" in done.stderr
    assert "test.sql:4: this parameter is not declared: y" in done.stderr


def test_statement_that_does_not_prepare_is_told_and_not_served(scratch, start):
    scratch.endpoints("-- @endpoint GET /good\n-- @operation good\n-- @returns value\nSELECT 1;\n"
                      "-- @endpoint GET /bad\n-- @operation bad\n-- @returns row\nSELECT * FROM missing;\n")
    server = start("--dir", str(scratch.folder), database=scratch.url)
    assert server.request("GET", "/good").json == 1
    assert server.request("GET", "/bad").status == 503
    assert re.search(r'test\.sql:8: bad: relation "missing" does not exist', server.log())


def test_call(shared):
    done = shared.call("get_provider", "id=1")
    assert done.returncode == 0 and json.loads(done.stdout)["name"] == "anthropic"
    done = shared.call("get_provider", "--json", '{"id": 1}')
    assert json.loads(done.stdout)["id"] == 1
    done = shared.call("get_provider", "id=123456")
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "provider_not_found"
    done = shared.call("get_provider", "id=x")
    assert done.returncode == 2 and "id must be an integer" in done.stderr
    done = shared.call("get_provider", "--json", '{"id": "x"}')
    assert done.returncode == 1 and json.loads(done.stderr)["status"] == 422
    done = shared.call("no_such_operation")
    assert done.returncode == 1 and json.loads(done.stderr)["code"] == "no_worker"
    done = shared.call("chat_with_agent", "id=1", "message=by ZeroMQ", "--service", "chat")
    assert json.loads(done.stdout)["content"] == "echo: by ZeroMQ"


@pytest.mark.parametrize("arguments", [{"id": 1, "message": "x" * 100001}, {"id": 1, "message": ""}, {"id": 1},
                                       {"id": "1", "message": "x"}, {"id": 1, "message": 5}, {}])
def test_chat_over_zeromq_is_checked_as_over_http(shared, arguments):
    body = json.dumps(arguments)
    done = shared.call("chat_with_agent", "--service", "chat", "--json", body)
    assert done.returncode == 1 and json.loads(done.stderr)["status"] == 422, done.stderr


def test_show(shared):
    assert {row["service"]: row["workers"] for row in shared.show("services")} == {
        "db": 8, "chat": 1, "auth": 1, "muster.revoked": 1}
    assert len(shared.show("workers")) == 11
    assert shared.show("queues") == [] and isinstance(shared.show("inflight"), list)
    assert shared.show("stats")[0]["requests"] > 0
    done = subprocess.run([BINARY, "show", "--ipc", shared.ipc], capture_output=True, text=True)
    assert done.stdout.splitlines()[0].split()[:2] == ["service", "workers"]


def test_configuration_file_environment_and_flags(gathering, tmp_path):
    """A flag wins over the environment, that over the file; a secret may be in a file of its own."""
    ports = [free_port() for _ in range(3)]
    (tmp_path / "muster.zpl").write_text(f"""
http
    bind = 127.0.0.1:{ports[0]}
log
    format = json
database
    actors = 2
dev = on
broker
    bind = none
    ipc = {tmp_path}/b.sock
""")
    (tmp_path / "url").write_text(gathering + "\n")
    for env, flags, port in (({}, [], ports[0]), ({"MUSTER_HTTP": f"127.0.0.1:{ports[1]}"}, [], ports[1]),
                             ({"MUSTER_HTTP": f"127.0.0.1:{ports[1]}"}, ["--http", f"127.0.0.1:{ports[2]}"], ports[2])):
        process = subprocess.Popen([BINARY, "serve", "--config", tmp_path / "muster.zpl", *flags],
                                   stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "DATABASE_URL_FILE": str(tmp_path / "url"), **env,
                                        "DATABASE_URL": ""})
        line = json.loads(process.stderr.readline())
        assert f"http://127.0.0.1:{port}" in line["message"] and "2 database actors" in line["message"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_sigterm_lets_requests_finish(scratch, start):
    scratch.endpoints("-- @endpoint GET /sleep\n-- @operation sleep\n-- @slow\n-- @returns value\n"
                      f"SELECT 'done' FROM pg_sleep({0.7 * SLOW});\n")
    server = start("--dir", str(scratch.folder), database=scratch.url)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.request("GET", "/sleep")))
    thread.start()
    wait_for(lambda: server.show("inflight"), what="the request to be under way")
    server.process.send_signal(signal.SIGTERM)
    thread.join()
    assert answers[0].status == 200 and answers[0].json == "done"
    assert answers[0].headers["Connection"] == "close"
    assert server.process.wait(10) == 0


def test_second_signal_ends_at_once(scratch, start):
    scratch.endpoints("-- @endpoint GET /sleep\n-- @operation sleep\n-- @slow\n-- @returns value\n"
                      "SELECT 'done' FROM pg_sleep(8);\n")
    server = start("--dir", str(scratch.folder), "--drain", "60s", "--actors", "2", database=scratch.url)
    wait_for(lambda: {s["service"]: s for s in server.show("services")}["db"]["workers"] == 2,
             what="both actors, of which one takes slow work")

    def ask():
        try:
            server.request("GET", "/sleep")
        except OSError:
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: server.show("inflight"), what="the request to be under way")
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in server.log(), what="the first signal to be heard")
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert time.monotonic() - began < 5
    thread.join()


def test_without_dev_strangers_get_401(start):
    server = start(dev=False)
    answer = server.request("GET", "/providers/1")
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert server.request("GET", "/health").json["agents_count"] == 4
    assert server.request("GET", "/health/checks").status == 401
    assert server.request("GET", "/health/live").status == 200


def test_secrets_stay_out_of_the_log(start, gathering):
    secret = gathering.replace("muster@", "muster:hunter2@")
    server = start("--log-level", "debug", database=secret)
    assert server.request("GET", "/providers/1").status == 200
    assert "hunter2" not in server.log()


def test_database_detail_goes_to_the_log_only(shared):
    answer = shared.request("POST", "/providers", {"name": "anthropic"})
    assert answer.status == 409 and b"Key (name)" not in answer.body and b"providers_name_unique" not in answer.body


def test_migrate(scratch):
    folder = scratch.folder / "migrations"
    folder.mkdir()

    def run(*flags):
        return muster("migrate", "--dir", str(scratch.folder), "--database-url", scratch.url, *flags)

    (folder / "0001_one.sql").write_text("CREATE TABLE one (i int);\n")
    (folder / "0002_two.sql").write_text("CREATE TABLE two (i int);\n")
    assert "would apply 0001_one.sql" in run("--dry-run").stdout
    assert scratch.sql("SELECT to_regnamespace('muster') IS NULL") == "t"
    done = run()
    assert done.returncode == 0 and done.stdout.count("applied") == 2
    assert "up to date, 2 migrations" in run().stdout
    (folder / "0003_bad.sql").write_text("CREATE TABLE three (i int);\n-- é\nSELECT nonsense;\n")
    done = run()
    assert done.returncode == 1 and "0003_bad.sql:3: " in done.stderr
    assert scratch.sql("SELECT to_regclass('three') IS NULL") == "t"
    (folder / "0003_bad.sql").write_text("COMMIT; SELECT 1;\n")
    assert "ends its transaction itself" in run().stderr
    (folder / "0003_bad.sql").unlink()
    (folder / "0004_gap.sql").write_text("SELECT 1;\n")
    assert "number 0003 was expected" in run().stderr
    (folder / "0004_gap.sql").unlink()
    (folder / "0001_one.sql").write_text("CREATE TABLE one (i bigint);\n")
    assert "is not the file that was applied" in run().stderr
    (folder / "0001_one.sql").write_text("CREATE TABLE one (i int);\n")
    (folder / "0002_two.sql").unlink()
    assert "the database has 0002_two.sql" in run().stderr


def test_an_api_without_migrations_gets_the_schema_muster(scratch):
    """The tables are somebody else's; answers under idempotency keys and revoked tokens still need theirs."""
    def run(folder=scratch.folder):
        return muster("migrate", "--dir", str(folder), "--database-url", scratch.url)

    assert "No such file" in run(scratch.folder / "endpoints").stderr  # not the folder of an API
    assert scratch.sql("SELECT to_regnamespace('muster') IS NULL") == "t"
    for folder in (None, scratch.folder / "migrations"):
        if folder:
            folder.mkdir()
        done = run()
        assert done.returncode == 0 and "up to date, 0 migrations" in done.stdout, done.stderr
    assert scratch.sql("SELECT to_regclass('muster.answers') IS NOT NULL") == "t"


def test_two_migrations_at_once_queue_up(scratch):
    folder = scratch.folder / "migrations"
    folder.mkdir()
    (folder / "0001_one.sql").write_text("SELECT pg_sleep(0.3); CREATE TABLE one (i int);\n")
    processes = [subprocess.Popen([BINARY, "migrate", "--dir", scratch.folder, "--database-url", scratch.url],
                                  stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [p.communicate()[0] for p in processes]
    assert all(p.returncode == 0 for p in processes)
    assert sum("applied 0001_one.sql" in o for o in outputs) == 1
    assert psql("SELECT count(*) FROM muster.migrations", scratch.url) == "1"


def test_health_of_an_api_of_ones_own(scratch, start):
    scratch.endpoints("-- @endpoint GET /one\n-- @operation one\n-- @returns value\nSELECT 1;\n")
    server = start("--dir", str(scratch.folder), "--actors", "1", database=scratch.url)
    assert server.request("GET", "/health").json["status"] == "healthy"
    checks = server.request("GET", "/health/checks").json["checks"]
    assert [c["name"] for c in checks] == ["API Server", "Database", "Broker inproc://muster-broker", "Memory Usage", "Disk Space"]
    assert checks[1]["status"] == "healthy" and checks[1]["value"].endswith("ms")


def test_notices_are_one_log_line_or_none(scratch, start):
    scratch.sql("""CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plpgsql AS
                   $$ BEGIN RAISE WARNING '%', t; RETURN t; END $$""")
    scratch.endpoints("-- @endpoint GET /shout\n-- @operation shout\n-- @query t text\n-- @returns value\n"
                      "SELECT shout(:t);\n")
    for level in ("info", "debug"):
        server = start("--dir", str(scratch.folder), "--log-level", level, "--log-format", "json",
                       database=scratch.url)
        assert server.request("GET", "/shout?t=forged%0Aline").status == 200
        assert server.stop() == 0
        lines = server.log().splitlines()
        assert all(json.loads(line) for line in lines)
        assert sum("forged" in line and "PostgreSQL says" in line for line in lines) == (level == "debug")
