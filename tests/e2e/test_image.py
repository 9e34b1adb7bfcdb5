# SPDX-License-Identifier: MPL-2.0
"""The image of docker/Dockerfile in a real engine. Build it, then name it:

    docker build -f docker/Dockerfile -t muster . && MUSTER_TEST_IMAGE=muster ./test --only e2e -k image
"""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import threading
import urllib.parse
import uuid

import pytest

import tokens
from conftest import free_port, wait_for

IMAGE = os.environ.get("MUSTER_TEST_IMAGE")
pytestmark = pytest.mark.skipif(not IMAGE, reason="MUSTER_TEST_IMAGE names no image")
#: what is left of a container when all is taken away that can be
LOCKED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def inspect(what):
    return json.loads(docker("inspect", what).stdout)[0]


@pytest.fixture
def run():
    """run(options, command): a container on the host's network, with the database's socket; its name."""
    names = []

    def start(*options, database, command=("serve",)):
        names.append(f"muster-test-{uuid.uuid4()}")
        folder = urllib.parse.parse_qs(urllib.parse.urlsplit(database).query).get("host", ["/nowhere"])[0]
        if pathlib.Path(folder).exists():  # whose socket it is, may connect
            options += ("-v", f"{folder}:{folder}", "--user", str(os.stat(folder).st_uid))
        docker("run", "-d", "--name", names[-1], "--network", "host", "-e", f"DATABASE_URL={database}",
               "-e", f"SECRET_KEY={tokens.SECRET}", *options,
               IMAGE, *command)
        return names[-1]

    yield start
    for name in names:
        docker("rm", "-f", "-v", name)


def test_small_and_described():
    image, base = inspect(IMAGE), inspect("debian:bookworm-slim")
    assert image["Size"] - base["Size"] <= 60_000_000
    config = image["Config"]
    assert config["User"] == "10001:10001" and config["Entrypoint"] == ["muster"] and config["Healthcheck"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MPL-2.0"
    assert docker("run", "--rm", *LOCKED, IMAGE, "--version").stdout == \
        f"muster {config['Labels']['org.opencontainers.image.version']}\n"
    tools = docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", "command -v gcc cc cmake make ninja git", check=False)
    assert tools.stdout == ""


def test_serves_from_a_read_only_root_and_tells_its_health(run, gathering):
    port = free_port()
    name = run(*LOCKED, "--health-interval", "1s", "-e", f"MUSTER_HTTP=127.0.0.1:{port}", database=gathering)

    def status():
        return inspect(name)["State"]["Health"]["Status"]

    wait_for(lambda: status() == "healthy", 30, "health")
    for path in ("/health/ready", "/health/live"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path)
        assert connection.getresponse().status == 200
    # the commands that look into it find its socket
    assert '"service":"db"' in docker("exec", name, "muster", "show", "--json").stdout
    docker("stop", "-t", "30", name)
    assert inspect(name)["State"]["ExitCode"] == 0


def test_an_ill_server_is_called_unhealthy(run):
    name = run(*LOCKED, "--health-interval", "1s", "--health-retries", "1", "--health-start-period", "1s", "-e",
               f"MUSTER_HTTP=127.0.0.1:{free_port()}", database="postgresql:///none?host=/nowhere")
    wait_for(lambda: inspect(name)["State"]["Health"]["Status"] == "unhealthy", 30, "illness")
    assert "not ready: no_catalogue" in inspect(name)["State"]["Health"]["Log"][-1]["Output"]


def test_the_end_waits_for_what_is_under_way(run, scratch):
    scratch.endpoints("-- @endpoint GET /nap\n-- @operation nap\n-- @auth public\n-- @returns value\n"
                      "SELECT 1 FROM pg_sleep(2);\n")
    port = free_port()
    name = run("-e", f"MUSTER_HTTP=127.0.0.1:{port}", "-v", f"{scratch.folder}:/api:ro", database=scratch.url,
               command=("serve", "--dir", "/api"))
    wait_for(lambda: docker("exec", name, "muster", "health", check=False).returncode == 0, 30, "health")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/nap")
    wait_for(lambda: scratch.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                                 "'SELECT 1 FROM pg_sleep%'") == "1", 10, "the statement")
    stop = threading.Thread(target=docker, args=("stop", "-t", "30", name))
    stop.start()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"1")
    stop.join()
    assert inspect(name)["State"]["ExitCode"] == 0


def test_commands_that_do_not_serve_end_at_once(run):
    """The first process of a container gets no signal that it does not handle. This one waits for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        name = run("--no-healthcheck", database="", command=("health", "--http", address, "--timeout", "3600"))
        listener.settimeout(60)
        with listener.accept()[0]:
            docker("stop", "-t", "30", name)
    assert inspect(name)["State"]["ExitCode"] == 143
