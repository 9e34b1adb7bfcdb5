# SPDX-License-Identifier: MPL-2.0
"""What a broker must bear over ZeroMQ: malformed frames and records, and more requests than it can serve."""
import concurrent.futures
import os
import random
import struct
import time

import msgpack
import pytest

from conftest import SLOW, Server, wait_for
from native import (ERROR, FINAL, HEAD, HEARTBEAT, HELLO, PUBLISH, REQUEST, Party, Record, encode, pack, value)

ENDPOINTS = """
-- @endpoint GET /twice/{n}
-- @operation twice
-- @auth public
-- @path n int4
-- @returns value
SELECT :n * 2;

-- @endpoint GET /nap/{n}
-- @operation nap
-- @auth public
-- @path n int4
-- @returns value
SELECT :n FROM pg_sleep(0.02);
"""


def serve(tmp_path_factory, *flags):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    return Server(folder, os.environ["DATABASE_URL"], "--dir", str(folder), *flags).wait_ready()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = serve(tmp_path_factory, "--actors", "2")
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four requests at once, fifty that wait."""
    server = serve(tmp_path_factory, "--actors", "1", "--window", "4", "--queue", "50")
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def party(served):
    made = Party(f"ipc://{served.ipc}", served.zmq)
    yield made
    made.close()


@pytest.fixture
def crowd(small):
    made = Party(f"ipc://{small.ipc}", small.zmq)
    yield made
    made.close()


# Malformed frames

BEAT = pack(Record(HEARTBEAT))
ASK = pack(Record(REQUEST, id=7, deadline=5000, service=b"db", name=b"twice", body=msgpack.packb({"n": 1})))
PAIR = HEAD + ASK + BEAT


def patched(record, at, octets):
    return record[:at] + octets + record[at + len(octets):]


def sized(record, length):
    return patched(record, 0, struct.pack(">I", length))


# Frames that are rejected whole, without an answer; each is counted once.
FRAMES = {f"truncated at {n}": PAIR[:n] for n in range(len(PAIR)) if n != 4 + len(ASK)}
FRAMES |= {
    "magic": b"MV" + PAIR[2:], "lower case": b"mu" + PAIR[2:], "version 0": b"MU\0\0" + PAIR[4:],
    "version 2": b"MU\2\0" + PAIR[4:], "reserved": b"MU\1\1" + PAIR[4:], "no head": ASK,
    "length 0": HEAD + sized(ASK, 0), "length 39": HEAD + sized(ASK, 39) + BEAT,
    "one too long": HEAD + sized(ASK, len(ASK) + 1), "one too short": HEAD + sized(ASK, len(ASK) - 1),
    "length 4 GiB": HEAD + sized(ASK, 0xffffffff), "length above 64 MiB": HEAD + sized(ASK, (64 << 20) + 1),
    "second too long": HEAD + ASK + sized(BEAT, 41), "second too short": HEAD + ASK + sized(BEAT, 39),
    "one octet left over": PAIR + b"\0", "a record's head left over": PAIR + BEAT[:39],
    "257 records": HEAD + BEAT * 257, "1000 records": HEAD + ASK * 1000,
    "1 MiB and 1": HEAD + pack(Record(HEARTBEAT, body=bytes((1 << 20) - 4 - 80 + 1))) + BEAT,
    "2 MiB in two": HEAD + pack(Record(HEARTBEAT, body=bytes(1 << 20))) * 2,
    "majordomo client": b"MDPC02", "majordomo worker": b"MDPW01", "http": b"GET / HTTP/1.1\r\n\r\n",
    "zeros": bytes(100), "ones": b"\xff" * 1000,
}
MESSAGES = {name: (frame,) for name, frame in FRAMES.items()} | {
    "two good frames": (PAIR, PAIR), "empty and good": (b"", PAIR), "good and empty": (PAIR, b""),
    "two empty": (b"", b""), "three": (PAIR, b"x", PAIR), "a hundred": (PAIR,) * 100, "a REP's": (b"x", b"", PAIR),
}

# Records that are refused alone, with ERROR `malformed`; what stands around them is read.
RECORDS = {f"type {n}": patched(ASK, 4, bytes([n])) for n in (0, 13, 14, 127, 255)}
RECORDS |= {f"flags {n}": patched(ASK, 5, bytes([n])) for n in (4, 7, 128, 255)}
RECORDS |= {"deadline 0": patched(ASK, 28, bytes(4))}
RECORDS |= {f"size {field} beyond the end": patched(ASK, 32 + field, b"\xff") for field in range(6)}
RECORDS |= {"claims beyond the end": patched(ASK, 38, b"\xff\xff"), "one octet beyond": patched(
    ASK, 38, struct.pack(">H", len(ASK) - 40 - 7 + 1))}
RECORDS |= {f"{field} with {octet:#04x}": pack(Record(REQUEST, id=7, deadline=5000, **{
    "service": b"db", "name": b"twice", field: b"a" + bytes([octet]) + b"b"}))
    for field, octet in (("service", 0), ("name", 10), ("name", 0x7f), ("subject", 0x1f), ("role", 13), ("trace", 27),
                         ("key", 9), ("service", 1))}
RECORDS |= {f"of type {type_}": pack(Record(type_, id=7, service=b"a\nb")) for type_ in range(2, 13)}

# What looks odd and is right.
ODD = {
    "256 records": HEAD + BEAT * 255 + ASK,
    "1 MiB": HEAD + pack(Record(HEARTBEAT, body=bytes((1 << 20) - 4 - 40 - len(ASK)))) + ASK,
    "a large one alone": encode(Record(REQUEST, id=7, deadline=5000, service=b"db", name=b"twice",
                                       body=msgpack.packb({"n": 1, "x": bytes(2 << 20)}))),
    "UTF-8, or not": HEAD + pack(Record(HEARTBEAT, service="ü".encode(), name=b"\x80\xff")) + ASK,
    "both flags": HEAD + patched(ASK, 5, b"\3"),
    "deadline of 49 days": HEAD + patched(ASK, 28, b"\xff" * 4),
    "a number that means nothing": HEAD + patched(ASK, 6, b"\xff\xff"),
}


def serves(client, chance=random.Random(1)):
    n = chance.randint(0, 1 << 29)
    assert client.call("db", "twice", {"n": n}) == n * 2


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_malformed_frames_are_counted_and_nothing_else(party, served, where):
    good, bad = party.peer(where), party.peer(where)
    assert len(MESSAGES) + len(RECORDS) > 150
    before = good.stats()
    for name, frames in MESSAGES.items():
        bad.send_frame(*frames)
        after = bad.stats()  # the next thing it hears is this answer: nothing was said to the frame
        assert after["rejected"] == before["rejected"] + 1, name
        before = after
        serves(good)
    bad.quiet()
    assert served.process.poll() is None and "malformed" not in served.log()


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_malformed_records_are_refused_alone(party, where):
    good, bad = party.peer(where), party.peer(where)
    before = good.stats()["rejected"]
    for name, record in RECORDS.items():
        around = [bad.next_id() for _ in range(2)]
        asks = [pack(Record(REQUEST, id=id_, deadline=5000, service=b"muster", name=b"stats")) for id_ in around]
        bad.send_frame(HEAD + asks[0] + record + patched(record, 8, bytes(8)) + asks[1])
        bad.answer(around[0])
        error = bad.refused(7, "malformed")
        assert error["status"] == 400, name
        [row] = bad.answer(around[1])
        assert row["rejected"] == before + 2, name  # the one with id 0 was counted, but not answered
        before += 2
        serves(good)
    bad.quiet()


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_odd_frames_that_are_right(party, where):
    client = party.peer(where)
    client.send(Record(HELLO))
    client.expect(HEARTBEAT)
    client.expect(PUBLISH)
    before = client.stats()["rejected"]
    for name, frame in ODD.items():
        client.send_frame(frame)
        assert client.answer(7) == 2, name
    assert client.stats()["rejected"] == before


@pytest.mark.parametrize("where", ["ipc", "tcp"])
def test_garbage(party, served, where):
    """2,000 frames: noise, noise behind a good head, and good frames with some octets changed."""
    chance = random.Random(20240229)
    good, bad = party.peer(where), party.peer(where)
    before = good.stats()["rejected"]
    for n in range(2000):
        kind = n % 4
        if kind == 0:
            frame = chance.randbytes(chance.randint(0, 300))
        elif kind == 1:
            frame = HEAD + chance.randbytes(chance.randint(0, 300))
        elif kind == 2:
            frame = HEAD + sized(chance.randbytes(size := chance.randint(40, 300)), size)
        else:
            frame = bytearray(HEAD + ASK + BEAT + ASK)
            for _ in range(chance.randint(1, 4)):
                frame[chance.randrange(len(frame))] = chance.randrange(256)
        bad.send_frame(bytes(frame))
        if n % 20 == 0:
            serves(good)
    serves(good)
    while bad.poll(0.05 * SLOW):  # the answers to what has happened to be a request
        pass
    assert bad.stats()["rejected"] - before > 1000
    fresh = party.peer(where)
    serves(fresh)
    assert served.process.poll() is None


def test_a_frame_above_the_limit_loses_its_sender_the_connection(party):
    """64 MiB and 4 octets are the most; the broker never sees more, and others do not notice."""
    good, bad = party.peer(), party.peer()
    before = good.stats()["rejected"]
    serves(bad)
    monitor = bad.socket.get_monitor_socket()
    bad.send_frame(HEAD + bytes((64 << 20) + 1))
    began = time.monotonic()
    while not any(m["event"] == 0x200 for m in events(monitor)):  # ZMQ_EVENT_DISCONNECTED
        serves(good)
        assert time.monotonic() - began < 10 * SLOW
    bad.socket.disable_monitor()
    serves(good)
    assert good.stats()["rejected"] == before


def events(monitor):
    from zmq.utils.monitor import recv_monitor_message
    while monitor.poll(10):
        yield recv_monitor_message(monitor)


# Overload

def flood(client, count, first=0):
    """Sends so many naps at once; {id: n}."""
    asked = {client.next_id(): n for n in range(first, first + count)}
    records = [pack(Record(REQUEST, id=id_, deadline=30000, service=b"db", name=b"nap", body=msgpack.packb({"n": n})))
               for id_, n in asked.items()]
    for at in range(0, count, 256):
        client.send_frame(HEAD + b"".join(records[at:at + 256]))
    return asked


def idle(watcher):
    wait_for(lambda: watcher.stats()["in_flight"] + watcher.stats()["waiting"] == 0, what="an idle broker")


def napped(watcher):
    """How many naps were answered: of the gateway's own questions, which come at any time, none is one."""
    return sum(row["answered"] for row in watcher.table("operations") if row["operation"] == "nap")


@pytest.mark.parametrize("where,taken", [("ipc", 4 + 45), ("tcp", 4 + 25)])
def test_what_is_beyond_the_bound_is_refused_at_once(crowd, where, taken):
    """A gateway has at most eight times as many waiting as there are places left, another client as many."""
    client = crowd.peer(where)
    idle(client)
    before, naps, began = client.stats(), napped(client), time.monotonic()
    asked = flood(client, 500)
    refused, answered, slowest = 0, 0, 0.0
    for _ in range(500):
        record = client.expect(FINAL, ERROR, seconds=20)
        n = asked.pop(record.id)  # each exactly once
        if record.type == FINAL:
            assert value(record.body) == n
            answered += 1
        else:
            body = value(record.body)
            assert (body["code"], body["status"], record.number) == ("overloaded", 503, 19)
            refused, slowest = refused + 1, time.monotonic() - began
    assert (answered, refused) == (taken, 500 - taken) and not asked
    assert slowest < 1 * SLOW, f"{slowest * 1000:.0f} ms"
    assert client.stats()["refused"] == before["refused"] + refused and napped(client) == naps + answered
    client.quiet()


def test_the_queue_rotates_over_clients(crowd, small):
    """Who asks for one thing does not wait for who asks for fifty; over HTTP neither."""
    greedy, modest = crowd.peer("tcp"), crowd.peer("tcp")
    idle(greedy)
    asked = flood(greedy, 28)
    greedy.stats()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        modest_id = modest.ask("db", "nap", {"n": -1})
        http = pool.submit(small.request, "GET", "/nap/77")
        wait_for(lambda: greedy.came or greedy.socket.poll(0), what="an answer")
        assert modest.answer(modest_id) == -1
        assert http.result(10).json == 77
    left = modest.stats()["waiting"]
    assert left >= 10, f"{left} of the greedy client's requests were still to come"
    got = {(record := greedy.expect(FINAL)).id: value(record.body) for _ in asked}
    assert got == asked
    assert list(got) == list(asked), "its own stay in order"


def test_one_client_cannot_fill_the_queue(crowd, small):
    """Greedy ones take what there is but never all: whoever comes next still finds room."""
    crowds = [crowd.peer("tcp") for _ in range(3)]
    idle(crowds[0])
    asked = [flood(client, 200) for client in crowds]
    late = crowd.peer("tcp")
    id_ = late.ask("db", "nap", {"n": 7})
    assert late.answer(id_, seconds=20) == 7
    for client, mine in zip(crowds, asked):
        answers = [client.expect(FINAL, ERROR, seconds=20) for _ in mine]
        assert any(answer.type == FINAL for answer in answers)
        assert {answer.id for answer in answers} == set(mine)


def test_overload_over_http(crowd, small):
    """503 with Retry-After, quickly; the others are answered."""
    watcher = crowd.peer()
    idle(watcher)

    def ask(n):
        began = time.monotonic()
        answer = small.request("GET", f"/nap/{n}")
        return n, answer, time.monotonic() - began

    flooded = flood(watcher, 49)
    assert watcher.stats()["waiting"] >= 40
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(ask, range(120)))
    refused = [(answer, took) for _, answer, took in answers if answer.status != 200]
    assert all(answer.json == n for n, answer, _ in answers if answer.status == 200)
    assert 10 <= len(refused) < 120
    for answer, took in refused:
        assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "overloaded", "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert took < 0.5 * SLOW  # sixty threads of Python share what is left of two cores
    for _ in flooded:
        watcher.expect(FINAL)
    idle(watcher)
    assert small.request("GET", "/nap/5").json == 5
