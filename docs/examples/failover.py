#!/usr/bin/env python3
"""Asks one of several brokers, and the next one when it must: failover.py ENDPOINT,ENDPOINT...

Reads a request per line, OPERATION [ARGUMENTS AS JSON], and prints its answer as a line of JSON.
"""
import json
import sys

import msgpack
import zmq

SECONDS, TRIES = 2, 4  # per try; per request

# What may run twice without harm: reads, and an update that sets what it is given. Anything else is sent again only
# when it has certainly not run. (A write of the database could carry an `idempotency_key` beside `deadline_ms` in its
# context: with the same key in every try it is done once, and may be sent again, too.)
REPEATABLE = {"list_providers", "get_provider", "list_models", "get_model", "update_model"}


class Client:
    def __init__(self, endpoints):
        self.endpoints, self.id = endpoints, 0
        self.connect()

    def connect(self):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)  # what was not sent in time is not sent later either
        self.socket.setsockopt(zmq.SNDTIMEO, SECONDS * 1000)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(self.endpoints[0])

    def next_broker(self):
        """Nothing of the former one will be heard: its socket is closed."""
        print(f"{self.endpoints[0]} failed", file=sys.stderr)
        self.socket.close()
        self.endpoints.append(self.endpoints.pop(0))
        self.connect()

    def ask(self, operation, arguments):
        """One try at one broker: (error, result), of which one is None."""
        self.id += 1
        request = [0, self.id, operation, [arguments, {"deadline_ms": SECONDS * 1000}]]
        try:
            self.socket.send_multipart([b"MDPC02", b"\1", b"db", msgpack.packb(request)])
        except zmq.Again:
            return {"code": "not_sent", "status": 503, "detail": "No connection to the broker"}, None
        if not self.socket.poll(SECONDS * 1000 + 500):  # a broker that lives answers by the deadline
            return {"code": "outcome_unknown", "status": 504, "detail": "The broker does not answer"}, None
        return msgpack.unpackb(self.socket.recv_multipart()[-1])[2:]

    def call(self, operation, arguments):
        for _ in range(TRIES):
            error, result = self.ask(operation, arguments)
            if not error or error["status"] not in (503, 504):
                break  # done, or refused for good
            self.next_broker()
            if error["status"] == 504 and operation not in REPEATABLE:
                break  # perhaps it ran, perhaps not: look before you send it again. (503: it has certainly not run.)
        return error, result


if __name__ == "__main__":
    client = Client(sys.argv[1].split(","))
    for line in sys.stdin:
        name, _, text = line.strip().partition(" ")
        problem, answer = client.call(name, json.loads(text or "{}"))
        print(json.dumps(problem or answer), flush=True)
