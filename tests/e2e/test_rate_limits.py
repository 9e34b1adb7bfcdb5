# SPDX-License-Identifier: MPL-2.0
"""Rate limits: every endpoint of the catalogue has one, per client address; what answers say of them; proxies."""
import itertools
import re
import subprocess
import time

import pytest

from conftest import BINARY, free_port

LIMITS = {"auth": 2, "write": 3, "read": 4, "health": 5}
BUILTINS = ["/health", "/health/live", "/health/ready", "/health/checks", "/health/system", "/openapi.json", "/docs",
            "/docs/app.js", "/docs/style.css"]
FLAGS = ["--rate-limits", "on", "--trusted-proxies", "127.0.0.0/8",
         *itertools.chain(*((f"--rate-{tier}", limit) for tier, limit in LIMITS.items()))]


def ready(server):
    """What polls for readiness would itself be limited."""
    return server.logged("ready after")


@pytest.fixture(scope="module")
def limited(gathering, tmp_path_factory):
    from conftest import Server
    server = ready(Server(tmp_path_factory.mktemp("limited"), gathering, *FLAGS))
    yield server
    assert server.stop() == 0, server.log()[-3000:]


numbers = itertools.count(1)


def somebody():
    """Header fields of a client that nobody has been before."""
    number = next(numbers)
    return {"X-Forwarded-For": f"198.51.{number // 256}.{number % 256}"}


def until_refused(server, method, path, client, most=20):
    """The answers up to the first 429."""
    answers = []
    while not answers or answers[-1].status != 429:
        assert len(answers) < most, f"{method} {path} is not limited"
        answers.append(server.request(method, path, headers=client))
    return answers


def tier_of(method, path):
    return "health" if path.startswith("/health") else "read" if method == "GET" else "write"


def test_every_endpoint_has_its_limit(limited):
    described = limited.request("GET", "/openapi.json", headers=somebody()).json["paths"]
    endpoints = [(method.upper(), re.sub(r"\{.*?\}", "999999", path)) for path, item in described.items()
                 for method in item if method in ("get", "post", "put", "patch", "delete")]
    assert len(endpoints) > 25
    client = somebody()  # one for all: endpoints have buckets of their own
    for method, path in {*endpoints, *(("GET", path) for path in BUILTINS)}:
        answers = until_refused(limited, method, path, client)
        tier = re.match(r'"(\w+)"', answers[0].headers["RateLimit-Policy"])[1]
        assert tier in (tier_of(method, path), "auth"), (method, path)
        assert len(answers) == LIMITS[tier] + 1, (method, path)


def test_what_answers_say(limited):
    client = somebody()
    *passed, refused = until_refused(limited, "GET", "/providers/1", client)
    for count, answer in enumerate(passed, 1):
        assert answer.status == 200 and "Retry-After" not in answer.headers
        assert answer.headers["X-RateLimit-Limit"] == "4"
        assert answer.headers["X-RateLimit-Remaining"] == str(4 - count)
        assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= 15 * count
        assert answer.headers["RateLimit-Policy"] == '"read";q=4;w=60'
        reset = answer.headers["X-RateLimit-Reset"]
        assert answer.headers["RateLimit"] == f'"read";r={4 - count};t={reset}'
    assert refused.json["code"] == "rate_limited" and refused.json["status"] == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    retry = int(refused.headers["Retry-After"])
    assert 0 < retry <= 15 and f"in {retry} second" in refused.json["detail"]
    assert refused.headers["X-RateLimit-Remaining"] == "0" and refused.headers["RateLimit"].startswith('"read";r=0;t=')
    # Another item of the same endpoint is the same bucket; another endpoint, or another client, is not.
    assert limited.request("GET", "/providers/2", headers=client).status == 429
    assert limited.request("HEAD", "/providers/1", headers=client).status == 429
    assert limited.request("GET", "/providers", headers=client).status == 200
    assert limited.request("GET", "/providers/1", headers=somebody()).status == 200
    # What is no endpoint costs nothing, and is not limited.
    for _ in range(10):
        assert limited.request("GET", "/nowhere", headers=client).status == 404
        assert limited.request("OPTIONS", "/providers/1", headers=client).status == 204


def test_clients_behind_a_proxy(limited):
    def status(forwarded):
        return limited.request("GET", "/providers", headers={"X-Forwarded-For": forwarded}).status

    for _ in range(4):
        assert status("192.0.2.1") == 200 and status("192.0.2.2") == 200
    assert status("192.0.2.1") == 429 and status("192.0.2.2") == 429
    assert status("192.0.2.9, 192.0.2.1") == 429  # what a client wrote before the proxy did
    assert status("192.0.2.1, 127.0.0.5") == 429  # through two of ours
    assert status("::ffff:192.0.2.1") == 429
    for host in range(4):
        assert status(f"2001:db8:0:1::{host}") == 200
    assert status("2001:db8:0:1:ffff::1") == 429  # the same /64
    assert status("2001:db8:0:2::1") == 200


def test_strangers_cannot_choose_their_address(start):
    server = ready(start("--rate-limits", "on", "--rate-read", "3", ready=False))
    statuses = [server.request("GET", "/docs", headers=somebody()).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_failed_authentication(start):
    server = ready(start("--rate-limits", "on", "--rate-failed-auth", "3", "--trusted-proxies", "127.0.0.1", dev=False, ready=False))
    client = somebody()
    guess = {**client, "Authorization": "Bearer guess"}
    for _ in range(3):
        assert server.request("GET", "/providers/1", headers=guess).status == 401
    answer = server.request("GET", "/providers", headers=guess)  # at any endpoint
    assert answer.status == 429 and answer.json["code"] == "rate_limited" and 0 < int(answer.headers["Retry-After"]) <= 20
    assert answer.headers["RateLimit-Policy"] == '"failed_auth";q=3;w=60'
    assert server.request("GET", "/providers/1", headers=client).status == 401  # no guess
    assert server.request("GET", "/health", headers=client).status == 200
    assert server.request("GET", "/providers/1", headers={**guess, **somebody()}).status == 401


def test_gateway_threads_share_one_limit(start):
    server = ready(start("--rate-limits", "on", "--rate-read", "50", "--gateways", "4", ready=False))
    began = time.monotonic()
    passed = sum(server.request("GET", "/docs/style.css").status == 200 for _ in range(80))
    assert 50 <= passed <= 50 + (time.monotonic() - began) * 50 / 60 + 1


def test_development_has_no_limits_unless_asked_for(shared):
    answer = shared.request("GET", "/providers/1")
    assert answer.status == 200 and "RateLimit" not in answer.headers and "X-RateLimit-Limit" not in answer.headers


@pytest.mark.parametrize("flags, environment, sentence", [
    (["--rate-limits", "maybe"], {}, "--rate-limits is on or off"),
    (["--trusted-proxies", "10.0.0.0/33"], {},
     "--trusted-proxies: 10.0.0.0/33 is no address or network, as 10.0.0.0/8 or 2001:db8::1"),
    ([], {"REDIS_URL": "redis://:hunter2@"}, "the address of Redis is redis://USER:PASSWORD@HOST:PORT/DATABASE"),
])
def test_settings_that_cannot_work(flags, environment, sentence, gathering):
    done = subprocess.run([BINARY, "serve", "--http", str(free_port()), *flags], capture_output=True, text=True,
                          env={"DATABASE_URL": gathering, **environment})
    assert done.returncode == 1 and sentence in done.stderr and "hunter2" not in done.stderr
