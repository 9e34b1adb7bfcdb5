#!/usr/bin/env python3
"""Runs one operation of the database: client.py ENDPOINT OPERATION [ARGUMENTS AS JSON]"""
import json
import sys

import msgpack
import zmq

endpoint, operation, arguments = (sys.argv[1:] + ["{}"])[:3]
socket = zmq.Context.instance().socket(zmq.DEALER)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(endpoint)
request = [0, 1, operation, [json.loads(arguments), {"deadline_ms": 5000}]]
socket.send_multipart([b"MDPC02", b"\1", b"db", msgpack.packb(request)])
if not socket.poll(6000):  # a broker that is there answers by the deadline
    sys.exit(f"{endpoint} does not answer")
_, _, error, result = msgpack.unpackb(socket.recv_multipart()[-1])
print(json.dumps(error or result, indent=2))
sys.exit(1 if error else 0)
