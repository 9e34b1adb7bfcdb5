# SPDX-License-Identifier: MPL-2.0
"""What HTTP clients see around the answers: entity tags and conditional requests, caching, CORS, security headers."""
import re
import subprocess

import pytest

from conftest import BINARY

ORIGIN = "https://app.example"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.fixture
def listed(start):
    return start("--cors-origins", f"{ORIGIN}, http://other.example:*")


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/providers", 200), ("HEAD", "/providers", 200), ("GET", "/providers/999999", 404), ("GET", "/nothing", 404),
    ("GET", "/providers/x", 422), ("POST", "/providers", 422), ("PUT", "/providers", 405), ("GET", "/providers/", 307),
    ("OPTIONS", "/providers", 204), ("GET", "/health/live", 200), ("GET", "/health/ready", 200),
])
def test_every_answer_has_the_security_headers(shared, method, path, status):
    answer = shared.request(method, path)
    assert answer.status == status
    for name, value in ALWAYS.items():
        assert answer.headers.get_all(name) == [value]
    assert "Server" not in answer.headers
    kept = status == 200 and method in ("GET", "HEAD")
    assert answer.headers.get_all("Cache-Control") == ["no-cache" if kept else "no-store"]
    assert ("ETag" in answer.headers) == kept


def test_what_is_no_http_has_them_too(shared):
    head = shared.raw(b"nonsense\r\n\r\n").decode()
    for name, value in ALWAYS.items():
        assert f"\r\n{name}: {value}\r\n" in head
    assert "\r\nCache-Control: no-store\r\n" in head


def test_a_tag_stands_for_a_body(shared):
    first, again = shared.request("GET", "/providers/1"), shared.request("GET", "/providers/1")
    other, head = shared.request("GET", "/providers/2"), shared.request("HEAD", "/providers/1")
    assert re.fullmatch('"[0-9a-f]{16}"', first.headers["ETag"])
    assert first.headers["ETag"] == again.headers["ETag"] == head.headers["ETag"] != other.headers["ETag"]
    assert head.body == b"" and head.headers["Content-Length"] == str(len(first.body))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ['%s', 'W/%s', '"a", %s', '"a",W/%s , "b"', '*'])
def test_a_client_that_has_it_gets_304(shared, method, form):
    tag = shared.request("GET", "/providers/1").headers["ETag"]
    answer = shared.request(method, "/providers/1", headers={"If-None-Match": form.replace("%s", tag)})
    assert answer.status == 304 and answer.body == b""
    assert answer.headers["ETag"] == tag and answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Vary"] == shared.request("GET", "/providers/1").headers["Vary"] == "Origin"
    assert "Content-Type" not in answer.headers and "Content-Length" not in answer.headers
    assert answer.headers["X-Request-ID"]


def test_several_fields_are_one_list(shared):
    tag = shared.request("GET", "/providers/1").headers["ETag"]
    head = shared.raw(f'GET /providers/1 HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\nIf-None-Match: {tag}\r\n'
                      "Connection: close\r\n\r\n".encode())
    assert head.startswith(b"HTTP/1.1 304 ") and head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("field", ['"0123456789abcdef"', "", "nonsense", '"a', "W/"])
def test_a_client_that_has_another_gets_the_body(shared, field):
    answer = shared.request("GET", "/providers/1", headers={"If-None-Match": field})
    assert answer.status == 200 and answer.json["id"] == 1


def test_errors_and_writes_ignore_the_condition(shared):
    star = {"If-None-Match": "*"}
    assert shared.request("GET", "/providers/999999", headers=star).status == 404
    assert shared.request("GET", "/providers/x", headers=star).status == 422
    assert shared.request("POST", "/providers", {"name": "anthropic"}, star).status == 409


def test_the_tag_changes_with_the_data(start, scratch):
    scratch.sql("CREATE TABLE t (n int4); INSERT INTO t VALUES (1)")
    scratch.endpoints("-- @endpoint GET /n\n-- @operation n\n-- @returns value\nSELECT n FROM t;\n"
                      "-- @endpoint POST /n\n-- @operation more\n-- @returns value\nUPDATE t SET n = n + 1 RETURNING n;\n")
    server = start("--dir", str(scratch.folder), database=scratch.url)
    tag = server.request("GET", "/n").headers["ETag"]
    assert server.request("GET", "/n", headers={"If-None-Match": tag}).status == 304
    wrote = server.request("POST", "/n")
    assert wrote.status == 200 and "ETag" not in wrote.headers and wrote.headers["Cache-Control"] == "no-store"
    answer = server.request("GET", "/n", headers={"If-None-Match": tag})
    assert answer.status == 200 and answer.body == b"2" and answer.headers["ETag"] != tag


def preflight(server, path, origin=ORIGIN, method="POST", headers=None):
    fields = {"Origin": origin, "Access-Control-Request-Method": method}
    return server.request("OPTIONS", path, headers={**fields, **({"Access-Control-Request-Headers": headers} if headers else {})})


def test_a_preflight_of_a_listed_origin(listed):
    answer = preflight(listed, "/providers", headers="authorization,content-type,x-evil,idempotency-key")
    assert answer.status == 204 and answer.body == b""
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Methods"] == answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type, idempotency-key"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers.get_all("Vary") == ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_preflight_of_anybody_else(listed):
    answer = preflight(listed, "/providers", origin="https://evil.example")
    assert answer.status == 204 and not any(name.startswith("Access-Control") for name in answer.headers)
    assert preflight(listed, "/nothing").status == 404
    plain = listed.request("OPTIONS", "/providers", headers={"Origin": ORIGIN})
    assert plain.status == 204 and "Access-Control-Allow-Methods" not in plain.headers


@pytest.mark.parametrize("path, status", [("/providers", 200), ("/providers/999999", 404), ("/nothing", 404),
                                          ("/providers/x", 422), ("/health", 200)])
def test_answers_to_a_listed_origin(listed, path, status):
    answer = listed.request("GET", path, headers={"Origin": ORIGIN})
    assert answer.status == status and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert exposed[:5] == ["X-Request-ID", "Location", "Link", "ETag", "Retry-After"]
    assert exposed[5:] == ["Idempotency-Replayed", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"]
    assert answer.headers.get_all("Vary") == ["Origin"]
    for origin in ("https://evil.example", f"{ORIGIN}.evil", None):
        answer = listed.request("GET", path, headers={"Origin": origin} if origin else {})
        assert answer.status == status and "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers.get_all("Vary") == ["Origin"]


def test_everybody(start):
    server = start("--cors-origins", "*")
    answer = server.request("GET", "/providers", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == "*" and "Vary" not in answer.headers
    assert preflight(server, "/providers").headers["Access-Control-Allow-Origin"] == "*"


def test_development_lets_this_machine_in(shared):
    for origin in ("http://localhost:5173", "http://127.0.0.1:3000"):
        assert shared.request("GET", "/health", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == origin
    for origin in ("https://localhost:5173", "http://localhost.evil:80", "http://10.0.0.1:3000"):
        assert "Access-Control-Allow-Origin" not in shared.request("GET", "/health", headers={"Origin": origin}).headers


@pytest.mark.parametrize("flags, dev", [([], False), (["--cors-origins", "none"], True)])
def test_nobody(start, flags, dev):
    server = start(*flags, dev=dev)
    answer = server.request("GET", "/health", headers={"Origin": "http://localhost:3000"})
    assert "Vary" not in answer.headers and "Access-Control-Allow-Origin" not in answer.headers
    assert "Vary" not in preflight(server, "/providers").headers


def test_what_is_no_origin_is_refused_at_the_start(gathering):
    done = subprocess.run([BINARY, "serve", "--database-url", gathering, "--cors-origins", "https://app.example/"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "--cors-origins: https://app.example/ is no origin" in done.stderr
