# SPDX-License-Identifier: MPL-2.0
"""The lines of bench/run: what each measures, against what, and what it should be."""
import contextlib
import dataclasses
import select
import socket
import statistics
import time

from load import constant_rate, pgbench, wrk
from stage import say

LINES = {}


@dataclasses.dataclass
class Line:
    name: str
    what: str
    target: float  # of the ratio to `against`, else of the median itself
    most: bool     # the target is a most, else a least
    unit: str      # of what is measured on both sides
    against: str   # "" for none
    measure: object

    def goal(self):
        return f"{'<=' if self.most else '>='} {self.target:g}{'' if self.against else ' ' + self.unit}"


@dataclasses.dataclass
class Figure:
    line: Line
    ours: list
    theirs: list
    note: str = ""
    fine: bool = True  # what stands in the note is as it should be, too

    @property
    def value(self):
        median = statistics.median(self.ours)
        return median / statistics.median(self.theirs) if self.theirs else median

    @property
    def met(self):
        return self.fine and (self.value <= self.line.target if self.line.most else self.value >= self.line.target)


def line(name, what, target, unit="requests/s", against="", most=False, table=LINES):
    """`measure(stage, options)` gives (ours, theirs) or (ours, theirs, note, fine)."""
    def register(measure):
        table[name] = Line(name, what, target, most, unit, against, measure)
        return measure
    return register


def pairs(options, ours, theirs=None):
    """Measures both in turn, as often as asked, the other one first every second time; the two lists."""
    results = ([], [])
    for pair in range(options.pairs):
        order = ((0, ours), (1, theirs)) if pair % 2 == 0 else ((1, theirs), (0, ours))
        for side, measure in order:
            if measure:
                results[side].append(measure())
        say(f"  {pair + 1} of {options.pairs}: " + " against ".join(f"{side[-1]:.6g}" for side in results if side))
    return results


def warm(options, *measures):
    """Generic plans, buffers, connections."""
    for measure in measures if not options.smoke else ():
        measure()


def against_pgbench(stage, options, connections):
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        seeds = iter(range(1, 1000))
        warm(options, lambda: wrk(server, connections, 2), lambda: pgbench(stage.postgres, 2))
        return pairs(options, lambda: wrk(server, connections, options.seconds, next(seeds))["rate"],
                     lambda: pgbench(stage.postgres, options.seconds))


@line("c64", "GET one row by random id, wrk -t1 -c64", 0.9, against="pgbench -M prepared -c 8 -j 1")
def c64(stage, options):
    return against_pgbench(stage, options, 64)


@line("c256", "the same, -c256", 0.9, against="pgbench -M prepared -c 8 -j 1")
def c256(stage, options):
    return against_pgbench(stage, options, 256)


@line("libmuster", "the same through libmuster, 64 under way, no HTTP", 1.3, against="pgbench -M prepared -c 8 -j 1")
def libmuster(stage, options):
    def ask(seconds):
        got = stage.tool("bench_ask", server.ipc, seconds, 64)
        return got["requests"] / got["seconds"]
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        warm(options, lambda: ask(2), lambda: pgbench(stage.postgres, 2))
        return pairs(options, lambda: ask(options.seconds), lambda: pgbench(stage.postgres, options.seconds))


def costs(server, connections, seconds, seed=1, **asked):
    """Processor microseconds a request, by name of the server's threads."""
    before = server.threads()
    requests = wrk(server, connections, seconds, seed, **asked)["requests"]
    return {name: 1e6 * (after - before.get(name, 0)) / requests for name, after in server.threads().items()}


@line("cpu", "server CPU a request (gateway + broker + actors), c64", 12, unit="us", most=True)
def cpu(stage, options):
    parts = {}

    def measure():
        by_thread = costs(server, 64, options.seconds)
        for name, cost in by_thread.items():
            parts.setdefault(name, []).append(cost)
        return sum(by_thread.values())
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        warm(options, lambda: wrk(server, 64, 2))
        ours, _ = pairs(options, measure)
    largest = sorted(((statistics.median(some), name) for name, some in parts.items()), reverse=True)
    return ours, [], ", ".join(f"{name} {cost:.1f}" for cost, name in largest if cost >= 0.05), True


@line("c1", "one request alone (c1), p50", 150, unit="us", most=True)
def c1(stage, options):
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        warm(options, lambda: wrk(server, 1, 2))
        return pairs(options, lambda: wrk(server, 1, options.seconds)["p50"])


@line("p99", "p99 at half of the peak rate, constant rate", 1500, unit="us", most=True)
def p99(stage, options):
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        warm(options, lambda: wrk(server, 64, 2))
        peak = statistics.median(wrk(server, 64, options.seconds)["rate"] for _ in range(1 if options.smoke else 3))
        ours, _ = pairs(options, lambda: constant_rate(stage, server, peak / 2, options.seconds))
    return ours, [], f"at {peak / 2:.0f} requests/s", True


@line("rows", "list of 100 rows x 8 columns, c64", 0.8, unit="rows/s", against="libpq alone, 8 connections")
def rows(stage, options):
    def read(seconds):
        got = stage.tool("bench_rows", stage.postgres.url, seconds, 8)
        return got["rows"] / got["seconds"]
    asked = {"path": "/rows?after=%d", "most": 9899}
    with stage.muster("--actors", options.actors, "--gateways", options.gateways) as server:
        warm(options, lambda: wrk(server, 64, 2, **asked), lambda: read(2))
        return pairs(options, lambda: 100 * wrk(server, 64, options.seconds, **asked)["rate"],
                     lambda: read(options.seconds))


@line("insert", "INSERT returning id, c64, synchronous_commit on, 16 actors", 0.9, against="pgbench insert, 64 clients")
def insert(stage, options):
    asked = {"path": "/made", "body": '{"name": "row", "number": %d}'}
    with stage.muster("--actors", 16, "--gateways", options.gateways) as server:
        warm(options, lambda: wrk(server, 64, 2, **asked), lambda: pgbench(stage.postgres, 2, 64, "insert.sql"))
        return pairs(options, lambda: wrk(server, 64, options.seconds, **asked)["rate"],
                     lambda: pgbench(stage.postgres, options.seconds, 64, "insert.sql"))


@line("slow", "p99 of 200 requests/s, open loop, while 1 % are @slow and take 500 ms", 2, unit="us", most=True,
      against="without them")
def slow(stage, options):
    seconds = 1 if options.smoke else max(options.seconds, 15)

    def measure(*every):
        got = stage.tool("bench_open", server.port, 200, seconds, *every)
        if got["errors"]:
            raise RuntimeError(f"{got['errors']:.0f} of {got['requests']:.0f} requests failed")
        return got["p99"]
    with stage.muster("--gateways", options.gateways) as server:
        warm(options, lambda: measure(100))
        return pairs(options, lambda: measure(100), measure)


def hold(server, count):
    """So many keep-alive connections, each of which had an answer."""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(("127.0.0.1", server.port)))
        held[-1].sendall(b"GET /one/1 HTTP/1.1\r\nHost: bench\r\n\r\n")
    for one in held:
        answer = one.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"an idle connection got no 200 but {answer[:300]}")
    return held


def at_rest(server, seconds):
    """Percent of a core that it uses, after it has calmed down."""
    time.sleep(min(seconds, 2))
    before = sum(server.threads().values())
    time.sleep(seconds)
    return 100 * (sum(server.threads().values()) - before) / seconds


def release(held):
    poller = select.poll()
    for one in held:
        poller.register(one, select.POLLIN)
    closed = len(poller.poll(0))
    for one in held:
        one.close()
    if closed:
        raise RuntimeError(f"{closed} of {len(held)} idle connections were closed by the server")


@line("idle", "10,000 idle keep-alive connections, resident", 80, unit="MiB", most=True)
def idle(stage, options):
    count, seconds = (200, 0.5) if options.smoke else (10000, max(options.seconds, 5))
    shares = []

    def measure():
        with stage.muster("--gateways", options.gateways, "--idle-timeout", "10m") as server:
            alone = at_rest(server, seconds)
            held = hold(server, count)
            shares.append(at_rest(server, seconds) - alone)
            memory = server.memory()
            release(held)
            return memory
    ours, _ = pairs(options, measure)
    share = statistics.median(shares)
    return ours, [], f"{count} connections use {share:.2f} % of a core more than none", share < 0.1


@line("memory", "resident memory of muster serve, 8 actors, after 10 minutes at c256", 40, unit="MiB", most=True)
def memory(stage, options):
    """The last of samples taken all the while; flat: no growth of more than 2 % from a fifth of the time on."""
    seconds = 3 if options.smoke else 60 * options.minutes
    samples = []
    with stage.muster("--actors", 8, "--gateways", options.gateways) as server:
        until, seed = time.monotonic() + seconds, 0
        while (left := until - time.monotonic()) >= 1:
            wrk(server, 256, max(1, min(10, int(left))), seed := seed + 1)
            samples.append(server.memory())
            say(f"  {left:.0f} s left, {samples[-1]:.1f} MiB")
    early, last = samples[len(samples) // 5], samples[-1]
    growth = 100 * (last - early) / early
    return [last], [], f"{growth:+.1f} % in the last four fifths of {seconds} s", growth <= 2


@line("gateways", "gateway CPU a request with two gateway threads", 1.1, unit="us", most=True, against="with one")
def gateways(stage, options):
    with stage.muster("--actors", options.actors, "--gateways", 2, name="two") as two, \
            stage.muster("--actors", options.actors, "--gateways", 1, name="one") as one:
        warm(options, lambda: wrk(two, 64, 2), lambda: wrk(one, 64, 2))
        return pairs(options, lambda: costs(two, 64, options.seconds)["gateway"],
                     lambda: costs(one, 64, options.seconds)["gateway"])


def endpoints(folder, count):
    """Fills a folder with so many endpoints, one of them GET /one/{id}."""
    (folder / "endpoints").mkdir(parents=True)
    (folder / "endpoints/one.sql").write_text(
        "-- @endpoint GET /one/{id}\n-- @operation get_one\n-- @auth public\n-- @returns row\n"
        "SELECT id, name, number FROM one WHERE id = :id;\n")
    for first in range(1, count, 1000):  # a file has a megabyte at most
        (folder / f"endpoints/things{first}.sql").write_text("".join(
            f"-- @endpoint GET /things{i}/{{id}}\n-- @operation get_thing{i}\n-- @auth public\n-- @returns row\n"
            f"SELECT id, name, number + {i} AS number FROM one WHERE id = :id;\n\n"
            for i in range(first, min(first + 1000, count))))


@contextlib.contextmanager
def with_endpoints(stage, options, count, actors):
    folder = stage.folder / f"api-{count}"
    if not folder.exists():
        endpoints(folder, count)
    with stage.muster("--actors", actors, "--gateways", options.gateways, folder=folder, name=f"{count} endpoints") as server:
        yield server


@line("catalogue", "server CPU a request with 10,000 endpoints in the catalogue", 1.05, unit="us", most=True,
      against="with ten")
def catalogue(stage, options):
    def measure(server):
        return sum(costs(server, 64, options.seconds).values())
    with with_endpoints(stage, options, 500 if options.smoke else 10000, options.actors) as many, \
            with_endpoints(stage, options, 10, options.actors) as ten:
        warm(options, lambda: wrk(many, 64, 5), lambda: wrk(ten, 64, 5))
        return pairs(options, lambda: measure(many), lambda: measure(ten))


@line("start", "start-up to ready, 200 endpoints, 8 actors", 500, unit="ms", most=True)
def start(stage, options):
    def measure():
        with with_endpoints(stage, options, 200, 8) as server:
            return 1000 * server.started
    return pairs(options, measure)

