# SPDX-License-Identifier: MPL-2.0
"""PostgreSQL stops and starts again: quick, honest answers meanwhile, service within a second afterwards."""
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from conftest import BINARY, SLOW, SOURCE, wait_for

PRIVATE = SOURCE / "server/private-postgres"


@pytest.fixture
def postgres():
    """A cluster of this test's own, to be stopped and started, where the user that runs it may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-test-"))
    os.chmod(folder, 0o755)

    def run(*arguments):
        done = subprocess.run([PRIVATE, *arguments[:1], str(folder / "pg"), *arguments[1:]], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    run.url = run("start", "--quick")
    subprocess.run([BINARY, "migrate", "--seed", "--database-url", run.url], check=True, capture_output=True)
    yield run
    run("remove")
    folder.rmdir()


@pytest.mark.parametrize("how", [(), ("--immediate",)], ids=["fast", "crash"])
def test_stopped_and_started_again(postgres, start, how):
    server = start("--actors", "4", database=postgres.url)
    assert server.request("GET", "/providers/1").status == 200
    postgres("stop", *how)
    wait_for(lambda: server.request("GET", "/health/ready").status == 503, 2, "not being ready")
    for _ in range(20):
        began = time.monotonic()
        answer = server.request("GET", "/providers/1")
        assert time.monotonic() - began < 1 * SLOW  # nobody waits for what is not there
        assert answer.status == 503 and answer.headers["Retry-After"] == "1"
        assert answer.json["code"] in ("no_worker", "worker_lost", "database_unavailable")
    assert server.request("GET", "/health/live").status == 200
    checks = server.request("GET", "/health/checks")
    assert checks.status == 200 and checks.json["overall_status"] == "critical"
    assert [c["name"] for c in checks.json["checks"]] == [
        "API Server", "Database", "Broker inproc://muster-broker", "Memory Usage", "Disk Space", "Agents", "Circles"]
    assert server.request("GET", "/health").json["status"] == "degraded"
    assert server.request("POST", "/providers", {"name": "lost"}).status == 503
    postgres("start", "--quick")
    came_back = time.monotonic()
    wait_for(lambda: server.request("GET", "/providers/1").status == 200, 1, "service after the restart")
    assert time.monotonic() - came_back < 1.0 * SLOW
    assert server.request("GET", "/health/ready").status == 200
    names = [p["name"] for p in server.request("GET", "/providers").json["providers"]]
    assert "lost" not in names  # 503 means: certainly not executed


def test_server_starts_before_its_database(postgres, start):
    postgres("stop")
    server = start(database=postgres.url, ready=False)
    assert server.request("GET", "/health/live").status == 200
    answer = server.request("GET", "/providers/1")
    assert answer.status == 503 and answer.json["code"] == "not_ready"
    postgres("start", "--quick")
    wait_for(lambda: server.request("GET", "/providers/1").status == 200, 2, "service")


def test_a_standby_reads_and_refuses_to_write(postgres, start):
    """A write finds itself on a server that became a standby: told at once, not tried for ever."""
    data = pathlib.Path(postgres("status").split("host=")[1].split("&")[0]).parent / "data"
    server = start("--actors", "2", database=postgres.url)
    postgres("stop")
    subprocess.run(["install", "-m", "600", "-o", data.owner(), "/dev/null", data / "standby.signal"], check=True)
    postgres("start", "--quick")
    wait_for(lambda: server.request("GET", "/providers/1").status == 200, 2, "reading")
    for method, path, body in (("POST", "/providers", {"name": "lost"}), ("DELETE", "/providers/1", None)) * 3:
        began = time.monotonic()
        answer = server.request(method, path, body)
        assert answer.status == 503 and time.monotonic() - began < 1 * SLOW
        assert answer.json["code"] in ("database_unavailable", "no_worker", "worker_lost")
        wait_for(lambda: server.request("GET", "/providers/1").status == 200, 2, "reading again")
    assert len(server.log()) < 20000
