# SPDX-License-Identifier: MPL-2.0
"""docs/endpoints.md is true: its endpoint files are served, its requests sent, its answers compared.

How the page is read, block by block in its order:

- ```sql that begins with CREATE: run in an empty database before the server starts;
- ```sql that begins with "-- @": an endpoint file; all of them are served together;
- ```sql that begins with "-- wrong.sql": a file with mistakes; the ```text block behind it is what the start says;
- ```sh that begins with curl or build/release/muster: a request; the block behind it is its answer:
  ```json the body, ```http the status line, some of the header lines, and the body.

"..." stands for what differs each time: as a whole JSON string for any value, elsewhere for any characters.
"""
import contextlib
import json
import re
import subprocess

import pytest

from conftest import BINARY, SOURCE, Server, database_url, free_port, psql
from test_claims import ordinary_user

PAGE = SOURCE / "docs/endpoints.md"
BLOCKS = [(language, text.rstrip("\n")) for language, text in
          re.findall(r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.S | re.M)]
PROGRAM = "build/release/muster"


def of_language(language, beginning):
    return [text for found, text in BLOCKS if found == language and text.startswith(beginning)]


def requests():
    """Every request with its answer: (command, language of the answer, answer)."""
    return [(text, *BLOCKS[i + 1]) for i, (language, text) in enumerate(BLOCKS)
            if language == "sh" and text.startswith(("curl ", PROGRAM + " call "))]


def same(shown, got):
    """Whether a text of the page, in which ... stands for anything, is the one that came."""
    return re.fullmatch(".*?".join(map(re.escape, shown.split("..."))), got, re.S) is not None


def read(text):
    """JSON with members in order and numbers as they are written, so that 1.50 is not 1.5."""
    return json.loads(text, object_pairs_hook=tuple, parse_float=lambda n: ("number", n),
                      parse_int=lambda n: ("number", n))


def same_value(shown, got):
    if shown == "...":
        return True
    if isinstance(shown, (list, tuple)) and type(shown) is type(got) and len(shown) == len(got):
        return all(map(same_value, shown, got))
    if isinstance(shown, str) and isinstance(got, str):
        return same(shown, got)
    return type(shown) is type(got) and shown == got


def split_http(text):
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *headers = head.split("\n")
    return status, headers, body


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Serves the page's files, sends its requests in their order; what came, as text."""
    name = f"docs_endpoints_{free_port()}"
    psql(f'CREATE DATABASE "{name}"')
    for schema in of_language("sql", "CREATE"):
        psql(schema, database_url(name))
    folder = tmp_path_factory.mktemp("docs")
    (folder / "endpoints").mkdir()
    for i, text in enumerate(of_language("sql", "-- @")):
        (folder / f"endpoints/{i:03}.sql").write_text(text + "\n")
    ordinary = contextlib.ExitStack()
    url = ordinary.enter_context(ordinary_user(database_url(name)))
    server = Server(tmp_path_factory.mktemp("server"), url, "--dir", str(folder), "--actors", "2")
    server.wait_ready()
    assert "are not served" not in server.log(), server.log()
    came = []
    for command, language, _ in requests():
        command = command.replace("http://127.0.0.1:8000", server.url)
        command = command.replace("curl -s ", "curl -si ") if language == "json" else command
        command = command.replace(PROGRAM, BINARY) + (f" --ipc {server.ipc}" if PROGRAM in command else "")
        done = subprocess.run(["bash", "-uc", command + " 2>&1"], capture_output=True, text=True, timeout=30)
        came.append(done.stdout)
    yield came
    assert server.stop() == 0, server.log()[-3000:]
    ordinary.close()
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_every_block_is_of_a_known_kind():
    for i, (language, text) in enumerate(BLOCKS):
        assert language in ("sql", "sh", "json", "http", "text"), text
        if language == "sql":
            assert text.startswith(("-- @", "CREATE ", "-- wrong.sql")), text
        if language == "sh":
            assert text.startswith(("curl -s ", "curl -si ", PROGRAM + " call ")), text
            assert BLOCKS[i + 1][0] == ("http" if text.startswith("curl -si") else "json"), text
    assert len(of_language("sql", "-- @")) >= 20 and len(requests()) >= 20


def test_every_annotation_has_an_example():
    """Every directive that the parser knows, and no other, is in the examples and is the subject of a section."""
    tables = re.findall(r"s_(?:sources|directives)\[\] = \{(.*?)\};", (SOURCE / "actors/act_parse.c").read_text(), re.S)
    known = set(re.findall(r'\{"(\w+)", ', "".join(tables)))
    assert len(known) > 20
    assert {m for text in of_language("sql", "-- @") for m in re.findall(r"@([a-z]+)", text)} == known
    headings = " ".join(re.findall(r"^###? .*$", PAGE.read_text(), re.M))
    assert set(re.findall(r"@([a-z]+)", headings)) == known


@pytest.mark.parametrize("index", range(len(requests())), ids=[re.sub(r"\W+", "-", c)[-40:] for c, _, _ in requests()])
def test_answer(answers, index):
    command, language, shown = requests()[index]
    got = answers[index]
    if not command.startswith("curl"):
        assert same_value(read(shown), read(got)), f"{command}\n{got}"
        return
    status, headers, body = split_http(got)
    if language == "http":
        shown_status, shown_headers, shown = split_http(shown)
        assert status == shown_status
        assert all(any(same(line, header) for header in headers) for line in shown_headers), got
    elif not status.split()[1].startswith("2"):
        assert f'"status":{status.split()[1]}' in shown.replace(" ", ""), f"{command}\n{got}"
    if shown or body:
        assert body and same_value(read(shown), read(body)), f"{command}\n{got}"


def test_mistakes(tmp_path):
    (tmp_path / "endpoints").mkdir()
    found = [(text, BLOCKS[i + 1]) for i, (language, text) in enumerate(BLOCKS) if text.startswith("-- wrong.sql")]
    assert found
    for text, (language, shown) in found:
        (tmp_path / "endpoints/wrong.sql").write_text(text + "\n")
        done = subprocess.run([BINARY, "serve", "--http", f"127.0.0.1:{free_port()}", "--ipc", str(tmp_path / "s"),
                               "--dir", str(tmp_path), "--database-url", "dbname=unused"], capture_output=True, text=True)
        assert done.returncode == 1 and language == "text"
        assert done.stderr.replace(f"{tmp_path}/", "").rstrip("\n") == shown


def test_the_comparison_is_strict():
    assert same_value(read('{"a":"...","b":[1.50,"x...z"]}'), read('{"a":{},"b":[1.50,"xyz"]}'))
    for shown, got in (("1.5", "1.50"), ('{"a":1,"b":2}', '{"b":2,"a":1}'), ("[1]", "[1,2]"), ("1", "true"),
                       ('"a"', '"ab"'), ("null", "false"), ('{"a":1}', '{"a":1,"b":1}')):
        assert not same_value(read(shown), read(got))
