# SPDX-License-Identifier: MPL-2.0
"""The schema changes under a running server: statements are prepared anew, under load, and nobody gets an error."""
import threading

import pytest

from conftest import wait_for

ENDPOINTS = """
-- @endpoint GET /things/{id}
-- @operation get_thing
-- @empty nothing
-- @error nothing 404 "No thing {id}"
-- @returns row
SELECT * FROM thing WHERE id = :id;

-- @endpoint POST /things
-- @operation add_thing
-- @body id int8
-- @returns row
INSERT INTO thing (id) VALUES (:id) RETURNING *;
"""


@pytest.fixture
def served(scratch, start):
    scratch.sql("CREATE TABLE thing (id bigint PRIMARY KEY); INSERT INTO thing VALUES (1)")
    scratch.endpoints(ENDPOINTS)
    return start("--dir", str(scratch.folder), "--actors", "3", database=scratch.url)


def test_a_column_comes_and_goes_under_load(served, scratch):
    """Also back to what it was: its catalogue is then known, but newer."""
    stop, answers = threading.Event(), []

    def ask():
        while not stop.is_set():
            answers.append(served.request("GET", "/things/1").status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n, columns in enumerate((["id", "a"], ["id"], ["id", "a"], ["id"])):
            scratch.sql("ALTER TABLE thing ADD COLUMN a int" if "a" in columns else "ALTER TABLE thing DROP COLUMN a")
            for _ in range(20):  # every actor, several times
                assert sorted(served.request("GET", "/things/1").json) == sorted(columns)
                before = len(answers)
                wait_for(lambda: len(answers) > before, what="more answers")
            created = served.request("POST", "/things", {"id": 100 + n})
            assert created.status == 200 and sorted(created.json) == sorted(columns)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(answers) == {200}
    assert scratch.sql("SELECT count(*) FROM thing") == "5"


def test_the_catalogue_follows(served, scratch):
    """Peers learn the new columns; the former hash goes on being served."""
    scratch.sql("ALTER TABLE thing ADD COLUMN b text")
    assert served.request("GET", "/things/1").json == {"id": 1, "b": None}
    done = served.call("get_thing", "id=1")
    assert done.returncode == 0 and '"b"' in done.stdout
    for _ in range(30):
        assert served.request("GET", "/things/1").status == 200
    assert served.show("stats")[0]["refused"] == 0
