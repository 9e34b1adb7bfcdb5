# SPDX-License-Identifier: MPL-2.0
"""libmuster as its users have it: installed to a prefix, found by pkg-config, its examples compiled and run against
real servers; then a probe (libmuster_probe.c) as client and worker while brokers and workers restart, stop and die."""
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading

import pytest

from conftest import BINARY, SLOW, SOURCE, Server, wait_for
from native import CANCEL, ERROR, PARTIAL, READ, Party, value

EXAMPLES = SOURCE / "docs/examples"
PRESET = os.environ.get("MUSTER_PRESET", "release")
SANITIZE = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}.get(PRESET, [])


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """What `cmake --install` puts somewhere."""
    folder = tmp_path_factory.mktemp("prefix")
    build = pathlib.Path(BINARY).resolve().parent
    subprocess.run(["cmake", "--install", build, "--prefix", folder], check=True, capture_output=True)
    return folder


def library(prefix):
    return next(prefix.glob("lib/**/libmuster.so")).parent


def pkg_config(prefix, *arguments):
    done = subprocess.run(["pkg-config", *arguments, "muster"], capture_output=True, text=True, check=True,
                          env={**os.environ, "PKG_CONFIG_PATH": str(library(prefix) / "pkgconfig")})
    return done.stdout.split()


@pytest.fixture(scope="module")
def build(prefix, tmp_path_factory):
    """build(source) compiles a program against the installed library; its path."""
    folder = tmp_path_factory.mktemp("programs")

    def run(source, *flags):
        program = folder / source.stem
        subprocess.run(["cc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-pthread", "-Wall", "-Wextra", "-Werror", *SANITIZE,
                        source, "-o", program, *(flags or pkg_config(prefix, "--cflags", "--libs"))], check=True)
        return program

    return run


@pytest.fixture(scope="module")
def probe(build):
    return build(pathlib.Path(__file__).with_name("libmuster_probe.c"))


@pytest.fixture
def environment(prefix):
    def of(*ipcs):
        return {**os.environ, "LD_LIBRARY_PATH": str(library(prefix)),
                "MUSTER_BROKERS": ",".join(f"ipc://{ipc}" for ipc in ipcs)}

    return of


class Program:
    """A running probe: lines in, lines out."""

    def __init__(self, arguments, env):
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=env)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def line(self, seconds=20):
        try:
            return self.lines.get(timeout=seconds * SLOW)
        except queue.Empty:
            pytest.fail("the probe said nothing")

    def ask(self, service, operation, arguments="{}", deadline=20000, reads=0, key="-", broker=0, how="next"):
        self.say(f"ask {service} {operation} {deadline} {reads} {key} {broker} {how} {arguments}")
        word, id_ = self.line().split()
        assert word == "sent" and int(id_)
        return int(id_)

    def answer(self, id_, how="next"):
        """The next answer, which must be to this request: (status, code, more, document)."""
        said, came, status, code, more, body = self.line().split(" ", 5)
        assert (said, int(came)) == (how, id_)
        return int(status), code, bool(int(more)), json.loads(body)

    def stop(self, how=None):
        if how:
            self.process.send_signal(how)
        else:
            self.process.stdin.close()
        return self.process.wait(20 * SLOW)


@pytest.fixture
def run(probe, environment):
    """Starts probes; they must end well."""
    programs = []

    def start(ipcs, *arguments):
        program = Program([probe, *arguments], environment(*ipcs))
        programs.append(program)
        return program

    yield start
    for program in programs:
        if program.process.poll() is None:
            program.stop(signal.SIGTERM if "worker" in program.process.args else None)
        assert program.process.returncode == 0


def worker(run, server, service="probe", window=8, threads=1):
    program = run([server.ipc], "worker", service, str(window), str(threads))
    wait_for(lambda: workers(server, service), what="the worker to be registered")
    return program


def workers(server, service):
    return [row for row in server.show("workers") if row["service"] == service]


@pytest.fixture
def party(shared):
    made = Party("ipc://" + shared.ipc)
    yield made
    made.close()


# ---- The installed files

def test_the_header_is_plain_c_and_cplusplus(prefix, tmp_path):
    (tmp_path / "t.c").write_text("#include <muster.h>\nint main(void) { return muster_version() ? 0 : 1; }\n")
    flags = pkg_config(prefix, "--cflags")
    for compiler, standard in (("cc", "c99"), ("c++", "c++11")):
        if shutil.which(compiler):
            language = ["-x", "c++"] if compiler == "c++" else []
            subprocess.run([compiler, f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", *language, "-c",
                            tmp_path / "t.c", "-o", tmp_path / "t.o", *flags], check=True)


def test_the_library_shows_its_functions_only(prefix):
    shared_object = library(prefix) / "libmuster.so"
    symbols = subprocess.run(["nm", "-D", "--defined-only", shared_object], capture_output=True, text=True, check=True)
    names = {line.split()[2] for line in symbols.stdout.splitlines()}
    header = (prefix / "include/muster.h").read_text()
    declared = set(re.findall(r"^MUSTER_API [^;]*?\b(muster_\w+)\(", header, re.M))
    assert {n for n in names if not n.startswith("__") and "asan" not in n and "ubsan" not in n} == declared
    dynamic = subprocess.run(["readelf", "-d", shared_object], capture_output=True, text=True, check=True).stdout
    assert re.search(r"SONAME.*\[libmuster\.so\.\d+\]", dynamic)
    ours = [n for n in re.findall(r"NEEDED.*\[(\S+)\]", dynamic) if not re.match(r"lib(c|m|asan|ubsan|tsan|gcc_s)\.", n)]
    assert len(ours) == 1 and ours[0].startswith("libzmq.")


def test_versions_agree(prefix, build, tmp_path):
    source = tmp_path / "version.c"
    source.write_text("#include <muster.h>\n#include <stdio.h>\nint main(void) { return puts(muster_version()) < 0; }\n")
    static = build(source, *pkg_config(prefix, "--cflags"), str(library(prefix) / "libmuster.a"), "-lzmq", "-lm")
    version = subprocess.run([static], capture_output=True, text=True, check=True).stdout.strip()
    assert [version] == pkg_config(prefix, "--modversion")


# ---- The examples

def test_the_client_example(build, environment, shared):
    program = build(EXAMPLES / "client.c")
    done = subprocess.run([program, "get_provider", '{"id": 1}'], capture_output=True, text=True, env=environment(shared.ipc))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert json.loads(first)["name"] == "anthropic" and second == "10 of 10 answered"
    done = subprocess.run([program, "get_provider", '{"id": 99}'], capture_output=True, text=True, env=environment(shared.ipc))
    assert done.returncode == 1 and done.stderr == "404 provider_not_found: Provider 99 not found\n"
    done = subprocess.run([program], capture_output=True, text=True, env={**environment(), "MUSTER_BROKERS": "nonsense"})
    assert done.returncode == 2 and "cannot connect to nonsense" in done.stderr


def test_the_worker_example(build, environment, start):
    server = start()
    process = subprocess.Popen([build(EXAMPLES / "worker.c")], env=environment(server.ipc))
    party = Party("ipc://" + server.ipc)
    try:
        wait_for(lambda: workers(server, "greeter"), what="the worker")
        hello = {"greeting": "Hello", "to": {"name": "Ada"}}
        assert json.loads(server.call("greeter", "greet", "name=Ada").stdout) == hello
        assert json.loads(server.call("greet", "name=Ada").stdout) == hello  # the catalogue knows whose it is
        assert party.peer().call("greeter", "greet", {"name": "Ada"}, subject=b"ada") == hello
        wait_for(lambda: server.request("POST", "/greet", {"name": "Ada"}).status == 200, what="the endpoint")
        assert server.request("POST", "/greet", {"name": "Ada"}).json == hello
        assert server.request("POST", "/greet", {"name": 1}).status == 422
        done = server.call("greeter", "count", "to=4")
        assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == [1, 2, 3, 4]
        assert server.call("greeter", "count").stdout.splitlines()[-1] == '{"n":3}'  # its default
        for arguments, code in (("to=1001", "invalid"), ("to=x", None)):
            done = server.call("greeter", "count", arguments)
            assert done.returncode != 0 and done.stdout == "" and (not code or json.loads(done.stderr)["code"] == code)
        nobody = party.peer()
        refusal = next_error(nobody, nobody.ask("greeter", "greet", {"name": "x"}))
        assert value(refusal.body)["code"] == "unauthenticated"
        document = server.request("GET", "/openapi.json").json
        assert "/greet" in document["paths"]
    finally:
        party.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20 * SLOW) == 0
    assert workers(server, "greeter") == []
    assert json.loads(server.call("greeter", "greet", "name=Ada").stderr)["code"] == "no_worker"


def test_the_programs_of_the_page(build, environment, start, tmp_path):
    """Those of docs/libmuster.md do what it says."""
    server = start()
    blocks = re.findall(r"^```c\n(.*?)^```", (SOURCE / "docs/libmuster.md").read_text(), re.M | re.S)
    assert len(blocks) == 4
    programs = []
    for number, block in enumerate(blocks):
        source = tmp_path / f"page{number}.c"
        source.write_text(block if "int main" in block else block + "int main(void) { return publish(0, 0, 0) != 0; }\n")
        programs.append(build(source))
    env = environment(server.ipc)
    outputs = [subprocess.run([program], capture_output=True, text=True, env=env, check=True).stdout for program in programs[:2]]
    assert json.loads(outputs[0])["name"] == "anthropic" and outputs[1].split() == ["200"] * 100
    echo = subprocess.Popen([programs[2]], env=env)
    try:
        wait_for(lambda: workers(server, "echo"), what="the worker of the page")
        assert server.call("echo", "anything", "a=1").stdout == '{"a":1}\n'
    finally:
        echo.kill()
        echo.wait()


def next_error(peer, id_):
    record = peer.expect(ERROR)
    assert record.id == id_
    return record


# ---- Clients

def test_blocking_calls(run, shared):
    worker(run, shared)
    done = run([shared.ipc], "calls")
    lines = [done.line() for _ in range(9)]
    assert lines == ["wait 0", "binary 0 1", 'json 0 {"n":[1.50]}', "none 0 {}", "broken -1 400 malformed",
                     "nobody -1 503 no_worker", 'pieces 0 100 "done"', "catalogue 0 1", "nothing -1"]
    assert done.process.wait(20) == 0


def test_many_threads(run, shared):
    worker(run, shared, window=16, threads=3)
    done = run([shared.ipc], "threads", "100")
    assert done.line(60) == "400 of 400"


def test_answers_come_to_poll_in_pieces_and_by_callback(run, shared):
    worker(run, shared)
    client = run([shared.ipc], "client")
    for how in ("next", "callback"):
        id_ = client.ask("probe", "pieces", how=how)
        for _ in range(100):
            assert client.answer(id_, how) == (200, "none", True, 1)
        assert client.answer(id_, how) == (200, "none", False, "done")
        assert client.answer(client.ask("probe", "echo", '{"a": 1}', how=how), how)[3] == {"a": 1}
        assert client.answer(client.ask("probe", "echo", "nonsense", how=how), how)[:2] == (400, "malformed")
        assert client.answer(client.ask("probe", "echo", broker=2, how=how), how)[:2] == (400, "malformed")
        assert client.answer(client.ask("db", "get_provider", '{"id": 99}', how=how), how)[:2] == (404, "provider_not_found")


def test_deadlines_and_cancel(run, shared, party):
    silent = party.worker("silent")
    client = run([shared.ipc], "client")
    for reads, code in ((1, "timeout"), (0, "outcome_unknown")):
        id_ = client.ask("silent", "x", deadline=100, reads=reads)
        assert silent.work().flags & READ == reads
        assert client.answer(id_)[:2] == (504, code)
        silent.expect(CANCEL)
    id_ = client.ask("silent", "x")
    request = silent.work()
    assert request.trace == b"probe" and request.subject != b"" and request.role == b""
    client.say(f"cancel {id_}")
    assert silent.expect(CANCEL).id == request.id
    silent.reply(request, "late")
    assert client.answer(client.ask("db", "get_provider", '{"id": 1}'))[0] == 200  # nothing of the cancelled one


@pytest.mark.parametrize("reads,key,again", [(1, "-", True), (0, "key", False), (0, "-", False)])
def test_a_worker_dies(run, shared, party, reads, key, again):
    """Only what reads is sent again, once: not every worker keeps keys."""
    service = f"dying{reads}{key}"
    client = run([shared.ipc], "client")
    first = party.worker(service)
    id_ = client.ask(service, "x", reads=reads, key=key)
    first.work()
    second = party.worker(service)
    first.close()  # says DISCONNECT
    if again:
        request = second.work()
        assert request.key == (b"" if key == "-" else key.encode())
        second.reply(request, "second")
        assert client.answer(id_) == (200, "none", False, "second")
        third = client.ask(service, "x", reads=reads, key=key)
        second.work()
        other = party.worker(service)
        second.close()
        other.work()
        other.close()
        assert client.answer(third)[1] == ("worker_lost" if reads else "outcome_unknown")
    else:
        assert client.answer(id_)[:2] == (504, "outcome_unknown")
        second.quiet()


def test_a_worker_of_the_database_dies(run, shared, party):
    """These keep keys: a write with one is sent again, with the same one, once."""
    client = run([shared.ipc], "client")
    offer = (4711, "dying", 0)
    first = party.worker("db", offer)
    keyed, plain = client.ask("db", "dying", key="k"), client.ask("db", "dying")
    assert {first.work().key, first.work().key} == {b"k", b""}
    second = party.worker("db", offer)
    first.close()
    assert client.answer(plain)[:2] == (504, "outcome_unknown")
    request = second.work()
    assert request.key == b"k"
    second.reply(request, "second")
    assert client.answer(keyed) == (200, "none", False, "second")
    second.quiet()


def test_pieces_that_nobody_takes_are_not_asked_for_again(run, shared, party):
    """An answer that has begun is not begun again by another worker."""
    client = run([shared.ipc], "client")
    first = party.worker("begun")
    id_ = client.ask("begun", "x", reads=1)
    first.reply(first.work(), 1, type_=PARTIAL)
    assert client.answer(id_) == (200, "none", True, 1)
    second = party.worker("begun")
    first.close()
    assert client.answer(id_)[1] == "worker_lost"
    second.quiet()


@pytest.fixture
def killable(gathering, tmp_path_factory):
    """Servers that a test may kill: killable(folder=None)."""
    servers = []

    def make(folder=None):
        server = Server(folder or tmp_path_factory.mktemp("killable"), gathering, "--actors", "2")
        servers.append(server)
        return server.wait_ready()

    yield make
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.process.kill()
            server.process.wait()


def test_the_broker_restarts(run, killable, tmp_path):
    server = killable(tmp_path)
    client = run([server.ipc], "client")
    probe_worker = worker(run, server)
    id_ = client.ask("probe", "block")
    assert probe_worker.line() == "begun"
    server.process.kill()
    server.process.wait()
    assert client.answer(id_)[:2] == (504, "outcome_unknown")
    assert client.answer(client.ask("probe", "echo"))[:2] == (503, "not_ready")  # waits for a broker, not for ever
    probe_worker.say("")
    assert probe_worker.line() == "left 0"
    server = killable(tmp_path)
    wait_for(lambda: workers(server, "probe"), what="the worker to register again")
    assert client.answer(client.ask("probe", "echo", '{"a": 2}'))[3] == {"a": 2}
    assert client.answer(client.ask("db", "get_provider", '{"id": 1}'))[0] == 200


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_one_of_two_brokers_dies(run, killable, how):
    """It is noticed; reads go to the other, writes get a definite answer; it is taken back."""
    one, two = killable(), killable()
    client = run([one.ipc, two.ipc], "client")
    parties = [Party("ipc://" + server.ipc) for server in (one, two)]
    peers = [party.worker("slow") for party in parties]
    stop = threading.Event()
    try:
        wait_for(lambda: client.say("alive") or [client.line(), client.line()] == ["alive 1", "alive 1"],
                 what="both brokers")
        asked = [client.ask("slow", "x", broker=0, reads=reads) for reads in (1, 1, 0, 0)]
        assert len({client.answer(client.ask("db", "get_provider", '{"id": 1}', broker=n))[0] for n in (1, 2)}) == 1
        for peer in peers:  # two requests each, of each kind one: equals take turns
            assert sorted(peer.work().flags & READ for _ in range(2)) == [0, 1]
        one.process.send_signal(how)
        answers = {}
        beat = threading.Thread(target=keep, args=(peers[1], stop))
        beat.start()
        said, came, status, code, _, _ = client.line().split(" ", 5)
        answers[int(came)] = code
        assert answers == {next(id_ for id_ in asked[2:] if id_ in answers): "outcome_unknown"}
        stop.set()
        beat.join()
        assert peers[1].work().flags & READ  # the first's read
        for _ in range(5):
            assert client.answer(client.ask("db", "get_provider", '{"id": 1}'))[0] == 200
        if how == signal.SIGSTOP:
            one.process.send_signal(signal.SIGCONT)
            wait_for(lambda: client.say("alive") or [client.line(), client.line()] == ["alive 1", "alive 1"],
                     what="the first broker to be taken back")
            assert client.answer(client.ask("db", "get_provider", '{"id": 1}', broker=1))[0] == 200
        for id_ in asked:
            client.say(f"cancel {id_}")
    finally:
        stop.set()
        for party in parties:
            party.close()


def keep(peer, stop):
    """Keeps a peer's heartbeat while the test waits for something else."""
    while not stop.wait(0.2):
        peer.party.beat()


# ---- Workers

def test_a_worker_that_works_for_long_stays_registered(run, shared):
    """Heartbeats go on while the function works; the passing of time is the point here."""
    probe_worker = worker(run, shared)
    client = run([shared.ipc], "client")
    id_ = client.ask("probe", "block", deadline=60000)
    assert probe_worker.line() == "begun"
    seen = set()
    wait_for(lambda: seen.update(row["left_ms"] for row in shared.show("inflight") if row["service"] == "probe")
             or min(seen) < 60000 - 2500, what="two and a half seconds to pass")
    assert workers(shared, "probe")[0]["in_flight"] == 1
    probe_worker.say("")
    assert probe_worker.line() == "left 1"
    assert client.answer(id_)[3] == "unblocked"


def test_a_worker_that_was_stopped_registers_again(run, shared):
    probe_worker = worker(run, shared, "paused")
    before = workers(shared, "paused")[0]["epoch"]
    probe_worker.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: not workers(shared, "paused"), what="the broker to give the worker up")
    probe_worker.process.send_signal(signal.SIGCONT)
    wait_for(lambda: workers(shared, "paused"), what="the worker to register again")
    assert workers(shared, "paused")[0]["epoch"] != before
    client = run([shared.ipc], "client")
    assert client.answer(client.ask("paused", "echo", '{"a": 3}'))[3] == {"a": 3}


def test_odd_answers(run, shared):
    probe_worker = worker(run, shared)
    client = run([shared.ipc], "client")
    assert client.answer(client.ask("probe", "twice", '{"a": 1}'))[3] == {"a": 1}
    assert [probe_worker.line(), probe_worker.line()] == ["first 0", "second -1"]
    assert client.answer(client.ask("probe", "bad"))[3] == "good"
    assert probe_worker.line() == "bad -1 -1"
    assert client.answer(client.ask("probe", "big"))[3] == "small"
    assert probe_worker.line() == "big -1"
    assert client.answer(client.ask("probe", "silent"))[:2] == (500, "internal")
    status, code, _, body = client.answer(client.ask("probe", "refuse"))
    assert (status, code) == (409, "taken") and body == {"code": "taken", "status": 409, "title": "Conflict", "detail": "It is taken"}
    assert client.answer(client.ask("probe", "conflict"))[:2] == (409, "conflict")
    subject, role, trace, key = client.answer(client.ask("probe", "who", key="k1"))[3]
    assert subject and (role, trace, key) == ("", "probe", "k1")


def test_a_worker_ends(run, shared):
    """What it has begun is finished, what waits goes to others or is certainly not done, and it is gone at once."""
    first = worker(run, shared, "ending")
    client = run([shared.ipc], "client")
    asked = client.ask("ending", "block")
    assert first.line() == "begun"
    waiting = [client.ask("ending", "echo", json.dumps({"n": n})) for n in range(2)]
    wait_for(lambda: workers(shared, "ending")[0]["in_flight"] == 3, what="all three to be at the worker")
    second = worker(run, shared, "ending")
    wait_for(lambda: len(workers(shared, "ending")) == 2, what="the second worker")
    first.process.send_signal(signal.SIGTERM)
    answers = [client.line().split(" ", 5) for _ in waiting]
    assert sorted((int(id_), json.loads(body)["n"]) for _, id_, _, _, _, body in answers) == \
        sorted((id_, n) for n, id_ in enumerate(waiting))
    first.say("")
    assert first.line() == "left 1"
    assert client.answer(asked)[3] == "unblocked"
    assert first.line() == "ended 0" and first.process.wait(20) == 0
    assert len(workers(shared, "ending")) == 1
    second.stop(signal.SIGTERM)
    assert client.answer(client.ask("ending", "echo"))[:2] == (503, "no_worker")


def test_a_cancelled_job_is_told(run, shared):
    probe_worker = worker(run, shared, "leaving")
    client = run([shared.ipc], "client")
    id_ = client.ask("leaving", "block")
    assert probe_worker.line() == "begun"
    client.say(f"cancel {id_}")
    wait_for(lambda: [r for r in shared.show("inflight") if r["service"] == "leaving" and r["abandoned"]],
             what="the broker to know")
    probe_worker.say("")
    assert probe_worker.line() == "left 0"
    assert client.answer(client.ask("leaving", "echo", '{"a": 4}'))[3] == {"a": 4}


def test_a_worker_of_two_brokers_divides_its_window(run, killable):
    one, two = killable(), killable()
    program = run([one.ipc, two.ipc], "worker", "both", "9", "1")
    wait_for(lambda: workers(one, "both") and workers(two, "both"), what="both registrations")
    client = run([two.ipc], "client")
    assert client.answer(client.ask("both", "echo", '{"a": 5}'))[3] == {"a": 5}
    wait_for(lambda: [workers(server, "both")[0]["window"] for server in (one, two)] == [4, 4], what="half of it each")
    one.process.kill()
    one.process.wait()
    wait_for(lambda: workers(two, "both")[0]["window"] == 9, what="all of it for the one that is left")
    assert client.answer(client.ask("both", "echo", '{"a": 6}'))[3] == {"a": 6}
    assert program.stop(signal.SIGTERM) == 0
