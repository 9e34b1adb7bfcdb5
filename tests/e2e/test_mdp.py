# SPDX-License-Identifier: MPL-2.0
"""Majordomo 0.1 and 0.2 beside native peers: clients and workers of each kind, in every mix, and MMI."""
import concurrent.futures
import os
import time

import msgpack
import pytest
import zmq

from conftest import Server, wait_for
from mdp import DISCONNECT, FINAL, HEARTBEAT, PARTIAL, READY, REQUEST, Crowd, receive, rpc, value
from native import ERROR, HELLO, Party, Record, encode
from native import PARTIAL as NATIVE_PARTIAL
from native import REQUEST as NATIVE_REQUEST

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # W3C Trace Context

ENDPOINTS = """
-- @endpoint GET /twice/{n}
-- @operation twice
-- @auth public
-- @path n int4
-- @returns value
SELECT :n * 2;

-- @operation request_id
-- @auth public
-- @reads
-- @returns value
SELECT :request.id;

-- @operation values
-- @auth public
-- @reads
-- @returns row
SELECT '2026-01-31 12:00:00.5+00'::timestamptz AS at, 12.50::numeric AS price, ARRAY[1.5::numeric] AS list;

-- @operation lost
-- @auth public
-- @reads
-- @returns row
-- @empty nothing_there
-- @error nothing_there 404 "Nothing is there"
SELECT 1 AS one WHERE false;

-- @operation secret
-- @auth user
-- @reads
-- @returns value
SELECT 'known to users';
"""

# What a worker publishes to be found over HTTP.
GREET = {"hash": 77, "name": "greet", "service": "greeter", "returns": "value", "params": [
    {"name": "name", "source": "path", "data": "text", "type": "text", "required": 1},
    {"name": "factor", "source": "query", "data": "numeric", "type": "numeric"}], "refusals": [], "columns": [],
    "method": "GET", "path": "/greet/{name}", "tier": "none", "auth": "public", "timeout_ms": 5000, "flags": 1}
CATALOGUE = {"generation": 1, "operations": [GREET]}


def serve(tmp_path_factory, **options):
    folder = tmp_path_factory.mktemp("mdp")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    return Server(folder, os.environ["DATABASE_URL"], "--dir", str(folder), "--actors", "2", **options).wait_ready()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = serve(tmp_path_factory)
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def crowd(served):
    made = Crowd(served.zmq)
    yield made
    made.close()
    party = Party(f"ipc://{served.ipc}")  # the broker has noticed that the workers left before the next test begins
    try:
        peer = party.peer()
        wait_for(lambda: {row["service"] for row in peer.table("workers")} <= {"db", "chat", "auth", "muster.revoked"}, 15, "the workers' end")
    finally:
        party.close()


@pytest.fixture
def party(served):
    made = Party(f"ipc://{served.ipc}", served.zmq)
    yield made
    made.close()


# Clients, and the database

@pytest.mark.parametrize("options", [{}, {"REQ_CORRELATE": 1}, {"kind": zmq.DEALER}],
                         ids=["REQ", "correlated", "DEALER"])
def test_a_01_client_asks_the_database(crowd, options):
    client = crowd.client(1, **options)
    for n in range(20):
        assert client.call("db", "twice", {"n": n}) == 2 * n


def test_a_02_client_with_many_requests_under_way(crowd):
    client = crowd.client(2)
    asked = {client.ask("db", "twice", {"n": n}): n for n in range(300)}
    while asked:
        [body] = client.answer("db")
        _, msgid, error, result = value(body)
        assert error is None and result == 2 * asked.pop(msgid)


def test_values_are_plain_unless_asked_otherwise(crowd):
    client = crowd.client(2)
    plain = {"at": "2026-01-31T12:00:00.5Z", "price": "12.50", "list": ["1.5"]}
    assert client.call("db", "values") == plain
    assert client.call("db", "values", {}, {"values": "plain"}) == plain
    native = client.call("db", "values", {}, {"values": "native"})
    assert native["at"].year == 2026 and native["price"] == msgpack.ExtType(1, b"12.50")


def test_refusals_are_rpc_errors(crowd):
    client = crowd.client(2)
    msgid = client.ask("db", "lost", {})
    error, _ = client.response("db", msgid)
    assert error == {"code": "nothing_there", "status": 404, "title": "Not Found", "detail": "Nothing is there"}
    assert client.refused("db", "twice", {"n": "x"}) == "invalid"
    assert client.refused("db", "no_such_operation", {}) == "no_worker"
    assert client.refused("nobody", "twice", {}) == "no_worker"
    assert client.refused("muster", "no_such_table", {}) == "not_found"


def test_identities(crowd, tmp_path_factory):
    """Majordomo has no place for an identity, and a context is not believed: who somebody is the rights say."""
    assert crowd.client(1).call("db", "secret") == "known to users"
    server = serve(tmp_path_factory, dev=False)
    local = Crowd(f"ipc://{server.ipc}")
    try:
        assert local.client(1).call("db", "secret") == "known to users", "who has the socket is the admin `local`"
        assert local.client(2).call("db", "twice", {"n": 1}) == 2
    finally:
        local.close()
        assert server.stop() == 0


@pytest.mark.parametrize("body", [
    [b"hello"], [b""], [b"\xc1"], [rpc(1, "twice", {"n": 1}), b"more"], [msgpack.packb([2, "twice", [{}]])],
    [msgpack.packb([0, -1, "twice", [{}]])], [msgpack.packb([0, 1 << 32, "twice", [{}]])],
    [msgpack.packb([1, 7, None, 5])], [rpc(1, "twice") + b"\0"], [msgpack.packb({"n": 1})], [b"\x91" * 100],
], ids=lambda body: body[0][:8].hex() or "empty")
@pytest.mark.parametrize("version", [1, 2])
def test_a_body_without_rpc_is_refused_by_native_services(crowd, version, body):
    client = crowd.client(version)
    for service in ("db", "muster"):
        client.send(service, *body)
        error, result = client.response(service, None)
        assert error["code"] == "malformed" and result is None
    assert client.call("db", "twice", {"n": 4}) == 8


@pytest.mark.parametrize("params", [["x"], [{}, "x"], [{}, {"deadline_ms": 0}], [{}, {"deadline_ms": "5"}],
                                    [{}, {}, {}], [{}, {"idempotency_key": 5}], [{}, {"traceparent": "a\nb"}],
                                    [{}, {"values": 1}]],
                         ids=str)
def test_an_rpc_that_contradicts_itself_is_refused_by_its_msgid(crowd, params):
    assert crowd.client(2).refused("db", "twice", *params) == "malformed"


# Majordomo workers

@pytest.mark.parametrize("client_version", [1, 2])
@pytest.mark.parametrize("worker_version", [1, 2])
def test_frames_pass_as_they_are(crowd, client_version, worker_version):
    client, worker = crowd.client(client_version), crowd.worker("echo", worker_version)
    for body in ([b"a"], [b""], [b"", b"", b"x"], [bytes(100000), b"y"], [rpc(5, "say", {"n": 1})],
                 [b"%d" % i for i in range(50)]):
        client.send("echo", *body)
        address, got = worker.work()
        assert got == body
        worker.reply(address, *reversed(body))
        assert client.answer("echo") == body[::-1]


def test_a_stock_worker_is_silent_while_it_works(crowd):
    """One request at a time; no heartbeats, far beyond the two seconds of native peers."""
    worker = crowd.worker("slow")
    clients = [crowd.client(1) for _ in range(3)]
    for client in clients:
        client.send("slow", b"task")
    beats, until = 0, time.monotonic() + 5
    address, _ = worker.work()
    while (left := until - time.monotonic()) > 0:
        beats += receive(worker.socket, left) == [b"", b"MDPW01", b"\4"]
    assert beats >= 2, "the broker's heartbeats go on, and the second request waits"
    worker.reply(address, b"done")
    for _ in range(2):
        address, _ = worker.work()
        worker.reply(address, b"done")
    assert [client.answer("slow") for client in clients] == [[b"done"]] * 3


def test_a_window_lets_a_worker_take_several(crowd):
    worker, client = crowd.worker("wide", 2, {"window": 3}), crowd.client(2)
    for n in range(4):
        client.send("wide", b"%d" % n)
    held = [worker.work() for _ in range(3)]
    worker.quiet()
    for address, body in reversed(held):
        worker.reply(address, *body)
    address, body = worker.work()
    worker.reply(address, *body)
    assert [client.answer("wide") for _ in range(4)] == [[b"2"], [b"1"], [b"0"], [b"3"]]


def test_partials(crowd, party):
    worker, new, old = crowd.worker("tell", 2, {"window": 2}), crowd.client(2), crowd.client(1)
    new.send("tell", b"go")
    old.send("tell", b"go")
    for _ in range(2):
        address, _ = worker.work()
        for piece in (b"1", b"2"):
            worker.reply(address, piece, b"+", command=PARTIAL)
        worker.reply(address, b"3")
    for expected in ((PARTIAL, [b"1", b"+"]), (PARTIAL, [b"2", b"+"]), (FINAL, [b"3"])):
        assert new.receive("tell") == expected
    assert old.answer("tell") == [b"3"], "0.1 knows no partial answers: the last one alone comes"
    native = party.peer()
    id_ = native.ask("tell", "story")
    address, msgid, *_ = worker.work_rpc()
    worker.reply(address, msgpack.packb([1, msgid, None, "once"]), command=PARTIAL)
    worker.reply(address, b"garbage", command=PARTIAL)
    worker.reply(address, msgpack.packb([1, msgid, None, "end"]))
    assert native.answer(id_, NATIVE_PARTIAL) == "once"
    assert native.answer(id_) == "end"


@pytest.mark.parametrize("version", [1, 2])
def test_a_native_client_gets_rpc_made_for_it(crowd, party, version):
    worker, client = crowd.worker("greeter", version), party.peer()
    id_ = client.ask("greeter", "greet", {"name": "Bob"}, seconds=7, subject=b"ada", role=b"user", key=b"k1",
                     trace=b"t1")
    address, msgid, operation, arguments, context = worker.work_rpc()
    assert (operation, arguments) == ("greet", {"name": "Bob"}) and len(address) == 12
    assert 5000 < context.pop("deadline_ms") <= 7000
    assert context == {"idempotency_key": "k1", "traceparent": "t1", "subject": "ada", "role": "user"}
    worker.reply(address, msgpack.packb([1, msgid, None, {"greeting": "Hello, Bob!"}]))
    assert client.answer(id_) == {"greeting": "Hello, Bob!"}


@pytest.mark.parametrize("trace,told", [(f"r1 {TRACE}", TRACE), (TRACE, TRACE), ("r1", "r1"), ("r1 00-x", "r1 00-x"), ("", None)])
def test_the_trace_of_a_native_client_reaches_a_majordomo_worker(crowd, party, trace, told):
    """A traceparent as it is, without the request id before it; of what is none, all."""
    worker, client = crowd.worker("greeter"), party.peer()
    id_ = client.ask("greeter", "greet", trace=trace.encode())
    address, msgid, _, _, context = worker.work_rpc()
    assert context.get("traceparent") == told
    worker.reply(address, msgpack.packb([1, msgid, None, 1]))
    assert client.answer(id_) == 1


@pytest.mark.parametrize("version", [1, 2])
def test_the_trace_of_a_majordomo_client_reaches_native_workers(crowd, party, version):
    worker, client = party.worker("greeter"), crowd.client(version)
    for trace in (TRACE, "r1"):
        msgid = client.ask("greeter", "greet", {}, {"traceparent": trace})
        got = worker.work("greet")
        assert got.trace.decode() == trace
        worker.reply(got, 1)
        assert client.response("greeter", msgid) == (None, 1)
    told = [client.call("db", "request_id", {}, {"traceparent": trace}) for trace in (TRACE, "r1")]
    assert told == [TRACE.split("-")[1], "r1"], "the trace is the request's id where there is no other"


@pytest.mark.parametrize("error,code,status", [
    ({"code": "conflict", "status": 1, "detail": "twice"}, "conflict", 409),
    ({"code": "too_cold", "status": 418, "title": "Cold", "detail": "twice"}, "too_cold", 418),
    ({"code": "too_cold", "status": 200, "detail": "twice"}, "too_cold", 500),
    ({"code": "none"}, "bad_worker_reply", 502), ({"code": "a\nb"}, "bad_worker_reply", 502),
    ({}, "bad_worker_reply", 502), ("text", "bad_worker_reply", 502), (5, "bad_worker_reply", 502),
    ({"code": "x" * 65}, "bad_worker_reply", 502),
], ids=str)
def test_errors_of_a_majordomo_worker(crowd, party, error, code, status):
    worker, client = crowd.worker("greeter"), party.peer()
    id_ = client.ask("greeter", "greet")
    address, msgid, *_ = worker.work_rpc()
    worker.reply(address, msgpack.packb([1, msgid, error, None]))
    got = client.answer(id_, ERROR)
    assert (got["code"], got["status"]) == (code, status)
    assert got["detail"] == ("twice" if isinstance(error, dict) and "detail" in error else got["title"])


@pytest.mark.parametrize("body", [
    lambda i: [b"garbage"], lambda i: [msgpack.packb([1, i, None, 5]), b"more"], lambda i: [b""],
    lambda i: [msgpack.packb([1, i ^ 1, None, 5])], lambda i: [msgpack.packb([0, i, None, 5])],
    lambda i: [msgpack.packb([1, i, None])], lambda i: [msgpack.packb([1, i, None, 5]) + b"\0"],
    lambda i: [msgpack.packb([1, None, None, 5])], lambda i: [b"\x94\x01\xcc"],
])
def test_wrong_answers_of_a_majordomo_worker(crowd, party, body):
    worker, client = crowd.worker("greeter"), party.peer()
    id_ = client.ask("greeter", "greet")
    address, msgid, *_ = worker.work_rpc()
    worker.reply(address, *body(msgid))
    assert client.answer(id_, ERROR)["code"] == "bad_worker_reply"
    id_ = client.ask("greeter", "greet")
    address, msgid, *_ = worker.work_rpc()
    worker.reply(address, msgpack.packb([1, msgid, None, 1]))
    assert client.answer(id_) == 1


@pytest.mark.parametrize("name,body", [(b"greet", b"\xc1"), (b"greet", b"\x80\x80"), (b"\xff", b"\x80")])
def test_what_is_no_messagepack_never_reaches_a_majordomo_worker(crowd, party, name, body):
    worker, client = crowd.worker("greeter"), party.peer()
    id_ = client.next_id()
    client.send(Record(NATIVE_REQUEST, id=id_, deadline=5000, service=b"greeter", name=name, body=body))
    client.refused(id_, "malformed")
    worker.quiet()


# Replies that belong to nothing, and deaths

def test_late_doubled_and_forged_replies(crowd, party):
    client, other = crowd.client(2), crowd.client(2)
    worker, thief = crowd.worker("echo", options={"window": 2}), crowd.worker("steal")
    watcher = party.peer()
    before = watcher.stats()["late"]
    client.send("echo", b"one")
    first, _ = worker.work()
    thief.reply(first, b"stolen")  # of another worker
    worker.reply(bytes(12), b"forged")
    worker.reply(b"", b"forged")
    worker.reply(first + b"\0", b"forged")
    worker.reply(first[:8] + b"\0\0\0\0", b"of another epoch")
    worker.reply(first, b"right")
    worker.reply(first, b"doubled")
    assert client.answer("echo") == [b"right"]
    other.send("echo", b"two")
    second, _ = worker.work()
    worker.reply(first, b"doubled again")
    worker.reply(second, b"right again")
    assert other.answer("echo") == [b"right again"]
    assert watcher.stats()["late"] == before + 7
    assert receive(client.socket, 0.05) is None and receive(other.socket, 0) is None


def test_a_worker_killed_while_busy(crowd, party):
    worker, client, native = crowd.worker("echo", 2, {"window": 2}), crowd.client(1), party.peer()
    msgid = client.ask("echo", "say", {})
    id_ = native.ask("echo", "say")
    worker.work()
    worker.work()
    worker.socket.close(linger=0)
    error, _ = client.response("echo", msgid)
    assert error["code"] == "outcome_unknown"
    native.refused(id_, "outcome_unknown")
    assert client.refused("echo", "say") == "no_worker"


def test_the_deadline_of_an_rpc(crowd):
    worker, client = crowd.worker("echo"), crowd.client(2)
    msgid = client.ask("echo", "say", {}, {"deadline_ms": 100})
    address, _ = worker.work()
    error, _ = client.response("echo", msgid)
    assert error["code"] == "outcome_unknown"
    worker.reply(address, b"too late")
    client.send("echo", b"next")
    address, _ = worker.work()
    worker.reply(address, b"in time")
    assert client.answer("echo") == [b"in time"]


@pytest.mark.parametrize("version", [1, 2])
def test_disconnect_of_a_worker(crowd, version):
    worker, client = crowd.worker("echo", version), crowd.client(2)
    assert client.mmi("service", b"echo") == [b"200"]
    worker.say(DISCONNECT)
    wait_for(lambda: client.mmi("service", b"echo") == [b"404"])
    worker.ready()
    assert client.mmi("service", b"echo") == [b"200"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_second_ready_ends_the_registration(crowd, version):
    worker, client = crowd.worker("echo", version), crowd.client(2)
    worker.say(READY, b"echo")
    worker.hear(DISCONNECT)
    assert client.mmi("service", b"echo") == [b"404"]
    worker.quiet()
    worker.ready()


@pytest.mark.parametrize("version", [1, 2])
def test_other_unexpected_commands(crowd, version):
    stranger = crowd.worker("echo", version, register=False)
    for command, frames in ((HEARTBEAT, ()), (FINAL, (bytes(12), b"", b"x")), (REQUEST, (bytes(12), b"", b"x"))):
        stranger.say(command, *frames)
        stranger.hear(DISCONNECT)
        stranger.quiet(0.05)
    worker = crowd.worker("echo", version)
    worker.say(REQUEST, bytes(12), b"", b"x")
    worker.hear(DISCONNECT)
    worker.ready()
    worker.version = 3 - version
    worker.say(HEARTBEAT)
    worker.version = version
    worker.hear(DISCONNECT)
    worker.quiet(0.05)


@pytest.mark.parametrize("service", ["muster", "mmi.service", "mmi.x", "db"])
def test_names_that_workers_of_the_open_endpoint_cannot_have(crowd, service):
    worker = crowd.worker(service, 2, register=False)
    worker.say(READY, service.encode())
    worker.hear(DISCONNECT)
    assert crowd.client(2).call("db", "twice", {"n": 3}) == 6


@pytest.mark.parametrize("options", [b"", b"\xc1", b"\x90", b"\x80\0", msgpack.packb({"window": 0}),
                                     msgpack.packb({"window": 257}), msgpack.packb({"window": 1 << 40}),
                                     msgpack.packb({"window": -1}), msgpack.packb({"offers": 5})], ids=bytes.hex)
def test_options_of_ready_that_are_refused(crowd, options):
    worker = crowd.worker("echo", 2, register=False)
    worker.say(READY, b"echo", options)
    worker.hear(DISCONNECT)
    worker.ready({"window": 256, "version": "1.0"})


def test_another_dialect_under_the_same_identity_is_another_peer(crowd, party):
    old = crowd.socket(identity=b"chameleon")
    worker = crowd.worker("echo")
    client = crowd.client(2)
    old.send_multipart([b"MDPC02", b"\1", b"echo", b"lost"])
    address, _ = worker.work()
    old.send(encode(Record(HELLO)))
    assert receive(old, 5)[0][:2] == b"MU"
    worker.reply(address, b"for nobody")
    client.send("echo", b"next")
    address, _ = worker.work()
    worker.reply(address, b"fine")
    assert client.answer("echo") == [b"fine"]
    while (frames := receive(old, 0.05)):
        assert frames[0][:2] == b"MU"


# HTTP endpoints of a Python worker, and what the broker tells about itself

def test_a_majordomo_worker_behind_http(crowd, served):
    worker = crowd.worker("greeter", 2, {"window": 4, "catalogue": CATALOGUE, "offers": [[77, "greet", 1]]})
    wait_for(lambda: "/greet/{name}" in served.request("GET", "/openapi.json").json["paths"])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(served.request, "GET", "/greet/Bob?factor=1.50", headers={"traceparent": TRACE})
        address, msgid, operation, arguments, context = worker.work_rpc()
        assert (operation, arguments) == ("greet", {"name": "Bob", "factor": "1.50"})
        version, trace, span, flags = context["traceparent"].split("-")
        assert TRACE == f"{version}-{trace}-{TRACE.split('-')[2]}-{flags}" and span not in TRACE
        worker.reply(address, msgpack.packb([1, msgid, None, {"greeting": "Hello, Bob!"}]))
        answer = asked.result()
        assert (answer.status, answer.json) == (200, {"greeting": "Hello, Bob!"})
        asked = pool.submit(served.request, "GET", "/greet/Bob")
        address, *_ = worker.work_rpc()
        worker.reply(address, b"nonsense")
        answer = asked.result()
        assert (answer.status, answer.json["code"]) == (502, "bad_worker_reply")
    client = crowd.client(2)
    assert client.refused("greeter", "other") == "no_worker"
    assert client.call("greeter", "describe") == [GREET]
    client.send("greeter", b"no RPC")
    assert client.response("greeter", None)[0]["code"] == "malformed"


def test_describe(crowd):
    client = crowd.client(2)
    operations = client.call("db", "describe")
    twice = next(operation for operation in operations if operation["name"] == "twice")
    assert [(p["name"], p["type"], p["required"]) for p in twice["params"]] == [("n", "integer", 1)]
    assert client.call("muster", "describe", {"service": "db"}) == operations
    assert operations[0] in client.call("muster", "describe")
    assert client.refused("muster", "describe", {"service": "nobody"}) == "not_found"
    assert client.refused("nobody", "describe") == "no_worker"


def test_mmi(crowd):
    client, worker = crowd.client(1), crowd.worker("echo")
    for name in (b"db", b"echo", b"muster", b"mmi.service"):
        assert client.mmi("service", name) == [b"200"]
    assert client.mmi("service", b"nobody") == client.mmi("service", b"mmi.nothing") == [b"404"]
    assert client.mmi("service", b"") == client.mmi("service", b"db", b"echo") == [b"400"]
    assert client.mmi("nothing") == [b"501"]
    code, *names = client.mmi("services")
    assert code == b"200" and set(names) == {b"db", b"chat", b"auth", b"muster.revoked", b"echo"}
    code, info = client.mmi("info")
    assert code == b"200" and value(info)["broker"] == "muster" and value(info)["uptime_ms"] >= 0
    client.send("echo", b"x")
    worker.reply(worker.work()[0], b"y")
    assert client.answer("echo") == [b"y"]
    code, stats = client.mmi("stats")
    rows = {(row["service"], row["operation"]): row for row in value(stats)}
    row = rows["echo", "*"]
    assert code == b"200" and row["workers"] == row["window"] == 1 and sum(row["latency_ms"]) >= row["answered"] > 0
    assert rows["db", "twice"]["workers"] == 2 and rows["db", "twice"]["in_flight"] == 0


def test_tables_for_majordomo_clients(crowd, served):
    client = crowd.client(1)
    twice = [client.call("db", "twice", {"n": n}) for n in range(3)]
    assert twice == [0, 2, 4]
    assert {row["service"] for row in client.call("muster", "services")} >= {"db", "chat"}
    before = client.call("muster", "operations")
    assert {row["operation"] for row in before} >= {"twice", "values"}
    assert [sorted(row) for row in served.show("operations")][0] == sorted(before[0])


def test_a_client_cannot_make_a_service(crowd):
    client = crowd.client(2)
    for n in range(50):
        client.send(f"made up {n}", b"x")
    for n in range(50):
        assert client.response(f"made up {n}", None)[0]["code"] == "no_worker"
    assert not any("made up" in row["service"] for row in client.call("muster", "services"))


def test_a_stock_client_that_asks_for_much_before_it_reads_hears_every_answer(crowd):
    """As the guide's asynchronous example does, with more bytes than sockets hold and more requests than --queue."""
    count = 12_000
    worker = crowd.worker("hoard")
    client = crowd.client(kind=zmq.DEALER, SNDHWM=0)
    for number in range(count):
        client.send("hoard", b"%d " % number + b"x" * 1000)
    for done in range(count):
        address, _, *body = worker.hear(REQUEST)
        worker.say(FINAL, address, b"", *body)
    for number in range(count):
        assert client.answer("hoard")[0].startswith(b"%d " % number)
