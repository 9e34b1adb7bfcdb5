# SPDX-License-Identifier: MPL-2.0
"""Parameters of composite types: objects in JSON, maps in MessagePack, fields by name."""
import json
import random
import signal
import urllib.parse

import msgpack
import pytest

import native
from conftest import Server, database_url, psql, wait_for

SCHEMA = """
CREATE SCHEMA my;
CREATE TYPE my.kind AS ENUM ('home', 'work');
CREATE DOMAIN my.zip AS text CHECK (VALUE ~ '^[0-9]{5}$');
CREATE TYPE my.place AS (street text, "Number" int4, zip my.zip, kind my.kind);
CREATE DOMAIN my.somewhere AS my.place CHECK ((VALUE).street IS NOT NULL);
CREATE TYPE my.visit AS (place my.place, at timestamptz, tags text[], data jsonb, photo bytea, price numeric);
CREATE TYPE my.trip AS (name text, visits my.visit[], home my.somewhere);
CREATE TYPE my.l1 AS (down text); CREATE TYPE my.l2 AS (down my.l1); CREATE TYPE my.l3 AS (down my.l2);
CREATE TYPE my.l4 AS (down my.l3); CREATE TYPE my.l5 AS (down my.l4); CREATE TYPE my.l6 AS (down my.l5);
CREATE TYPE my.l7 AS (down my.l6); CREATE TYPE my.l8 AS (down my.l7); CREATE TYPE my.l9 AS (down my.l8);
CREATE TABLE addresses (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, place my.place NOT NULL);
"""

ENDPOINTS = "".join(f"""
-- @endpoint  POST /{name}
-- @operation give_{name}
-- @reads
-- @body value my.{kind} ?
-- @returns {{"value": value}}
SELECT :value AS value;
""" for name, kind in [("place", "place"), ("places", "place[]"), ("somewhere", "somewhere"), ("visit", "visit"),
                       ("trip", "trip"), ("deep", "l8"), ("too_deep", "l9")]) + """
-- @endpoint  POST /addresses
-- @operation add_address
-- @body place my.place
-- @status 201
-- @returns row
INSERT INTO addresses (place) VALUES (:place) RETURNING (place).street, (place).zip;

-- @endpoint  GET /near
-- @operation near
-- @query place my.place
-- @returns value
SELECT (:place).street;

-- @endpoint  POST /inferred
-- @operation inferred
-- @body value = {"street": "from the default"}
-- @returns value
INSERT INTO addresses (place) VALUES (:value) RETURNING place;
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    name, folder = f"composites_{random.randrange(1 << 40):x}", tmp_path_factory.mktemp("composites")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/test.sql").write_text(ENDPOINTS)
    psql(f'CREATE DATABASE "{name}"')
    psql(SCHEMA, database_url(name))
    server = Server(folder, database_url(name), "--dir", str(folder), "--actors", "1").wait_ready()
    assert "not served" not in server.log(), server.log()
    yield server
    assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def place(street=None, number=None, zip_=None, kind=None):
    return {"street": street, "Number": number, "zip": zip_, "kind": kind}


VISIT = {"place": place("A", 1), "at": "2026-01-31T12:00:00.5Z", "tags": ["a,b", None, '"', "\\", "NULL", ""],
         "data": {"x": [1.50, None, "(,)\"\\"]}, "photo": "AP8Q", "price": 1.50}


@pytest.mark.parametrize("name,value,shown", [
    ("place", {"street": "Main, 1", "Number": 7, "zip": "12345", "kind": "work"}, place("Main, 1", 7, "12345", "work")),
    ("place", {}, place()), ("place", {"street": ""}, place("")), ("place", {"street": None, "Number": 0}, place(None, 0)),
    ("place", None, None),
    ("place", {"street": ' "quoted" (a, b) \\ back \n {} é '}, place(' "quoted" (a, b) \\ back \n {} é ')),
    ("places", [], []), ("places", [{"street": "A"}, None, {}], [place("A"), None, place()]),
    ("places", [[{"street": "A"}], [{"street": '"\\'}]], [[place("A")], [place('"\\')]]),
    ("somewhere", {"street": "A"}, place("A")),
    ("visit", VISIT, VISIT),
    ("visit", {"place": None, "data": None, "tags": []},
     {"place": None, "at": None, "tags": [], "data": None, "photo": None, "price": None}),
    ("trip", {"name": "t", "visits": [VISIT, None, VISIT], "home": {"street": '"'}},
     {"name": "t", "visits": [VISIT, None, VISIT], "home": place('"')}),
    ("deep", {"down": {"down": {"down": {"down": {"down": {"down": {"down": {"down": '\\"'}}}}}}}},
     {"down": {"down": {"down": {"down": {"down": {"down": {"down": {"down": '\\"'}}}}}}}}),
])
def test_an_object_in_and_out(served, name, value, shown):
    answer = served.request("POST", f"/{name}", {"value": value})
    assert (answer.status, answer.json) == (200, {"value": shown}), answer.body


@pytest.mark.parametrize("name,value,detail", [
    ("place", "(Main,7,12345,work)", "value must be an object"), ("place", [1], "value must be an object"),
    ("place", 7, "value must be an object"), ("places", {"street": "A"}, "value must be an array"),
    ("places", [{"street": "A"}, 7], "value must be an object"),
    ("place", {"stret": "A"}, "value has no field stret"), ("place", {"number": 7}, "value has no field number"),
    ("place", {"x" * 64: 1}, "value has no field of so long a name"),
    ("place", {"Number": "7"}, "value.Number must be an integer"),
    ("place", {"Number": 2 ** 31}, "value.Number must lie between -2147483648 and 2147483647"),
    ("place", {"street": "a\0b"}, "value.street must not hold the character U+0000"),
    ("place", {"street": {"a": 1}}, "value.street must be a text"),
    ("place", {"kind": "other"}, "value.kind must be one of home, work"),
    ("places", [{}, {"kind": 1}], "value[1].kind must be a text"),
    ("visit", {"place": {"zap": 1}}, "value.place has no field zap"), ("visit", {"place": "A"}, "value.place must be an object"),
    ("visit", {"at": "2026-01-31"}, "value.at must be a date-time with its zone, as 2026-01-31T12:00:00Z"),
    ("visit", {"tags": "a"}, "value.tags must be an array"), ("visit", {"tags": [1]}, "value.tags must be a text"),
    ("visit", {"photo": "?"}, "value.photo must be bytes in base64"), ("visit", {"price": "1"}, "value.price must be a number"),
    ("trip", {"visits": [{"place": {"kind": "x"}}]}, "value.visits[0].place.kind must be one of home, work"),
    ("trip", {"visits": {}}, "value.visits must be an array"),
    ("too_deep", {"down": {"down": {"down": {"down": {"down": {"down": {"down": {"down": {"down": "x"}}}}}}}}},
     "value.down.down.down.down.down.down.down.down must be nested at most 8 deep"),
    ("place", {"zip": "1234"}, "the database refused one of the values"),
    ("somewhere", {}, "the database refused one of the values"),
])
def test_what_does_not_suit(served, name, value, detail):
    answer = served.request("POST", f"/{name}", {"value": value})
    assert (answer.status, answer.json["code"]) == (422, "invalid"), answer.body
    assert answer.json["detail"].rstrip(".").lower() == detail.lower()


def test_it_is_written_and_asked_for(served):
    answer = served.request("POST", "/addresses", {"place": {"street": "O'Hara", "zip": "54321"}})
    assert (answer.status, answer.json) == (201, {"street": "O'Hara", "zip": "54321"})
    assert served.request("POST", "/addresses", {}).json["detail"].lower() == "place is required."
    assert served.request("POST", "/inferred", {}).json == place("from the default")
    query = urllib.parse.quote(json.dumps({"street": "A & B"}))
    assert served.request("GET", f"/near?place={query}").json == "A & B"
    assert served.request("GET", "/near?place=A").status == 422


def test_over_zeromq(served):
    party = native.Party(f"ipc://{served.ipc}", served.zmq)
    client = party.peer()
    who = {"subject": b"ann", "role": b"user"}
    at = msgpack.Timestamp(1769860800, 0)
    got = client.call("db", "give_visit", {"value": {"place": {"street": "A"}, "at": at, "photo": b"\x00\xff"}}, **who)
    assert got["value"]["at"] == at.to_datetime() and got["value"]["photo"] == b"\x00\xff"
    twice = b"\x81\xa5value\x85" + b"\xa6street\xa1A" * 5
    refusals = [({"value": {1: 2}}, "value must be an object"), ({"value": {"stret": 1}}, "value has no field stret")]
    for arguments, detail in refusals:
        told = client.answer(client.ask("db", "give_place", arguments, **who), native.ERROR)
        assert (told["code"], told["detail"]) == ("invalid", detail)
    id_ = client.next_id()
    client.send(native.Record(native.REQUEST, id=id_, service=b"db", name=b"give_place", deadline=5000, body=twice, **who))
    assert client.answer(id_, native.ERROR)["detail"] == "value must be an object with each field once"
    party.close()
    done = served.call("give_place", 'value={"street": "A"}')
    assert json.loads(done.stdout) == {"value": place("A")}, done.stderr


def test_openapi_says_object(served):
    paths = served.request("GET", "/openapi.json").json["paths"]
    schema = paths["/places"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["value"]
    assert schema["items"]["type"] in ("object", ["object", "null"])
    schema = paths["/addresses"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["place"]
    assert schema == {"type": "object"}


def test_a_change_of_the_type_is_learnt_on_reload(served):
    psql("ALTER TYPE my.place ADD ATTRIBUTE floor int4", served.database)
    served.process.send_signal(signal.SIGHUP)
    wait_for(lambda: served.request("POST", "/place", {"value": {"floor": 3}}).status == 200, what="the new field")
    assert served.request("POST", "/place", {"value": {"floor": 3}}).json["value"]["floor"] == 3
