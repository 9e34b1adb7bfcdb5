# SPDX-License-Identifier: MPL-2.0
"""Actors that stand at two brokers: shares of the window, work of both, a broker's death, a long stop."""
import signal
import time

import pytest

from conftest import wait_for
from native import CANCEL, FINAL, Party, Record, value

ENDPOINTS = """
-- @operation look
-- @param n int8
-- @reads   @returns value
SELECT :n;

-- @operation nap
-- @param n int8
-- @reads   @slow   @returns value
SELECT :n FROM pg_sleep(4);

-- @operation mark
-- @param n int8
-- @returns none
INSERT INTO mark (n) VALUES (:n);

-- @endpoint POST /agents/{id}/chat
-- @operation chat_with_agent
-- @path id int8
-- @body message text
-- @service chat
-- @returns row

-- @operation chat_context
-- @param id int8
-- @reads   @slow   @returns row
SELECT :id AS agent_id, 'Ada' AS agent_name, 'echo' AS model, NULL AS system_prompt, '[]'::jsonb AS history
FROM pg_sleep(CASE WHEN :id = 1 THEN 3 ELSE 0 END);

-- @operation chat_store
-- @param agent_id int8
-- @param user_message text
-- @param assistant_message text
-- @param model text
-- @slow   @returns none
INSERT INTO mark (n) SELECT :agent_id FROM pg_sleep(CASE WHEN :agent_id = 2 THEN 3 ELSE 0 END)
WHERE :user_message <> :assistant_message AND :model <> '';
"""
WHO = {"subject": b"dev", "role": b"admin"}


class Two:
    """Two brokers with the same actors, and a client at each."""

    def __init__(self, api, parts, *flags):
        self.api = api
        self.brokers = [parts.broker(), parts.broker()]
        self.actors = parts.actors(self.brokers, "--dir", api.folder, *flags, database=api.url).logged("ready")
        self.parties = [Party(broker.endpoint) for broker in self.brokers]
        self.clients = [party.peer() for party in self.parties]

    def windows(self, number, service="db"):
        return [row["window"] for row in self.brokers[number].show("workers") if row["service"] == service]

    def await_windows(self, number, *windows):
        wait_for(lambda: self.windows(number) == list(windows), what=f"windows {windows}")

    def ask(self, number, name, n):
        return self.clients[number].ask("db", name, {"n": n}, **WHO)

    def look(self, number, n):
        """By a new client: one that was silent for long is forgotten."""
        client = self.parties[number].peer()
        assert client.call("db", "look", {"n": n}, **WHO) == n

    def in_flight(self, number, name):
        return [row for row in self.brokers[number].show("inflight") if row["operation"] == name]

    def marks(self):
        return self.api.sql("SELECT n FROM mark ORDER BY n").split()


@pytest.fixture
def two(scratch, parts):
    scratch.sql("CREATE TABLE mark (n int8)")
    scratch.endpoints(ENDPOINTS)
    made = []

    def run(*flags):
        made.append(Two(scratch, parts, *flags))
        return made[-1]

    yield run
    for pair in made:
        for party in pair.parties:
            party.context.destroy(linger=0)


def test_the_window_is_divided_over_brokers_that_live(two):
    pair = two("--actors", "2", "--window", "9")
    pair.await_windows(0, 5, 5)
    pair.await_windows(1, 4, 4)
    assert pair.windows(0, "chat") == [64]
    pair.brokers[0].kill()
    pair.await_windows(1, 9, 9)
    pair.look(1, 1)
    pair.brokers[0].begin()
    pair.await_windows(0, 5, 5)
    pair.await_windows(1, 4, 4)
    pair.look(1, 2)


def test_slow_work_of_one_broker_sends_the_other_s_back_and_takes_it_again(two):
    pair = two("--actors", "1")
    pair.await_windows(1, 16)
    nap = pair.ask(0, "nap", 1)
    wait_for(lambda: pair.in_flight(0, "nap"), what="the nap")
    looks = [pair.ask(1, "look", n) for n in range(5)]
    assert sorted(value(pair.clients[1].expect(FINAL, seconds=20).body) for _ in looks) == list(range(5))
    assert pair.clients[0].answer(nap) == 1
    assert pair.brokers[1].show("stats")[0]["returned"] >= 1
    for number in (0, 1):
        assert pair.brokers[number].show("stats")[0]["late"] == 0
        assert [row["credit"] for row in pair.brokers[number].show("workers") if row["service"] == "db"] == [16]


def test_a_cancel_is_for_the_request_of_its_own_broker(two):
    """Fresh brokers make the same tokens."""
    pair = two("--actors", "1")
    pair.await_windows(1, 16)
    nap = pair.ask(0, "nap", 1)
    wait_for(lambda: pair.in_flight(0, "nap"), what="the nap")
    other = pair.ask(1, "nap", 2)
    pair.clients[1].send(Record(CANCEL, id=other))
    assert pair.clients[0].answer(nap, seconds=20) == 1


def test_a_broker_s_death_drops_what_it_brought_and_nothing_else(two):
    pair = two("--actors", "1")
    pair.await_windows(1, 16)
    kept = pair.ask(1, "nap", 1)
    wait_for(lambda: pair.in_flight(1, "nap"), what="the nap")
    pair.brokers[0].kill()
    assert pair.clients[1].answer(kept, seconds=20) == 1
    pair.await_windows(1, 32)
    pair.look(1, 3)
    assert pair.brokers[1].show("stats")[0]["late"] == 0


def test_actors_that_were_stopped_drop_what_they_find(two):
    pair = two("--actors", "2")
    for number in (0, 1):
        pair.await_windows(number, 16, 16)
    epochs = [[row["epoch"] for row in broker.show("workers")] for broker in pair.brokers]
    pair.actors.send(signal.SIGSTOP)
    asked = [(number, pair.ask(number, "mark", number)) for number in (0, 1)]
    time.sleep(3)  # a stop longer than any expiry, whenever each of them said something last
    for number, id_ in asked:  # given to a worker, and then its worker was given up
        pair.clients[number].refused(id_, "outcome_unknown", seconds=10)
    pair.actors.send(signal.SIGCONT)
    for number in (0, 1):
        pair.await_windows(number, 16, 16)
        wait_for(lambda n=number: len(pair.brokers[n].show("workers")) == 5, what="all workers")
        assert not set(epochs[number]) & {row["epoch"] for row in pair.brokers[number].show("workers")}
        pair.look(number, 4)
    assert pair.marks() == []


@pytest.mark.parametrize("agent, phase, own", [(1, "chat_context", 0), (2, "chat_store", 1)])
def test_chat_when_the_broker_that_it_asked_dies(two, agent, phase, own):
    """What it reads it reads again at its other broker; of what it stores nobody knows. It asks them in turns, the
    second one first."""
    pair = two("--actors", "4", "--slow-actors", "4")
    for number in (0, 1):
        pair.await_windows(number, 16, 16, 16, 16)
    client = pair.clients[own]
    id_ = client.ask("chat", "chat_with_agent", {"id": agent, "message": "Hello"}, seconds=60, **WHO)
    wait_for(lambda: pair.in_flight(1 - own, phase), what="the chat's own request")
    pair.brokers[1 - own].kill()
    if phase == "chat_context":
        assert client.answer(id_, seconds=30)["agent_name"] == "Ada"
    else:
        client.refused(id_, "outcome_unknown", seconds=30)
    pair.look(own, 5)
