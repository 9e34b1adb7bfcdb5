# SPDX-License-Identifier: MPL-2.0
"""The GatheRing API as a table: tests/contract/routes.tsv, a request and its full answer in each row.

The rows run in order against one server and one database, fresh and seeded, so a row may rely on those above it. In an
expected answer "..." stands for any value that differs each time, but not for null. {next} in a path is the cursor of
the page that the row above has got, from its Link. The last two columns are a question
to the database after the request, and its answer as psql prints it, with | between columns and ; between rows.

MUSTER_CONTRACT_URL names a server that runs already, on the fresh and seeded database of DATABASE_URL
(docker/compose.test.yaml); MUSTER_CONTRACT_TOKEN is sent along.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BINARY, SOURCE, Http, Server, database_url, psql
from test_openapi import check_answer

API = pathlib.Path(os.environ.get("MUSTER_CONTRACT_API", SOURCE / "api/gathering"))
TABLE = SOURCE / "tests/contract/routes.tsv"
REMOTE = os.environ.get("MUSTER_CONTRACT_URL")
COLUMNS = ("method", "path", "case", "request", "status", "expected", "sql", "rows")


def read_table():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    assert tuple(lines[0].split("\t")) == COLUMNS
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            assert len(cells) == len(COLUMNS), f"routes.tsv:{number} has {len(cells)} columns"
            rows.append(dict(zip(COLUMNS, cells), line=number))
    return rows


ROWS = read_table()


def differences(expected, got, where="$"):
    """What is not as expected, strictly: no member more or less, true is not 1, and null is not '...'."""
    if expected == "..." and got is not None:
        return []
    if type(expected) is not type(got) and not {type(expected), type(got)} <= {int, float}:
        return [f"{where}: {got!r} instead of {expected!r}"]
    if isinstance(expected, dict):
        found = [f"{where}.{name}: missing" for name in expected.keys() - got.keys()]
        found += [f"{where}.{name}: not expected, {got[name]!r}" for name in got.keys() - expected.keys()]
        for name in expected.keys() & got.keys():
            found += differences(expected[name], got[name], f"{where}.{name}")
        return found
    if isinstance(expected, list):
        if len(expected) != len(got):
            return [f"{where}: {len(got)} items instead of {len(expected)}: {got!r}"]
        return [found for i, (e, g) in enumerate(zip(expected, got)) for found in differences(e, g, f"{where}[{i}]")]
    return [] if expected == got else [f"{where}: {got!r} instead of {expected!r}"]


class Remote(Http):
    """A server that somebody else has started."""
    url = REMOTE

    def request(self, method, path, body=None):
        token = os.environ.get("MUSTER_CONTRACT_TOKEN")
        return super().request(method, path, body, {"Authorization": f"Bearer {token}"} if token else {})


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    if REMOTE:
        server = Remote()
        yield server, os.environ["DATABASE_URL"], server.request("GET", "/openapi.json").json, {}
        return
    name = f"contract_{os.getpid()}"
    psql(f'CREATE DATABASE "{name}"')
    url = database_url(name)
    subprocess.run([BINARY, "migrate", "--seed", "--dir", str(API), "--database-url", url], check=True,
                   capture_output=True)
    server = Server(tmp_path_factory.mktemp("contract"), url, "--dir", str(API)).wait_ready()
    assert "are not served" not in server.log(), server.log()
    yield server, url, server.request("GET", "/openapi.json").json, {}
    assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def check_described(document, row, answer):
    """The answer is one of those that /openapi.json promises for the route, and its body of that schema."""
    asked = row["path"].split("?")[0].split("/")
    declared = [path for path in document["paths"] if is_route(asked, path.split("/"))]
    literal = [path for path in declared if "{" not in path]
    found = [path for path in literal or declared if row["method"].lower() in document["paths"][path]]
    if not found:
        assert answer.status in (404, 405)
        return
    check_answer(document, row["method"].lower(), found[0], answer)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['line']}-{row['case']}".replace(" ", "_") for row in ROWS])
def test_route(served, row):
    server, url, document, former = served
    row = {**row, "path": row["path"].replace("{next}", former.get("next", ""))}
    body = json.loads(row["request"]) if row["request"] else None
    answer = server.request(row["method"], row["path"], body)
    former["next"] = re.sub(r".*[?&]cursor=([^&>]*).*", r"\1", answer.headers["Link"] or "")
    assert answer.status == int(row["status"]), answer.body
    if row["expected"]:
        assert not differences(json.loads(row["expected"]), answer.json)
    else:
        assert answer.body == b""
    kind = answer.headers["Content-Type"]
    assert kind == ("application/problem+json" if answer.status >= 400 else
                    "application/json" if row["expected"] else None)
    check_described(document, row, answer)
    if row["sql"]:
        assert psql(row["sql"], url).replace("\n", ";") == row["rows"]


def test_every_endpoint_has_rows():
    """Three rows at least: a success, a refusal, and one more; an endpoint that takes nothing cannot refuse."""
    missing = []
    for file in sorted((API / "endpoints").glob("*.sql")):
        if file.name == "auth.sql":
            continue  # needs tokens, which --dev does not ask for: test_login.py, test_revocation.py
        for method, path in re.findall(r"^--.*@endpoint\s+(\w+)\s+(\S+)", file.read_text(), re.M):
            segments = path.split("/")
            mine = [row for row in ROWS if row["method"] == method and is_route(row["path"].split("?")[0].split("/"), segments)]
            literal = "{" not in path and method == "GET"
            if not any(row["status"][0] == "2" for row in mine) or len(mine) < (1 if literal else 3):
                missing.append(f"{method} {path}: {len(mine)} rows")
    assert not missing, "\n".join(missing)


LITERALS = {"categories", "bulk", "enable-all", "disable-all"}


def is_route(asked, declared):
    return len(asked) == len(declared) and all(
        d == a or d.startswith("{") and a not in LITERALS for a, d in zip(asked, declared))


def test_the_comparison_can_fail():
    assert differences({"a": 1}, {"a": True}) and differences({"a": 1}, {"a": 1, "b": None})
    assert differences([1, 2], [1]) and differences({"a": "..."}, {"a": None}) and differences({"a": 1}, {})
    assert not differences({"a": ["..."], "b": 1.0}, {"a": [7], "b": 1})
