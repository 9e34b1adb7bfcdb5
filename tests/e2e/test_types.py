# SPDX-License-Identifier: MPL-2.0
"""PostgreSQL's types through the whole chain, in and out: exactly what psql shows."""
import base64
import datetime
import decimal
import json
import os
import urllib.parse

import pytest

from conftest import Server, database_url, psql
from native import Party

TEXT = {  # type: values, as psql shows them
    "text": ["", "plain", "Zoë €5 😀", "quote ' \" \\ back", "a\nb\tc"],
    "varchar(10)": ["ten chars!"],
    "char(4)": ["ab  "],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"],
    "date": ["0001-01-01", "2024-02-29", "9999-12-31", "infinity", "-infinity"],
    "time": ["00:00:00", "23:59:59.999999", "24:00:00"],
    "timetz": ["12:00:00+02"],
    "timestamp": ["0001-01-01 00:00:00", "2026-01-31 23:59:59.999999", "infinity"],
    "interval": ["1 year 2 mons 3 days 04:05:06.789", "-1 days", "00:00:00"],
    "inet": ["192.168.0.1/24", "::1"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(4)": ["1010"],
    "varbit": ["1", "101"],
    "point": ["(1.5,-2)"],
    "box": ["(2,2),(1,1)"],
    "circle": ["<(1,1),2>"],
    "path": ["((0,0),(1,1))"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "int4range": ["[1,10)", "empty", "(,)"],
    "tstzrange": ['["2026-01-01 00:00:00+00","2026-01-02 00:00:00+00")'],
    "nummultirange": ["{[1.0,2.0),[5.5,7)}"],
    "tsvector": ["'a':1 'cat':2"],
    "tsquery": ["'fat' & 'cat'"],
    "xml": ["<a>b</a>"],
    "money": ["$1,234.56"],
    "pg_lsn": ["16/B374D848"],
    "name": ["a_name"],
    "mood": ["sad", "so-so"],
}
NUMBERS = {
    "int2": ["-32768", "0", "32767"],
    "int4": ["-2147483648", "2147483647"],
    "int8": ["-9223372036854775808", "9007199254740993", "9223372036854775807"],
    "oid": ["0", "4294967295"],
    "numeric": ["0", "-0.0001", "123456789012345678901234567890.123456789", "1" + "0" * 200],
    "numeric(10,4)": ["15.0000"],
    "float4": ["0", "1.5", "-0.1", "3.4028235e+38", "1e-45"],
    "float8": ["0", "0.1", "-1.5", "1.7976931348623157e+308", "5e-324", "123456789012.25"],
    "positive": ["42"],
}
SPECIAL = {"numeric": ["NaN", "Infinity", "-Infinity"], "float8": ["NaN", "Infinity", "-Infinity"],
           "float4": ["NaN"], "timestamptz": ["infinity", "-infinity"]}
TIMES = ["2026-01-31 23:59:59.999999+00", "1970-01-01 00:00:00+00", "0001-01-01 00:00:00+00",
         "9999-12-31 23:59:59.5+00"]
BYTES = ["", "\\x00ff10", "\\x" + "ab" * 1000]
DOCUMENTS = ["null", "true", "1.10", '"x"', '{"a": [1, {"b": null}], "é": 12345678901234567890123}', "[]", "{}"]
ARRAYS = {
    "int4[]": ["{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:2]={5,6,7}"],
    "text[]": ['{a,"b,c","NULL",NULL,"q\\"\\\\",""}', '{{a,"{"},{"}",d}}'],
    "numeric[]": ["{1.50,-2}"], "bool[]": ["{t,f,NULL}"], "date[]": ["{2026-01-31}"],
    "jsonb[]": ['{"{\\"a\\": 1}",NULL}'], "uuid[]": ["{00000000-0000-0000-0000-000000000000}"],
    "mood[]": ["{sad,NULL}"], "float8[]": ["{0.5,1e+300}"], "int8[]": ["{9223372036854775807}"],
    "box[]": ["{(2,2),(1,1);(4,4),(3,3)}"],
}


def slug(kind):
    return "".join(c if c.isalnum() else "_" for c in kind)


@pytest.fixture(scope="module")
def served(tmp_path_factory, request):
    """One endpoint per type that gives its argument back, and one for composites."""
    name = "types_" + str(id(request))
    psql(f'CREATE DATABASE "{name}"')
    url = database_url(name)
    psql("""CREATE TYPE mood AS ENUM ('sad', 'so-so', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
            CREATE DOMAIN few AS bytea CHECK (octet_length(VALUE) < 9);
            CREATE TYPE inner_t AS (x int, y text[]);
            CREATE TYPE outer_t AS (a text, b inner_t, c numeric, d timestamptz);""", url)
    folder = tmp_path_factory.mktemp("types")
    (folder / "endpoints").mkdir()
    text = ""
    kinds = [*TEXT, *NUMBERS, "bool", "timestamptz", "bytea", "json", "jsonb", *ARRAYS]
    for kind in kinds:
        text += (f"-- @endpoint POST /{slug(kind)}\n-- @operation t_{slug(kind).lower()}\n-- @reads\n"
                 f"-- @body v {kind} ?\n-- @returns row\nSELECT :v::{kind} AS v;\n\n"
                 f"-- @endpoint POST /{slug(kind)}/out\n-- @operation o_{slug(kind).lower()}\n-- @reads\n"
                 f"-- @body v text ?\n-- @returns row\nSELECT :v::{kind} AS v;\n\n")
    text += ("-- @endpoint GET /composite\n-- @operation composite\n-- @returns value\n"
             "SELECT ROW('q\"(,)', ROW(1, ARRAY['x,y', NULL, 'z\"'])::inner_t, 1.50, '2026-01-01Z')::outer_t;\n\n"
             "-- @endpoint GET /composites\n-- @operation composites\n-- @returns value\n"
             "SELECT ARRAY[ROW(1, NULL)::inner_t, NULL, ROW(NULL, '{}')::inner_t];\n")
    text += ("-- @endpoint POST /bytes\n-- @operation many_bytes\n-- @reads\n-- @body v bytea ?\n-- @body word text\n"
             "-- @body few few ?\n-- @returns row\n"
             "SELECT :v AS v, :word AS word, :few::bytea AS few, octet_length(:v || :v) AS size;\n")
    (folder / "endpoints/types.sql").write_text(text)
    server = Server(tmp_path_factory.mktemp("server"), url, "--dir", str(folder), "--actors", "2").wait_ready()
    server.database = url
    yield server
    assert server.stop() == 0
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def ask(served, path, value):
    answer = served.request("POST", path, value if isinstance(value, bytes) else {"v": value},
                            {"Content-Type": "application/json"})
    assert answer.status == 200, (path, value, answer.body)
    return json.loads(answer.body, parse_float=decimal.Decimal, parse_int=decimal.Decimal)["v"]


def shown(served, kind, value):
    """What psql shows for the value."""
    quoted = value.replace("'", "''")
    return psql(f"SELECT '{quoted}'::{kind}", served.database)


def cases(table):
    return [pytest.param(kind, value, id=f"{slug(kind)}-{i}") for kind, values in table.items()
            for i, value in enumerate(values)]


@pytest.mark.parametrize("kind,value", cases(TEXT))
def test_texts(served, kind, value):
    assert ask(served, f"/{slug(kind)}/out", value) == shown(served, kind, value)
    assert ask(served, f"/{slug(kind)}", value) == shown(served, kind, value)


@pytest.mark.parametrize("kind,value", cases(NUMBERS))
def test_numbers(served, kind, value):
    want = shown(served, kind, value)
    for path in (f"/{slug(kind)}", f"/{slug(kind)}/out"):
        body = b'{"v":' + (value if not path.endswith("out") else json.dumps(value)).encode() + b"}"
        got = ask(served, path, body)
        assert isinstance(got, decimal.Decimal)
        assert got == decimal.Decimal(want)
        if kind.startswith("numeric"):
            assert str(got) == want or f"{got:f}" == want  # every digit, trailing zeros too


@pytest.mark.parametrize("kind,value", cases(SPECIAL))
def test_specials_are_strings(served, kind, value):
    assert ask(served, f"/{slug(kind)}/out", value) == value
    assert ask(served, f"/{slug(kind)}", value) == value


@pytest.mark.parametrize("value", TIMES)
def test_timestamptz_is_rfc_3339(served, value):
    want = datetime.datetime.fromisoformat(value)
    for sent, path in ((value, "/timestamptz/out"), (value.replace("+00", "Z"), "/timestamptz"),
                       (value.replace("+00", "+00:00"), "/timestamptz")):
        got = ask(served, path, sent)
        assert got.endswith("Z") and "T" in got
        assert datetime.datetime.fromisoformat(got.replace("Z", "+00:00")) == want


def test_years_beyond_four_digits_stay_text(served):
    for value in ("294276-12-31 23:59:59.999999+00", "4713-01-01 00:00:00+00 BC"):
        assert ask(served, "/timestamptz/out", value) == shown(served, "timestamptz", value)


@pytest.mark.parametrize("value", BYTES)
def test_bytea_is_base64(served, value):
    raw = bytes.fromhex(value[2:])
    assert base64.b64decode(ask(served, "/bytea/out", value)) == raw
    assert base64.b64decode(ask(served, "/bytea", base64.b64encode(raw).decode())) == raw


def test_bytes_over_zeromq(served):
    """MessagePack's bin reaches the statement as it is: twice in it, beside texts, as a domain, for NULL."""
    party = Party(f"ipc://{served.ipc}", served.zmq)
    try:
        client = party.peer("tcp")
        for raw in (b"", b"\0\xff\x10", os.urandom(100_000), None):
            few, size = (None, None) if raw is None else (raw[:8], 2 * len(raw))
            answer = client.call("db", "many_bytes", {"v": raw, "word": "between", "few": few})
            assert answer == {"v": raw, "word": "between", "few": few, "size": size}
    finally:
        party.close()
    answer = served.request("POST", "/bytes", {"v": "AA==", "few": base64.b64encode(b"x" * 9).decode(), "word": "w"})
    assert answer.status == 422 and answer.json["code"] == "invalid"


@pytest.mark.parametrize("kind", ["json", "jsonb"])
@pytest.mark.parametrize("value", DOCUMENTS)
def test_documents_are_nested(served, kind, value):
    exact = json.loads(value, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
    assert ask(served, f"/{kind}/out", value) == exact
    if value != "null":
        assert ask(served, f"/{kind}", b'{"v":' + value.encode() + b"}") == exact


def test_booleans(served):
    assert [ask(served, "/bool/out", v) for v in ("t", "f")] == [True, False]
    assert [ask(served, "/bool", v) for v in (True, False)] == [True, False]


@pytest.mark.parametrize("kind,value", cases(ARRAYS))
def test_arrays(served, kind, value):
    want = json.loads(psql(f"SELECT to_json('{value}'::{kind})", served.database), parse_float=decimal.Decimal,
                      parse_int=decimal.Decimal)
    got = ask(served, f"/{slug(kind)}/out", value)
    assert got == want
    sent = json.dumps(got, default=lambda d: float(d) if "e" in str(d).lower() or "." in str(d) else int(d))
    assert ask(served, f"/{slug(kind)}", b'{"v":' + sent.encode() + b"}") == want


@pytest.mark.parametrize("kind", [*TEXT, *NUMBERS, "bool", "timestamptz", "bytea", "json", "jsonb", *ARRAYS])
def test_null(served, kind):
    assert ask(served, f"/{slug(kind)}/out", None) is None
    assert ask(served, f"/{slug(kind)}", None) is None
    assert ask(served, f"/{slug(kind)}", b"{}") is None


def test_composites_are_maps(served):
    assert served.request("GET", "/composite").json == {
        "a": 'q"(,)', "b": {"x": 1, "y": ["x,y", None, 'z"']}, "c": 1.5, "d": "2026-01-01T00:00:00Z"}
    assert served.request("GET", "/composites").json == [
        {"x": 1, "y": None}, None, {"x": None, "y": []}]
