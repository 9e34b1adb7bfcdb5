# SPDX-License-Identifier: MPL-2.0
"""What a service manager hears (sd_notify(3)): when the server is ready, loads its files anew, and stops."""
import signal
import socket

import pytest

from conftest import SLOW, Server


@pytest.fixture
def manager(tmp_path):
    """hear() waits for the next state that the server tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(20 * SLOW)

        def hear():
            return channel.recv(4096).decode()

        hear.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        yield hear


def test_ready_reloading_stopping(manager, start):
    server = start(env=manager.environment, ready=False)
    assert manager() == "READY=1"
    assert server.request("GET", "/health/ready").status == 200
    server.process.send_signal(signal.SIGHUP)
    assert manager() == "RELOADING=1"
    assert manager() == "READY=1"
    assert "reloaded" in server.log()
    assert server.stop() == 0
    assert manager() == "STOPPING=1"


def test_files_that_were_not_taken_end_the_reload_too(manager, scratch, start):
    scratch.endpoints("-- @endpoint GET /x\n-- @operation x\n-- @returns value\nSELECT 1;\n")
    server = start("--dir", str(scratch.folder), database=scratch.url, env=manager.environment, ready=False, dev=False)
    assert manager() == "READY=1"
    scratch.endpoints("-- @nonsense\n")
    server.process.send_signal(signal.SIGHUP)
    assert manager() == "RELOADING=1"
    assert manager() == "READY=1"
    assert "not reloaded" in server.log()


def test_a_database_that_is_away_is_no_failed_start(manager, start):
    """systemd would kill what does not become ready; this server goes on trying."""
    server = start(env=manager.environment, database="postgresql://127.0.0.1:1/none", ready=False)
    assert manager() == "READY=1"
    assert "no database actor is at work yet" in server.log()


def test_stopped_before_it_was_ready(manager, tmp_path):
    server = Server(tmp_path, "postgresql://127.0.0.1:1/none", env=manager.environment)
    assert server.stop() == 0
    assert manager() == "STOPPING=1"
