# SPDX-License-Identifier: MPL-2.0
"""openapi.json is OpenAPI 3.1, says what the endpoint files say, and what is answered is what it says."""
import re

import jsonschema
import pytest

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
LOCATIONS = {"path", "query", "header", "cookie"}
ENDPOINTS = """
-- @endpoint  GET /things/{id}/parts
-- @operation list_parts
-- @summary   Parts "of" a thing
-- @tier read  @auth public  @deprecated
-- @path id int8 (1..)
-- @query limit int4 = 50 (1..500)
-- @query sort text = name in (name, price)
-- @query color color[] ? (..2 items)
-- @query below numeric ? (0..9.5)
-- @query word text ? (2..5 chars)
-- @query since timestamptz ?
-- @query deep bool = false
-- @empty nothing
-- @error nothing 404 "No thing {id}"
-- @returns {"parts": rows, "first": row, "one": value, "total": count, "kind": "list", "nest": [{"n": count}]}
SELECT 1::int2 AS a, 2::int4 AS b, 3::int8 AS c, 1.5::float4 AS d, 2.5::float8 AS e, 1.50::numeric(8,2) AS f,
       'x'::text AS g, 'x'::varchar(4) AS h, now()::timestamptz(3) AS i, now()::timestamp AS j, now()::date AS k,
       now()::time AS l, gen_random_uuid() AS m, '\\xff'::bytea AS n, '{"a":1}'::jsonb AS o, '{x,NULL}'::text[] AS p,
       true AS q, NULL::int8 AS r, 'red'::color AS s, '1 day'::interval AS t, '10.0.0.1'::inet AS u, ROW(1, 2) AS v,
       ARRAY[1.5::float8] AS w
WHERE :id > 0 AND :limit > 0 AND :sort <> '' AND (:color::color[] IS NULL OR true) AND (:below::numeric IS NULL OR true)
  AND (:word::text IS NULL OR true) AND (:since::timestamptz IS NULL OR true) AND :deep IS NOT NULL;

-- @endpoint  PUT /things/{thing}/parts
-- @operation put_part
-- @path thing int4
-- @body name  text (3..20 chars)
-- @body price numeric ? (0..1000)
-- @body tags  text[] ? (1..3 items)
-- @body color color = red
-- @body data  jsonb ?
-- @error taken  409 "There is a {name}" on 23505
-- @error locked 409 "Locked" on 55P03
-- @status 201 @location /things/{id}
-- @returns row
SELECT :thing AS id, :name AS name, :price AS price, :tags AS tags, :color AS color, :data AS data;

-- @endpoint  POST /whole
-- @operation take_whole
-- @reads
-- @auth admin
-- @body * document jsonb
-- @returns value
SELECT :document;

-- @endpoint  DELETE /things/{id}
-- @operation drop_thing
-- @returns none
SELECT :id::int8;
"""


def resolve(document, thing):
    while isinstance(thing, dict) and "$ref" in thing:
        assert set(thing) == {"$ref"}, thing
        at = document
        for key in thing["$ref"].removeprefix("#/").split("/"):
            at = at[key.replace("~1", "/").replace("~0", "~")]
        thing = at
    return thing


def check_references(document, at):
    if isinstance(at, dict):
        if isinstance(at.get("$ref"), str):
            assert at["$ref"].startswith("#/components/")
            resolve(document, at)
        for value in at.values():
            check_references(document, value)
    elif isinstance(at, list):
        for value in at:
            check_references(document, value)


def check_content(document, content):
    assert content
    for kind, media in content.items():
        assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) and set(media) <= {"schema", "example"}
        schema = resolve(document, media["schema"])
        jsonschema.Draft202012Validator.check_schema(schema)
        if "example" in media:
            jsonschema.Draft202012Validator(schema).validate(media["example"])


def check_parameters(document, path, operation):
    seen = set()
    for parameter in operation.get("parameters", []):
        parameter = resolve(document, parameter)
        assert set(parameter) <= {"name", "in", "required", "schema", "example", "description"}
        assert parameter["in"] in LOCATIONS and parameter["name"]
        assert parameter["required"] or parameter["in"] != "path"
        assert (parameter["name"], parameter["in"]) not in seen
        seen.add((parameter["name"], parameter["in"]))
        jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        if parameter["name"] == "Idempotency-Key":  # no key may serve as an example: it would be used twice
            assert "example" not in parameter and not parameter["required"]
        else:
            jsonschema.Draft202012Validator(parameter["schema"]).validate(parameter["example"])
    assert {name for name, where in seen if where == "path"} == set(re.findall(r"\{([^}]+)\}", path))


def check_responses(document, responses):
    assert responses
    for status, response in responses.items():
        assert re.fullmatch("[1-5][0-9][0-9]|default", status)
        response = resolve(document, response)
        assert response["description"] and set(response) <= {"description", "content", "headers"}
        if "content" in response:
            check_content(document, response["content"])
        for header in response.get("headers", {}).values():
            jsonschema.Draft202012Validator.check_schema(resolve(document, header)["schema"])
    assert any(status[0] == "2" for status in responses)


def check_document(document):
    """Strict: a member that OpenAPI does not know, or that this server has no reason to write, fails too."""
    assert set(document) == {"openapi", "info", "servers", "paths", "components"}
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"] and document["info"]["version"]
    check_references(document, document)
    ids, templates = set(), set()
    for path, item in document["paths"].items():
        assert path.startswith("/") and set(item) <= METHODS and item
        template = re.sub(r"\{[^}]*\}", "{}", path)
        assert template not in templates
        templates.add(template)
        for operation in item.values():
            assert set(operation) <= {"operationId", "summary", "tags", "deprecated", "security", "parameters",
                                      "requestBody", "responses"}
            assert operation["operationId"] not in ids
            ids.add(operation["operationId"])
            assert len(operation["tags"]) == 1
            for requirement in operation["security"]:
                assert set(requirement) <= set(document["components"]["securitySchemes"])
            check_parameters(document, path, operation)
            if "requestBody" in operation:
                assert isinstance(operation["requestBody"]["required"], bool)
                check_content(document, operation["requestBody"]["content"])
            check_responses(document, operation["responses"])
    return ids


def check_answer(document, method, path, answer):
    """The answer is one that the document knows, and its body is of its schema."""
    response = resolve(document, document["paths"][path][method]["responses"][str(answer.status)])
    kind = answer.headers.get("Content-Type")
    if kind is None:
        assert "content" not in response and answer.body == b""
        return
    schema = resolve(document, response["content"][kind]["schema"])
    jsonschema.Draft202012Validator(schema).validate(answer.json)


@pytest.fixture(scope="module")
def described(shared):
    answer = shared.request("GET", "/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    return answer.json


@pytest.fixture
def things(start, scratch):
    scratch.sql("CREATE TYPE color AS ENUM ('red', 'green')")
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", str(scratch.folder), database=scratch.url)
    assert "are not served" not in server.log(), server.log()
    return server


def test_gathering_is_described(described):
    ids = check_document(described)
    assert {"list_providers", "get_provider", "list_agents", "get_agent", "chat_with_agent", "health"} <= ids
    assert "health_counts" not in ids  # no endpoint
    assert not {"/docs", "/openapi.json"} & set(described["paths"])


def test_it_is_made_once_and_has_a_tag(shared):
    first, again = shared.request("GET", "/openapi.json"), shared.request("GET", "/openapi.json")
    assert first.body == again.body and first.headers["ETag"] == again.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    assert shared.request("GET", "/openapi.json", headers={"If-None-Match": first.headers["ETag"]}).status == 304
    assert shared.request("HEAD", "/openapi.json").headers["Content-Length"] == str(len(first.body))


def test_everybody_may_read_it(start):
    server = start(dev=False)
    assert server.request("GET", "/openapi.json").status == 200
    assert server.request("GET", "/docs").status == 200


def test_gathering_answers_as_it_is_described(shared, described):
    """Every GET, with the ids that there are; and each once more with one that there is not."""
    asked = 0
    for path, item in described["paths"].items():
        if "get" not in item:
            continue
        for value in ("1", "999999", "x") if "{" in path else ("",):
            answer = shared.request("GET", re.sub(r"\{[^}]*\}", value, path))
            check_answer(described, "get", path, answer)
            asked += answer.status == 200
    assert asked >= 10


def test_parameters(things):
    document = things.request("GET", "/openapi.json").json
    check_document(document)
    operation = document["paths"]["/things/{id}/parts"]["get"]
    assert operation["operationId"] == "list_parts" and operation["summary"] == 'Parts "of" a thing'
    assert operation["tags"] == ["things"] and operation["deprecated"] is True and operation["security"] == []
    schemas = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    assert schemas == {
        "id": {"type": "integer", "format": "int64", "minimum": 1},
        "limit": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 500, "default": 50},
        "sort": {"type": "string", "enum": ["name", "price"], "default": "name"},
        "color": {"type": "array", "items": {"type": "string", "enum": ["red", "green"]}, "maxItems": 2},
        "below": {"type": "number", "minimum": 0, "maximum": 9.5},
        "word": {"type": "string", "minLength": 2, "maxLength": 5},
        "since": {"type": "string", "format": "date-time"},
        "deep": {"type": "boolean", "default": False},
    }
    assert [p["name"] for p in operation["parameters"] if p["required"]] == ["id"]
    assert set(operation["responses"]) == {"200", "304", "404", "422", "429", "503", "504"}
    assert operation["responses"]["404"]["description"] == "`nothing`: No thing {id}"


def test_bodies(things):
    document = things.request("GET", "/openapi.json").json
    operation = document["paths"]["/things/{id}/parts"]["put"]  # under the name that the path has already
    assert [p["name"] for p in operation["parameters"]] == ["id", "Idempotency-Key"]
    assert {"409", "422"} <= set(operation["responses"])
    assert operation["parameters"][0]["schema"]["format"] == "int32" and operation["requestBody"]["required"] is True
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 20},
        "price": {"type": ["number", "null"], "minimum": 0, "maximum": 1000},
        "tags": {"type": ["array", "null"], "items": {"type": ["string", "null"]}, "minItems": 1, "maxItems": 3},
        "color": {"type": ["string", "null"], "enum": ["red", "green", None], "default": "red"},
        "data": {}}}
    assert operation["security"] == [{"bearerAuth": []}]
    assert set(operation["responses"]) == {"201", "400", "401", "409", "415", "422", "429", "503", "504"}
    assert operation["responses"]["409"]["description"].startswith("`taken`: There is a {name}; `locked`: Locked; or: ")
    assert "Location" in operation["responses"]["201"]["headers"]
    whole = document["paths"]["/whole"]["post"]
    assert whole["requestBody"]["content"]["application/json"]["schema"] == {} and "403" in whole["responses"]
    gone = document["paths"]["/things/{id}"]["delete"]["responses"]
    assert "content" not in gone["204"] and "304" not in gone


def test_the_shape_of_an_answer(things):
    document = things.request("GET", "/openapi.json").json
    response = document["paths"]["/things/{id}/parts"]["get"]["responses"]["200"]
    schema = response["content"]["application/json"]["schema"]
    parts = schema["properties"]
    assert schema["required"] == ["parts", "first", "one", "total", "kind", "nest"]
    assert parts["total"] == {"type": "integer", "minimum": 0} and parts["kind"] == {"const": "list"}
    assert parts["one"] == {"type": ["integer", "null"], "format": "int32"}
    assert parts["nest"]["prefixItems"][0]["properties"] == {"n": {"type": "integer", "minimum": 0}}
    columns = parts["parts"]["items"]["properties"]
    assert parts["first"]["type"] == ["object", "null"] and parts["first"]["properties"] == columns
    assert columns["c"] == {"type": ["integer", "null"], "format": "int64"}
    assert columns["f"] == {"type": ["number", "null"]} and columns["i"]["format"] == "date-time"
    assert columns["m"]["format"] == "uuid" and columns["n"]["contentEncoding"] == "base64"
    assert columns["o"] == {} and columns["p"] == {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
    assert columns["h"]["type"] == ["string", "null"] and columns["k"]["format"] == "date"


def test_answers_of_every_type_are_of_their_schema(things):
    document = things.request("GET", "/openapi.json").json
    for path, status in (("/things/1/parts", 200), ("/things/1/parts?color=red&color=green&word=abc", 200),
                         ("/things/1/parts?limit=0", 422)):
        answer = things.request("GET", path)
        assert answer.status == status, answer.body
        check_answer(document, "get", "/things/{id}/parts", answer)


def test_examples_can_be_sent(things):
    """What the document shows as an example is what the server takes."""
    document = things.request("GET", "/openapi.json").json
    sent = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            values = {p["name"]: p["example"] for p in operation.get("parameters", []) if p["in"] == "path"}
            query = [(p["name"], v) for p in operation.get("parameters", []) if p["in"] == "query"
                     for v in (p["example"] if isinstance(p["example"], list) else [p["example"]])]
            url = path.format(**values) + ("?" if query else "")
            url += "&".join(f"{name}={str(v).lower() if isinstance(v, bool) else v}" for name, v in query)
            body = operation.get("requestBody", {"content": {}})["content"].get("application/json", {}).get("example")
            answer = things.request(method.upper(), url, body)
            assert 200 <= answer.status < 300, (method, url, body, answer.body)
            check_answer(document, method, path, answer)
            sent += 1
    assert sent >= 9


def test_it_changes_with_the_schema_of_the_database(things, start, scratch):
    before = things.request("GET", "/openapi.json")
    scratch.sql("ALTER TYPE color ADD VALUE 'blue'")
    after = start("--dir", str(scratch.folder), database=scratch.url).request("GET", "/openapi.json")
    assert after.headers["ETag"] != before.headers["ETag"] and b'"blue"' in after.body


def test_without_a_database(start):
    server = start(database="postgresql://127.0.0.1:1/nothing", ready=False)
    answer = server.request("GET", "/openapi.json")
    assert answer.status in (200, 503)  # chat tells its endpoints without a database
    assert server.request("GET", "/docs").status == 200
