# SPDX-License-Identifier: MPL-2.0
"""Header fields, forms and files through the whole chain, as curl, Python and browsers send them."""
import base64
import hashlib
import os
import subprocess
import urllib.parse

import pytest

from test_cli import muster

ENDPOINTS = """
-- @endpoint  POST /notes
-- @operation add_note
-- @form title text (1..100 chars)
-- @form stars int4 = 3 (1..5)
-- @form tags text[] ?
-- @returns row
INSERT INTO notes (title, stars, tags) VALUES (:title, :stars, :tags) RETURNING title, stars, tags;

-- @endpoint  POST /files
-- @operation add_file
-- @form title text
-- @file upload bytea
-- @form upload_filename text ?
-- @form upload_content_type text ?
-- @status 201
-- @returns row
INSERT INTO files (title, content, filename, type)
VALUES (:title, :upload, :upload_filename, :upload_content_type)
RETURNING id, title, octet_length(content) AS size, filename, type;

-- @endpoint  GET /files/{id}
-- @operation get_file
-- @returns row
SELECT filename, content, encode(sha256(content), 'hex') AS sha256 FROM files WHERE id = :id;

-- @endpoint  POST /texts
-- @operation add_text
-- @file words text ?
-- @returns value
INSERT INTO notes (title) VALUES (coalesce(:words, 'nothing')) RETURNING title;

-- @endpoint  POST /album
-- @operation add_album
-- @file pics bytea[] ?
-- @form pics_filename text[] ?
-- @reads
-- @returns row
SELECT :pics AS pics, :pics_filename AS names;

-- @endpoint  POST /fields
-- @operation fields
-- @header idempotency_key text (..40 chars)
-- @header x_count int4 ?
-- @header x_tag text[] ?
-- @returns row
INSERT INTO notes (title) VALUES (:idempotency_key) RETURNING title, :x_count::int4 AS count, :x_tag::text[] AS tags;
"""
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"


def part(name, content, filename=None, content_type=None):
    """As browsers write it."""
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    if content_type:
        head += f"\r\nContent-Type: {content_type}"
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def multipart(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def served(scratch, start):
    scratch.sql("CREATE TABLE notes (title text NOT NULL, stars int4, tags text[]);"
                "CREATE TABLE files (id int8 GENERATED ALWAYS AS IDENTITY, title text NOT NULL, content bytea NOT NULL,"
                " filename text, type text)")
    scratch.endpoints(ENDPOINTS)
    server = start("--dir", str(scratch.folder), "--actors", "2", "--max-body", "4000000", database=scratch.url)
    server.rows = lambda: scratch.sql("SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM files)")
    server.sql = scratch.sql
    return server


def post(server, path, content_type, body):
    return server.request("POST", path, body, {"Content-Type": content_type})


def curl(server, path, *arguments):
    done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *arguments, server.url + path], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_urlencoded(served):
    title = "Zoë & co = 100 % + 😀\r\n"
    body = urllib.parse.urlencode([("title", title), ("stars", 5), ("tags", "a b"), ("tags", ""), ("other", "x")])
    answer = post(served, "/notes", URLENCODED, body.encode())
    assert answer.status == 200 and answer.json == {"title": title, "stars": 5, "tags": ["a b", ""]}
    status, answer = curl(served, "/notes", "--data-urlencode", "title=a+b & c%20d", "-d", "tags=x+y%2Bz")
    assert (status, answer) == (200, '{"title":"a+b & c%20d","stars":3,"tags":["x y+z"]}')


def test_curl_sends_forms_and_files(served, tmp_path):
    (tmp_path / 'a "quoted" näme.bin').write_bytes(b"\0\xff\r\n--\r\n")
    status, answer = curl(served, "/files", "-F", "title=Zoë; type=x/y", "-F",
                          f'upload=@"{str(tmp_path)}/a \\"quoted\\" näme.bin";type=image/png')
    assert status == 201, answer
    assert served.sql("SELECT title, filename, type, content FROM files") == \
        'Zoë|a "quoted" näme.bin|image/png|\\x00ff0d0a2d2d0d0a'
    status, answer = curl(served, "/notes", "-F", "title=a+b%20c", "-F", "stars=5")
    assert (status, answer) == (200, '{"title":"a+b%20c","stars":5,"tags":null}')


def test_a_megabyte_is_stored_and_read_back_identical(served, tmp_path):
    content = os.urandom(1024 * 1024 - 100) + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n" + bytes(54)
    (tmp_path / "random.bin").write_bytes(content)
    for send in (lambda: curl(served, "/files", "-F", "title=t", "-F", f"upload=@{tmp_path}/random.bin")[0],
                 lambda: post(served, "/files", MULTIPART, multipart(
                     part("title", b"t"), part("upload", content, "random.bin", "application/octet-stream"))).status):
        assert send() == 201
    for number in (1, 2):
        answer = served.request("GET", f"/files/{number}").json
        assert base64.b64decode(answer["content"]) == content and answer["filename"] == "random.bin"
        assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    assert served.sql("SELECT count(*) FROM files WHERE sha256(content) = '\\x" +
                      hashlib.sha256(content).hexdigest() + "'") == "2"


def test_every_byte_and_none(served):
    for content in (bytes(range(256)), b"", b"\r\n", b"\r\n--", b"--" + BOUNDARY[:-1].encode()):
        answer = post(served, "/files", MULTIPART, multipart(part("title", b"t"), part("upload", content, "f")))
        assert answer.status == 201 and answer.json["size"] == len(content)
        assert served.sql("SELECT content FROM files ORDER BY id DESC LIMIT 1") == "\\x" + content.hex()


def test_text_files_and_files_that_were_not_chosen(served):
    words = "Zoë\r\n\r\n\"quotes\" \\ and more\n"
    answer = post(served, "/texts", MULTIPART, multipart(part("words", words.encode(), "w.txt", "text/plain")))
    assert answer.status == 200 and answer.json == words
    for body in (multipart(), multipart(part("words", b"", "", "application/octet-stream"))):
        assert post(served, "/texts", MULTIPART, body).json == "nothing"
    answer = post(served, "/album", MULTIPART, multipart(part("pics", b"1", "a"), part("pics", b"\xff"),
                                                         part("pics", b"", "c")))
    assert answer.json == {"pics": ["MQ==", "/w==", ""], "names": ["a", None, "c"]}


def test_a_field_cannot_forge_what_a_part_tells(served):
    answer = post(served, "/files", MULTIPART, multipart(part("upload_filename", b"forged"), part("title", b"t"),
                                                         part("upload", b"x"), part("upload_content_type", b"forged")))
    assert answer.status == 201 and answer.json["filename"] is None and answer.json["type"] is None


GOOD = (part("title", b"t"), part("upload", b"x", "f"))


REFUSED = [
    ("/notes", URLENCODED, b"stars=5", 422, "title is required"),
    ("/notes", URLENCODED, b"title=a&title=b", 422, "title is given more than once"),
    ("/notes", URLENCODED, b"title=a&stars=6", 422, "stars must be at most 5"),
    ("/notes", URLENCODED, b"title=a%00", 422, "U+0000"),
    ("/notes", URLENCODED, b"title=%ff", 400, "not UTF-8"),
    ("/notes", URLENCODED, b"title=%f", 400, "percent-escape"),
    ("/notes", URLENCODED, b"&".join([b"a=1"] * 1001), 400, "too many fields"),
    ("/notes", "application/json", b'{"title": "a"}', 415, "application/x-www-form-urlencoded"),
    ("/notes", "text/plain", b"title=a", 415, "multipart/form-data"),
    ("/notes", "multipart/mixed; boundary=" + BOUNDARY, multipart(part("title", b"a")), 415, "multipart/form-data"),
    ("/notes", MULTIPART, multipart(part("title", b"a", "f")), 422, "title must be a field, not a file"),
    ("/files", URLENCODED, b"title=a&upload=b", 422, "upload is required"),
    ("/files", "multipart/form-data", multipart(*GOOD), 400, "no boundary"),
    ("/files", MULTIPART, multipart(*GOOD)[:-4], 400, "does not end"),
    ("/files", MULTIPART, multipart(*GOOD)[:-2 * len(BOUNDARY)], 400, "ends within a part's header fields"),
    ("/files", MULTIPART, multipart(*GOOD).replace(b"\r\n", b"\n"), 400, "behind a boundary"),
    ("/files", MULTIPART, multipart(*GOOD, GOOD[1]), 422, "upload is given more than once"),
    ("/files", MULTIPART, multipart(GOOD[0], part("upload", b"", "")), 422, "upload is required"),
    ("/files", MULTIPART, multipart(GOOD[0], part("upload", b"x", "name")).replace(b'"name"', b'"\xff"'), 400,
     "filename is not UTF-8"),
    ("/files", MULTIPART, multipart(*GOOD, *[part("a", b"")] * 99), 400, "too many parts"),
    ("/files", MULTIPART, multipart(GOOD[0], part("upload", b"x", "f", "multipart/mixed; boundary=c")), 400,
     "multipart itself"),
    ("/files", MULTIPART, multipart(GOOD[0], part("upload", b"x", "f" * 9000)), 400, "too long"),
    ("/files", MULTIPART, multipart(GOOD[0], part("upload", bytes(4000000), "f")), 413, ""),
    ("/texts", MULTIPART, multipart(part("words", b"\xff")), 422, "UTF-8"),
    ("/texts", MULTIPART, multipart(part("words", b"a\0")), 422, "U+0000"),
]


def test_what_is_refused_writes_nothing(served):
    for path, content_type, body, status, words in REFUSED:
        answer = post(served, path, content_type, body)
        assert answer.status == status and words in answer.json["detail"], (path, body[:500], answer.body)
        assert served.rows() == "0"
    assert post(served, "/files", MULTIPART, multipart(*GOOD)).status == 201
    assert served.rows() == "1"


def test_headers(served):
    answer = served.request("POST", "/fields", b"", {"Idempotency-Key": "a%20b, c", "X-COUNT": "7", "x-tag": "a, b"})
    assert answer.json == {"title": "a%20b, c", "count": 7, "tags": ["a, b"]}
    status, answer = curl(served, "/fields", "-X", "POST", "-H", "idempotency-key: Zoë", "-H", "X-Tag: a", "-H",
                          "X-Tag: b")
    assert (status, answer) == (200, '{"title":"Zoë","count":null,"tags":["a","b"]}')
    assert served.rows() == "2"
    for fields, wanted, words in (
            ([], 422, "idempotency_key is required"),
            (["Idempotency-Key: a", "Idempotency-Key: a"], 400, "idempotency_key is given more than once"),
            (["Idempotency-Key: a", "X-Count: x"], 422, "x_count must be an integer"),
            (["Idempotency-Key: " + "a" * 41], 422, "at most 40 characters")):
        status, answer = curl(served, "/fields", "-X", "POST", *[x for field in fields for x in ("-H", field)])
        assert status == wanted and words in answer
    raw = served.raw(b"POST /fields HTTP/1.1\r\nHost: h\r\nIdempotency-Key: \xff\r\nContent-Length: 0\r\n"
                     b"Connection: close\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 400 ") and b"not UTF-8" in raw
    assert served.rows() == "2"


def test_over_zeromq_the_same_checks(served):
    assert served.call("add_file", "title=t", "upload=AP8=", "upload_filename=f").returncode == 0
    assert served.sql("SELECT content, filename FROM files") == "\\x00ff|f"
    done = served.call("add_file", "title=t")
    assert done.returncode == 1 and "upload is required" in done.stderr.lower()
    assert served.rows() == "1"


def test_json_and_a_form_in_one_operation_is_told(scratch):
    scratch.endpoints("-- @endpoint POST /x\n-- @operation x\n-- @body a text\n-- @form b text\nSELECT :a, :b;\n")
    done = muster("serve", "--dev", "--bind", "none", "--http", "127.0.0.1:0", "--dir", str(scratch.folder),
                  "--database-url", scratch.url)
    assert done.returncode == 1
    assert "test.sql:4: a body is JSON (@body) or a form (@form, @file), not both: b" in done.stderr
