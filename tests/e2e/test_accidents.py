# SPDX-License-Identifier: MPL-2.0
"""Two brokers, two gateways and four processes of actors over tcp, each in turn killed or stopped for a while, one a
second: every request gets one definite answer, and no write is done twice."""
import http.client
import json
import os
import signal
import threading
import time

from conftest import SLOW, wait_for
from load import Load, Result

ACCIDENTS = 30 if SLOW == 1 else 12
THREADS = 12
STOPPED_S = 2.5  # longer than the 2 s after which a peer is given up, shorter than the 3 s to the next of its kind

ENDPOINTS = """
-- @endpoint GET /echo/{n}
-- @operation echo
-- @tier read
-- @returns value
SELECT :n::int8;

-- @endpoint POST /effects
-- @operation effect
-- @tier write
-- @body n int8
-- @returns row
INSERT INTO effects (n) VALUES (:n) RETURNING n;
"""


class Stubborn(Load):
    """A client whose gateway is gone notes the request as cut, and goes to the other gateway."""

    def run(self, port):
        connection = None
        try:
            while not self.over.is_set():
                number = self.next_number()
                method, path, body = self.ask(number)
                began = time.monotonic()
                connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=40 * SLOW)
                try:
                    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    value, status = json.loads(answer.read()), answer.status
                except (http.client.HTTPException, ConnectionError):
                    value, status = {"code": "cut"}, 0
                    connection.close()
                    connection = None
                    port = next(other for other in self.ports if other != port)
                code = value.get("code") if isinstance(value, dict) else None
                self.results.append(Result(number, method, status, code, value, time.monotonic() - began))
        except Exception as error:  # the thread's end must not go unnoticed
            self.broken.append((method, path, repr(error)))
        finally:
            if connection:
                connection.close()


def ask(number):
    return ("POST", "/effects", {"n": number}) if number % 4 == 0 else ("GET", f"/echo/{number}", None)


def strike(victim, kill):
    """Kills it and starts it again, or stops it for a while."""
    if kill:
        victim.kill()
        victim.begin()
        return
    victim.send(signal.SIGSTOP)
    threading.Timer(STOPPED_S, victim.send, [signal.SIGCONT]).start()


def judge(results, effects, accidents):
    done = set(effects)
    assert len(effects) == len(done), "a write was done twice"
    reads = [result for result in results if result.method == "GET" and result.status]
    unknown = [result for result in results if result.method == "POST" and result.status in (0, 504)]
    for result in results:
        if result.status == 0:
            continue
        if result.status == 200:
            assert result.body == ({"n": result.number} if result.method == "POST" else result.number), result
            assert result.method == "GET" or result.number in done, ("a lost write", result)
        elif result.status == 503:
            assert result.number not in done, ("done, though it was said not to be", result)
        else:
            assert result.status == 504, result
            assert result.code == ("outcome_unknown" if result.method == "POST" else "timeout"), result
        assert result.seconds < 31 * SLOW, result
    good = sum(result.status == 200 for result in reads)
    print(f"{good} of {len(reads)} reads answered with 200, {len(unknown)} writes of unknown outcome")
    assert good >= 0.99 * len(reads)
    assert len(unknown) <= THREADS * accidents


def test_accidents(scratch, parts):
    scratch.sql("CREATE TABLE effects (n int8)")
    scratch.endpoints(ENDPOINTS)
    brokers = [parts.broker(tcp=True) for _ in range(2)]
    actors = [parts.actors(brokers, "--dir", scratch.folder, "--actors", "2", database=scratch.url) for _ in range(4)]
    gateways = [parts.gateway(brokers) for _ in range(2)]
    for gateway in gateways:
        gateway.wait_ready()
    kinds = [brokers, actors, gateways]
    with Stubborn([gateway.port for gateway in gateways], ask, threads=THREADS) as load:
        time.sleep(5)  # the yardstick: how much is answered in peace
        peace = len(load.results) / 5
        began, before = time.monotonic(), len(load.results)
        for i in range(ACCIDENTS):
            kind = kinds[i % 3]
            strike(kind[i // 3 % len(kind)], kill=i // 3 % 4 in (0, 3))
            time.sleep(max(0, began + i + 1 - time.monotonic()))
        disturbed = (len(load.results) - before) / (time.monotonic() - began)
        for gateway in gateways:
            wait_for(lambda: gateway.request("GET", "/health/ready").status == 200, 10 * SLOW, "readiness")
        load.more(500)  # all is well again
    print(f"{peace:.0f} requests a second in peace, {disturbed:.0f} with accidents: {disturbed / peace:.2f}")
    judge(load.results, [int(n) for n in scratch.sql("SELECT n FROM effects").split()], ACCIDENTS)
