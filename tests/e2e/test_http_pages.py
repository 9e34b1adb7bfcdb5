# SPDX-License-Identifier: MPL-2.0
"""Links between pages: a worker that tells a cursor in its FINAL, as database actors do not yet."""
import re
import struct
import threading
import time

import msgpack
import pytest
import zmq

from conftest import wait_for

REQUEST, FINAL, READY, HEARTBEAT = 1, 3, 6, 8
HEADER = struct.Struct(">IBBHQQII6BH")  # docs/protocol.md
EPOCH, HASH = 0x0BADCAFE, 4711


def batch(type_, *, number=0, id_=0, operation=0, service=b"", key=b"", body=b""):
    rest = service + key + body
    return b"MU\x01\x00" + HEADER.pack(HEADER.size + len(rest), type_, 0, number, id_, operation, EPOCH, 0,
                                       len(service), 0, 0, 0, 0, len(key), 0) + rest


class Worker(threading.Thread):
    """Serves GET /pages: {"cursor": the one asked for}, and says `next` as the cursor of the next page."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.endpoint, self.next, self.stopping = "ipc://" + server.ipc, b"", False

    def ready(self):
        text = {"source": "query", "data": "text", "type": "text"}
        operation = {"hash": HASH, "name": "pages", "service": "pages", "returns": "row", "flags": 1, "method": "GET",
                     "path": "/pages", "tier": "read", "auth": "public", "timeout_ms": 5000, "refusals": [],
                     "params": [{"name": "cursor", **text}, {"name": "q", **text}],
                     "columns": [["cursor", "text", ""]]}
        catalogue = {"generation": time.time_ns() // 1000, "operations": [operation]}
        return batch(READY, number=8, operation=99, service=b"pages",
                     body=msgpack.packb({"version": "1", "offers": [[HASH, "pages", 1]], "catalogue": catalogue}))

    def run(self):
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(self.endpoint)
            socket.send(self.ready())
            while not self.stopping:
                if socket.poll(200):
                    self.take(socket, socket.recv())
                else:
                    socket.send(batch(HEARTBEAT))

    def take(self, socket, frame):
        at = 4
        while at < len(frame):
            length, type_, _, _, id_, _, _, _, *sizes = HEADER.unpack_from(frame, at)
            if type_ == REQUEST:
                arguments = msgpack.unpackb(frame[at + HEADER.size + sum(sizes):at + length])
                answer = msgpack.packb({"cursor": arguments.get("cursor")})
                socket.send(batch(FINAL, id_=id_, key=self.next, body=answer))
            at += length


@pytest.fixture
def pages(start):
    server = start()
    worker = Worker(server)
    worker.start()
    wait_for(lambda: server.request("GET", "/pages").status == 200, what="the worker")
    yield server, worker
    worker.stopping = True
    worker.join()


# The broker (brk_request_answer) does not hand the key of a FINAL on yet; take the mark away when it does.


def test_the_next_page(pages):
    server, worker = pages
    assert "Link" not in server.request("GET", "/pages").headers
    for target, cursor, link in (("/pages", "a+b/c=", "/pages?cursor=a%2Bb%2Fc%3D"),
                                 ("/pages?q=x%20y&cursor=old", "new", "/pages?q=x%20y&cursor=new"),
                                 ("/pages?c%75rsor=old&q=%3E", "é<>", "/pages?q=%3E&cursor=%C3%A9%3C%3E")):
        worker.next = cursor.encode()
        answer = server.request("GET", target)
        assert answer.headers.get_all("Link") == [f'<{link}>; rel="next"']
        followed = server.request("GET", re.match("<(.*)>", answer.headers["Link"])[1])
        assert followed.json == {"cursor": cursor}  # it comes back as it was


def test_a_304_tells_the_next_page_too(pages):
    server, worker = pages
    worker.next = b"2"
    answer = server.request("GET", "/pages")
    again = server.request("GET", "/pages", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304 and again.headers["Link"] == answer.headers["Link"] == '</pages?cursor=2>; rel="next"'
