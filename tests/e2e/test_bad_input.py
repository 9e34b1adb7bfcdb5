# SPDX-License-Identifier: MPL-2.0
"""Well-formed HTTP with wrong content: the right status, a problem that says why, an untouched database."""
import http.client
import json
import re

import pytest

from conftest import Server, psql

JSON = {"Content-Type": "application/json"}
DEEP = 100000
MISSING = 2147483000


def post(body, path="/providers", headers=JSON):
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    return "POST", path, headers, body.encode() if isinstance(body, str) else body


def name(value):
    """POST /providers with this as the name, in JSON."""
    return post('{"name":' + value + "}")


def get(path, method="GET"):
    return method, path, {}, None


def history(limit):
    return get("/agents/1/history?limit=" + limit)


def chat(body, agent="1"):
    return post(body, f"/agents/{agent}/chat")


def typed(field, value):
    """POST /typed with this value, in JSON."""
    return post('{"%s":%s}' % (field, value), "/typed")


def asked(field, value):
    return get(f"/typed?{field}={value}")


def media(content_type):
    return post({"name": "new"}, headers={"Content-Type": content_type} if content_type is not None else {})


# Name, status, the code of the problem, the request.
CASES = [
    # Not JSON.
    ("json-empty", 400, "malformed", post("")),
    ("json-blank", 400, "malformed", post(" \r\n\t")),
    ("json-open-object", 400, "malformed", post('{"name":"new"')),
    ("json-open-string", 400, "malformed", post('{"name":"new')),
    ("json-no-quotes", 400, "malformed", post("{name:'new'}")),
    ("json-single-quotes", 400, "malformed", post("{'name':'new'}")),
    ("json-comma-behind", 400, "malformed", post('{"name":"new",}')),
    ("json-comma-before", 400, "malformed", post('{,"name":"new"}')),
    ("json-no-comma", 400, "malformed", post('{"name":"new" "is_local":true}')),
    ("json-no-colon", 400, "malformed", post('{"name" "new"}')),
    ("json-no-value", 400, "malformed", post('{"name":}')),
    ("json-comment", 400, "malformed", post('{"name":"new"/* */}')),
    ("json-two-values", 400, "malformed", post('{"name":"new"}{"name":"new2"}')),
    ("json-rest", 400, "malformed", post('{"name":"new"} x')),
    ("json-nul-behind", 400, "malformed", post(b'{"name":"new"}\x00')),
    ("json-byte-order-mark", 400, "malformed", post(b'\xef\xbb\xbf{"name":"new"}')),
    ("json-utf-16", 400, "malformed", post('{"name":"new"}'.encode("utf-16"))),
    ("json-form", 400, "malformed", post("name=new")),
    ("json-nan", 400, "malformed", name("NaN")),
    ("json-infinity", 400, "malformed", name("-Infinity")),
    ("json-true-capital", 400, "malformed", post('{"name":"new","is_local":True}')),
    ("json-number-zero-before", 400, "malformed", name("01")),
    ("json-number-plus", 400, "malformed", name("+1")),
    ("json-number-dot", 400, "malformed", name("1.")),
    ("json-number-hex", 400, "malformed", name("0x10")),
    ("json-escape-unknown", 400, "malformed", name(r'"\x41"')),
    ("json-escape-short", 400, "malformed", name(r'"\u00"')),
    ("json-control-character", 400, "malformed", name('"a\nb"')),
    ("json-raw-nul", 400, "malformed", post(b'{"name":"a\x00b"}')),
    ("json-surrogate-high", 400, "malformed", name(r'"\ud800"')),
    ("json-surrogate-low", 400, "malformed", name(r'"\udc00"')),
    ("json-surrogates-swapped", 400, "malformed", name(r'"\udc00\ud800"')),
    ("json-duplicate-key", 400, "malformed", post('{"name":"new","name":"new2"}')),
    ("json-duplicate-key-escaped", 400, "malformed", post('{"name":"new","n\\u0061me":"new2"}')),
    ("json-duplicate-key-unknown", 400, "malformed", post('{"name":"new","x":1,"x":1}')),
    ("json-duplicate-key-inside", 400, "malformed", post('{"name":"new","x":{"y":1,"y":2}}')),
    ("json-depth-arrays", 400, "malformed", post("[" * DEEP)),
    ("json-depth-closed", 400, "malformed", name("[" * DEEP + "]" * DEEP)),
    ("json-depth-objects", 400, "malformed", post('{"a":' * DEEP)),
    ("json-depth-unknown-key", 400, "malformed", post('{"name":"new","x":' + "[" * DEEP + "]" * DEEP + "}")),
    # Not UTF-8.
    ("utf-8-lone-byte", 400, "malformed", post(b'{"name":"\xff"}')),
    ("utf-8-overlong", 400, "malformed", post(b'{"name":"\xc0\x80"}')),
    ("utf-8-overlong-slash", 400, "malformed", post(b'{"name":"\xe0\x80\xaf"}')),
    ("utf-8-surrogate", 400, "malformed", post(b'{"name":"\xed\xa0\x80"}')),
    ("utf-8-too-high", 400, "malformed", post(b'{"name":"\xf4\x90\x80\x80"}')),
    ("utf-8-cut-off", 400, "malformed", post(b'{"name":"\xe2\x82"}')),
    ("utf-8-in-key", 400, "malformed", post(b'{"\xff":1,"name":"new"}')),
    ("utf-8-latin-1", 400, "malformed", post('{"name":"Zoë"}'.encode("latin-1"))),
    # Not what the endpoint wants.
    ("body-array", 422, "invalid", post("[]")),
    ("body-string", 422, "invalid", post('"name"')),
    ("body-null", 422, "invalid", post("null")),
    ("body-number", 422, "invalid", post("1")),
    ("body-empty-object", 422, "invalid", post("{}")),
    ("name-misspelt", 422, "invalid", post('{"Name":"new"}')),
    ("name-null", 422, "invalid", name("null")),
    ("name-number", 422, "invalid", name("1")),
    ("name-bool", 422, "invalid", name("true")),
    ("name-array", 422, "invalid", name('["new"]')),
    ("name-object", 422, "invalid", name('{"a":"new"}')),
    ("name-empty", 422, "invalid", name('""')),
    ("name-too-long", 422, "invalid", name('"' + "n" * 51 + '"')),
    ("name-too-long-4-bytes", 422, "invalid", name('"' + "😀" * 51 + '"')),
    ("name-huge", 422, "invalid", name('"' + "n" * 900000 + '"')),
    ("name-nul", 422, "invalid", name(r'"a\u0000b"')),
    ("name-only-nul", 422, "invalid", name(r'"\u0000"')),
    ("display-name-nul", 422, "invalid", post({"name": "new", "display_name": "\0"})),
    ("display-name-empty", 422, "invalid", post({"name": "new", "display_name": ""})),
    ("display-name-too-long", 422, "invalid", post({"name": "new", "display_name": "d" * 101})),
    ("api-base-url-too-long", 422, "invalid", post({"name": "new", "api_base_url": "u" * 2001})),
    ("api-base-url-number", 422, "invalid", post({"name": "new", "api_base_url": 1})),
    ("is-local-string", 422, "invalid", post({"name": "new", "is_local": "true"})),
    ("is-local-number", 422, "invalid", post({"name": "new", "is_local": 1})),
    ("is-local-null", 422, "invalid", post({"name": "new", "is_local": None})),
    ("chat-no-message", 422, "invalid", chat({})),
    ("chat-empty-message", 422, "invalid", chat({"message": ""})),
    ("chat-long-message", 422, "invalid", chat({"message": "m" * 100001})),
    ("chat-nul", 422, "invalid", chat({"message": "a\0b"})),
    ("chat-tools-number", 422, "invalid", chat({"message": "m", "allow_tools": 0})),
    ("chat-memories-string", 422, "invalid", chat({"message": "m", "include_memories": "yes"})),
    ("chat-agent-word", 422, "invalid", chat({"message": "m"}, "sophie")),
    ("chat-agent-missing", 404, "agent_not_found", chat({"message": "m"}, str(MISSING))),
    # Of other types.
    ("typed-int2-large", 422, "invalid", typed("i2", "32768")),
    ("typed-int4-large", 422, "invalid", typed("i4", "2147483648")),
    ("typed-int4-small", 422, "invalid", typed("i4", "-2147483649")),
    ("typed-int4-fraction", 422, "invalid", typed("i4", "1.5")),
    ("typed-int4-string", 422, "invalid", typed("i4", '"1"')),
    ("typed-int4-bool", 422, "invalid", typed("i4", "true")),
    ("typed-int4-huge-exponent", 422, "invalid", typed("i4", "1e400")),
    ("typed-int4-twenty-digits", 422, "invalid", typed("i4", "9" * 20)),
    ("typed-int4-long", 400, "malformed", typed("i4", "9" * 10000)),
    ("typed-int8-large", 422, "invalid", typed("i8", "9223372036854775808")),
    ("typed-int8-small", 422, "invalid", typed("i8", "-9223372036854775809")),
    ("typed-bounds-below", 422, "invalid", typed("few", "0")),
    ("typed-bounds-above", 422, "invalid", typed("few", "11")),
    ("typed-float8-string", 422, "invalid", typed("f8", '"1.5"')),
    ("typed-float8-too-large", 422, "invalid", typed("f8", "1e400")),
    ("typed-numeric-word", 422, "invalid", typed("n", '"one"')),
    ("typed-numeric-huge-exponent", 422, "invalid", typed("n", "1e1000000")),
    ("typed-uuid", 422, "invalid", typed("u", '"not-a-uuid"')),
    ("typed-uuid-short", 422, "invalid", typed("u", '"00000000-0000-0000-0000-00000000000"')),
    ("typed-uuid-number", 422, "invalid", typed("u", "1")),
    ("typed-date-word", 422, "invalid", typed("d", '"someday"')),
    ("typed-date-february-30", 422, "invalid", typed("d", '"2026-02-30"')),
    ("typed-date-no-leap-year", 422, "invalid", typed("d", '"2025-02-29"')),
    ("typed-date-month-13", 422, "invalid", typed("d", '"2026-13-01"')),
    ("typed-time-hour-25", 422, "invalid", typed("t", '"2026-01-01T25:00:00Z"')),
    ("typed-time-word", 422, "invalid", typed("t", '"noon"')),
    ("typed-array-no-array", 422, "invalid", typed("a", "1")),
    ("typed-array-of-strings", 422, "invalid", typed("a", '["x"]')),
    ("typed-array-too-large-element", 422, "invalid", typed("a", "[1,2147483648]")),
    ("typed-array-ragged", 422, "invalid", typed("a", "[[1],[2,3]]")),
    ("typed-array-half-nested", 422, "invalid", typed("a", "[1,[2]]")),
    ("typed-jsonb-nul", 422, "invalid", typed("j", r'{"a":"\u0000"}')),
    ("typed-jsonb-nul-in-key", 422, "invalid", typed("j", r'{"\u0000":1}')),
    ("asked-int2-large", 422, "invalid", asked("i2", "32768")),
    ("asked-int4-blank", 422, "invalid", asked("i4", "%201")),
    ("asked-int4-nul", 422, "invalid", asked("i4", "1%00")),
    ("asked-int4-arabic-digits", 422, "invalid", asked("i4", "%D9%A1")),
    ("asked-float8-word", 422, "invalid", asked("f8", "much")),
    ("asked-float8-too-large", 422, "invalid", asked("f8", "1e400")),
    ("asked-uuid", 422, "invalid", asked("u", "x")),
    ("asked-date", 422, "invalid", asked("d", "2026-02-30")),
    ("asked-text-nul", 422, "invalid", asked("s", "a%00b")),
    ("asked-text-not-utf-8", 400, "malformed", asked("s", "%ff")),
    ("asked-text-overlong", 400, "malformed", asked("s", "%c0%80")),
    # Media types.
    ("media-text", 415, "unsupported_media_type", media("text/plain")),
    ("media-form", 415, "unsupported_media_type", media("application/x-www-form-urlencoded")),
    ("media-multipart", 415, "unsupported_media_type", media("multipart/form-data; boundary=x")),
    ("media-xml", 415, "unsupported_media_type", media("application/xml")),
    ("media-longer", 415, "unsupported_media_type", media("application/jsonx")),
    ("media-shorter", 415, "unsupported_media_type", media("application/jso")),
    ("media-list", 415, "unsupported_media_type", media("application/json, text/plain")),
    ("media-gzip", 415, "unsupported_media_type",
     post({"name": "anthropic"}, headers={**JSON, "Content-Encoding": "gzip"})),
    # Queries.
    ("limit-0", 422, "invalid", history("0")),
    ("limit-above", 422, "invalid", history("501")),
    ("limit-minus", 422, "invalid", history("-1")),
    ("limit-fraction", 422, "invalid", history("1.5")),
    ("limit-exponent", 422, "invalid", history("1e2")),
    ("limit-word", 422, "invalid", history("all")),
    ("limit-empty", 422, "invalid", history("")),
    ("limit-hex", 422, "invalid", history("0x10")),
    ("limit-plus-is-a-blank", 422, "invalid", history("+5")),
    ("limit-int8", 422, "invalid", history("99999999999")),
    ("limit-long", 422, "invalid", history("1" * 5000)),
    ("limit-twice", 422, "invalid", history("5&limit=6")),
    ("limit-twice-same", 422, "invalid", history("5&limit=5")),
    ("limit-twice-escaped", 422, "invalid", history("5&l%69mit=6")),
    ("limit-sql", 422, "invalid", history("1;DROP%20TABLE%20agent.agents")),
    ("query-percent", 400, "malformed", history("%")),
    ("query-percent-not-hex", 400, "malformed", history("%g1")),
    ("query-percent-short", 400, "malformed", history("5&x=%a")),
    ("query-not-utf-8", 400, "malformed", history("%ff")),
    ("query-provider-word", 422, "invalid", get("/models?provider_id=openai")),
    ("query-bool-word", 422, "invalid", get("/models?include_deprecated=perhaps")),
    ("query-bool-empty", 422, "invalid", get("/models?include_deprecated=")),
    # Paths.
    ("path-unknown", 404, "not_found", get("/nothing")),
    ("path-root", 404, "not_found", get("/")),
    ("path-too-deep", 404, "not_found", get("/providers/1/models")),
    ("path-two-slashes", 404, "not_found", get("//providers")),
    ("path-case", 404, "not_found", get("/Providers")),
    ("path-dot-dot", 404, "not_found", get("/providers/../models")),
    ("path-post-unknown", 404, "not_found", post({}, "/nothing")),
    ("path-id-word", 422, "invalid", get("/providers/openai")),
    ("path-id-overflow", 422, "invalid", get("/providers/9223372036854775808")),
    ("path-id-huge", 422, "invalid", get("/providers/" + "9" * 4000)),
    ("path-id-fraction", 422, "invalid", get("/providers/1.0")),
    ("path-id-plus", 422, "invalid", get("/providers/+1")),
    ("path-id-nul", 422, "invalid", get("/providers/1%00")),
    ("path-id-slash", 422, "invalid", get("/providers/%2F")),
    ("path-id-blank", 422, "invalid", get("/providers/%201")),
    ("path-id-sql", 422, "invalid", get("/providers/1%20OR%201=1")),
    ("path-id-not-utf-8", 400, "malformed", get("/providers/%ff")),
    ("path-id-percent", 400, "malformed", get("/providers/%")),
    ("path-delete-id-word", 422, "invalid", get("/providers/all", "DELETE")),
    ("path-id-missing", 404, "provider_not_found", get(f"/providers/{MISSING}")),
    ("path-id-minus", 404, "provider_not_found", get("/providers/-1")),
    ("path-id-largest", 404, "provider_not_found", get("/providers/9223372036854775807")),
    ("path-model-missing", 404, "model_not_found", get(f"/models/{MISSING}")),
    ("path-agent-missing", 404, "agent_not_found", get(f"/agents-db/{MISSING}")),
    ("path-history-missing", 404, "agent_not_found", get(f"/agents/{MISSING}/history")),
    # What the database refuses.
    ("provider-exists", 409, "provider_exists", post({"name": "anthropic"})),
    ("provider-exists-in-capitals", 409, "provider_exists", post({"name": "ANTHROPIC"})),
    ("delete-missing", 404, "provider_not_found", get(f"/providers/{MISSING}", "DELETE")),
    ("delete-referenced", 409, "provider_in_use", get("/providers/1", "DELETE")),
    # Methods.
    ("method-put", 405, "method_not_allowed", get("/providers", "PUT")),
    ("method-patch", 405, "method_not_allowed", get("/providers/1", "PATCH")),
    ("method-delete-all", 405, "method_not_allowed", get("/providers", "DELETE")),
    ("method-post-one", 405, "method_not_allowed", post({"name": "new"}, "/providers/1")),
    ("method-post-agents", 405, "method_not_allowed", post({}, "/agents-db")),
    ("method-get-chat", 405, "method_not_allowed", get("/agents/1/chat")),
    ("method-trace", 405, "method_not_allowed", get("/providers", "TRACE")),
    ("method-post-health", 405, "method_not_allowed", post({}, "/health/live")),
]

STATE = """
SELECT (SELECT count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t.id), ''))
        FROM agent.providers t),
       (SELECT count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t.id), '')) FROM agent.models t),
       (SELECT count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t.id), '')) FROM agent.agents t),
       (SELECT count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t.id), ''))
        FROM communication.chat_history t);
"""


@pytest.fixture(scope="module")
def typed_server(gathering, tmp_path_factory):
    """A server with parameters of types that the GatheRing API has no use for."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "endpoints").mkdir()
    kinds = {"i2": "int2 ?", "i4": "int4 ?", "i8": "int8 ?", "few": "int4 = 5 (1..10)", "f8": "float8 ?",
             "n": "numeric ?", "u": "uuid ?", "d": "date ?", "t": "timestamptz ?", "s": "text ?"}
    inside = {**kinds, "j": "jsonb ?", "a": "int4[] ?"}

    def endpoint(method, where, parameters):
        lines = [f"-- @endpoint {method} /typed", f"-- @operation {method.lower()}_typed"]
        lines += [f"-- @{where} {field} {kind}" for field, kind in parameters.items()]
        lines += [f"-- @tier {'read' if where == 'query' else 'write'}   @auth user", "-- @returns row"]
        columns = ", ".join(f":{field} AS {field}" for field in parameters)
        return "\n".join(lines) + f"\nSELECT {columns};\n"

    (folder / "endpoints" / "typed.sql").write_text(
        endpoint("GET", "query", kinds) + "\n" + endpoint("POST", "body", inside))
    server = Server(folder, gathering, "--dir", str(folder)).wait_ready()
    yield server
    assert server.stop() == 0, server.log()[-3000:]


class Client:
    """Sends requests as they are given, with nothing added but Host and Content-Length."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def ask(self, method, path, headers, body):
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for field, value in headers.items():
            self.connection.putheader(field, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.fixture
def ask(shared, typed_server):
    clients = {shared: Client(shared), typed_server: Client(typed_server)}

    def run(method, path, headers=None, body=None):
        server = typed_server if path.startswith("/typed") else shared
        return clients[server].ask(method, path, headers or {}, body)

    yield run
    for client in clients.values():
        client.connection.close()


@pytest.fixture
def untouched(gathering):
    """The test must leave the database as it was."""
    before = psql(STATE, gathering)
    yield
    assert psql(STATE, gathering) == before


def assert_problem(headers, body, status, code):
    assert headers["Content-Type"] == "application/problem+json"
    assert int(headers["Content-Length"]) == len(body)
    found = json.loads(body)
    assert set(found) >= {"type", "title", "status", "detail", "code", "request_id"}, found
    assert found["status"] == status and found["code"] == code, found
    assert found["type"] and found["title"], found
    assert re.fullmatch(r"[A-Z].*[^.]\.|[a-z][a-z0-9_]* (must|is) .*[^.]\.", found["detail"]), found
    assert found["request_id"] == headers["X-Request-ID"]
    # Neither SQL nor PostgreSQL's words nor the whole of a huge input.
    assert not re.search(r"SELECT|INSERT|pg_|constraint|_fkey|_unique|/work|\.c:", found["detail"]), found
    assert len(body) < 8192


@pytest.mark.parametrize("status, code, request_", [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_bad_input_is_refused(ask, untouched, status, code, request_):
    found, headers, body = ask(*request_)
    assert found == status, body
    assert_problem(headers, body, status, code)
    if status == 405:
        allowed = headers["Allow"].split(", ")
        assert "OPTIONS" in allowed and request_[0] not in allowed
    else:
        assert "Allow" not in headers
    assert ask("GET", "/providers/1")[0] == 200


def test_there_are_enough_cases():
    assert len(CASES) >= 65 and len({case[0] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("path, allow", [
    ("/providers", {"GET", "HEAD", "POST", "OPTIONS"}),
    ("/providers/1", {"GET", "HEAD", "DELETE", "OPTIONS"}),
    ("/models", {"GET", "HEAD", "OPTIONS", "POST"}),
    ("/agents/1/chat", {"POST", "OPTIONS"}),
    ("/health/live", {"GET", "HEAD", "OPTIONS"}),
])
def test_options_says_what_is_allowed(ask, untouched, path, allow):
    status, headers, body = ask("OPTIONS", path)
    assert status == 204 and body == b"" and "Content-Length" not in headers
    assert set(headers["Allow"].split(", ")) == allow


def test_options_of_nothing(ask, untouched):
    status, headers, body = ask("OPTIONS", "/nothing")
    assert status == 404
    assert_problem(headers, body, 404, "not_found")


@pytest.mark.parametrize("method, path, location", [
    ("GET", "/providers/", "/providers"),
    ("HEAD", "/providers/", "/providers"),
    ("POST", "/providers/", "/providers"),
    ("GET", "/providers/1/", "/providers/1"),
    ("DELETE", "/providers/1/", "/providers/1"),
    ("GET", "/models/?provider_id=1&x=%20", "/models?provider_id=1&x=%20"),
    ("GET", "/agents/1/history/?limit=5", "/agents/1/history?limit=5"),
])
def test_trailing_slash_is_redirected(ask, untouched, method, path, location):
    status, headers, body = ask(method, path)
    assert status == 307 and headers["Location"] == location and body == b""


@pytest.mark.parametrize("path", ["//example.com/", "/%2f/example.com/", "//example.com/providers/",
                                  "/\\\\example.com/", "http://example.com//evil.example/"])
def test_trailing_slash_is_no_open_redirect(ask, untouched, path):
    status, headers, _ = ask("GET", path)
    assert status in (400, 404) and "Location" not in headers


@pytest.mark.parametrize("path, status", [
    ("/providers", 200), ("/providers/1", 200), ("/nothing", 404), ("/providers/openai", 422),
    (f"/providers/{MISSING}", 404), ("/agents/1/history?limit=0", 422), ("/agents/1/chat", 405),
])
def test_head_is_get_without_content(ask, untouched, path, status):
    found, headers, body = ask("HEAD", path)
    got, expected, content = ask("GET", path)
    assert found == got == status and body == b""
    assert headers["Content-Length"] == expected["Content-Length"] == str(len(content))
    assert headers["Content-Type"] == expected["Content-Type"]


@pytest.mark.parametrize("content_type", [
    "application/json", "Application/JSON", "application/json;charset=utf-8",
    'application/json ; charset="UTF-8"',
])
def test_json_by_any_name_is_taken(ask, untouched, content_type):
    """409 and not 415: its content was looked at."""
    status, headers, body = ask(*post({"name": "anthropic"}, headers={"Content-Type": content_type}))
    assert status == 409
    assert_problem(headers, body, 409, "provider_exists")


@pytest.mark.parametrize("path", ["/providers/%31", "/agents/1/history?l%69mit=%35",
                                  "/models?unknown=1&unknown=2", "/models?", "/models?&&", "/models?=",
                                  "/agents/1/history?limit=500"])
def test_odd_but_right(ask, untouched, path):
    assert ask("GET", path)[0] == 200


def test_values_at_the_bounds_are_taken(ask, untouched):
    values = {"i2": -32768, "i4": 2147483647, "i8": -9223372036854775808, "few": 10, "f8": 1.5e308,
              "u": "ffffffff-ffff-ffff-ffff-ffffffffffff", "d": "2024-02-29", "s": "é" * 1000,
              "j": {"a": [None]}, "a": [1, -2147483648]}
    status, _, body = ask(*post(values, "/typed"))
    assert status == 200, body
    assert {field: value for field, value in json.loads(body).items() if field in values} == values


def test_a_body_too_large_is_refused(shared, untouched):
    """The connection ends with it, so it is one of its own."""
    body = b'{"name":"' + b"n" * 1048576 + b'"}'
    client = Client(shared)
    status, headers, answer = client.ask("POST", "/providers", JSON, body)
    assert status == 413 and headers["Connection"] == "close"
    assert_problem(headers, answer, 413, "too_large")
    client.connection.close()
