# SPDX-License-Identifier: MPL-2.0
"""Majordomo peers over plain pyzmq sockets, for tests only: RFC 7 and RFC 18 as they stand, written without a look at
broker/brk_mdp*.c. A Crowd is all sockets of a test."""
import itertools
import time

import msgpack
import pytest
import zmq

from conftest import SLOW

# Commands of workers, by version.
READY, REQUEST, PARTIAL, FINAL, HEARTBEAT, DISCONNECT = "READY REQUEST PARTIAL FINAL HEARTBEAT DISCONNECT".split()
BYTES = {1: {READY: 1, REQUEST: 2, FINAL: 3, HEARTBEAT: 4, DISCONNECT: 5},
         2: {READY: 1, REQUEST: 2, PARTIAL: 3, FINAL: 4, HEARTBEAT: 5, DISCONNECT: 6}}
NAMES = {version: {bytes([b]): name for name, b in table.items()} for version, table in BYTES.items()}


def rpc(msgid, operation, *params):
    return msgpack.packb([0, msgid, operation, list(params)])


def value(body):
    return msgpack.unpackb(body, timestamp=3, strict_map_key=False)


class Crowd:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.context = zmq.Context()
        self.sockets = []
        self.workers = []

    def socket(self, kind=zmq.DEALER, identity=None, **options):
        made = self.context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        if identity:
            made.setsockopt(zmq.IDENTITY, identity)
        for name, option in options.items():
            made.setsockopt(getattr(zmq, name), option)
        made.connect(self.endpoint)
        self.sockets.append(made)
        return made

    def client(self, version=1, kind=None, **options):
        kind = kind or (zmq.REQ if version == 1 else zmq.DEALER)
        return Client(self.socket(kind, **options), version)

    def worker(self, service, version=1, options=None, register=True, **sockopts):
        made = Worker(self.socket(**sockopts), service, version)
        self.workers.append(made)
        if register:
            made.ready(options)
        return made

    def close(self):
        for worker in self.workers:
            if not worker.socket.closed:
                worker.say(DISCONNECT)
                worker.socket.close(linger=1000)
        for socket in self.sockets:
            socket.close(linger=0)
        self.context.term()


def receive(socket, seconds):
    """The next message; None when the time is up."""
    return socket.recv_multipart() if socket.poll(max(0, seconds) * 1000) else None


class Client:
    ids = itertools.count(1)

    def __init__(self, socket, version):
        self.socket, self.version = socket, version

    def send(self, service, *body):
        head = [b"MDPC01"] if self.version == 1 else [b"MDPC02", b"\1"]
        if self.version == 1 and self.socket.type != zmq.REQ:
            head.insert(0, b"")
        self.socket.send_multipart([*head, service.encode(), *body])

    def receive(self, service, seconds=5):
        """(PARTIAL or FINAL, body frames) of the next answer, which must come in time, from this service."""
        frames = receive(self.socket, seconds * SLOW)
        assert frames is not None, f"no answer in {seconds} s"
        if self.version == 1:
            if self.socket.type != zmq.REQ:
                assert frames.pop(0) == b""
            kind = FINAL
            assert frames[:2] == [b"MDPC01", service.encode()], frames
            body = frames[2:]
        else:
            assert frames[0] == b"MDPC02" and frames[2] == service.encode(), frames
            kind = {b"\2": PARTIAL, b"\3": FINAL}[frames[1]]
            body = frames[3:]
        assert body
        return kind, body

    def answer(self, service, seconds=5):
        kind, body = self.receive(service, seconds)
        assert kind == FINAL, body
        return body

    def ask(self, service, operation, *params):
        """Sends an RPC; its msgid."""
        msgid = next(self.ids)
        self.send(service, rpc(msgid, operation, *params))
        return msgid

    def response(self, service, msgid, seconds=5):
        """(error, result) of the RPC response that must come next, with this msgid."""
        [body] = self.answer(service, seconds)
        kind, its, error, result = value(body)
        assert (kind, its) == (1, msgid)
        assert error is None or result is None
        return error, result

    def call(self, service, operation, *params):
        error, result = self.response(service, self.ask(service, operation, *params))
        assert error is None, error
        return result

    def refused(self, service, operation, *params):
        error, _ = self.response(service, self.ask(service, operation, *params))
        assert sorted(error) == ["code", "detail", "status", "title"]
        return error["code"]

    def mmi(self, name, *body):
        self.send("mmi." + name, *(body or (b"",)))
        return self.answer("mmi." + name)


class Worker:
    def __init__(self, socket, service, version):
        self.socket, self.service, self.version = socket, service, version

    def say(self, command, *frames):
        head = [b"", b"MDPW01"] if self.version == 1 else [b"MDPW02"]
        self.socket.send_multipart([*head, bytes([BYTES[self.version][command]]), *frames])

    def ready(self, options=None):
        extra = [] if options is None else [msgpack.packb(options)]
        self.say(READY, self.service.encode(), *extra)
        assert self.hear(HEARTBEAT) == []

    def hear(self, *commands, seconds=5):
        """The frames behind the command of the next message, which must be one of these. Heartbeats are passed over."""
        until = time.monotonic() + seconds * SLOW
        while True:
            frames = receive(self.socket, until - time.monotonic())
            if frames is None:
                pytest.fail(f"{commands} did not come in {seconds} s")
            if self.version == 1:
                assert frames.pop(0) == b""
            assert frames[0] == (b"MDPW01" if self.version == 1 else b"MDPW02"), frames
            command = NAMES[self.version][frames[1]]
            if command == HEARTBEAT and HEARTBEAT not in commands:
                continue
            assert command in commands, (command, frames)
            return frames[2:]

    def quiet(self, seconds=0.1):
        """Asserts that only heartbeats come for so long. (The only way to see that something does not happen.)"""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            frames = receive(self.socket, left)
            assert frames is None or NAMES[self.version][frames[-1]] == HEARTBEAT, frames

    def work(self, seconds=5):
        """(client address, body frames) of the request that must come next."""
        address, empty, *body = self.hear(REQUEST, seconds=seconds)
        assert empty == b"" and body
        return address, body

    def reply(self, address, *body, command=FINAL):
        self.say(command, address, b"", *body)

    def work_rpc(self):
        """(client address, msgid, operation, arguments, context) of an RPC that must come next."""
        address, [body] = self.work()
        kind, msgid, operation, (arguments, context) = value(body)
        assert kind == 0
        return address, msgid, operation, arguments, context
