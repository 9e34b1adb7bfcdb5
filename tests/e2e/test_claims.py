# SPDX-License-Identifier: MPL-2.0
"""@claims: the database knows who asks, for row-level security, and nobody else's request sees that.

The server connects as an ordinary user, because policies do not hold for superusers.
"""
import contextlib
import random
import urllib.parse

import msgpack
import pytest

import native
from conftest import Server, database_url, psql, wait_for

SCHEMA = """
CREATE TABLE notes (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text NOT NULL, text text NOT NULL);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION claim(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> name $$;
CREATE POLICY own ON notes USING (owner = claim('sub') OR claim('team') = 'staff');
INSERT INTO notes (owner, text) VALUES ('ann', 'one'), ('bob', 'two'), ('ann', 'three');
CREATE VIEW place AS SELECT current_setting('request.jwt.claims', true) AS claims,
    (SELECT virtualxid FROM pg_locks WHERE locktype = 'virtualxid' AND pid = pg_backend_pid()) AS transaction;
"""

ENDPOINTS = """
-- @endpoint  GET /notes
-- @operation list_notes
-- @claims
-- @returns value
SELECT coalesce(json_agg(text ORDER BY id), '[]') FROM notes;

-- @operation list_notes_plainly
-- @reads
-- @returns value
SELECT coalesce(json_agg(text ORDER BY id), '[]') FROM notes;

-- @operation list_notes_slowly
-- @reads @slow @claims
-- @returns value
SELECT coalesce(json_agg(text ORDER BY id), '[]') FROM notes;

-- @operation count_twice
-- @reads @claims
-- @returns {"first": first.value, "second": second.value}
-- @step first
SELECT count(*) AS n FROM notes;
-- @step second
SELECT count(*) + :first.n - :first.n FROM notes;

-- @operation add_note
-- @param owner text
-- @param text text
-- @error not_yours 403 "You are not {owner}" on 42501
-- @claims
-- @returns value
INSERT INTO notes (owner, text) VALUES (:owner, :text) RETURNING owner;

-- @operation rename_note
-- @param id int8
-- @param text text
-- @empty no_note
-- @error no_note 404 "There is no note {id} of yours"
-- @claims
-- @returns value
UPDATE notes SET text = :text WHERE id = :id RETURNING text;

-- @operation plain
-- @param n int4
-- @reads @auth public
-- @returns row
SELECT :n AS n, * FROM place;

-- @operation claiming
-- @param n int4
-- @reads @auth public @claims
-- @returns row
SELECT :n AS n, * FROM place;

-- @operation failing
-- @param n int4
-- @reads @auth public
-- @error broken 409 "{n} is broken" on 22012
-- @returns value
SELECT :n / 0;

-- @operation claiming_and_failing
-- @param n int4
-- @reads @auth public @claims
-- @error broken 409 "{n} is broken" on 22012
-- @returns value
SELECT :n / (:n - :n);
"""


@contextlib.contextmanager
def ordinary_user(database):
    """The URL of a database for a user of its own who may use its tables and is no superuser."""
    role = f"muster_{random.randrange(1 << 40):x}"
    psql(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}", database)
    parts = urllib.parse.urlsplit(database)
    try:
        yield urllib.parse.urlunsplit(parts._replace(netloc=f"{role}:{role}@" + parts.netloc.rpartition("@")[2]))
    finally:
        psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    name, folder = f"claims_{random.randrange(1 << 40):x}", tmp_path_factory.mktemp("claims")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/notes.sql").write_text(ENDPOINTS)
    psql(f'CREATE DATABASE "{name}"')
    psql(SCHEMA, database_url(name))
    with ordinary_user(database_url(name)) as url:
        server = Server(folder, url, "--dir", str(folder), "--actors", "1").wait_ready()
        yield server
        assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def party(served):
    made = native.Party(f"ipc://{served.ipc}", served.zmq)
    yield made
    made.close()


def who(sub, **claims):
    return {"subject": sub.encode(), "role": b"user", "claims": msgpack.packb({"sub": sub, **claims})}


@pytest.mark.parametrize("operation", ["list_notes", "list_notes_slowly"])
def test_everybody_sees_their_own(party, operation):
    client = party.peer()
    assert client.call("db", operation, **who("ann")) == ["one", "three"]
    assert client.call("db", operation, **who("bob")) == ["two"]
    assert client.call("db", operation, **who("eve")) == []
    assert client.call("db", operation, **who("eve", team="staff")) == ["one", "two", "three"]
    assert client.call("db", "list_notes_plainly", **who("ann")) == []
    assert client.call("db", "count_twice", **who("ann")) == {"first": 2, "second": 2}


def test_claims_hold_for_writes(party):
    client = party.peer()
    assert client.call("db", "add_note", {"owner": "cay", "text": "four"}, **who("cay")) == "cay"
    refusal = client.answer(client.ask("db", "add_note", {"owner": "bob", "text": "five"}, **who("cay")), native.ERROR)
    assert (refusal["code"], refusal["detail"]) == ("not_yours", "You are not bob")
    assert client.call("db", "rename_note", {"id": 2, "text": "two"}, **who("bob")) == "two"
    refusal = client.answer(client.ask("db", "rename_note", {"id": 2, "text": "x"}, **who("cay")), native.ERROR)
    assert refusal["code"] == "no_note"
    assert client.call("db", "list_notes", **who("cay")) == ["four"]


def test_without_claims_the_identity_is_told(party, served):
    client = party.peer()
    assert client.call("db", "list_notes", subject=b"bob", role=b"user") == ["two"]
    assert client.call("db", "claiming", {"n": 1}, subject=b'b"b', role=b"user")["claims"] == '{"sub":"b\\"b","role":"user"}'
    assert client.call("db", "claiming", {"n": 1}, subject=b"bob")["claims"] == '{"sub":"bob"}'
    assert client.call("db", "claiming", {"n": 1})["claims"] == ""
    assert served.request("GET", "/notes").json == [], "the user dev of --dev has none"


def test_claims_of_peers_that_are_not_trusted_are_nobodys(party):
    client = party.peer("tcp")
    assert client.call("db", "list_notes", **who("ann", team="staff")) == []
    assert client.call("db", "claiming", {"n": 1}, **who("ann"))["claims"] == '{"sub":"dev","role":"admin"}'


@pytest.mark.parametrize("claims", [b"\x01", b"\x81", b"\x81\xa1a", b"\x80\x80", b"\x81\xa1\xff\x01", msgpack.packb("sub")])
def test_claims_that_are_no_map(party, claims):
    client = party.peer()
    client.refused(client.ask("db", "list_notes", subject=b"ann", role=b"user", claims=claims), "malformed")
    assert client.call("db", "plain", {"n": 7}, claims=claims)["n"] == 7, "nobody looks at them there"


def test_claims_as_they_are(party):
    claims = {"sub": "ann", "role": "user", "deep": {"list": [1, None, 1.5, "é\n'\\"], "big": 2 ** 63}, "": ""}
    got = party.peer().call("db", "claiming", {"n": 1}, subject=b"x", claims=msgpack.packb(claims))["claims"]
    assert got == '{"sub":"ann","role":"user","deep":{"list":[1,null,1.5,"é\\n\'\\\\"],"big":9223372036854775808},"":""}'


def test_no_read_sees_a_neighbours_error_claims_or_transaction(party, served):
    """10,000 requests of four kinds in one connection's pipeline, in an order by chance."""
    client, dice, wanted, transactions = party.peer(), random.Random(7), {}, {}
    kinds = ["plain", "plain", "claiming", "failing", "claiming_and_failing", "plain"]
    for _ in range(100):
        records = []
        for _ in range(100):
            kind, id_ = dice.choice(kinds), client.next_id()
            wanted[id_] = kind
            claims = msgpack.packb({"sub": str(id_)}) if dice.random() < 0.9 else b""
            records.append(native.Record(native.REQUEST, id=id_, service=b"db", name=kind.encode(), deadline=30000,
                                         claims=claims, body=msgpack.packb({"n": id_})))
        told = {record.id: f'{{"sub":"{record.id}"}}' if record.claims else "" for record in records}
        client.send(*records)
        for _ in records:
            record = client.expect(native.FINAL, native.ERROR)
            kind, got = wanted.pop(record.id), native.value(record.body)
            if "failing" in kind:
                assert record.type == native.ERROR and got["detail"] == f"{record.id} is broken", got
                continue
            assert record.type == native.FINAL and got["n"] == record.id, got
            assert got["claims"] == (told[record.id] if kind == "claiming" else "") or (
                kind == "plain" and got["claims"] is None), got
            transactions.setdefault(got["transaction"], []).append(kind)
    assert wanted == {}
    assert all(kinds == ["claiming"] for kinds in transactions.values() if "claiming" in kinds)
    assert any(len(kinds) > 5 for kinds in transactions.values()), "plain reads share"
    wait_for(lambda: served.show("stats")[0]["in_flight"] <= 1, what="an idle broker")
