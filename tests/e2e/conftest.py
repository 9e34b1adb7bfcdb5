# SPDX-License-Identifier: MPL-2.0
"""What all end-to-end tests share: servers started as users start them, each on ports and a database of its own.

./test sets DATABASE_URL (a PostgreSQL of its own, superuser) and MUSTER_BINARY.
"""
import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import tokens  # puts SECRET_KEY into the environment: no server starts without one, but with --dev

os.environ.setdefault("MUSTER_RATE_LIMITS", "off")  # tests ask faster than people do; those of limits turn them on

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("MUSTER_BINARY", str(SOURCE / "build/release/muster"))
SLOW = float(os.environ.get("MUSTER_TEST_SLOWDOWN", "1"))  # sanitizers take their time


# Ports for servers lie below those that the kernel hands out (to clients, and to whoever binds port 0), and every worker
# of a parallel run has its own: nobody else can take one between the probe and the server's start.
FIRST_PORT = 10000 + 2500 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8)
PORTS = itertools.cycle(range(FIRST_PORT, FIRST_PORT + 2500))


def free_port():
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(condition, seconds=10, what="the condition"):
    """Polls until condition() is true; its value. Fails the test when the time is up."""
    until = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"{what} did not come about in {seconds} s")
        time.sleep(0.01)


@contextlib.contextmanager
def building():
    """For what calls the build tool, by whatever way: two at once in one folder forget what is built, and build all anew."""
    with open(pathlib.Path(BINARY).parent / "tests.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def psql(sql, url=None, check=True):
    """Runs SQL; its output, unaligned, tuples only."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url or os.environ["DATABASE_URL"]],
                          input=sql, capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.rstrip("\n")


def database_url(name):
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    return urllib.parse.urlunsplit(parts._replace(path="/" + name))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Process:
    """A running command of muster that ends at SIGTERM; its log in `log_path`."""

    def __init__(self, log_path, *arguments, env=None):
        self.log_path = log_path
        self.command, self.env = [BINARY, *map(str, arguments)], {**os.environ, **(env or {})}
        self.begin()

    def begin(self):
        """Starts it, again if it was there already."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, stdout=log, env=self.env)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        assert self.process.poll() is None, self.log()
        return True

    def logged(self, words, seconds=10):
        """Waits until the log has the words."""
        wait_for(lambda: words in self.log() or not self.running(), seconds, f"{words!r} in the log")
        return self

    def send(self, number):
        """Sends a signal; after SIGSTOP, returns once it stands still (kill(2) does not wait for that)."""
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            stat = pathlib.Path(f"/proc/{self.process.pid}/stat")
            wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", what="its standstill")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Http:
    """Whoever listens on self.port."""

    def listens(self):
        self.running()
        try:
            return self.request("GET", "/health/live").status == 200
        except OSError:
            return False

    def wait_ready(self, seconds=10):
        wait_for(lambda: self.request("GET", "/health/ready").status == 200, seconds, "readiness")
        return self

    def request(self, method, path, body=None, headers=None, timeout=30):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def raw(self, data, timeout=5):
        """Sends bytes as they are, half-closes nothing, and reads until the server closes or the time is up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as client:
            client.sendall(data)
            return self.read_all(client)

    @staticmethod
    def read_all(client):
        received = b""
        try:
            while chunk := client.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received

    def connect(self, timeout=5):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)


class Broker:
    """Whoever has a broker's socket at self.ipc."""

    def call(self, *arguments):
        return subprocess.run([BINARY, "call", *arguments, "--ipc", self.ipc], capture_output=True, text=True)

    def show(self, table):
        done = subprocess.run([BINARY, "show", table, "--json", "--ipc", self.ipc], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Server(Process, Http, Broker):
    """A running `muster serve`."""

    def __init__(self, folder, database, *flags, dev=True, env=None):
        self.port, self.zmq_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.zmq = f"tcp://127.0.0.1:{self.zmq_port}"
        self.ipc = str(folder / "b.sock")
        self.database = database
        super().__init__(folder / "serve.log", "serve", "--http", f"127.0.0.1:{self.port}", "--ipc", self.ipc,
                         *(["--dev", "--bind", self.zmq] if dev else []), *flags,
                         env={"DATABASE_URL": database, **(env or {})})
        wait_for(self.listens, what="the server's port")


class BrokerProcess(Process, Broker):
    """A running `muster broker`; with tcp=True or curve=True peers reach it over tcp, else at its local socket."""

    def __init__(self, folder, *flags, tcp=False, curve=False):
        folder.mkdir(exist_ok=True)
        self.ipc = str(folder / "b.sock")
        self.endpoint = f"tcp://127.0.0.1:{free_port()}" if tcp or curve else f"ipc://{self.ipc}"
        where = [*(["--dev"] if tcp else []), "--bind", self.endpoint] if tcp or curve else []
        super().__init__(folder / "broker.log", "broker", "--ipc", self.ipc, *where, *flags)

    def begin(self):
        return super().begin().logged("ready")


class GatewayProcess(Process, Http):
    """A running `muster gateway`, of brokers."""

    def __init__(self, log_path, brokers, *flags, dev=True):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(log_path, "gateway", "--http", f"127.0.0.1:{self.port}", "--brokers", listed(brokers),
                         *(["--dev"] if dev else []), *flags, env={"DATABASE_URL": ""})
        wait_for(self.listens, what="the gateway's port")


class ActorsProcess(Process):
    """A running `muster actors`, of brokers."""

    def __init__(self, log_path, brokers, database, *flags):
        super().__init__(log_path, "actors", "--brokers", listed(brokers), *flags, env={"DATABASE_URL": database})


def listed(brokers):
    return ",".join(broker.endpoint for broker in brokers)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture(scope="session")
def gathering():
    """The URL of a database with the GatheRing schema and seed data."""
    name = f"e2e_{os.getpid()}"
    psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE); CREATE DATABASE "{name}"', check=True)
    url = database_url(name)
    subprocess.run([BINARY, "migrate", "--seed", "--database-url", url], check=True, capture_output=True)
    yield url
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def shared(gathering, tmp_path_factory):
    """One server for all tests that leave it as they find it."""
    server = Server(tmp_path_factory.mktemp("shared"), gathering).wait_ready()
    wait_for(lambda: len(server.show("workers")) == 11, what="all workers")  # 8 actors, chat, auth, listener
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def start(gathering, tmp_path_factory):
    """Starts servers of a test's own: start("--actors", "2", database=..., dev=...). They must end with status 0."""
    servers = []

    def run(*flags, database=None, ready=True, **options):
        server = Server(tmp_path_factory.mktemp("server"), database or gathering, *flags, **options)
        servers.append(server)
        return server.wait_ready() if ready else server

    yield run
    for server in servers:
        assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def parts(gathering, tmp_path):
    """Starts parts of a server as processes: parts.broker(), parts.gateway(brokers), parts.actors(brokers). Those that
    still run must end with status 0."""

    class Parts:
        def __init__(self):
            self.started = []

        def add(self, process):
            self.started.append(process)
            return process

        def path(self, name):
            return tmp_path / f"{name}{len(self.started)}"

        def broker(self, *flags, **options):
            return self.add(BrokerProcess(self.path("broker"), *flags, **options))

        def gateway(self, brokers, *flags, **options):
            return self.add(GatewayProcess(self.path("gateway"), brokers, *flags, **options))

        def actors(self, brokers, *flags, database=None):
            return self.add(ActorsProcess(self.path("actors"), brokers, database or gathering, *flags))

    made = Parts()
    yield made
    for process in reversed(made.started):
        if process.process.poll() is None:
            process.send(signal.SIGCONT)
            assert process.stop() == 0, process.log()[-3000:]


@pytest.fixture
def scratch(tmp_path):
    """An empty database and an API folder: scratch.sql(...) runs SQL there, scratch.endpoints(text) writes files."""

    class Scratch:
        def __init__(self):
            self.name = f"scratch_{os.getpid()}_{time.monotonic_ns()}"
            psql(f'CREATE DATABASE "{self.name}"')
            self.url = database_url(self.name)
            self.folder = tmp_path / "api"
            (self.folder / "endpoints").mkdir(parents=True)

        def sql(self, text):
            return psql(text, self.url)

        def endpoints(self, text, name="test.sql"):
            (self.folder / "endpoints" / name).write_text(text)

    made = Scratch()
    yield made
    psql(f'DROP DATABASE "{made.name}" WITH (FORCE)')
