# SPDX-License-Identifier: MPL-2.0
"""muster check: mistakes at their lines, what is clean, plans, and the page that tells of it.

check_wrong/ is a folder of mistakes, one of each kind; golden.txt beside it holds what is told of them.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from conftest import BINARY, SLOW, SOURCE, database_url, psql, wait_for

HERE = pathlib.Path(__file__).parent
WRONG = HERE / "check_wrong"


def check(folder, url, *flags, cwd=HERE):
    return subprocess.run([BINARY, "check", *([str(folder)] if folder else []), *flags, "--database-url", url],
                          capture_output=True, text=True, cwd=cwd, timeout=60 * SLOW)


def findings(done):
    """The lines that tell of something, each with its file and line."""
    return [line for line in done.stdout.splitlines() if re.match(r"\S+\.sql:\d+: (mistake|warning|plan): ", line)]


@pytest.fixture(scope="module")
def wrong():
    """A database for check_wrong/."""
    name = f"check_{os.getpid()}"
    psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE); CREATE DATABASE "{name}"')
    url = database_url(name)
    psql((WRONG / "schema.sql").read_text(), url)
    yield url
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_every_mistake_is_told_at_its_line(wrong):
    done = check("check_wrong", wrong)
    assert done.returncode == 1 and done.stderr == ""
    assert findings(done) == (WRONG / "golden.txt").read_text().splitlines()


def test_the_golden_lines_are_where_the_mistakes_are():
    """golden.txt was written by the program: this looks at some of its lines with other eyes."""
    golden = (WRONG / "golden.txt").read_text().splitlines()
    for words, stands in [('type int99', "@param id int99"), ('column "nothing"', "AS g, nothing"),
                          ('"nowhere"', "FROM nowhere"), ("near \"WHERE\"", "WHERE WHERE"), ("42P18", ":word IS NULL"),
                          ('"owner"', "--? owner"), ("42P08", ":word IS NOT NULL"), ("takes it for text", "WHERE title = :x"),
                          ("with seen", "--? seen"), ("function book_of", "book_of(:id)"), ("bounds in chars", "@query a "),
                          ("bounds without a unit", "@query b "), ("bounds in items", "@query c "),
                          ("a path cannot hold", "@path  list"), ("label cooking", "@query g "),
                          ("@error never", "@error never"), ("two columns are called id", "SELECT id, seen AS id"),
                          (":book.idd", ":book.idd"), ("@cursor price", "@cursor price"), ("@status 204", "@status 204"),
                          ("{nowhere}", "{nowhere}"), ("book.tilte", "book.tilte"), ("GET /docs is", "GET /docs"),
                          ("/a/{x} of a_x", "GET /{y}/b"), ("a GET that writes", "@writes"),
                          ("no @summary", "GET /habits"), ("lists all rows", "'LIMIT' AS word"),
                          ("no such row", "UPDATE books SET title")]:
        told = [line for line in golden if words in line]
        assert told, words
        file, line = told[0].split(":")[:2]
        text = (HERE / file).read_text().splitlines()[int(line) - 1]
        assert stands in text, (told[0], text)


def test_every_kind_of_mistake_has_a_case(wrong):
    done = check("check_wrong", wrong, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    sources = "".join(path.read_text() for path in (SOURCE / "server").glob("check*.c"))
    codes = set(re.findall(r'SRV_(?:MISTAKE|WARNING),[^;]*?"([a-z_0-9]+)",', sources)) | \
        {"array_in_path", "bounds", "default", "list", "step_column", "returns_column", "cursor_column", "form"}
    codes -= {"no_plan"}  # of --explain
    assert codes <= {f["code"] for kind in ("mistakes", "warnings") for f in told[kind]}
    assert all(f["line"] > 0 and f["file"].startswith("check_wrong/endpoints/") for f in told["mistakes"])


@pytest.mark.parametrize("statement,line", [
    ("SELECT id,\r\n  $q$ a\r\n b $q$ AS q,\r\n  nix\r\nFROM books;\r\n", 7),
    ("SELECT id FROM books\nWHERE id IN (1,\n  2;\n", 6),
    ("/* x */ SELECT 1 AS a, /*\n  -- @nothing */ E'it\\'s' 'or' AS d\nFROM books;\n", 5),
    ("SELECT 'ä:b' AS y,\n  (SELECT 1) AS z,   -- a comment, 'and a quote\n  \"größe;\"\nFROM books;\n", 6),
    ("SELECT 1 AS a\n  , nix\n;", 5),
], ids=["crlf", "end", "comments", "utf-8", "last"])
def test_places_survive_what_is_not_sent(scratch, statement, line):
    """Comments, line breaks and blanks are not sent to PostgreSQL: its positions are of another text."""
    scratch.sql((WRONG / "schema.sql").read_text())
    with open(scratch.folder / "endpoints/test.sql", "w", newline="") as file:
        file.write("-- @operation x\n-- @reads\n-- @returns row\n" + statement)
    told = [f for f in findings(check(scratch.folder, scratch.url)) if ": mistake: " in f]
    assert len(told) == 1 and f"/test.sql:{line}: " in told[0]


def test_nothing_is_changed(wrong):
    before = psql("SELECT count(*), max(id) FROM books; SELECT nextval('books_id_seq')", wrong)
    for _ in range(2):
        check("check_wrong", wrong, "--analyze")
    after = psql("SELECT count(*), max(id) FROM books; SELECT nextval('books_id_seq') - 1", wrong)
    assert before == after


CLEAN = """-- @endpoint  POST /things
-- @operation add_thing
-- @summary   A thing, if there are few
-- @tier write
-- @body name text (1..20 chars)
-- @body size int4 = 3 (1..5)
-- @error too_many 409 "There are {_count} things"
-- @error doubled  409 "There is a {name}" on 23505
-- @status 201   @location /things/{id}
-- @returns row
WITH made AS (INSERT INTO things (name, size) VALUES (:name, :size) RETURNING id, name)
SELECT CASE WHEN c.n > 100 THEN 'too_many' END AS _error, c.n AS _count, made.id, made.name
FROM made, (SELECT count(*) AS n FROM things) c;

-- @endpoint  GET /things
-- @operation list_things
-- @summary   Things
-- @tier read
-- @query size  int4 ? in (1, 2, 3)
-- @query limit int4 = 50 (1..500)
-- @cursor id
-- @returns {"things": things.rows, "one": things.name, "next_cursor": next_cursor}
-- @step things
SELECT id, name FROM things WHERE true
  AND size = :size          --? size
  AND id > :after.id        --? after
ORDER BY id LIMIT :limit;
"""


def test_what_is_right_is_left_in_peace(scratch):
    scratch.sql("CREATE TABLE things (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, size int4)")
    scratch.endpoints(CLEAN)
    done = check(scratch.folder, scratch.url, "--strict", "--explain")
    assert done.returncode == 0 and findings(done) == []
    assert done.stdout.startswith("POST /things  add_thing: held, 2 round trips\n    body name text\n")
    told = json.loads(check(scratch.folder, scratch.url, "--json").stdout)
    assert [(o["operation"], o["mode"], o["round_trips"]) for o in told["operations"]] == [
        ("add_thing", "held", 2), ("list_things", "shared", 1)]
    assert told["operations"][1]["results"] == [{"step": "things", "columns": [
        {"name": "id", "type": "bigint"}, {"name": "name", "type": "text"}]}]
    assert told["mistakes"] == told["warnings"] == told["plans"] == []


def test_warnings_do_not_fail_unless_they_are_to(scratch):
    scratch.endpoints("-- @endpoint GET /x\n-- @operation x\n-- @returns value\nSELECT 1;\n")
    done = check(scratch.folder, scratch.url)
    assert done.returncode == 0 and "1 operation: 0 mistakes, 2 warnings" in done.stdout
    assert check(scratch.folder, scratch.url, "--strict").returncode == 1


def test_gathering_is_clean(gathering):
    done = check(None, gathering, "--explain")
    assert done.returncode == 0, done.stdout
    assert not [line for line in findings(done) if ": mistake: " in line]


def test_an_empty_database_is_told(scratch):
    done = check(None, scratch.url)
    assert done.returncode == 1
    assert "did the migrations run (muster migrate)?" in done.stdout


BIG = """-- @endpoint  GET /big
-- @operation list_big
-- @summary   Rows
-- @tier read
-- @query id    int4 ?
-- @query label text ?
-- @query limit int4 = 50 (1..500)
-- @returns rows
SELECT id, label FROM big WHERE true
  AND id = :id         --? id
  AND label = :label   --? label
LIMIT :limit;
"""


def test_explain_names_the_combination_that_reads_a_table_whole(scratch):
    scratch.sql("CREATE TABLE big AS SELECT i AS id, 'label ' || i % 1000 AS label FROM generate_series(1, 20000) i;"
                "ALTER TABLE big ADD PRIMARY KEY (id); ANALYZE big")
    scratch.endpoints(BIG)
    assert findings(check(scratch.folder, scratch.url)) == []
    done = check(scratch.folder, scratch.url, "--explain")
    told = findings(done)
    assert done.returncode == 0 and len(told) == 1
    assert told[0].startswith(f"{scratch.folder}/endpoints/test.sql:11: plan: with label (1 of 4 combinations): Seq Scan on "
                              "public.big, about 20000 rows, filter (big.label = :label)")
    assert findings(check(scratch.folder, scratch.url, "--explain", "--rows", "30000")) == []
    told = findings(check(scratch.folder, scratch.url, "--analyze"))
    assert len([line for line in told if "with label (1 of 4 combinations): Seq Scan on big drops 20000 rows for 0 it keeps" in line]) == 1
    assert len([line for line in told if "with label (1 of 4 combinations): reads 20000 rows for 0 that it returns" in line]) == 1
    done = check(scratch.folder, scratch.url, "--analyze", "--value", "label=label 7", "--value=limit=500")
    assert "    reads 20000 rows for 20 (with label; the most of 4 combinations)\n" in done.stdout
    scratch.sql("CREATE INDEX ON big (label)")
    assert findings(check(scratch.folder, scratch.url, "--analyze")) == []


def test_lists_are_read_from_their_middle(scratch):
    """Behind the middle of 200 things there are 100; to skip the first hundred without an index is to read them."""
    scratch.sql("CREATE TABLE things (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, size int4);"
                "INSERT INTO things (name, size) SELECT 'thing ' || i, i % 2 FROM generate_series(1, 200) i; ANALYZE")
    scratch.endpoints(CLEAN)
    told = json.loads(check(scratch.folder, scratch.url, "--json", "--analyze", "--value", "limit=150").stdout)
    assert {r["with"]: (r["deep"], r["read"], r["returned"]) for r in told["readings"]} == {
        "with no conditional line": (False, 150, 150), "with size": (False, 200, 100), "with cursor": (True, 100, 100),
        "with size, cursor": (True, 101, 50)}


@pytest.mark.parametrize("arguments,words", [
    (["--value", "limit"], "--value takes NAME=VALUE"), (["--value==7"], "--value takes NAME=VALUE"),
    (["--value", "a=b"] * 33, "--value may be given 32 times"), (["/nonexistent"], "/nonexistent"), (["--rows", "many"], "--rows must be"), (["a", "b"], "unknown argument b"),
    (["--nonsense"], "unknown option --nonsense"), (["/"], "/endpoints: No such file"),
])
def test_not_begun_is_2(wrong, arguments, words):
    done = check(None, wrong, *arguments)
    assert done.returncode == 2 and words in done.stderr and done.stdout == ""
    assert subprocess.run([BINARY, "check"], capture_output=True, env={"PATH": ""}).returncode == 2


def test_ctrl_c_stops_at_once(scratch):
    scratch.endpoints("-- @operation nap\n-- @reads\n-- @returns value\nSELECT 'slept' FROM pg_sleep(20);\n")
    process = subprocess.Popen([BINARY, "check", str(scratch.folder), "--analyze", "--database-url", scratch.url],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: scratch.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                                 "wait_event = 'PgSleep'") == "1", what="the statement to run")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == -signal.SIGINT and time.monotonic() - began < 2
    process.communicate()


def test_values_that_a_statement_does_not_like_are_no_news(scratch):
    """--analyze makes its values up; where PostgreSQL does not take them, the plan alone is looked at."""
    scratch.endpoints("-- @operation divide\n-- @param by int4 = 0\n-- @reads\n-- @returns value\nSELECT 1 / :by;\n")
    done = check(scratch.folder, scratch.url, "--analyze", "--strict")
    assert done.returncode == 0 and findings(done) == []


def test_a_terminal_shows_how_far_it_is(scratch):
    naps = "".join(f"-- @operation nap_{i}\n-- @reads\n-- @returns value\nSELECT 'slept' FROM pg_sleep(1.2);\n" for i in range(2))
    scratch.endpoints(naps)
    ours, theirs = os.openpty()
    done = subprocess.run([BINARY, "check", str(scratch.folder), "--analyze", "--database-url", scratch.url],
                          stdout=subprocess.PIPE, stderr=theirs, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert done.returncode == 0 and b"explaining" not in done.stdout
    assert shown == "\r\033[Kexplaining: 2 of 2 operations\r\033[K"


def test_the_page_is_true(wrong):
    """docs/operations.md, "Checking a folder": the last lines of its example are those of check_wrong/."""
    page = (SOURCE / "docs/operations.md").read_text()
    section = page[page.index("## Checking a folder"):]
    shown = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.S | re.M)
    assert [language for language, _ in shown[:3]] == ["sql", "sh", "text"]
    folder = pathlib.Path("/tmp") / f"check_page_{os.getpid()}"
    (folder / "endpoints").mkdir(parents=True)
    try:
        (folder / "endpoints/books.sql").write_text(shown[0][1])
        done = check(".", wrong, cwd=folder)
        assert done.stdout == shown[2][1]
    finally:
        (folder / "endpoints/books.sql").unlink()
        (folder / "endpoints").rmdir()
        folder.rmdir()
