# SPDX-License-Identifier: MPL-2.0
"""Row-level security with tokens: over few connections that all share, nobody ever sees another's row, and
with MUSTER_CLAIMS_ROLE the transaction is run as the token's role.
"""
import concurrent.futures
import http.client
import json
import os
import random
import subprocess
import urllib.parse

import msgpack
import pytest

import native
from conftest import BINARY, Server, database_url, free_port, psql
from tokens import as_user

WRITER, READER, OTHER = (f"muster_{kind}_{random.randrange(1 << 40):x}" for kind in ("writer", "reader", "other"))
CONNECTS = f"muster_connects_{random.randrange(1 << 40):x}"

SCHEMA = f"""
CREATE ROLE {WRITER}; CREATE ROLE {READER}; CREATE ROLE {OTHER};
CREATE ROLE {CONNECTS} LOGIN NOINHERIT PASSWORD '{CONNECTS}' IN ROLE {WRITER}, {READER};
CREATE TABLE notes (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text NOT NULL, text text NOT NULL);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
GRANT SELECT ON notes TO {READER};
GRANT SELECT, INSERT ON notes TO {WRITER};
CREATE TABLE late (text text NOT NULL, by text);
GRANT INSERT, SELECT, UPDATE ON late TO {WRITER};
CREATE FUNCTION sign() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE late SET by = current_user WHERE text = new.text; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sign();
INSERT INTO notes (owner, text) SELECT owner, owner || n FROM unnest('{{ann,bob}}'::text[]) owner, generate_series(1, 20) n;
"""

ENDPOINTS = """
-- @endpoint  GET /notes
-- @operation list_notes
-- @claims
-- @returns {"user": who.value, "owners": owners.value}
-- @step who
SELECT current_user;
-- @step owners
SELECT coalesce(json_agg(owner), '[]') FROM notes;

-- @endpoint  POST /notes
-- @operation add_note
-- @claims
-- @body text text
-- @error forbidden_here 403 "Your role may not write" on 42501
-- @returns value
INSERT INTO notes (owner, text) VALUES (:auth.sub, :text) RETURNING text;

-- @endpoint  POST /notes/late
-- @operation add_late_note
-- @claims
-- @body text text
-- @returns value
INSERT INTO late (text) VALUES (:text) RETURNING text;

-- @operation plainly
-- @reads @auth public
-- @returns value
SELECT current_user;

-- @endpoint  GET /anybody
-- @operation anybody
-- @auth public
-- @claims
-- @returns value
SELECT current_user;

-- @operation failing
-- @reads @claims
-- @error broken 409 "Broken" on 22012
-- @returns value
SELECT 1 / (count(*) - count(*)) FROM notes;
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    name, folder = f"rows_{random.randrange(1 << 40):x}", tmp_path_factory.mktemp("rows")
    (folder / "endpoints").mkdir()
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_none.sql").write_text("SELECT 1;")
    (folder / "endpoints/notes.sql").write_text(ENDPOINTS)
    psql(f'CREATE DATABASE "{name}"')
    psql(SCHEMA, database_url(name))
    subprocess.run([BINARY, "migrate", "--dir", folder, "--database-url", database_url(name)], check=True, capture_output=True)
    psql(f"GRANT USAGE ON SCHEMA muster TO {CONNECTS}; GRANT ALL ON ALL TABLES IN SCHEMA muster TO {CONNECTS}", database_url(name))
    place = urllib.parse.urlsplit(database_url(name))
    url = place._replace(netloc=f"{CONNECTS}:{CONNECTS}@" + place.netloc.rpartition("@")[2]).geturl()
    server = Server(folder, url, "--dir", str(folder), "--actors", "2", "--claims-role", f"{WRITER},{READER}",
                    dev=False).wait_ready()
    server.admin = database_url(name)
    # Ready means that revocations are known, too.
    assert server.request("GET", "/notes", headers=as_user("eve", role=READER)).status == 200
    yield server
    assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')
    psql(f"DROP ROLE {CONNECTS}; DROP ROLE {WRITER}; DROP ROLE {READER}; DROP ROLE {OTHER}")


def test_as_the_tokens_role(served):
    for role in (WRITER, READER):
        answer = served.request("GET", "/notes", headers=as_user("ann", role=role))
        assert answer.json == {"user": role, "owners": ["ann"] * 20}
    assert served.request("GET", "/notes", headers=as_user("eve", role=READER)).json["owners"] == []
    assert served.request("POST", "/notes", {"text": "x"}, as_user("cay", role=WRITER)).json == "x"
    answer = served.request("POST", "/notes", {"text": "x"}, as_user("cay", role=READER))
    assert (answer.status, answer.json["code"]) == (403, "forbidden_here")
    assert served.request("GET", "/notes", headers=as_user("cay", role=READER)).json["owners"] == ["cay"]


def test_with_a_key(served):
    """The key's claim and answer are the connection's own user's to write, all else is the role's, up to COMMIT."""
    writer = as_user("dan", role=WRITER) | {"Idempotency-Key": "late"}
    for again in (None, "true"):
        answer = served.request("POST", "/notes/late", {"text": "late"}, writer)
        assert (answer.status, answer.json, answer.headers["Idempotency-Replayed"]) == (200, "late", again), answer.body
    assert psql("SELECT * FROM late", served.admin) == f"late|{WRITER}"
    answer = served.request("POST", "/notes/late", {"text": "none"}, as_user("dan", role=READER) | {"Idempotency-Key": "none"})
    assert (answer.status, answer.json["code"]) == (500, "internal")  # the file declares no such refusal
    assert psql("SELECT key, body IS NOT NULL FROM muster.answers", served.admin) == "late|t"


def test_other_roles_are_none(served):
    """Neither one that is not in the list nor nobody gets the rights of the connection's own user."""
    for role in (OTHER, CONNECTS, "user", "admin", "none", "postgres", f"{WRITER},{READER}", WRITER.upper()):
        answer = served.request("GET", "/notes", headers=as_user("ann", role=role))
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), role
    assert served.request("GET", "/anybody").status == 401
    assert served.request("GET", "/anybody", headers=as_user("ann", role=READER)).json == READER


def test_ten_thousand_interleaved(served):
    """Reads as two users, some that fail and some without claims, in the pipelines of two connections."""
    party = native.Party(f"ipc://{served.ipc}")
    client, dice, wanted = party.peer(), random.Random(11), {}
    kinds = ["list_notes"] * 4 + ["plainly", "failing"]
    for _ in range(100):
        records = []
        for _ in range(100):
            kind, owner, role = dice.choice(kinds), dice.choice(["ann", "bob"]), dice.choice([WRITER, READER])
            wanted[id_ := client.next_id()] = kind, owner, role
            records.append(native.Record(native.REQUEST, id=id_, service=b"db", name=kind.encode(), deadline=60000,
                                         subject=owner.encode(), role=role.encode(),
                                         claims=msgpack.packb({"sub": owner, "role": role}), body=msgpack.packb({})))
        client.send(*records)
        for _ in records:
            record = client.expect(native.FINAL, native.ERROR, seconds=30)
            kind, owner, role = wanted.pop(record.id)
            got = native.value(record.body)
            if kind == "list_notes":
                assert got == {"user": role, "owners": [owner] * 20}
            elif kind == "plainly":
                assert got == CONNECTS, "a role lasts for its own transaction"
            else:
                assert record.type == native.ERROR and got["code"] == "broken"
    assert not wanted
    party.close()


def test_over_http_at_the_same_time(served):
    def ask(owner):
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        headers = as_user(owner, role=READER)
        for _ in range(250):
            connection.request("GET", "/notes", headers=headers)
            assert json.loads(connection.getresponse().read())["owners"] == [owner] * 20
        return owner

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, ["ann", "bob"] * 2)) == ["ann", "bob"] * 2


@pytest.mark.parametrize("roles", ["none", "a,none", ",", "a, b", "a,,b"])
def test_lists_that_are_none(roles):
    done = subprocess.run([BINARY, "serve", "--claims-role", roles, "--http", f"127.0.0.1:{free_port()}"],
                          env={**os.environ, "DATABASE_URL": "dbname=x"}, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "--claims-role is a comma list of database roles" in done.stderr
