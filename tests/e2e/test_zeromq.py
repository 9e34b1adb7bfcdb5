# SPDX-License-Identifier: MPL-2.0
"""docs/protocol.md is true, seen from outside: clients over ipc and tcp, and foreign workers of the service `greeter`.

Peers are native.Peer, a second implementation of the page. The page's own client and its example frames run, too.
"""
import json
import os
import re
import subprocess
import time

import msgpack
import pytest

from conftest import SLOW, SOURCE, Server, wait_for
from native import (CANCEL, CREDIT, DISCONNECT, ERROR, EXCLUSIVE, FINAL, HEARTBEAT, HELLO, PARTIAL, PUBLISH, READ,
                    READY, REQUEST, RETURN, Party, Record, decode, encode, ready, value)

PAGE = (SOURCE / "docs/protocol.md").read_text()

ENDPOINTS = """
-- @endpoint GET /whoami
-- @operation whoami
-- @auth public
-- @returns row
SELECT :auth.sub AS subject, :auth.role AS role, :request.id AS request;

-- @endpoint GET /twice/{n}
-- @operation twice
-- @auth public
-- @path n int4
-- @returns value
SELECT :n * 2;

-- @endpoint GET /secret
-- @operation secret
-- @returns value
SELECT 'known to users';

-- @endpoint GET /top-secret
-- @operation top_secret
-- @auth admin
-- @returns value
SELECT 'known to admins';
"""

# Operations of the greeter: hash, name, flags (1 READS, 2 EXCLUSIVE).
GREET, WRITE, ALONE = (0x11, "greet", 1), (0x12, "write", 0), (0x13, "alone", 3)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zeromq")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    server = Server(folder, os.environ["DATABASE_URL"], "--dir", str(folder), "--actors", "2", "--queue", "200")
    server.wait_ready()
    wait_for(lambda: {s["service"]: s["workers"] for s in server.show("services")}.get("db") == 2, what="2 actors")
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def party(served):
    """All peers of a test; afterwards nothing of them is left at the broker."""
    made = Party(f"ipc://{served.ipc}", served.zmq)
    yield made
    watcher = made.peer()
    for peer in made.peers[:-1]:
        peer.close()
    wait_for(lambda: {row["service"] for row in watcher.table("workers")} <= {"db", "chat", "auth", "muster.revoked"}
             and watcher.stats()["in_flight"] + watcher.stats()["waiting"] == 0, what="the end of the test's peers")
    made.close()


def fnv1a(octets):
    hash_ = 0xcbf29ce484222325
    for octet in octets:
        hash_ = (hash_ ^ octet) * 0x100000001b3 & (1 << 64) - 1
    return hash_


def operation(peer, name):
    """Of the catalogue of `db`, which is the first to be published after HELLO."""
    peer.send(Record(HELLO))
    return {o["name"]: o for o in value(peer.expect(PUBLISH).body)["operations"]}[name]


def errors(client, count):
    """The next so many records, all ERROR: {(id, code)}."""
    return {(r.id, value(r.body)["code"]) for r in (client.expect(ERROR) for _ in range(count))}


def took(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


# Clients

@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_hello_is_answered_with_heartbeat_and_catalogue(party, where):
    client = party.peer(where)
    client.send(Record(HELLO))
    assert client.expect(HEARTBEAT) == Record(HEARTBEAT)
    record = client.expect(PUBLISH)
    assert {o["name"] for o in value(record.body)["operations"]} >= {"whoami", "twice"}
    assert record == Record(PUBLISH, operation=record.operation, service=b"db", body=record.body)
    unpacker = msgpack.Unpacker()
    unpacker.feed(record.body)
    for _ in range(unpacker.read_map_header()):
        key, began = unpacker.unpack(), unpacker.tell()
        unpacker.skip()
        if key == "operations":
            assert record.operation == fnv1a(record.body[began:unpacker.tell()])
    client.quiet()


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_requests_by_hash_and_by_name(party, where):
    client = party.peer(where)
    twice = operation(client, "twice")
    assert client.call("db", "twice", {"n": 21}) == 42
    assert client.call("db", "twice", {"n": 4}, operation=twice["hash"]) == 8
    assert client.call("db", "", {"n": 5}, operation=twice["hash"]) == 10, "the hash alone decides"
    ids = [client.ask("db", "twice", {"n": n}) for n in range(120)]
    answers = {r.id: value(r.body) for r in (client.expect(FINAL) for _ in ids)}
    assert answers == {id_: n * 2 for n, id_ in enumerate(ids)}
    body = client.answer(client.ask("db", "twice", {"n": "x"}), ERROR)
    assert (body["code"], body["status"]) == ("invalid", 422)


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_what_nobody_offers_is_no_worker_at_once(party, where):
    client = party.peer(where)
    twice = operation(client, "twice")["hash"]

    def ask(*arguments, **fields):
        body = client.refused(client.ask(*arguments, **fields), "no_worker")
        assert (body["status"], body["title"]) == (503, "No worker available")

    for arguments, fields in ((("db", "nothing"), {}), (("db", ""), {}), (("db", "twice"), {"operation": twice ^ 1}),
                              (("nowhere", "twice"), {}), (("", "twice"), {}), (("x" * 255, "y" * 255), {})):
        assert took(lambda: ask(*arguments, **fields)) < 1 * SLOW
    assert {row["service"] for row in client.table("services")} <= {"db", "chat", "auth", "muster.revoked", "greeter"}, "a name left a trace"


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_the_service_muster(party, where):
    client = party.peer(where)
    worker = party.worker("greeter", GREET, window=7, epoch=99)
    client.ask("greeter", "greet")
    worker.work()
    services = {row["service"]: row for row in client.table("services")}
    assert {"workers": 1, "in_flight": 1, "waiting": 0}.items() <= services["greeter"].items()
    [row] = [row for row in client.table("workers") if row["service"] == "greeter"]
    assert {"window": 7, "credit": 6, "in_flight": 1, "epoch": 99, "exclusive": False}.items() <= row.items()
    [row] = client.table("inflight")
    assert {"service": "greeter", "operation": "greet", "exclusive": False, "abandoned": False}.items() <= row.items()
    assert client.table("queues") == []
    client.refused(client.ask("muster", "nothing"), "not_found")


@pytest.mark.parametrize("where,subject,role", [("ipc", "ada", "user"), ("tcp", "dev", "admin")])
def test_identity(party, where, subject, role):
    """Over tcp nobody is who they say; over ipc everybody is. The database says what reached it."""
    client = party.peer(where)
    claimed = {"subject": b"ada", "role": b"user", "trace": b"t-1"}
    assert client.call("db", "whoami", {"auth.sub": "root", "auth.role": "root"}, **claimed) == {
        "subject": subject, "role": role, "request": "t-1"}
    nobody = client.call("db", "whoami")
    assert nobody == {"subject": None if where == "ipc" else "dev", "role": None if where == "ipc" else "admin",
                      "request": nobody["request"]}
    worker = party.worker("greeter", GREET)
    client.ask("greeter", "greet", claims=b"\x81\xa1a\x01", key=b"k-1", **claimed)
    got = worker.work("greet")
    assert (got.subject.decode(), got.role.decode(), got.trace, got.key) == (subject, role, b"t-1", b"k-1")
    assert got.claims == (b"\x81\xa1a\x01" if where == "ipc" else b"")


def test_the_worker_enforces_auth(party):
    local, open_ = party.peer("ipc"), party.peer("tcp")
    ada = {"subject": b"ada", "role": b"user"}
    for name, fields, code in (("secret", {}, "unauthenticated"), ("secret", {"role": b"admin"}, "unauthenticated"),
                               ("top_secret", {}, "unauthenticated"), ("top_secret", ada, "forbidden")):
        assert local.answer(local.ask("db", name, **fields), ERROR)["code"] == code
    assert local.call("db", "secret", **ada) == "known to users"
    assert local.call("db", "top_secret", subject=b"ada", role=b"admin") == "known to admins"
    assert open_.call("db", "top_secret", **ada) == "known to admins", "over tcp everybody is dev, an admin"


def test_identity_is_kept_while_a_request_waits(party):
    client, worker = party.peer("tcp"), party.worker("greeter", GREET, window=1)
    first = client.ask("greeter", "greet")
    client.ask("greeter", "greet", subject=b"ada", role=b"user", claims=b"\x80")
    assert client.stats()["waiting"] == 1
    worker.reply(worker.work())
    client.answer(first)
    got = worker.work()
    assert (got.subject, got.role, got.claims) == (b"dev", b"admin", b"")


def test_workers_over_tcp_serve_all_but_the_database(party):
    """What --dev opens is for trying things: workers of one's own, but nobody takes the database's place."""
    worker = party.peer("tcp")
    worker.epoch = 7
    before = worker.stats()
    for service in ("db", "db.read", "muster", "mmi.service"):
        worker.send(ready(service, epoch=7))
        worker.expect(DISCONNECT)
    assert {row["service"] for row in worker.table("workers")} == {"db", "chat", "auth", "muster.revoked"}
    after = worker.stats()
    assert (after["rejected"], after["forbidden"]) == (before["rejected"] + 4, before["forbidden"] + 2)
    worker.send(ready("greeter", GREET, epoch=7))
    worker.expect(HEARTBEAT)
    client = party.peer("ipc")
    id_ = client.ask("greeter", "greet")
    worker.reply(worker.work("greet"), "hello")
    assert client.answer(id_) == "hello"


@pytest.mark.parametrize("refused", [
    ready("greeter", window=0), ready("greeter", window=257), ready(""), ready("muster"),
    ready("greeter", body=b"\xc1"), ready("greeter", body=b"\x81\xa1"), ready("greeter", body=b"\x90\x90"),
    ready("greeter", body=b"\x80\x00"),
    ready("greeter", body=b"\x81\xa1x\xa1\xff"), ready("greeter", (0, "zero", 0)), ready("greeter", (-5, "less", 0)),
    ready("greeter", (5, "x" * 256, 0)), ready("greeter", (5, 5, 0)), ready("greeter", (5, "five")),
    ready("greeter", body=msgpack.packb({"offers": 5})),
], ids=lambda r: f"{r.service.decode()}-{r.number}-{r.body[:24].hex()}")
def test_ready_that_is_refused_ends_the_earlier_one(party, refused):
    client, worker = party.peer(), party.worker("greeter", GREET)
    id_ = client.ask("greeter", "greet")
    worker.work()
    worker.send(refused._replace(epoch=worker.epoch))
    worker.expect(DISCONNECT)
    client.refused(id_, "worker_lost")
    client.refused(client.ask("greeter", "greet"), "no_worker")


def test_strangers_are_told_to_introduce_themselves(party):
    for type_ in (HEARTBEAT, PARTIAL, FINAL, ERROR, RETURN, CREDIT):
        stranger = party.peer()
        stranger.send(Record(type_, id=5, number=1))
        stranger.expect(DISCONNECT)
    client, worker = party.peer(), party.worker("greeter", GREET)
    client.ask("greeter", "greet")
    client.send(Record(HEARTBEAT))  # it waits for something: it is known
    worker.work()
    client.send(Record(PUBLISH), Record(READY, service=b"greeter"), Record(HEARTBEAT))
    client.expect(DISCONNECT)  # for the PUBLISH
    client.expect(DISCONNECT)  # for the READY
    client.quiet()


def test_heartbeats_and_silence(party):
    """Who has said HELLO hears something every 500 ms (revoked tokens are told once a second), and is forgotten after
    two silent seconds."""
    client, began, heard = party.peer(hello=True), time.monotonic(), []
    while (record := client.poll(4 * SLOW, heartbeats=True)).type != DISCONNECT:
        heard.append((time.monotonic() - began, record.type))
    assert 1.9 <= time.monotonic() - began <= 4 * SLOW
    assert any(type_ == HEARTBEAT and at >= 0.4 for at, type_ in heard)
    times = [at for at, _ in heard]
    assert times[-1] > 1.2 and all(a - b < 0.75 * SLOW for a, b in zip(times[1:], times))


def test_disconnect_leaves_nothing_of_a_client(party):
    watcher, worker = party.peer(), party.worker("greeter", GREET, window=1)
    before = watcher.stats()
    leaver = party.peer()
    leaver.ask("greeter", "greet")
    got = worker.work()
    leaver.ask("greeter", "greet")
    leaver.stats()
    assert watcher.stats()["waiting"] == 1
    leaver.send(Record(DISCONNECT))
    cancel = worker.expect(CANCEL)
    assert (cancel.id, cancel.epoch) == (got.id, got.epoch)
    after = watcher.stats()
    assert (after["waiting"], after["in_flight"]) == (0, 1), "only an answer gives the credit back"
    assert after["peers"] == before["peers"]
    worker.reply(got)
    worker.quiet()
    leaver.quiet()
    leaver.send(Record(DISCONNECT), Record(HELLO))
    leaver.expect(HEARTBEAT)
    assert watcher.stats()["peers"] == before["peers"] + 1


# Workers

def test_partials_final_and_error_pass(party):
    client, worker = party.peer("tcp"), party.worker("greeter", GREET)
    id_ = client.ask("greeter", "greet", {"name": "Bob"}, flags=EXCLUSIVE, deadline=5000, trace=b"t")
    got = worker.work()
    assert got == Record(REQUEST, READ, 0, got.id, 0, worker.epoch, got.deadline, b"greeter", b"greet", b"dev",
                         b"admin", b"t", body=msgpack.packb({"name": "Bob"}))
    assert 4900 <= got.deadline <= 5000
    for n in range(3):
        worker.reply(got, n, PARTIAL)
    worker.reply(got, "done")
    assert [client.answer(id_, PARTIAL) for _ in range(3)] == [0, 1, 2]
    assert client.answer(id_) == "done"
    id_ = client.ask("greeter", "greet")
    worker.reply(worker.work(), {"code": "rude", "status": 418, "title": "No"}, ERROR, number=28)
    record = client.expect(ERROR)
    assert (record.id, record.number, value(record.body)["code"]) == (id_, 28, "rude")
    worker.reply(got, "again")
    client.quiet()


def test_bodies_are_not_looked_into(party):
    client, worker = party.peer(), party.worker("greeter", GREET)
    for body in (b"", b"\xc1\xff", os.urandom(3 << 20)):
        client.send(Record(REQUEST, id=7, deadline=5000, service=b"greeter", name=b"greet", body=body))
        got = worker.work()
        assert got.body == body
        worker.reply(got, body=body)
        assert client.expect(FINAL).body == body


def test_operations_without_a_list(party):
    """A worker without offers serves anything; READ of the client then says what a lost answer means."""
    client, worker = party.peer(), party.worker("greeter", window=8)
    read = client.ask("greeter", "whatever", flags=READ | EXCLUSIVE)
    write = client.ask("greeter", "other", operation=0x7777)
    assert [(r.flags, r.name, r.operation) for r in (worker.work(), worker.work())] == [
        (READ, b"whatever", 0), (0, b"other", 0x7777)]
    worker.send(Record(DISCONNECT))
    answers = errors(client, 2)
    assert answers == {(read, "worker_lost"), (write, "outcome_unknown")}


def test_flags_of_listed_operations_are_the_workers(party):
    client, worker = party.peer(), party.worker("greeter", GREET, WRITE, window=8)
    read, write = client.ask("greeter", "greet"), client.ask("greeter", "write", flags=READ)
    assert [worker.work().flags, worker.work().flags] == [READ, 0]
    worker.send(Record(DISCONNECT))
    answers = errors(client, 2)
    assert answers == {(read, "worker_lost"), (write, "outcome_unknown")}


def give_back(request):
    """The RETURN of a REQUEST, whole."""
    return request._replace(type=RETURN, flags=0, deadline=0)


def test_return_goes_to_another_worker(party):
    client, workers = party.peer(), [party.worker("greeter", GREET, window=1) for _ in range(2)]
    id_ = client.ask("greeter", "greet", {"name": "Bob"}, operation=GREET[0], subject=b"ada", role=b"user",
                     trace=b"t", key=b"k", claims=b"\x80")
    wait_for(lambda: any(w.socket.poll(0) for w in workers), what="a REQUEST")
    first, second = workers if workers[0].socket.poll(0) else reversed(workers)
    given = first.work()
    first.send(give_back(given))
    got = second.work()
    assert got == given._replace(epoch=second.epoch, deadline=got.deadline, id=got.id)
    assert given.deadline - 2000 * SLOW <= got.deadline <= given.deadline
    first.reply(given, "late")
    client.quiet()
    second.reply(got, "second")
    assert client.answer(id_) == "second"
    client.quiet()


def test_return_goes_to_the_head_of_the_queue_until_credit(party):
    client, other = party.peer(), party.peer()
    worker = party.worker("greeter", GREET, window=1)
    ids = [client.ask("greeter", "greet", n) for n in range(2)]
    ids.append(other.ask("greeter", "greet", 2))
    other.stats()
    given = worker.work()
    worker.send(give_back(given))
    worker.quiet()
    [row] = client.table("queues")
    assert (row["operation"], row["waiting"]) == ("greet", 3)
    worker.send(Record(CREDIT, number=1))
    order = []
    for _ in range(3):
        got = worker.work()
        order.append(value(got.body))
        worker.reply(got, order[-1])
    assert order[0] == 0, "what was returned is before all others"
    assert [client.answer(id_) for id_ in ids[:2]] == [0, 1] and other.answer(ids[2]) == 2


def test_return_keeps_its_deadline_and_ends_with_its_client(party):
    client, worker = party.peer(), party.worker("greeter", WRITE, window=2)
    began = time.monotonic()
    id_ = client.ask("greeter", "write", deadline=300)
    worker.send(give_back(worker.work()))
    client.refused(id_, "expired")  # given back: certainly not done
    assert 0.29 <= time.monotonic() - began <= 1.5 * SLOW
    worker.send(Record(CREDIT, number=1))
    id_ = client.ask("greeter", "write")
    given = worker.work()
    client.send(Record(CANCEL, id=id_))
    worker.expect(CANCEL)
    worker.send(give_back(given), Record(CREDIT, number=1))
    worker.quiet()
    client.quiet()
    assert client.stats()["waiting"] == 0 and client.stats()["in_flight"] == 0


def test_return_closes_its_worker_also_around_exclusive_work(party):
    """What waits behind exclusive work comes back; the end of that work is no CREDIT."""
    client, worker = party.peer(), party.worker("greeter", GREET, ALONE, window=4)
    waits, alone = client.ask("greeter", "greet"), client.ask("greeter", "alone")
    first, second = worker.work("greet"), worker.work("alone")
    worker.send(give_back(first))
    worker.reply(second, "done")
    assert client.answer(alone) == "done"
    worker.quiet()
    worker.send(Record(CREDIT, number=1))
    worker.reply(worker.work("greet"), "at last")
    assert client.answer(waits) == "at last"


def test_late_doubled_and_foreign_answers_are_dropped(party):
    client, worker, other = party.peer(), party.worker("greeter", GREET), party.worker("greeter", WRITE)
    before = client.stats()["late"]
    id_ = client.ask("greeter", "greet")
    got = worker.work()
    worker.reply(got, "epoch", epoch=got.epoch + 1)
    worker.reply(got, "epoch", PARTIAL, epoch=0)
    worker.reply(got._replace(id=got.id + 1), "id")
    worker.reply(got._replace(id=0), "id")
    other.reply(got, "another's", epoch=other.epoch)
    other.stats()  # it was heard
    client.quiet()
    worker.send(Record(FINAL, id=got.id, epoch=got.epoch, body=b"\x01"), Record(FINAL, id=got.id, epoch=got.epoch),
                Record(ERROR, id=got.id, epoch=got.epoch), Record(PARTIAL, id=got.id, epoch=got.epoch))
    assert client.answer(id_) == 1
    client.quiet()
    assert client.stats()["late"] == before + 8
    [row] = [r for r in client.table("workers") if r["epoch"] == worker.epoch]
    assert row["credit"] == row["window"], "a doubled answer gave credit"


def test_a_new_epoch_ends_what_was_under_way(party):
    client, worker = party.peer(), party.worker("greeter", GREET, WRITE, window=2)
    read, write = client.ask("greeter", "greet"), client.ask("greeter", "write")
    old = [worker.work(), worker.work()]
    worker.epoch += 1
    worker.send(ready("greeter", GREET, WRITE, window=2, epoch=worker.epoch))
    answers = errors(client, 2)
    assert answers == {(read, "worker_lost"), (write, "outcome_unknown")}
    for request in old:
        worker.reply(request, "late")
    id_ = client.ask("greeter", "greet")
    worker.reply(worker.work(), "new")
    assert client.answer(id_) == "new"
    client.quiet()


def test_a_silent_worker_expires(party):
    client, worker = party.peer(), party.worker("greeter", GREET, WRITE, window=2)
    lost = client.stats()["workers_lost"]
    read, write = client.ask("greeter", "greet"), client.ask("greeter", "write")
    waits = client.ask("greeter", "greet")
    got = [worker.work(), worker.work()]
    worker.beats = False
    worker.send(Record(HEARTBEAT))
    began = time.monotonic()
    answers = errors(client, 3)
    assert 1.9 <= time.monotonic() - began <= 4 * SLOW
    assert answers == {(read, "worker_lost"), (write, "outcome_unknown"), (waits, "no_worker")}
    assert client.stats()["workers_lost"] == lost + 1
    worker.expect(DISCONNECT)
    for request in got:
        worker.reply(request, "late")
        worker.expect(DISCONNECT)
    client.quiet()


def test_disconnect_of_a_worker_is_heard_at_once(party):
    client, worker = party.peer("tcp"), party.worker("greeter", GREET, WRITE, window=2)
    read, write = client.ask("greeter", "greet"), client.ask("greeter", "write")
    worker.work()
    worker.work()
    worker.beats = False
    began = time.monotonic()
    worker.send(Record(DISCONNECT))
    answers = errors(client, 2)
    assert answers == {(read, "worker_lost"), (write, "outcome_unknown")}
    assert time.monotonic() - began < 1 * SLOW
    client.refused(client.ask("greeter", "greet"), "no_worker")


def test_the_window_is_kept(party):
    client, worker = party.peer(), party.worker("greeter", GREET, window=2)
    ids = [client.ask("greeter", "greet", n) for n in range(5)]
    got = [worker.work(), worker.work()]
    worker.send(Record(CREDIT, number=65535))  # never beyond the window
    worker.quiet()
    worker.reply(got[1], PARTIAL, PARTIAL)
    worker.quiet()
    order = []
    while got:
        request = got.pop()
        order.append(value(request.body))
        worker.reply(request, order[-1])
        if len(order) <= 3:
            got.append(worker.work())
        worker.quiet(0.02)
    assert sorted(order) == list(range(5))
    assert {r.id: value(r.body) for r in (client.expect(PARTIAL, FINAL) for _ in range(6)) if r.type == FINAL} == {
        id_: n for n, id_ in enumerate(ids)}


def test_the_least_loaded_worker_is_chosen(party):
    client, workers = party.peer(), [party.worker("greeter", GREET, window=3) for _ in range(3)]
    for n in range(9):
        client.ask("greeter", "greet", n)
    client.stats()
    got = [[value(worker.work().body) for _ in range(3)] for worker in workers]
    assert sorted(sum(got, [])) == list(range(9))
    assert all([n // 3 for n in numbers] == [0, 1, 2] for numbers in got), "one each, then two each"


def test_exclusive_work_closes_its_worker(party):
    client, worker = party.peer(), party.worker("greeter", GREET, ALONE, window=4)
    before, alone, after = (client.ask("greeter", name) for name in ("greet", "alone", "greet"))
    first, second = worker.work("greet"), worker.work("alone")
    assert (first.flags, second.flags) == (READ, READ | EXCLUSIVE)
    worker.reply(first, 1)
    assert client.answer(before) == 1
    worker.quiet()
    helper = party.worker("greeter", GREET)
    helper.reply(helper.work("greet"), 3)
    assert client.answer(after) == 3
    last = client.ask("greeter", "alone")
    helper.quiet()  # it does not offer that
    worker.quiet()
    worker.reply(second, 2)
    assert client.answer(alone) == 2
    worker.reply(worker.work("alone"), 4)
    assert client.answer(last) == 4


def test_cancel(party):
    client, worker = party.peer(), party.worker("greeter", GREET, window=1)
    running, waiting, next_ = (client.ask("greeter", "greet", n) for n in range(3))
    got = worker.work()
    client.send(Record(CANCEL, id=waiting), Record(CANCEL, id=running), Record(CANCEL, id=987654))
    cancel = worker.expect(CANCEL)
    assert cancel == Record(CANCEL, id=got.id, epoch=worker.epoch)
    assert client.stats()["waiting"] == 1
    worker.quiet()  # it still owes the answer
    worker.reply(got, "too late")
    got = worker.work()
    assert value(got.body) == 2
    worker.reply(got, "third")
    assert client.answer(next_) == "third"
    client.quiet()


@pytest.mark.parametrize("where", ["ipc", "tcp"])
@pytest.mark.parametrize("name,code", [("greet", "timeout"), ("write", "outcome_unknown")])
def test_deadline(party, where, name, code):
    """One answer, by the deadline and 100 ms; the worker is told, and its late answer goes nowhere."""
    client, worker = party.peer(where), party.worker("greeter", GREET, WRITE, window=1)
    began = time.monotonic()
    running = client.ask("greeter", name, deadline=300)
    waiting = client.ask("greeter", name, deadline=150)
    got = worker.work()
    client.refused(waiting, "expired")
    assert 0.149 <= time.monotonic() - began <= 1.2 * SLOW
    client.refused(running, code)
    assert 0.299 <= time.monotonic() - began <= 1.5 * SLOW
    cancel = worker.expect(CANCEL)
    assert (cancel.id, cancel.epoch) == (got.id, got.epoch)
    next_ = client.ask("greeter", name)
    worker.quiet()  # the request stays on its account
    worker.reply(got, "partial", PARTIAL)
    worker.reply(got, "late")
    worker.reply(worker.work(), "next")
    assert client.answer(next_) == "next"
    client.quiet()


def test_many_deadlines_are_each_kept(party):
    client, _worker = party.peer(), party.worker("greeter", GREET, window=256)
    due = {}
    for n in range(200):
        deadline = 50 + n * 37 % 1000
        due[client.ask("greeter", "greet", deadline=deadline)] = time.monotonic() + deadline / 1000
    while due:
        record = client.expect(ERROR)
        late = time.monotonic() - due.pop(record.id)
        assert value(record.body)["code"] == "timeout" and -0.01 <= late <= 1 * SLOW
    client.quiet()


def test_ready_in_the_same_epoch_changes_offers_and_window(party):
    client, worker = party.peer(), party.worker("greeter", GREET, WRITE, window=2)

    def again(window):
        worker.send(ready("greeter", GREET, ALONE, window=window, epoch=worker.epoch))
        worker.expect(HEARTBEAT)

    write = client.ask("greeter", "write")
    running = worker.work("write")
    reads = [client.ask("greeter", "greet")]
    held = [worker.work("greet")]
    waits = client.ask("greeter", "write")
    reads += [client.ask("greeter", "greet") for _ in range(3)]
    client.stats()
    again(3)
    client.refused(waits, "no_worker")  # nobody offers it any more
    client.refused(client.ask("greeter", "write"), "no_worker")
    held.append(worker.work("greet"))  # the window is wider by one, no more
    worker.quiet()
    again(1)  # it holds three: nothing comes before it has answered all of them
    for read in held[:2]:
        worker.reply(read, "read")
    assert [client.answer(read) for read in reads[:2]] == ["read"] * 2
    worker.send(Record(CREDIT, number=9))
    worker.quiet()
    worker.reply(running, "written")
    assert client.answer(write) == "written"
    for read in reads[2:]:
        got = worker.work("greet")
        worker.quiet()
        worker.reply(got, "waited")
        assert client.answer(read) == "waited"
    id_ = client.ask("greeter", "alone")
    worker.reply(worker.work("alone"), "new")
    assert client.answer(id_) == "new"


def test_new_catalogues_are_published(party):
    """To who has said HELLO; a known hash again only with a higher generation; at most eight are kept."""
    listener, deaf = party.peer(hello=True), party.peer()
    listener.expect(PUBLISH)
    worker = party.worker("greeter", GREET)

    def bring(hash_, generation):
        body = {"offers": [list(GREET)], "catalogue": {"generation": generation, "operations": []}}
        worker.send(ready("greeter", epoch=worker.epoch, operation=hash_, body=msgpack.packb(body)))
        worker.expect(HEARTBEAT)

    for hash_, generation, heard in ((1, 10, True), (1, 10, False), (1, 9, False), (2, 10, True), (1, 11, True)):
        bring(hash_, generation)
        if heard:
            record = listener.expect(PUBLISH)
            assert (record.service, record.operation) == (b"greeter", hash_)
            assert value(record.body)["generation"] == generation
        else:
            listener.quiet()
    for n in range(3, 10):
        bring(n, n)
    late = party.peer(hello=True)
    kept = [r.operation for r in (late.expect(PUBLISH) for _ in range(9)) if r.service == b"greeter"]
    assert kept == [1, *range(3, 10)], "oldest first"
    deaf.quiet()


# The page

def dumps():
    """The example frames, in order."""
    found = []
    for block in re.findall(r"^```\n(0000  .*?)^```$", PAGE, re.S | re.M):
        found.append(bytes.fromhex("".join(line[6:55] for line in block.splitlines())))
    return found


def test_the_example_frames_of_the_page(party):
    hello, register, beat, ask, handed, answer, answered, timeout, cancel, two = dumps()
    client, worker = party.peer(), party.peer()
    client.send_frame(hello)
    assert client.recv_frame().startswith(beat)
    while client.poll(0.05):  # catalogues
        pass
    worker.send_frame(register)
    assert worker.recv_frame() == beat
    worker.send_frame(two)
    client.send_frame(ask)
    frame = worker.recv_frame()
    token = frame[12:20]

    def masked(given, *, deadline=False):
        """Without the token, and what may differ by a millisecond."""
        return given[:12] + bytes(8) + given[20:32] + (bytes(4) if deadline else given[32:36]) + given[36:]

    assert masked(frame, deadline=True) == masked(handed, deadline=True)
    worker.send_frame(answer[:12] + token + answer[20:])
    assert next_frame(client) == answered
    client.send(decode(ask)[0]._replace(id=9, deadline=50))
    token = next_frame(worker)[12:20]
    assert next_frame(client) == timeout
    assert next_frame(worker) == cancel[:12] + token + cancel[20:]


def next_frame(peer):
    """The next frame that is no heartbeat, nor tells of revoked tokens, which comes at any time."""
    frame = peer.recv_frame()
    while frame == encode(Record(HEARTBEAT)) or b"muster.revoked" in (frame or b""):
        frame = peer.recv_frame()
    return frame


@pytest.fixture(scope="module")
def page_client(tmp_path_factory):
    [program] = re.findall(r"^```python\n(#!.*?)^```$", PAGE, re.S | re.M)
    path = tmp_path_factory.mktemp("page") / "native.py"
    path.write_text(program)
    return path


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_the_client_of_the_page(shared, page_client, where):
    [command, shown] = re.search(r"```sh\n(python3 native.py .*?)\n```\n\nprints\n\n```json\n(.*?)\n```", PAGE,
                                 re.S).groups()
    endpoint = f"ipc://{shared.ipc}" if where == "ipc" else shared.zmq

    def run(text):
        words = text.replace("tcp://127.0.0.1:5555", endpoint)
        assert words != text
        return subprocess.run(["bash", "-c", words], cwd=page_client.parent, capture_output=True, text=True,
                              timeout=30, env={**os.environ, "PATH": f"/usr/bin:{os.environ['PATH']}"})

    done = run(command)
    assert done.returncode == 0, done.stderr
    got, wanted = json.loads(done.stdout), json.loads(shown)
    assert list(got) == list(wanted)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00", got.pop("created_at"))
    wanted.pop("created_at")
    assert got == wanted
    done = run(command.replace('{"id": 1}', '{"id": 999}'))
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "provider_not_found"


def test_the_client_of_the_page_passes_over_what_is_for_gateways(shared, page_client):
    """Who reaches the broker by the local socket may be a gateway, and hears of revoked tokens once a second."""
    program = ("import native, sys\n"
               "client, heard = native.Client(sys.argv[1]), []\n"
               "records = native.records\n"
               "native.records = lambda frame: (heard.append(each[0::3]) or each for each in records(frame))\n"
               "client.wait(lambda: (native.PUBLISH, 0) in heard, 20)\n"
               "assert client.call('get_provider', {'id': 1})[0] == native.FINAL\n")
    subprocess.run(["/usr/bin/python3", "-c", program, f"ipc://{shared.ipc}"], cwd=page_client.parent, check=True, timeout=60 * SLOW)
