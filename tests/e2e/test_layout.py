# SPDX-License-Identifier: MPL-2.0
"""The layout of three machines in docs/operations.md: exactly the commands of that section, in a shell for each machine,
on loopback addresses in place of 10.0.0.x, with a primary and a streaming standby, while requests go on and none fails."""
import contextlib
import http.client
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from conftest import BINARY, SLOW, SOURCE, psql
from load import Load
from test_replica import Standby, cluster  # noqa: F401 (a fixture)

SECTION = re.search(r"^## On three machines\n(.*?)^## ", (SOURCE / "docs/operations.md").read_text(), re.M | re.S).group(1)
BLOCKS = re.findall(r"^```sh\n# (.*?)\n(.*?)^```$", SECTION, re.M | re.S)
FILES = {name: re.findall(r"`([a-z.]+\.(?:cert_secret|cert|zpl))`", row)
         for name, row in re.findall(r"^\| ([ABC]) \|(.*)\|$", SECTION, re.M)}

ENDPOINTS = """
-- @endpoint GET /where/{n}
-- @operation where_read
-- @auth public   @replica
-- @returns row
SELECT :n::int8 AS n, VERSION AS version, pg_is_in_recovery() AS replica;

-- @endpoint GET /here/{n}
-- @operation here_read
-- @auth public
-- @returns row
SELECT :n::int8 AS n, VERSION AS version, pg_is_in_recovery() AS replica;

-- @endpoint POST /marks
-- @operation mark
-- @auth public
-- @body n int8
-- @empty nothing
-- @error nothing 404 "nothing"
-- @returns row
INSERT INTO marks (n) VALUES (:n) RETURNING n, VERSION AS version, false AS replica;
"""


class Machine:
    """A shell, in a folder that stands for /etc/muster, with a socket folder of its own."""

    def __init__(self, name, folder, replaced):
        self.name, self.replaced = name, replaced
        self.folder = folder / name
        (self.folder / "run").mkdir(parents=True, mode=0o700)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/muster").symlink_to(BINARY)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_", "MUSTER_"))}
        env |= {"XDG_RUNTIME_DIR": str(self.folder / "run"), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "MUSTER_RATE_LIMITS": "off"}
        self.shell = subprocess.Popen(["bash", "-u"], cwd=self.folder, env=env, text=True, bufsize=1,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      start_new_session=True)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.shell.stdout], daemon=True).start()
        self.run("trap 'echo \"failed: $BASH_COMMAND\"' ERR")

    def run(self, block, seconds=60):
        """Runs commands as a user types them; what they print. The test fails when one fails."""
        for old, new in self.replaced:
            block = block.replace(old, new)
        self.shell.stdin.write(f"{block}\necho; echo = done\n")
        printed, until = [], time.monotonic() + seconds * SLOW
        while (line := self.line(until, block, printed)) != "= done\n":
            printed.append(line)
        text = "".join(printed)
        assert "failed: " not in text, text
        return text

    def line(self, until, block, printed):
        try:
            return self.lines.get(timeout=max(0.01, until - time.monotonic()))
        except queue.Empty:
            logs = "".join(f"\n{log.name}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))
            pytest.fail(f"on {self.name} there is no end to\n{block}\n{''.join(printed)}{logs}")

    def leave(self):
        """Ends the processes that run here, which must end well, and the shell."""
        try:
            self.run("for job in $(jobs -p); do kill -TERM $job; wait $job; done")
            self.shell.stdin.close()
            assert self.shell.wait(20 * SLOW) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):  # all that is left when something has failed
                os.killpg(self.shell.pid, signal.SIGKILL)


class Balancer(Load):
    """Load over the gateways that are in the pool, as by a load balancer."""

    def __init__(self, pool, ask):
        self.pool, self.busy, self.turn = list(pool), dict.fromkeys(pool, 0), threading.Condition()
        self.connections = []  # a dictionary of each thread, by gateway
        super().__init__(pool, ask, threads=3)

    def run(self, _):
        connections = {address: http.client.HTTPConnection(*address, timeout=40 * SLOW) for address in self.busy}
        self.connections.append(connections)
        try:
            while not self.over.is_set():
                number = self.next_number()
                with self.turn:
                    address = self.pool[number % len(self.pool)]
                    self.busy[address] += 1
                try:
                    self.one(connections[address], number)
                finally:
                    with self.turn:
                        self.busy[address] -= 1
                        self.turn.notify_all()
        except Exception as error:  # the thread's end must not go unnoticed
            self.broken.append(repr(error))
        finally:
            for connection in connections.values():
                connection.close()

    @contextlib.contextmanager
    def without(self, address):
        """Takes a gateway out of the pool and waits for the end of its requests; then puts it in again."""
        with self.turn:
            self.pool.remove(address)
            assert self.turn.wait_for(lambda: self.busy[address] == 0, 20 * SLOW)
            for connections in self.connections:
                connections[address].close()  # the next request opens it again
        yield
        with self.turn:
            self.pool.append(address)


@pytest.fixture
def api(cluster, tmp_path):  # noqa: F811
    """The API in two versions, its database with a standby: {what the page says: what it is here}."""
    home, url = cluster
    psql("DROP TABLE IF EXISTS marks; CREATE TABLE marks (n int8)", url)
    for version, folder in enumerate(("api", "api-2"), 1):
        (tmp_path / folder / "endpoints").mkdir(parents=True)
        (tmp_path / folder / "endpoints/test.sql").write_text(ENDPOINTS.replace("VERSION", str(version)))
    standby = Standby(home, url)
    yield {"postgresql://gathering@10.0.0.11/gathering": f"'{url}'",
           "postgresql://gathering@10.0.0.12/gathering": f"'{standby.url('gathering')}'",
           "/srv/api": str(tmp_path / "api")}
    standby.stop("immediate")
    shutil.rmtree(standby.folder)


@pytest.fixture
def machines(api, tmp_path, net):
    """{name: Machine}, and the desk can copy to the others."""
    replaced = [*api.items(), ("10.0.0.", net)]
    made = {name: Machine(name, tmp_path, replaced) for name in ("C", "A", "B", "desk")}
    made["desk"].run(f'''scp() {{
        local to=${{@: -1}}
        case $to in {net}1:*) to=A ;; {net}2:*) to=B ;; {net}3:*) to=C ;; *) return 1 ;; esac
        cp "${{@:1:$#-1}}" {tmp_path}/$to/
    }}''')
    yield made
    with contextlib.ExitStack() as stack:
        for machine in reversed(made.values()):
            stack.callback(machine.leave)


@pytest.fixture
def net():
    """Addresses that nobody else uses."""
    return f"127.{os.getpid() % 250 + 1}.{time.monotonic_ns() // 1000 % 250}."


def ask(number):
    return (("GET", f"/where/{number}", None), ("GET", f"/here/{number}", None), ("POST", "/marks", {"n": number}))[number % 3]


def test_the_section_is_read():
    assert [where for where, _ in BLOCKS].count("desk") >= 5 and {where for where, _ in BLOCKS} == {
        "desk", "A", "B", "C", "A, then B"}
    assert all(len(files) >= 3 for files in FILES.values()) and sorted(FILES) == ["A", "B", "C"]


def begin(machines, gateways):
    """The commands of the section up to the first look."""
    count = next(i for i, (_, block) in enumerate(BLOCKS) if "health/ready http" in block)
    for where, block in BLOCKS[:count]:
        machines[where].run(block)
    for name, files in FILES.items():
        here = {path.name for path in machines[name].folder.iterdir() if path.suffix in (".cert", ".cert_secret", ".zpl")}
        assert here == set(files), name
    for name in gateways:
        machines[name].run("until curl -fs $ready; do sleep 0.1; done")
    shown = machines["desk"].run(BLOCKS[count][1])
    assert shown.count('{"ready":true}') == 2
    for service in ("db", "db\\.read"):
        assert len(re.findall(rf"^{service} +8 ", shown, re.M)) == 2, shown
    return BLOCKS[count + 1:]


def test_the_layout(machines, net, cluster):  # noqa: F811
    gateways = {"A": (f"{net}1", 8000), "B": (f"{net}2", 8000)}
    blocks = begin(machines, gateways)
    with Balancer(list(gateways.values()), ask) as load:
        load.more(200)
        for where, block in blocks:
            for name in where.split(", then "):
                with load.without(gateways[name]) if "$gateway" in block else contextlib.nullcontext():
                    machines[name].run(block)
                load.more(100)
    assert {result.status for result in load.results} == {200}, load.counts()
    assert all(result.body["n"] == result.number for result in load.results)
    assert {result.body["version"] for result in load.results} == {1, 2} and load.results[-1].body["version"] == 2
    assert any(result.body["replica"] for result in load.results)
    done = sorted(map(int, psql("SELECT n FROM marks", cluster[1]).split()))
    assert done == sorted(result.number for result in load.results if result.method == "POST")
    for name in gateways:
        assert (machines[name].folder / "broker.log").read_text().count("rights of 3 peers are in force") == 2
    ask_with_a_key(machines["A"].folder, f"tcp://{net}1:5555")


def ask_with_a_key(folder, endpoint):
    """The example client with the lines that docs/examples/README.md has for keys."""
    [lines] = re.findall(r"^```python\n(.*?)^```$", (SOURCE / "docs/examples/README.md").read_text(), re.M | re.S)
    client = (SOURCE / "docs/examples/client.py").read_text()
    program = client.replace("socket.connect(", lines + "socket.connect(")
    assert program != client
    program = program.replace("billing.cert_secret", "front.cert_secret").replace("broker.cert", "a.cert")
    done = subprocess.run(["/usr/bin/python3", "-c", program, endpoint, "here_read", '{"n": 7}'], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout) == {"n": 7, "version": 2, "replica": False}, done
