# SPDX-License-Identifier: MPL-2.0
"""Every layout of Majordomo's frames, right and wrong, from one peer, while another one must stay served."""
import os
import random

import msgpack
import pytest

from conftest import Server, wait_for
from mdp import Crowd, receive, rpc, value

ENDPOINTS = """
-- @endpoint GET /twice/{n}
-- @operation twice
-- @auth public
-- @path n int4
-- @returns value
SELECT :n * 2;
"""

TWICE = rpc(7, "twice", {"n": 3})
C1, C2, W1, W2 = b"MDPC01", b"MDPC02", b"MDPW01", b"MDPW02"
NO_ONE = bytes(12)

# What a client may say, and gets an answer to: the frames before the body of the answer.
ANSWERED = {
    "0.1": ((b"", C1, b"db", TWICE), (b"", C1, b"db")),
    "0.1 behind one frame": ((b"a", b"", C1, b"db", TWICE), (b"a", b"", C1, b"db")),
    "0.1 behind eight frames": ((*[b"%d" % n for n in range(8)], b"", C1, b"db", TWICE),
                                (*[b"%d" % n for n in range(8)], b"", C1, b"db")),
    "0.1 behind 2048 octets": ((bytes(2048), b"", C1, b"db", TWICE), (bytes(2048), b"", C1, b"db")),
    "0.1 behind what looks like a header": ((C1, b"", C1, b"db", TWICE), (C1, b"", C1, b"db")),
    "0.2": ((C2, b"\1", b"db", TWICE), (C2, b"\3", b"db")),
}

# Messages that are dropped whole, without an answer, and counted once each.
DROPPED = {
    "two empty frames": (b"", b""), "three empty frames": (b"", b"", b""), "only an envelope": (b"a", b"b", b""),
    "no empty frame": (b"a", b"b", b"c"), "0.1 without the empty frame": (C1, b"db", TWICE),
    "0.1 behind nine frames": (*[b"%d" % n for n in range(9)], b"", C1, b"db", TWICE),
    "0.1 behind 2049 octets": (bytes(2049), b"", C1, b"db", TWICE),
    "0.1 behind two empty frames": (b"", b"", C1, b"db", TWICE),
    "0.2 behind an empty frame": (b"", C2, b"\1", b"db", TWICE),
    "0.1 header alone": (b"", C1), "0.1 without service": (b"", C1, b""), "0.1 without body": (b"", C1, b"db"),
    "0.1 with an empty service": (b"", C1, b"", TWICE), "0.1 with a long service": (b"", C1, b"x" * 256, TWICE),
    "0.1 with NUL in the service": (b"", C1, b"d\0b", TWICE), "0.1 with a line feed in it": (b"", C1, b"db\n", TWICE),
    "0.1 in lower case": (b"", b"mdpc01", b"db", TWICE), "0.3": (b"", b"MDPC03", b"db", TWICE),
    "0.1 with a longer header": (b"", b"MDPC01\0", b"db", TWICE),
    "0.1 with a shorter one": (b"", b"MDPC0", b"db", TWICE),
    "0.2 header and command": (C2, b"\1"), "0.2 without service": (C2, b"\1", b""),
    "0.2 without body": (C2, b"\1", b"db"),
    "0.2 without command": (C2, b"db", TWICE), "0.2 with an empty command": (C2, b"", b"db", TWICE),
    "0.2 with a long command": (C2, b"\1\0", b"db", TWICE), "0.2 with a text as command": (C2, b"1", b"db", TWICE),
    "0.2 with an empty service": (C2, b"\1", b"", TWICE), "0.2 with DEL in it": (C2, b"\1", b"d\x7fb", TWICE),
    "a client's PARTIAL": (C2, b"\2", b"db", TWICE), "a client's FINAL": (C2, b"\3", b"db", TWICE),
    "65 frames": (C2, b"\1", b"db", *[b"x"] * 62), "1000 frames": (C2, b"\1", b"db", *[b"x"] * 997),
    "65 MiB in two": (C2, b"\1", b"db", bytes(33 << 20), bytes(32 << 20)),
    "0.1 READY without service": (b"", W1, b"\1"), "0.2 READY without service": (W2, b"\1"),
    "0.1 READY with an empty one": (b"", W1, b"\1", b""), "0.2 READY with an empty one": (W2, b"\1", b""),
    "0.1 READY with too much": (b"", W1, b"\1", b"w", b"\x80", b""),
    "0.2 READY with too much": (W2, b"\1", b"w", b"", b""),
    "0.2 READY with a bad name": (W2, b"\1", b"w\r"),
    "0.1 worker without command": (b"", W1), "0.2 worker without command": (W2, b""),
    "0.1 command 0": (b"", W1, b"\0"), "0.2 command 0": (W2, b"\0"), "0.1 command 6": (b"", W1, b"\6"),
    "0.2 command 7": (W2, b"\7"), "0.2 command 255": (W2, b"\xff", b"w"), "0.2 command of two octets": (W2, b"\5\5"),
    "0.1 HEARTBEAT with more": (b"", W1, b"\4", b""), "0.2 HEARTBEAT with more": (W2, b"\5", b"x"),
    "0.1 DISCONNECT with more": (b"", W1, b"\5", b""), "0.2 DISCONNECT with more": (W2, b"\6", b""),
    "0.1 REPLY without address": (b"", W1, b"\3"), "0.1 REPLY without body": (b"", W1, b"\3", NO_ONE, b""),
    "0.1 REPLY without the empty frame": (b"", W1, b"\3", NO_ONE, b"x", b"x"),
    "0.2 FINAL without address": (W2, b"\4"), "0.2 FINAL without body": (W2, b"\4", NO_ONE, b""),
    "0.2 FINAL without the empty frame": (W2, b"\4", NO_ONE, b"x", b"x"),
    "0.2 PARTIAL without body": (W2, b"\3", NO_ONE, b""),
    "0.2 PARTIAL without the empty frame": (W2, b"\3", NO_ONE, b"x", b"x"),
    "a worker behind a frame": (b"a", b"", W1, b"\4"), "0.1 worker without the empty frame": (W1, b"\4"),
    "native and more": (b"MU\1\0", b"x"), "a native head alone": (b"MU\1\0",), "an empty frame alone": (b"",),
    "a text alone": (b"hello",), "0.2 client's header alone": (C2,), "0.2 worker's header alone": (W2,),
}

SMALL = [frames for frames in DROPPED.values() if sum(map(len, frames)) < 10000]

# What a worker says that is no registered one (any more), and gets DISCONNECT for, in its own version.
DISCONNECTED = {
    "0.1 REQUEST": (b"", W1, b"\2", NO_ONE, b"", b"x"), "0.2 REQUEST": (W2, b"\2", NO_ONE, b"", b"x"),
    "0.1 REPLY": (b"", W1, b"\3", NO_ONE, b"", b"x"), "0.2 FINAL": (W2, b"\4", NO_ONE, b"", b"x"),
    "0.2 PARTIAL": (W2, b"\3", NO_ONE, b"", b"x"), "0.2 FINAL of many frames": (W2, b"\4", NO_ONE, b"", *[b"x"] * 60),
    "0.2 FINAL to an odd address": (W2, b"\4", b"", b"", b"x"),
    "0.1 HEARTBEAT": (b"", W1, b"\4"), "0.2 HEARTBEAT": (W2, b"\5"),
    "0.1 READY as the broker": (b"", W1, b"\1", b"muster"), "0.2 READY as MMI": (W2, b"\1", b"mmi.service"),
    "0.2 READY with bad options": (W2, b"\1", b"w", b"\xc1"), "0.1 READY with bad options": (b"", W1, b"\1", b"w", b""),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mdp")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    server = Server(folder, os.environ["DATABASE_URL"], "--dir", str(folder), "--actors", "2").wait_ready()
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def crowd(served):
    made = Crowd(served.zmq)
    yield made
    made.close()


class Good:
    """A client of the database and of a Majordomo worker, who must be served whatever others do."""

    def __init__(self, crowd):
        self.client, self.worker = crowd.client(2), crowd.worker("good", 2)
        self.chance = random.Random(1)

    def served(self):
        n = self.chance.randint(0, 1 << 29)
        assert self.client.call("db", "twice", {"n": n}) == 2 * n
        self.client.send("good", b"%d" % n)
        address, body = self.worker.work()
        self.worker.reply(address, *body)
        assert self.client.answer("good") == [b"%d" % n]

    def rejected(self):
        [row] = self.client.call("muster", "stats")
        return row["rejected"]


def test_there_are_enough():
    assert len(ANSWERED) + len(DROPPED) + len(DISCONNECTED) >= 75


def test_layouts_that_are_answered(crowd):
    good, peer = Good(crowd), crowd.socket()
    before = good.rejected()
    for name, (frames, head) in ANSWERED.items():
        peer.send_multipart(frames)
        *before_body, body = receive(peer, 5)
        assert tuple(before_body) == head and value(body) == [1, 7, None, 6], name
        good.served()
    assert good.rejected() == before


def test_layouts_that_are_dropped(crowd):
    good, peer = Good(crowd), crowd.socket()
    ping = [b"", C1, b"mmi.service", b"db"]
    before = good.rejected()
    for name, frames in DROPPED.items():
        peer.send_multipart(frames)
        peer.send_multipart(ping)  # the next thing it hears is this answer: nothing was said to the message
        assert receive(peer, 20) == [b"", C1, b"mmi.service", b"200"], name
        good.served()
        assert good.rejected() == before + 1, name
        before += 1


def test_what_is_dropped_costs_nobody_the_registration(crowd):
    good = Good(crowd)
    for frames in SMALL:
        good.worker.socket.send_multipart(frames)
        good.client.socket.send_multipart(frames)
    good.served()


def test_a_client_that_never_listens(crowd, served):
    """Answers that nobody takes are kept up to a bound, and then dropped."""
    good, deaf = Good(crowd), crowd.socket(RCVHWM=1, RCVBUF=4096, SNDTIMEO=30000)
    for _ in range(100):
        for _ in range(1000):
            deaf.send_multipart([b"", C1, b"mmi.stats", b""])
        good.served()
        if "a peer does not take its messages" in served.log():
            return
    pytest.fail("nothing was dropped")


@pytest.mark.parametrize("name", DISCONNECTED)
def test_layouts_that_are_disconnected(crowd, name):
    good, peer, frames = Good(crowd), crowd.socket(), DISCONNECTED[name]
    before = good.rejected()
    peer.send_multipart(frames)
    assert receive(peer, 5) == ([b"", W1, b"\5"] if W1 in frames else [W2, b"\6"])
    assert receive(peer, 0.05) is None, "and nothing more"
    assert good.rejected() == before + ("HEARTBEAT" not in name)
    good.served()


def test_random_frames(crowd, served):
    """Right messages with a few mistakes each."""
    good, chance = Good(crowd), random.Random(7)
    peers = [crowd.socket(SNDTIMEO=5000) for _ in range(4)]
    layouts = [frames for frames, _ in ANSWERED.values()] + list(DISCONNECTED.values()) + SMALL + [
        (W2, b"\1", b"w", msgpack.packb({"window": 3})), (b"", W1, b"\1", b"w")]
    pieces = [b"", C1, C2, W1, W2, b"\1", b"\2", b"\3", b"\4", b"\5", b"\6", b"db", b"w", b"muster",
              b"mmi.stats", NO_ONE, TWICE]
    for turn in range(4000):
        frames = list(chance.choice(layouts))
        for _ in range(chance.randint(0, 3)):
            at, kind = chance.randrange(len(frames) + 1), chance.randrange(4)
            if kind == 0:
                frames.insert(at, chance.choice(pieces))
            elif at < len(frames) and kind == 1 and len(frames) > 1:
                del frames[at]
            elif at < len(frames) and kind == 2:
                frames[at] = chance.choice(pieces)
            elif at < len(frames) and frames[at]:
                octets = bytearray(frames[at])
                octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
                frames[at] = bytes(octets)
        peer = chance.choice(peers)
        peer.send_multipart(frames)
        while receive(peer, 0):
            pass
        if turn % 100 == 0:
            good.served()
    wait_for(lambda: served.process.poll() is None and (good.served() or True))
