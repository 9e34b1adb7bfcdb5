# SPDX-License-Identifier: MPL-2.0
"""Endpoint files with @service: HTTP in, a worker of whatever name behind it, and its answer out. The worker is played
by native.Peer.
"""
import json
import os
import re
import subprocess
import threading

import msgpack
import pytest

import native
from conftest import BINARY, Server, wait_for

ENDPOINTS = """
-- @endpoint  POST /embeddings/{model}
-- @operation embed_texts
-- @summary   Vectors of texts
-- @tier write   @auth user
-- @path model text
-- @body texts  text[] (1..3 items)
-- @body scale  float8 = 1.5 (0..10)
-- @body note   text ?
-- @service embed
-- @timeout 5s
-- @error no_such_model 404 "There is no model {model}"
-- @returns row

-- @endpoint  GET /embeddings
-- @operation list_models
-- @query limit int4 = 50 (1..500)
-- @service embed
-- @timeout 300ms
-- @returns {"models": rows}

-- @endpoint  DELETE /embeddings/{model}
-- @operation drop_model
-- @path model text
-- @service embed
-- @timeout 300ms

-- @endpoint  GET /echo
-- @operation echo
-- @service a_service_of_another_name
-- @returns value
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/embed.sql").write_text(ENDPOINTS)
    (folder / "endpoints/other.sql").write_text("-- @endpoint GET /one\n-- @operation one\n-- @returns value\nSELECT 1;\n")
    server = Server(folder, os.environ["DATABASE_URL"], "--dir", str(folder), "--actors", "1").wait_ready()
    server.folder = folder
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture
def worker(served):
    party = native.Party(f"ipc://{served.ipc}")
    yield party.worker("embed", window=8)
    party.close()
    wait_for(lambda: "embed" not in {row["service"] for row in served.show("workers")}, what="the worker's leave")


class Asking(threading.Thread):
    """An HTTP request under way."""

    def __init__(self, server, *arguments):
        super().__init__()
        self.server, self.arguments = server, arguments
        self.start()

    def run(self):
        self.came = self.server.request(*self.arguments)

    def answer(self):
        self.join()
        return self.came


def test_arguments_reach_the_worker_and_its_answer_comes_back(served, worker):
    asked = Asking(served, "POST", "/embeddings/mini%20lm", {"texts": ["a", "é"], "unknown": 1}, {"X-Request-ID": "r-1"})
    got = worker.work("embed_texts")
    assert native.value(got.body) == {"model": "mini lm", "texts": ["a", "é"]}, "a default is the worker's to know"
    assert (got.service, got.subject, got.role) == (b"embed", b"dev", b"admin")
    assert re.fullmatch(rb"r-1 00-[0-9a-f]{32}-[0-9a-f]{16}-00", got.trace), "the request's identifier and its traceparent"
    assert 4000 < got.deadline <= 5000 and not got.flags & native.READ
    worker.reply(got, {"model": "mini lm", "vectors": [[0.5, -1.0]], "at": msgpack.Timestamp(0)})
    answer = asked.answer()
    assert answer.status == 200 and answer.json == {"model": "mini lm", "vectors": [[0.5, -1.0]], "at": "1970-01-01T00:00:00Z"}


def test_a_read_says_that_it_reads(served, worker):
    asked = Asking(served, "GET", "/embeddings?limit=7")
    got = worker.work("list_models")
    assert native.value(got.body) == {"limit": 7} and 1 <= got.deadline <= 300
    worker.reply(got, {"models": []})
    assert asked.answer().json == {"models": []}


@pytest.mark.parametrize("body,detail", [
    ({}, "texts is required."), ({"texts": "a"}, "texts must be an array."), ({"texts": []}, "texts must have at least 1 items."),
    ({"texts": ["a"], "scale": 11}, "scale must be at most 10."), ({"texts": ["a"], "scale": "x"}, "scale must be a number."),
])
def test_what_is_wrong_does_not_reach_the_worker(served, worker, body, detail):
    answer = served.request("POST", "/embeddings/m", body)
    assert (answer.status, answer.json["code"]) == (422, "invalid")
    assert answer.json["detail"].lower().startswith(detail.lower()[:16]), answer.json
    assert worker.poll() is None


@pytest.mark.parametrize("number,error,status", [
    (28, {"code": "no_such_model", "status": 404, "title": "Not Found", "detail": "There is no model m"}, 404),
    (12, {"code": "invalid", "status": 422, "title": "Invalid input", "detail": "texts are too long"}, 422),
    (19, {"code": "overloaded", "status": 503, "title": "Overloaded", "detail": None}, 503),
])
def test_the_workers_errors_are_passed_through(served, worker, number, error, status):
    asked = Asking(served, "POST", "/embeddings/m", {"texts": ["a"]})
    worker.reply(worker.work(), error, native.ERROR, number=number)
    answer = asked.answer()
    assert (answer.status, answer.json["code"]) == (status, error["code"])
    assert answer.headers["Retry-After"] == ("1" if status == 503 else None)
    if error["detail"]:
        assert answer.json["detail"].lower().rstrip(".") == error["detail"].lower()


def test_nothing_to_return_is_204(served, worker):
    asked = Asking(served, "DELETE", "/embeddings/m")
    worker.reply(worker.work("drop_model"))
    answer = asked.answer()
    assert (answer.status, answer.body) == (204, b"")


def test_an_answer_that_is_no_document(served, worker):
    asked = Asking(served, "POST", "/embeddings/m", {"texts": ["a"]})
    worker.reply(worker.work(), body=b"\x81\xa1")
    assert (asked.answer().status, asked.answer().json["code"]) == (500, "internal")


@pytest.mark.parametrize("method,path,code", [("GET", "/embeddings", "timeout"), ("DELETE", "/embeddings/m", "outcome_unknown")])
def test_timeout_is_that_of_the_file(served, worker, method, path, code):
    asked = Asking(served, method, path)
    worker.work()
    answer = asked.answer()
    assert (answer.status, answer.json["code"]) == (504, code)


def test_without_a_worker(served):
    for method, path, body in (("POST", "/embeddings/m", {"texts": ["a"]}), ("GET", "/echo", None)):
        answer = served.request(method, path, body)
        assert (answer.status, answer.json["code"]) == (503, "no_worker")
        assert answer.headers["Retry-After"] == "1"
    assert served.request("GET", "/one").json == 1


def test_a_worker_that_dies(served):
    party = native.Party(f"ipc://{served.ipc}")
    worker = party.worker("embed")
    asked = Asking(served, "POST", "/embeddings/m", {"texts": ["a"]})
    worker.work()
    worker.send(native.Record(native.DISCONNECT))
    answer = asked.answer()
    assert (answer.status, answer.json["code"]) == (504, "outcome_unknown")
    party.close()


def test_any_name_of_a_service(served):
    party = native.Party(f"ipc://{served.ipc}")
    worker = party.worker("a_service_of_another_name")
    asked = Asking(served, "GET", "/echo")
    worker.reply(worker.work("echo"), "here")
    assert asked.answer().json == "here"
    party.close()


def test_openapi_says_what_is_known(served):
    document = served.request("GET", "/openapi.json").json
    operation = document["paths"]["/embeddings/{model}"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["texts"]["type"] == "array" and body["required"] == ["texts"]

    def schema(path, method):
        return document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]

    assert schema("/embeddings/{model}", "post") == {"type": ["object", "null"]}, "no more is known of a row"
    assert schema("/embeddings", "get")["properties"]["models"]["items"] == {"type": ["object"]}
    assert schema("/echo", "get") == {}
    assert "404" in operation["responses"] and "204" in document["paths"]["/embeddings/{model}"]["delete"]["responses"]


def test_muster_check_accepts_it(served):
    done = subprocess.run([BINARY, "check", str(served.folder), "--json"], capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["mistakes"] == []
    assert {o["operation"]: o["service"] for o in told["operations"]} == {
        "embed_texts": "embed", "list_models": "embed", "drop_model": "embed", "echo": "a_service_of_another_name",
        "one": "db"}
