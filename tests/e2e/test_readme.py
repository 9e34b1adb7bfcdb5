# SPDX-License-Identifier: MPL-2.0
"""Every fenced command of the README does what it says."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import BINARY, SOURCE, building, free_port

BLOCKS = re.findall(r"```sh\n(.*?)```", (SOURCE / "README.md").read_text(), re.S)
#: what a user types once, and what this test does in its place
STARTERS = {"./run", "./test"}


def commands():
    found = []
    for block in BLOCKS:
        if block.startswith("mkdir"):
            found.append(block)
        else:
            found += [line for line in block.splitlines() if line.strip()]
    return found


def test_the_readme_has_commands():
    found = commands()
    assert STARTERS <= set(found) and len(found) >= 10


@pytest.mark.parametrize("command", [c for c in commands() if c not in STARTERS and "docker" not in c],
                         ids=lambda c: c.splitlines()[0][:50])
def test_command(shared, command):
    binary = "build/release/muster"
    command = command.replace("http://127.0.0.1:8000", shared.url).replace("curl -s", "curl -fsS")
    if re.search(rf"{binary} (call|show)", command):
        command += f" --ipc {shared.ipc}"
    command = command.replace("tcp://127.0.0.1:5555", shared.zmq).replace("python3", "/usr/bin/python3")
    command = command.replace(binary, BINARY)
    done = subprocess.run(["bash", "-euc", command], cwd=SOURCE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if "providers/1" in command or "get_provider" in command:
        assert '"name":"anthropic"' in done.stdout.replace(" ", "")
    assert done.stdout or command.startswith("mkdir")


def test_own_api(start):
    """The folder that the README makes is served as it says."""
    for block in BLOCKS:
        if block.startswith("mkdir"):
            subprocess.run(["bash", "-euc", block], check=True)
    server = start("--dir", "/tmp/hello")
    assert server.request("GET", "/hello/Ann").json["greeting"] == "Hello, Ann!"
    shutil.rmtree("/tmp/hello")


def test_run_starts_everything_and_stops_it(tmp_path):
    """./run on ports of its own, with a PostgreSQL of its own; Ctrl-C leaves nothing."""
    import signal
    import urllib.request
    port = free_port()
    if not (SOURCE / "build/release/muster").exists() or os.environ.get("MUSTER_PRESET", "release") != "release":
        pytest.skip("only where the release was built")
    with building():
        process = subprocess.Popen([SOURCE / "run", "--http", f"127.0.0.1:{port}", "--bind", "none", "--ipc",
                                    str(tmp_path / "b.sock")], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, env={k: v for k, v in os.environ.items() if k != "DATABASE_URL"})
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "ready after" in line:
                break
    try:
        assert len(lines) <= 10, lines
        assert any(f"http://127.0.0.1:{port}" in line for line in lines), lines
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/providers/1") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0, rest
    finally:
        if process.poll() is None:  # a check above failed
            process.terminate()
            process.wait(20)
    done = subprocess.run([SOURCE / "server/private-postgres", "status", SOURCE / ".muster/postgres"])
    assert done.returncode == 3  # not running
