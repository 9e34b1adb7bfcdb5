# SPDX-License-Identifier: MPL-2.0
"""What is measured: a PostgreSQL and servers of our own, each on a port or socket of its own, and what they use."""
import contextlib
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BENCH = pathlib.Path(__file__).resolve().parents[1]
SOURCE = BENCH.parent

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, name text, number int);
INSERT INTO one SELECT i, 'row ' || i, i * 7 FROM generate_series(1, 10000) i;
CREATE TABLE wide (id int PRIMARY KEY, name text, kind text, price numeric(10, 2), active bool, score float8, note text,
                   created_at timestamptz);
INSERT INTO wide SELECT i, 'row ' || i, CASE i % 3 WHEN 0 THEN 'book' ELSE 'shelf' END, i / 100.0, i % 2 = 0,
                        i / 7.0, repeat('n', i % 40), '2026-01-01'::timestamptz + i * interval '1 minute'
                 FROM generate_series(1, 10000) i;
CREATE TABLE made (id bigserial PRIMARY KEY, name text, number int);
VACUUM ANALYZE;
"""


def say(text):
    """Progress, beside the results on standard output."""
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def program(name):
    """Where a program is, PostgreSQL's own too; None when nowhere."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def need(*programs):
    packages = {"wrk": "wrk", "pgbench": "postgresql-contrib", "psql": "postgresql-client"}
    missing = [name for name in programs if not program(name)]
    if missing:
        sys.exit(f"{', '.join(missing)} missing: apt-get install {' '.join(packages[name] for name in missing)}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def machine():
    """One sentence: processor, memory, kernel, PostgreSQL."""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', pathlib.Path("/etc/os-release").read_text(), re.M).group(1)
    postgres = run(program("postgres"), "--version").split()[2]
    return (f"{os.cpu_count()} x {cpu.group(1) if cpu else platform.machine()}, {round(memory / 2**20)} GiB, {system}, "
            f"Linux {platform.release()}, PostgreSQL {postgres}")


def commit():
    done = subprocess.run(["git", "-C", str(SOURCE), "describe", "--always", "--dirty", "--exclude", "*"],
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def interruptible():
    """Ctrl-C and SIGTERM end what was started, also in a background shell, which ignores SIGINT for us."""
    def stop(number, _frame):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + number)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def many_files():
    """As many open files as we may have, here and in what is started: connections are files."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def thread_seconds(pid):
    """Processor seconds of a process so far, by the name of its threads."""
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        name = "ZeroMQ" if name.startswith("ZMQ") else name
        seconds[name] = seconds.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
    return seconds


class Postgres:
    """Durable, as in production: fsync and synchronous_commit are on, unless it has to be `quick`."""

    def __init__(self, folder, quick):
        self.folder = folder
        self.url = run(SOURCE / "server/private-postgres", "start", folder, *(["--quick"] if quick else [])).strip()
        self.socket = re.search(r"host=([^&]+)", self.url).group(1)
        run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.url, input=TABLES)
        lines = (pathlib.Path(self.socket).parent / "data/postmaster.pid").read_text().splitlines()
        self.pid = int(lines[0])

    def backends(self):
        """Processor seconds of each backend so far, by process."""
        seconds = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == self.pid:
                    seconds[folder.name] = int((folder / "schedstat").read_text().split()[0]) / 1e9
        return seconds


class Server:
    """A process that answers HTTP on self.port; `command` gets the port. `ready` is the path that says 200."""

    def __init__(self, name, folder, command, port=None, env=None, ready="/one/1", patience=60):
        self.name, self.port = name, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = pathlib.Path(folder) / f"{name.replace(' ', '-')}-{self.port}.log"
        began = time.monotonic()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command(self.port)], stdout=log, stderr=log,
                                            env={**os.environ, **(env or {})})
        try:
            while not self.get(ready):
                if self.process.poll() is not None or time.monotonic() - began > patience:
                    raise RuntimeError(f"{name} did not start:\n{self.log_path.read_text(errors='replace')[-2000:]}")
                time.sleep(0.001)
        except BaseException:  # Ctrl-C, too
            self.stop()
            raise
        self.started = time.monotonic() - began

    def get(self, path, headers=None):
        """The body of a 200, else None."""
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers or {}), timeout=5) as got:
                return got.read() if got.status == 200 else None
        except (OSError, urllib.error.HTTPError):
            return None

    def threads(self):
        return thread_seconds(self.process.pid)

    def memory(self):
        """Resident MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Stage:
    """A PostgreSQL with the tables, a folder that goes away at the end, and servers by what they are for."""

    def __init__(self, build, quick=False):
        self.build, self.quick = build.resolve(), quick
        if not (self.build / "bench_open").exists():
            sys.exit("build first: cmake --preset release -DMUSTER_TESTS=ON && cmake --build --preset release")
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
            os.chmod(self.folder, 0o755)  # PostgreSQL's user has to pass
            self.stack.callback(run, SOURCE / "server/private-postgres", "remove", self.folder / "postgres")
            self.postgres = Postgres(self.folder / "postgres", self.quick)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_error):
        self.stack.close()

    def tool(self, name, *arguments):
        """Runs a program of ours, which prints `word number` pairs."""
        words = run(self.build / name, *arguments).split()
        return {word: float(number) for word, number in zip(words[::2], words[1::2])}

    @contextlib.contextmanager
    def muster(self, *flags, name="muster", env=None, ready="/health/ready", folder=BENCH / "api", dev=True):
        """`muster serve` with nothing open but HTTP and the local socket `server.ipc`."""
        ipc = self.folder / f"{free_port()}.sock"
        command = [self.build / "muster", "serve", "--ipc", ipc, "--bind", "none", "--dir", folder, "--access-log", "off",
                   "--connections", "20000", "--per-address", "20000", *(["--dev"] if dev else []), *flags]
        server = Server(name, self.folder, lambda port: [*command, "--http", f"127.0.0.1:{port}"],
                        env={"DATABASE_URL": self.postgres.url, **(env or {})}, ready=ready)
        server.ipc = f"ipc://{ipc}"
        try:
            yield server
        finally:
            server.stop()
