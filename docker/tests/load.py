# SPDX-License-Identifier: MPL-2.0
"""load.py PERCENT COUNT [go-on]: GET, HEAD and keyed writes on a stack that changes meanwhile, and nothing is sent twice.

Sends COUNT requests to BASE_URL over keep-alive connections, with go-on at least as many and until it gets SIGTERM, for
which it is ready when it has said so. Then it compares the answers with what is in the database. Every answer is a 2xx,
but for PERCENT of them, which may be errors that say what happened: 503 (not executed), or 504 (of a write: perhaps). No
connection breaks, each answer is the one to its request, and comes in time. Prints a line every five seconds, then the
result. Exits 0 when all is well.
"""
import collections
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
import uuid

import bearer

BASE = urllib.parse.urlsplit(os.environ.get("BASE_URL", "http://front:8000"))
THREADS = 8
PER_SECOND = 500  # enough to be hit by any gap, and it leaves the machine room to start containers
LATEST = 40  # seconds: the longest deadline of these operations is 30
TOLD = {(503, code) for code in ("no_worker", "not_ready", "worker_lost", "database_unavailable", "shutting_down",
                                 "overloaded", "expired")} | {(504, "timeout"), (504, "outcome_unknown")}


class Load:
    def __init__(self, percent, count):
        self.percent, self.count = percent, count
        self.run = uuid.uuid4().hex[:8]
        self.headers = {"Authorization": f"Bearer {bearer.token()}"}
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.sent, self.refused, self.statuses, self.wrong = 0, 0, collections.Counter(), []
        self.names = {True: set(), False: set(), None: set()}  # written, not written, unknown
        self.ids = [None] * THREADS  # each thread's latest write
        self.slowest = 0.0
        self.began = time.monotonic()

    def next_number(self):
        with self.lock:
            if self.stop.is_set() and self.sent >= self.count or len(self.wrong) > 20:
                return None
            self.sent += 1
            return self.sent

    def work(self, index):
        connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=LATEST)
        while (number := self.next_number()) is not None:
            time.sleep(max(0, self.began + number / PER_SECOND - time.monotonic()))
            try:
                self.one(connection, index, number)
            except Exception as error:  # a broken connection is the worst that can happen
                with self.lock:
                    self.wrong.append(f"request {number}: {error!r}")
                connection.close()
        connection.close()

    def one(self, connection, index, number):
        """A fifth are writes, a fifth HEAD, and half of the rest reads the thread's own latest write."""
        method, path, body, headers, own = "GET", "/providers?limit=3", None, dict(self.headers), self.ids[index]
        name = f"load-{self.run}-{number}"
        if number % 5 == 0:
            method, path, body = "POST", "/providers", json.dumps({"name": name})
            headers |= {"Content-Type": "application/json", "Idempotency-Key": name}
        elif own and number % 5 < 3:
            method, path = ("HEAD" if number % 5 == 1 else "GET"), f"/providers/{own[0]}"
        elif number % 5 == 1:
            method = "HEAD"
        began = time.monotonic()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        self.judge(answer, text, method, path, name, index, own, time.monotonic() - began)

    def judge(self, answer, text, method, path, name, index, own, seconds):
        value = json.loads(text) if text else None
        good = 200 <= answer.status < 300
        code = value.get("code") if not good and value else None
        told = self.percent and ((answer.status, code) in TOLD or method == "HEAD" and answer.status in (503, 504))
        right = good or told
        if good and method == "POST":
            right = answer.status == 201 and value["name"] == name
            self.ids[index] = (value["id"], name)
        elif good and method == "GET" and own and path.endswith(f"/{own[0]}"):
            right = value["name"] == own[1]
        with self.lock:
            self.statuses[f"{method} {answer.status}{' ' + code if code else ''}"] += 1
            self.refused += not good
            self.slowest = max(self.slowest, seconds)
            if method == "POST":
                self.names[True if good else False if answer.status < 504 else None].add(name)
            if not right or seconds > LATEST:
                self.wrong.append(f"{method} {path} ({name}): {answer.status} {text[:300]!r} after {seconds:.1f} s")

    def stored(self):
        """The names of this run in the database, with how often they are there."""
        connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=LATEST)
        names, offset = collections.Counter(), 0
        while True:
            connection.request("GET", f"/providers?limit=500&offset={offset}", headers=self.headers)
            answer = connection.getresponse()
            value = json.loads(answer.read())
            if answer.status != 200:
                raise RuntimeError(f"the providers cannot be listed: {answer.status} {value}")
            names.update(row["name"] for row in value["providers"] if row["name"].startswith(f"load-{self.run}-"))
            if not value["providers"]:
                return names
            offset += len(value["providers"])

    def compare(self):
        stored = self.stored()
        for what, names in (("answered 201, but not there", self.names[True] - stored.keys()),
                            ("refused, but there", self.names[False] & stored.keys()),
                            ("there twice", {name for name, times in stored.items() if times > 1}),
                            ("there, but not asked for", stored.keys() - set().union(*self.names.values()))):
            if names:
                self.wrong.append(f"{len(names)} writes: {what}, as {sorted(names)[0]}")

    def tell(self, what):
        with self.lock:
            counts = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        print(f"{what}: {counts}; slowest {self.slowest:.2f} s", flush=True)


def main():
    load = Load(int(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGTERM, lambda *_: load.stop.set())
    if sys.argv[3:] != ["go-on"]:
        load.stop.set()
    print("ready", flush=True)
    threads = [threading.Thread(target=load.work, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    told = time.monotonic()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.1)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            load.tell(f"{load.sent} requests")
    load.compare()
    if load.refused * 100 > load.sent * load.percent:
        load.wrong.append(f"{load.refused} of {load.sent} were refused, more than {load.percent} %")
    load.tell(f"{load.sent} requests in all")
    for line in load.wrong[:20]:
        print(f"WRONG: {line}")
    sys.exit(1 if load.wrong else 0)


if __name__ == "__main__":
    main()
