# SPDX-License-Identifier: MPL-2.0
"""Native records over pyzmq, for tests only: a second reading of docs/protocol.md, independent of proto_record.c.

encode() and decode() do frames; a Peer is one DEALER; a Party is all peers of a test. Whoever waits for one peer keeps
the heartbeats of all, so that a test in one thread can play a client and several workers.
"""
import collections
import itertools
import struct
import time

import msgpack
import pytest
import zmq

from conftest import SLOW

REQUEST, PARTIAL, FINAL, ERROR, RETURN, READY, CREDIT, HEARTBEAT, CANCEL, DISCONNECT, PUBLISH, HELLO = range(1, 13)
READ, EXCLUSIVE = 1, 2
HEAD = b"MU\x01\x00"
HEADER = struct.Struct(">IBBHQQII6BH")
TEXTS = ("service", "name", "subject", "role", "trace", "key")
SENT = ("type", "flags", "number", "id", "operation", "epoch", "deadline", *TEXTS, "claims", "body")
NUMBERS = {"malformed": 1, "unauthenticated": 2, "forbidden": 3, "not_found": 4, "no_worker": 18, "overloaded": 19, "expired": 20, "worker_lost": 21,
           "timeout": 25, "outcome_unknown": 26}

Record = collections.namedtuple("Record", SENT, defaults=(0,) * 6 + (b"",) * 8)


def pack(record):
    """One record, without a batch around it."""
    texts = [getattr(record, text) for text in TEXTS]
    rest = b"".join(texts) + record.claims + record.body
    return HEADER.pack(HEADER.size + len(rest), *record[:7], *map(len, texts), len(record.claims)) + rest


def encode(*records):
    return HEAD + b"".join(map(pack, records))


def decode(frame):
    """The records of a frame; asserts that it keeps every rule."""
    assert frame[:4] == HEAD and len(frame) > 4
    records, at = [], 4
    while at < len(frame):
        length, *fields = HEADER.unpack_from(frame, at)
        fixed, sizes = fields[:7], fields[7:]
        assert HEADER.size + sum(sizes) <= length <= len(frame) - at
        texts, place = [], at + HEADER.size
        for size in sizes:
            texts.append(frame[place:place + size])
            place += size
        records.append(Record(*fixed, *texts, frame[place:at + length]))
        at += length
    assert len(records) <= 256 and (len(records) == 1 or len(frame) <= 1048576)
    return records


def value(body):
    """The value of a body; None for an empty one."""
    return msgpack.unpackb(body, timestamp=3, strict_map_key=False) if body else None


def ready(service, *offers, epoch=1, window=4, **fields):
    """A READY; without offers the worker serves whatever its service is asked for."""
    body = {"version": "test", **({"offers": [list(offer) for offer in offers]} if offers else {})}
    return Record(READY, number=window, epoch=epoch, service=service.encode(),
                  **{"body": msgpack.packb(body), **fields})


class Party:
    """All peers of a test. close() lets them say DISCONNECT."""

    def __init__(self, *endpoints):
        self.context = zmq.Context()
        self.endpoints = dict(zip(("ipc", "tcp"), endpoints))
        self.peers = []

    def peer(self, where="ipc", hello=False, curve=None, routing_id=None):
        """A new connection. curve: the server's public key, the own public key, the own secret key."""
        made = Peer(self, self.endpoints[where], curve, routing_id)
        self.peers.append(made)
        if hello:
            made.send(Record(HELLO))
            made.expect(HEARTBEAT)
        return made

    def worker(self, service, *offers, **fields):
        """A registered worker."""
        made = self.peer()
        made.epoch = fields.setdefault("epoch", next(made.ids))
        made.send(ready(service, *offers, **fields))
        assert made.expect(HEARTBEAT, DISCONNECT).type == HEARTBEAT, "READY was refused"
        made.beats = True
        return made

    def beat(self):
        now = time.monotonic()
        for peer in self.peers:
            if peer.beats and now - peer.said >= 0.4:
                peer.send(Record(HEARTBEAT))

    def close(self):
        for peer in self.peers:
            peer.close()
        self.context.term()


class Peer:
    ids = itertools.count(1000)

    def __init__(self, party, endpoint, curve=None, routing_id=None):
        self.party = party
        self.socket = party.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.SNDTIMEO, 5000)
        self.socket.setsockopt(zmq.LINGER, 1000)
        if curve:
            self.socket.curve_serverkey, self.socket.curve_publickey, self.socket.curve_secretkey = curve
        if routing_id:
            self.socket.routing_id = routing_id
        self.socket.connect(endpoint)
        self.came = collections.deque()
        self.beats = False  # whether it says HEARTBEAT when it is silent
        self.said = 0.0
        self.epoch = 0

    def send(self, *records):
        self.send_frame(encode(*records))

    def send_frame(self, *frames):
        """Frames as they are; several make one message."""
        self.socket.send_multipart(frames)
        self.said = time.monotonic()

    def recv_frame(self, seconds=5):
        """The next message's one frame, or None when the time is up."""
        until = time.monotonic() + seconds
        while True:
            self.party.beat()
            left = until - time.monotonic()
            if self.socket.poll(max(0, min(left, 0.1)) * 1000):
                frames = self.socket.recv_multipart()
                assert len(frames) == 1
                return frames[0]
            if left <= 0:
                return None

    def poll(self, seconds=0.0, heartbeats=False):
        """The next record, or None when the time is up. Heartbeats are passed over unless they are asked for, and so is
        what gateways are told of revoked tokens, which comes at any time."""
        until = time.monotonic() + seconds
        while True:
            while self.came:
                record = self.came.popleft()
                revoked = record.type == PUBLISH and record.service == b"muster.revoked"
                if heartbeats or not (record.type == HEARTBEAT or revoked):
                    return record
            frame = self.recv_frame(max(0, until - time.monotonic()))
            if frame is None:
                return None
            self.came.extend(decode(frame))

    def expect(self, *types, seconds=5):
        """The next record, which must be of one of these types and come in time."""
        record = self.poll(seconds * SLOW, heartbeats=HEARTBEAT in types)
        if record is None or record.type not in types:
            pytest.fail(f"{types} did not come in {seconds} s, but {record}")
        return record

    def quiet(self, seconds=0.1):
        """Asserts that nothing comes for so long. (The only way to see that something does not happen.)"""
        assert (record := self.poll(seconds)) is None, record

    def next_id(self):
        return next(self.ids)

    def ask(self, service, name="", arguments=None, seconds=30, **fields):
        """Sends a request; its id."""
        id_ = self.next_id()
        fields.setdefault("deadline", int(seconds * 1000))
        self.send(Record(REQUEST, id=id_, service=service.encode(), name=name.encode(),
                         body=msgpack.packb({} if arguments is None else arguments), **fields))
        return id_

    def answer(self, id_, *types, seconds=5):
        """The body of the FINAL (or of what is asked for) that must come next, for this id."""
        record = self.expect(*(types or (FINAL,)), seconds=seconds)
        assert record.id == id_ and record.epoch == 0, record
        return value(record.body)

    def call(self, service, name="", arguments=None, **fields):
        return self.answer(self.ask(service, name, arguments, **fields))

    def refused(self, id_, code, seconds=5):
        """The ERROR of this code must come next, for this id."""
        record = self.expect(ERROR, seconds=seconds)
        assert (record.id, value(record.body)["code"], record.number) == (id_, code, NUMBERS[code]), record
        return value(record.body)

    def work(self, name=None, seconds=5):
        """The REQUEST that must come next to this worker."""
        record = self.expect(REQUEST, seconds=seconds)
        assert record.epoch == self.epoch and record.id and record.deadline >= 1
        assert name is None or record.name == name.encode(), record
        return record

    def reply(self, request, answer=None, type_=FINAL, **fields):
        """Sends FINAL, or another answer, to a REQUEST."""
        self.send(Record(type_, id=request.id, **{"epoch": request.epoch, "body": msgpack.packb(answer), **fields}))

    def table(self, name):
        """A table of the service `muster`. What this peer sent before has been read by then."""
        return self.call("muster", name)

    def stats(self):
        return self.table("stats")[0]

    def close(self):
        if not self.socket.closed:
            try:
                self.send(Record(DISCONNECT))
            except zmq.Again:
                pass
            self.socket.close()
