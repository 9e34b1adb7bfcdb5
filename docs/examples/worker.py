#!/usr/bin/env python3
"""A worker that answers POST /embed with a vector for each text: worker.py ENDPOINT"""
import hashlib
import signal
import sys
import time
import zlib

import msgpack
import zmq

# What it publishes: gateways route POST /embed here, and refuse what does not suit `params`.
EMBED = {"name": "embed", "service": "embed", "returns": "value", "flags": 1, "params": [
    {"name": "texts", "source": "body", "data": "text", "type": "text[]", "array": 1, "required": 1,
     "unit": 2, "min": 1, "max": 100}], "refusals": [], "columns": []}
EMBED |= {"hash": int.from_bytes(hashlib.sha256(msgpack.packb(EMBED)).digest()[:8], "big"),  # another one, another hash
          "summary": "Vectors of texts", "method": "POST", "path": "/embed", "tier": "read", "auth": "user",
          "timeout_ms": 10000}
OPTIONS = {"version": "1.0", "offers": [[EMBED["hash"], EMBED["name"], EMBED["flags"]]],
           "catalogue": {"generation": time.time_ns() // 1000, "operations": [EMBED]}}
READY, REQUEST, FINAL, HEARTBEAT, DISCONNECT = b"\1", b"\2", b"\4", b"\5", b"\6"


def embed(text):
    """Counts words in 16 buckets. A real worker has a model here."""
    vector = [0] * 16
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % 16] += 1
    return vector


def answer(body):
    _, msgid, _, params = msgpack.unpackb(body)
    texts = (params[0] or {}).get("texts") if params else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        # Over HTTP the gateway has checked this; clients over ZeroMQ send what they like.
        error = {"code": "invalid", "status": 422, "title": "Invalid input", "detail": "texts must be a list of strings"}
        return msgpack.packb([1, msgid, error, None])
    return msgpack.packb([1, msgid, None, {"vectors": [embed(text) for text in texts]}])


def connect(endpoint):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(endpoint)
    socket.send_multipart([b"MDPW02", READY, b"embed", msgpack.packb(OPTIONS)])
    return socket


def work(endpoint):
    socket, heard = connect(endpoint), time.monotonic()
    try:
        while True:
            command = None
            if socket.poll(1000):
                _, command, *frames = socket.recv_multipart()
                heard = time.monotonic()
            else:
                socket.send_multipart([b"MDPW02", HEARTBEAT])  # a broker that does not know us answers DISCONNECT
            if command == REQUEST:
                socket.send_multipart([b"MDPW02", FINAL, frames[0], b"", answer(frames[2])])
            elif command == DISCONNECT or time.monotonic() - heard > 5:  # it was started anew, or is not there
                socket.close(linger=0)
                time.sleep(0.5)
                socket, heard = connect(endpoint), time.monotonic()
    finally:
        socket.send_multipart([b"MDPW02", DISCONNECT])
        socket.close(linger=500)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    work(sys.argv[1])
