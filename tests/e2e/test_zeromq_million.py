# SPDX-License-Identifier: MPL-2.0
"""A million hostile messages (a tenth under sanitizers) at the open endpoint, with a good peer served throughout."""
import os
import pathlib
import subprocess

from conftest import SLOW, Server

COUNT = 1_000_000 if SLOW == 1 else 100_000
PROGRAM = pathlib.Path(os.environ["MUSTER_BINARY"]).parent / "tests/hostile"


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def attack(server, count, seed):
    done = subprocess.run([PROGRAM, server.zmq, "db", "list_providers", str(count), str(seed)],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout + server.log()[-2000:]
    assert f"{count} hostile messages sent" in done.stdout
    print(done.stdout)


def test_a_million_hostile_messages_do_no_harm(start):
    server = start()
    attack(server, COUNT // 5, seed=1)
    settled = resident_kib(server.process.pid)
    attack(server, COUNT * 4 // 5, seed=2)
    grown = resident_kib(server.process.pid) - settled
    # Slots that peers have left are taken again: four times as many messages do not take four times the memory.
    assert grown < settled * (1 if SLOW == 1 else 3), (settled, grown)
    assert server.request("GET", "/providers").status == 200
    stats = server.show("stats")[0]
    assert stats["rejected"] > COUNT // 10
    assert server.stop() == 0, server.log()[-3000:]
