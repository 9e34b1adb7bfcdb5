# SPDX-License-Identifier: MPL-2.0
"""The lines of bench/auth: what tokens, limits and metrics cost. Everyone asks GET /mine/{id}, which wants a user."""
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import statistics
import time

from lines import costs, line, pairs, warm
from load import wrk

LINES = {}
KEY = secrets.token_urlsafe(48)
LIMIT = 1000000  # a minute, and at once: more than is asked here


def token(key, subject="bench", seconds=86400):
    """A JWT signed with HS256 (RFC 7515)."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    now = int(time.time())
    claims = {"sub": subject, "role": "user", "iat": now, "exp": now + seconds}
    text = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.digest(key.encode(), text, hashlib.sha256))).decode()


def asked(with_token=True):
    """What wrk is told to ask."""
    return {"path": "/mine/%d", **({"headers": f"Authorization: Bearer {token(KEY)}"} if with_token else {})}


@contextlib.contextmanager
def guarded(stage, options, limits):
    """A server that wants tokens."""
    flags = ["--rate-limits", "on", "--rate-read", LIMIT] if limits else ["--rate-limits", "off"]
    with stage.muster("--actors", options.actors, "--gateways", options.gateways, *flags, dev=False,
                      env={"SECRET_KEY": KEY}, name="guarded") as server:
        if server.get("/mine/1"):
            raise RuntimeError("a request without a token was answered: nothing is guarded")
        yield server


@contextlib.contextmanager
def open_to_all(stage, options):
    with stage.muster("--actors", options.actors, "--gateways", options.gateways, name="open") as server:
        yield server


def difference(options, ours, theirs, note):
    """Our cost less theirs, pair by pair."""
    mine, others = pairs(options, ours, theirs)
    return ([one - other for one, other in zip(mine, others)], [],
            f"{note}: {statistics.median(mine):.2f} us, without {statistics.median(others):.2f} us", True)


def gateway_cost(server, options, **request):
    return costs(server, 64, options.seconds, **request)["gateway"]


@line("token", "gateway CPU a request that a cached token adds, c64", 3, unit="us", most=True, table=LINES)
def cached_token(stage, options):
    request = asked()
    with guarded(stage, options, limits=False) as ours, open_to_all(stage, options) as theirs:
        warm(options, lambda: wrk(ours, 64, 2, **request), lambda: wrk(theirs, 64, 2, **asked(False)))
        return difference(options, lambda: gateway_cost(ours, options, **request),
                          lambda: gateway_cost(theirs, options, **asked(False)), "gateway with tokens")


def in_process(stage, options, tool, what, note):
    """`what` of the numbers that a program prints, again and again; `note` names another of them."""
    rounds = 1 if options.smoke else options.pairs
    got = [stage.tool(tool) for _ in range(rounds)]
    word, text = note
    return [one[what] for one in got], [], text.format(statistics.median(one[word] for one in got)), True


@line("limit", "one decision of the rate limiter, in the process", 0.3, unit="us", most=True, table=LINES)
def limit(stage, options):
    return in_process(stage, options, "bench_limit", "decision", ("headers", "its header lines {:.2f} us more"))


@line("limits", "gateway CPU a request that limits add, header lines included, c64", 1, unit="us", most=True, table=LINES)
def limits(stage, options):
    request = asked()
    with guarded(stage, options, limits=True) as ours, guarded(stage, options, limits=False) as theirs:
        warm(options, lambda: wrk(ours, 64, 2, **request), lambda: wrk(theirs, 64, 2, **request))
        return difference(options, lambda: gateway_cost(ours, options, **request),
                          lambda: gateway_cost(theirs, options, **request), "gateway with limits")


@line("metrics", "metrics of a request that comes alone, in the process", 0.5, unit="us", most=True, table=LINES)
def metrics(stage, options):
    return in_process(stage, options, "bench_metrics", "request", ("answer", "{:.2f} us of it for each of many at once"))


@line("guarded", "requests/s with tokens and limits, c64", 0.85, against="without (--dev)", table=LINES)
def guarded_rate(stage, options):
    request = asked()
    with guarded(stage, options, limits=True) as ours, open_to_all(stage, options) as theirs:
        warm(options, lambda: wrk(ours, 64, 2, **request), lambda: wrk(theirs, 64, 2, **asked(False)))
        return pairs(options, lambda: wrk(ours, 64, options.seconds, **request)["rate"],
                     lambda: wrk(theirs, 64, options.seconds, **asked(False))["rate"])
