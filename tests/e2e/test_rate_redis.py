# SPDX-License-Identifier: MPL-2.0
"""Gateways of several processes share their rate limits through a Redis, which may come and go."""
import subprocess

import pytest

from conftest import Process, free_port, wait_for

REDIS = "/usr/bin/redis-check-rdb"  # the same program as redis-server, in a package that starts no service
LIMIT = 300


class Redis(Process):
    def __init__(self, folder):
        self.port = free_port()
        super().__init__(folder / "redis.log", "--port", self.port, "--bind", "127.0.0.1", "--requirepass", "hunter2",
                         "--save", "", "--dir", folder)

    def begin(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["redis-server", *self.command[1:]], executable=REDIS, stdout=log, stderr=log)
        wait_for(lambda: self.ask("PING") == "PONG", what="Redis")
        return self

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), "--no-auth-warning", "-a", "hunter2", *words],
                              capture_output=True, text=True).stdout.strip()


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def two(parts, redis):
    """Two gateways that share counts."""
    broker = parts.broker()
    flags = ["--rate-limits", "on", "--rate-read", LIMIT, "--redis-url", f"redis://:hunter2@127.0.0.1:{redis.port}/1"]
    made = [parts.gateway([broker], *flags) for _ in range(2)]
    for gateway in made:
        shares(gateway, 1)
    yield made
    for gateway in made:
        assert "hunter2" not in gateway.log()


def shares(gateway, times):
    """Waits until it has begun to share so many times."""
    wait_for(lambda: gateway.log().count("rate limits are shared through Redis") == times, what="sharing")


def passes(gateway, path):
    return gateway.request("GET", path).status == 200


def exhaust(gateway, path):
    """How many requests pass before the first that does not."""
    count = 0
    while passes(gateway, path):
        count += 1
        assert count < 2 * LIMIT
    return count


def lags(gateway, path):
    """How many pass at a pace of at most 100 a second: about what fits between two exchanges, and no whole bucket."""
    passed = 0

    def refused():
        nonlocal passed
        more = passes(gateway, path)
        passed += more
        return not more

    wait_for(refused, what="word from the other gateway")
    return passed


def test_together_they_admit_the_limit(two, redis):
    first, second = two
    assert exhaust(first, "/docs") >= LIMIT
    assert lags(second, "/docs") < LIMIT / 2
    assert passes(second, "/docs/app.js")  # another endpoint
    # Redis holds hashes and times, and forgets them by itself.
    keys = redis.ask("-n", "1", "KEYS", "*").split()
    assert "muster:rate:seed" in keys and len(keys) >= 2 and all(len(key) <= 28 for key in keys)
    for key in set(keys) - {"muster:rate:seed"}:
        assert -1 != int(redis.ask("-n", "1", "PTTL", key)) < 150000  # -1: never; -2: it has just gone


def test_redis_goes_away_and_comes_back(two, redis):
    first, second = two
    redis.kill()
    for gateway in two:
        gateway.logged("rate limits count in each process alone")
    assert exhaust(first, "/docs") >= LIMIT
    assert exhaust(second, "/docs") >= LIMIT  # alone, each has a whole one
    redis.begin()
    for gateway in two:
        shares(gateway, 2)
    assert exhaust(first, "/docs/app.js") >= LIMIT
    assert lags(second, "/docs/app.js") < LIMIT / 2


def test_a_redis_that_refuses(parts, redis):
    gateway = parts.gateway([parts.broker()], "--rate-limits", "on", "--rate-read", "3",
                            "--redis-url", f"redis://:hunter3@127.0.0.1:{redis.port}")
    gateway.logged("WRONGPASS")
    assert exhaust(gateway, "/docs") == 3
    assert "hunter3" not in gateway.log()


def test_others_write_nonsense(two, redis):
    """What is not ours in Redis stops no request; the gateway goes on by itself and comes again."""
    first, _ = two

    def longest():
        """The key that lives longest: that of the many requests below."""
        keys = redis.ask("-n", "1", "KEYS", "*").split()
        life, key = max((int(redis.ask("-n", "1", "PTTL", key)), key) for key in keys)
        return key if life > 5000 else None

    for _ in range(50):
        assert passes(first, "/docs")
    key = wait_for(longest, what="the key")
    redis.ask("-n", "1", "SET", key, "nonsense")
    for _ in range(50):  # a key without them would soon be gone
        assert passes(first, "/docs")
    wait_for(lambda: redis.ask("-n", "1", "GET", key).isdigit(), what="a time in its place")
    # In one step: between two the gateway's own value could come back.
    redis.ask("-n", "1", "EVAL", "redis.call('DEL', KEYS[1]); redis.call('LPUSH', KEYS[1], 'nonsense')", "1", key)
    assert redis.ask("-n", "1", "TYPE", key) == "list"
    wait_for(lambda: passes(first, "/docs") and "count in each process alone" in first.log(), what="the error")
    redis.ask("-n", "1", "DEL", key)
    wait_for(lambda: first.log().count("are shared through Redis") > first.log().count("Redis at 127.0.0.1 is away"),
             what="sharing again")
