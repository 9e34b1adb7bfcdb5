# SPDX-License-Identifier: MPL-2.0
"""Read replicas: a streaming standby of a cluster of the test's own, its coming and going, and its promotion."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import pytest

from conftest import SOURCE, psql, wait_for

PRIVATE = SOURCE / "server/private-postgres"
ENDPOINTS = """
-- @endpoint GET /where
-- @operation where_read
-- @replica
-- @returns value
SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END;

-- @endpoint GET /here
-- @operation here_read
-- @returns value
SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END;

-- @endpoint GET /nap
-- @operation nap
-- @slow @replica
-- @returns value
SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END FROM pg_sleep(0.5);

-- @endpoint GET /count
-- @operation count_notes
-- @replica
-- @returns value
SELECT count(*) FROM note;

-- @endpoint POST /notes
-- @operation add_note
-- @body text text
-- @returns row
INSERT INTO note (text) VALUES (:text) RETURNING id;
"""


class Standby:
    """A streaming standby beside a private cluster, run by the same user."""

    def __init__(self, home, url):
        self.home, self.folder = home, home.parent / f"{home.name}-standby"
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.sockets = self.folder / "socket"
        self.folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("mkdir", "-m", "700", self.sockets)
        self.run(self.bin / "pg_basebackup", "-D", self.folder / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync",
                 "-d", url)
        self.start()

    def run(self, *command):
        drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*drop, *map(str, command)], cwd=self.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout

    def control(self, *arguments):
        self.run(self.bin / "pg_ctl", *arguments, "-s", "-w", "-D", self.folder / "data")

    def start(self):
        self.control("start", "-l", self.folder / "log", "-o",
                     f"-c unix_socket_directories={self.sockets} -c listen_addresses= -c fsync=off")

    def stop(self, mode="fast"):
        self.control("stop", "-m", mode)

    def url(self, name):
        return f"postgresql://muster@/{name}?host={self.sockets}&port=5432"


@pytest.fixture(scope="module")
def cluster():
    """A cluster's folder, which its user must be able to enter, and its URL."""
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    home = folder / "pg"
    done = subprocess.run([PRIVATE, "start", home, "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield home, done.stdout.strip()
    subprocess.run([PRIVATE, "remove", home], check=True, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture
def pair(cluster, tmp_path):
    """(primary's URL, standby, folder of endpoints) with an empty table of notes."""
    home, url = cluster
    psql("DROP TABLE IF EXISTS note; CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY, text text)", url)
    (tmp_path / "api/endpoints").mkdir(parents=True)
    (tmp_path / "api/endpoints/test.sql").write_text(ENDPOINTS)
    standby = Standby(home, url)
    yield url, standby, tmp_path / "api"
    subprocess.run(["bash", "-c", f"kill -QUIT $(head -1 {standby.folder}/data/postmaster.pid)"], capture_output=True)
    wait_for(lambda: not (standby.folder / "data/postmaster.pid").exists(), what="the standby's end")
    shutil.rmtree(standby.folder)


def workers(server, service):
    return sum(row["workers"] for row in server.show("services") if row["service"] == service)


def serve(start, pair, *flags):
    url, standby, folder = pair
    server = start("--dir", str(folder), "--actors", "2", "--replica-url", standby.url("gathering"), "--replica-actors", "2",
                   *flags, database=url)
    wait_for(lambda: workers(server, "db.read") == 2, what="the actors at the replica")
    return server


class Reader(threading.Thread):
    """Reads until it is told to stop; every answer."""

    def __init__(self, server, path):
        super().__init__()
        self.server, self.path, self.stopping, self.answers = server, path, False, []
        self.start()

    def run(self):
        while not self.stopping:
            answer = self.server.request("GET", self.path)
            self.answers.append((answer.status, answer.body))

    def seen(self, body):
        count = len(self.answers)
        wait_for(lambda: (200, body) in self.answers[count:], 20, f"an answer {body!r}")


def test_replicas_come_and_go_and_no_read_fails(start, pair):
    url, standby, _ = pair
    server = serve(start, pair)
    assert server.request("GET", "/where").json == server.request("GET", "/nap").json == "replica"
    assert server.request("GET", "/here").json == "primary"
    assert server.request("POST", "/notes", {"text": "a"}).status == 200
    wait_for(lambda: server.request("GET", "/count").json == 1, what="the note to arrive at the replica")
    # One actor of the replica takes slow work: of two who nap, one could be at the primary every time.
    readers = [Reader(server, path) for path in ("/where", "/where", "/where", "/nap")]
    for mode in ("immediate", "fast"):
        for reader in readers:
            reader.seen(b'"replica"')
        standby.stop(mode)
        for reader in readers:
            reader.seen(b'"primary"')
        assert workers(server, "db.read") == 0
        standby.start()
    for reader in readers:
        reader.seen(b'"replica"')
        reader.stopping = True
    for reader in readers:
        reader.join()
        assert {status for status, _ in reader.answers} == {200}, [a for a in reader.answers if a[0] != 200][:3]


def test_reads_go_on_without_the_primary(start, pair, cluster):
    url, standby, _ = pair
    server = serve(start, pair)
    subprocess.run([PRIVATE, "stop", cluster[0]], check=True, capture_output=True)
    try:
        wait_for(lambda: workers(server, "db") == 0, what="the primary's loss")
        assert server.request("GET", "/where").json == "replica"
        for method, path, body in (("GET", "/here", None), ("POST", "/notes", {"text": "b"})):
            answer = server.request(method, path, body)
            assert (answer.status, answer.json["code"]) == (503, "no_worker")
    finally:
        subprocess.run([PRIVATE, "start", cluster[0], "--quick"], check=True, capture_output=True)
    wait_for(lambda: server.request("POST", "/notes", {"text": "b"}).status == 200, what="the primary's return")


def test_a_standby_in_the_primarys_place_is_left_for_the_primary(start, pair):
    """Writes are refused, certainly not executed, and the actors connect anew until they may write."""
    url, standby, folder = pair
    server = start("--dir", str(folder), "--actors", "2", database=standby.url("gathering"))
    assert server.request("GET", "/here").json == "replica"
    answer = server.request("POST", "/notes", {"text": "c"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1") and answer.json["code"] in (
        "database_unavailable", "no_worker")
    assert "the database is away" in server.log()
    standby.control("promote")
    wait_for(lambda: server.request("POST", "/notes", {"text": "d"}).status == 200, 20, "a primary")
    assert server.request("GET", "/here").json == "primary"
    assert psql("SELECT text FROM note", standby.url("gathering")) == "d"
