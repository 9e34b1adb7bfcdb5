# SPDX-License-Identifier: MPL-2.0
"""Load over keep-alive connections from several threads, for tests that do something to a server meanwhile."""
import http.client
import json
import threading
import time
from collections import Counter, namedtuple

from conftest import SLOW

Result = namedtuple("Result", "number method status code body seconds")


class Load:
    """Asks `ports` until the `with` block ends: each of `threads` has one connection, and sends what ask(number), with
    a number that nobody had before, says: (method, path, body or None). Whatever is no answer ends it, and the test."""

    def __init__(self, ports, ask, threads=6):
        self.ports, self.ask = ports, ask
        self.results, self.broken = [], []
        self.lock, self.number, self.over = threading.Lock(), 0, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(ports[i % len(ports)],)) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.broken, self.broken

    def next_number(self):
        with self.lock:
            self.number += 1
            return self.number

    def run(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40 * SLOW)
        try:
            while not self.over.is_set():
                self.one(connection, self.next_number())
        except Exception as error:  # the thread's end must not go unnoticed
            self.broken.append(repr(error))
        finally:
            connection.close()

    def one(self, connection, number):
        """One request, whose result is kept."""
        method, path, body = self.ask(number)
        began = time.monotonic()
        try:
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except Exception as error:
            raise RuntimeError(f"{method} {path}: {error!r}") from error
        value = json.loads(text) if text else None
        code = value.get("code") if isinstance(value, dict) else None
        self.results.append(Result(number, method, answer.status, code, value, time.monotonic() - began))

    def more(self, count, seconds=30):
        """Waits until so many further requests that succeed were answered."""
        def done():
            return sum(result.status < 300 for result in self.results)

        goal, until = done() + count, time.monotonic() + seconds * SLOW
        while done() < goal:
            assert not self.broken, self.broken
            assert time.monotonic() < until, (self.counts(), "no further success")
            time.sleep(0.01)
        return self

    def counts(self):
        return Counter((result.method, result.status, result.code) for result in self.results)
