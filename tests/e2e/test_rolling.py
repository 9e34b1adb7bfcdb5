# SPDX-License-Identifier: MPL-2.0
"""Two versions of an API side by side: its actors are replaced one process after the other, and no request fails."""
import shutil

import pytest

from conftest import wait_for
from load import Load

ONE = """
-- @endpoint GET /version/{n}
-- @operation version
-- @tier read
-- @returns row
SELECT 1 AS version, :n::int8 AS n;

-- @endpoint POST /marks
-- @operation mark
-- @tier write
-- @body n int8
-- @returns row
INSERT INTO marks (n) VALUES (:n) RETURNING 1 AS version, n;

-- @endpoint GET /slow/{n}
-- @operation slow
-- @tier read   @slow
-- @returns row
SELECT 1 AS version, :n::int8 AS n, pg_sleep(0.05) IS NULL AS slept;

-- @endpoint POST /checked
-- @operation checked
-- @tier write
-- @body n int8
-- @empty nothing
-- @error nothing 404 "nothing"
-- @returns row
INSERT INTO marks (n) SELECT :n FROM pg_sleep(0.01) RETURNING 1 AS version, n;
"""


@pytest.fixture
def versions(scratch):
    """The folders of version 1 and 2."""
    scratch.sql("CREATE TABLE marks (n int8)")
    scratch.endpoints(ONE)
    second = scratch.folder.parent / "second"
    shutil.copytree(scratch.folder, second)
    (second / "endpoints/test.sql").write_text(ONE.replace("1 AS version", "2 AS version"))
    return scratch.folder, second


def ask(number):
    return (("GET", f"/version/{number}", None), ("POST", "/marks", {"n": number}), ("GET", f"/slow/{number}", None),
            ("POST", "/checked", {"n": number}))[number % 4]


@pytest.mark.parametrize("brokers", [1, 2])
def test_actors_are_replaced_one_by_one(scratch, versions, parts, brokers):
    first, second = versions
    all_brokers = [parts.broker() for _ in range(brokers)]

    def actors(folder, number):
        order = all_brokers[number % brokers:] + all_brokers[:number % brokers]
        return parts.actors(order, "--dir", folder, "--actors", "3", database=scratch.url).logged("ready")

    old = [actors(first, number) for number in range(2)]
    gateway = parts.gateway(all_brokers).wait_ready()
    for broker in all_brokers:
        wait_for(lambda b=broker: any(s["service"] == "db" and s["workers"] for s in b.show("services")),
                 what="workers at each broker")
    with Load([gateway.port], ask, threads=8) as load:
        load.more(200)
        for number, leaving in enumerate(old):
            coming = actors(second, number)
            load.more(200)
            assert leaving.stop() == 0
            load.more(200)
            assert coming.running()
        for number in range(3):  # and a version by itself, several times
            coming, leaving = actors(second, number), coming
            assert leaving.stop() == 0
            load.more(100)
    assert {result.status for result in load.results} == {200}, load.counts()
    assert all(result.body["n"] == result.number for result in load.results)
    assert {result.body["version"] for result in load.results} == {1, 2}
    assert all(gateway.request(*ask(10**9 + n)).json["version"] == 2 for n in range(8))
    marks = list(map(int, scratch.sql("SELECT n FROM marks WHERE n < 1000000000").split()))
    assert sorted(marks) == sorted(result.number for result in load.results if result.method == "POST")


def test_the_version_learnt_last_goes_and_the_other_serves(scratch, versions, parts):
    """The gateway still names the hashes of the newest catalogue it has heard: the name finds who is left."""
    first, second = versions
    broker = parts.broker()
    parts.actors([broker], "--dir", second, database=scratch.url).logged("ready")
    newest = parts.actors([broker], "--dir", first, database=scratch.url).logged("ready")
    gateway = parts.gateway([broker]).wait_ready()
    wait_for(lambda: gateway.request("GET", "/version/1").json["version"] == 1, what="the newest version")
    with Load([gateway.port], ask, threads=4) as load:
        load.more(100)
        assert newest.stop() == 0
        load.more(100)
    assert {result.status for result in load.results} == {200}, load.counts()
    assert gateway.request("GET", "/version/1").json["version"] == 2


def test_chat_workers_are_replaced_one_by_one(gathering, parts):
    broker = parts.broker()
    working = parts.actors([broker], "--actors", "2").logged("ready")
    gateway = parts.gateway([broker]).wait_ready()

    def chat(number):
        return "POST", "/agents/1/chat", {"message": f"number {number}"}

    with Load([gateway.port], chat, threads=4) as load:
        for _ in range(3):
            load.more(30)
            leaving, working = working, parts.actors([broker], "--actors", "2").logged("ready")
            wait_for(lambda: {s["service"]: s["workers"] for s in broker.show("services")} == {
                "chat": 2, "db": 4, "auth": 2, "muster.revoked": 2},
                     what="both at work")
            assert leaving.stop() == 0
        load.more(30)
    assert {result.status for result in load.results} == {200}, load.counts()
    assert all(f"number {result.number}" in result.body["content"] for result in load.results)
