# SPDX-License-Identifier: MPL-2.0
"""Files with bounds of their own: larger than --max-body, judged while they arrive, bounded one by one and together;
requests that are refused before their bodies are read."""
import hashlib
import os
import pathlib
import subprocess

import pytest

from conftest import SLOW, wait_for

ENDPOINTS = """
-- @endpoint  POST /files
-- @operation add_file
-- @file upload bytea (1..3MB)
-- @form upload_filename text ?
-- @form title text ?
-- @status 201
-- @returns row
INSERT INTO files (title, content, filename) VALUES (:title, :upload, :upload_filename)
RETURNING octet_length(content) AS size, encode(sha256(content), 'hex') AS sha256, filename, title;

-- @endpoint  POST /large
-- @operation add_large
-- @file upload bytea (..20MB)
-- @reads
-- @returns row
SELECT octet_length(:upload) AS size, encode(sha256(:upload), 'hex') AS sha256;

-- @endpoint  POST /words
-- @operation add_words
-- @file words text (..200kB)
-- @reads
-- @returns row
SELECT length(:words) AS length, md5(:words) AS md5;

-- @endpoint  POST /notes
-- @operation add_note
-- @body title text
-- @returns value
INSERT INTO files (title, content) VALUES (:title, '') RETURNING title;

-- @endpoint  POST /album
-- @operation add_album
-- @file pics bytea[] (..100kB)
-- @file cover bytea ? (..100kB)
-- @reads
-- @returns row
SELECT cardinality(:pics) AS count, octet_length(array_to_string(:pics, '', '')) AS letters, octet_length(:cover) AS cover;
"""
BOUNDARY = "xYzZY"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
MB = 1 << 20


def part(name, content, filename=None):
    told = f'; filename="{filename}"' if filename is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode() + content + b"\r\n"


def multipart(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def head(path, length=None, *fields, content_type=MULTIPART):
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: h", f"Content-Type: {content_type}", framing, *fields, "",
                        ""]).encode()


def chunks(body, size):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture
def serve(scratch, start):
    def run(*flags, **options):
        scratch.sql("CREATE TABLE files (title text, content bytea NOT NULL, filename text)")
        scratch.endpoints(ENDPOINTS)
        server = start("--dir", str(scratch.folder), "--actors", "2", "--max-body", "65536", *flags,
                       database=scratch.url, **options)
        server.rows = lambda: scratch.sql("SELECT count(*) FROM files")
        return server

    return run


def curl(server, path, *arguments):
    done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *arguments, server.url + path], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def post(server, path, body):
    return server.request("POST", path, body, {"Content-Type": MULTIPART})


def test_files_up_to_their_bounds(serve, tmp_path):
    server = serve()
    content = os.urandom(3 * MB - 20) + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n--\r\n--x"
    content = content[-3 * MB:]
    (tmp_path / "f").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]):
        status, answer = curl(server, "/files", "-F", f"upload=@{tmp_path}/f;filename=a b", "-F", "title=t", *more)
        assert status == 201 and digest in answer and f'"size":{len(content)}' in answer, answer
    answer = post(server, "/files", multipart(part("upload", content, "n")))
    assert answer.status == 201 and answer.json["sha256"] == digest
    words = "Zoë\r\n" * 25000
    answer = post(server, "/words", multipart(part("words", words.encode(), "w")))
    assert answer.json == {"length": 125000, "md5": hashlib.md5(words.encode()).hexdigest()}
    pics = [part("pics", bytes(100 << 10), "p")] * 10
    answer = post(server, "/album", multipart(*pics[:5], part("cover", b"abc", "c"), *pics[5:]))
    assert answer.json["count"] == 10 and answer.json["cover"] == 3


def test_bounds_are_told_and_nothing_is_written(serve):
    server = serve()
    large = bytes(3 * MB + 1)
    for path, body, status, words in (
            ("/files", multipart(part("upload", large, "f")), 413, "upload must have at most 3 MB."),
            ("/files", multipart(part("upload", b"", "f")), 422, "upload must have at least 1 byte."),
            ("/files", multipart(part("title", bytes(66000)), part("upload", b"x", "f")), 413, "The body is too large."),
            ("/files", multipart(part("upload", b"x", "f"), part("nobody", bytes(66000), "f")), 413,
             "The body is too large."),
            ("/words", multipart(part("words", b"a" * (201 << 10), "w")), 413, "words must have at most 200 kB."),
            ("/words", multipart(part("words", b"a" * 70000 + b"\xff", "w")), 422, "words must be a text in UTF-8."),
            ("/album", multipart(part("pics", b"x", "p"), part("pics", bytes((100 << 10) + 1), "p")), 413,
             "pics must have at most 100 kB."),
            ("/nothing", multipart(part("a", large)), 404, "There is nothing at this path.")):
        # As a client that reads before all is sent; a server may answer at once.
        answer = server.raw(head(path, len(body), "Connection: close") + body)
        assert answer.startswith(b"HTTP/1.1 %d " % status) and words.encode() in answer, (path, answer[:300])
        chunked = server.raw(head(path, None, "Connection: close") + chunks(body, 50000))
        assert chunked.startswith(b"HTTP/1.1 %d " % status) and words.encode() in chunked, (path, chunked[:300])
    # What takes no such file keeps the limit of all bodies.
    answer = server.raw(head("/notes", 70000, content_type="application/json") + b"{")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert server.rows() == "0"
    done = server.call("add_file", "upload=")
    assert done.returncode == 1 and "at least 1 byte" in done.stderr
    schema = server.request("GET", "/openapi.json").json["paths"]["/files"]["post"]["requestBody"]["content"]
    assert schema["multipart/form-data"]["schema"]["properties"]["upload"] == {
        "type": "string", "contentMediaType": "application/octet-stream", "description": "At most 3 MB",
        "minLength": 1, "maxLength": 3 * MB}


def read_head(client):
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


def test_refused_before_the_body(serve, start):
    server = serve()
    for path, fields, content_type, status in (("/nowhere", [], MULTIPART, 404), ("/files", [], "text/plain", 415),
                                               ("/files", ["Content-Encoding: gzip"], MULTIPART, 415),
                                               ("/files", [], "multipart/form-data", 400),
                                               ("/notes", [], "text/plain", 415), ("/docs", [], MULTIPART, 405),
                                               ("/files/", [], MULTIPART, 307)):
        for expect in ([], ["Expect: 100-continue"]):
            with server.connect() as client:  # nothing of the body is ever sent
                client.sendall(head(path, 60000, *fields, *expect, content_type=content_type))
                assert read_head(client).startswith(b"HTTP/1.1 %d " % status), path
    with server.connect() as client:  # more than any body may have, before it is asked for
        client.sendall(head("/files", 4 * MB, "Expect: 100-continue"))
        assert read_head(client).startswith(b"HTTP/1.1 413 ")
    with server.connect() as client:
        client.sendall(head("/files", 100, "Expect: 100-continue"))
        assert read_head(client) == b"HTTP/1.1 100 Continue\r\n\r\n"
    stranger = start(dev=False)
    with stranger.connect() as client:
        client.sendall(head("/providers", 1000, "Expect: 100-continue", content_type="application/json"))
        assert read_head(client).startswith(b"HTTP/1.1 401 ")
    assert server.rows() == "0"


def test_a_refused_body_is_dropped_and_the_connection_goes_on(serve):
    server = serve()
    with server.connect() as client:
        client.sendall(head("/nowhere", 20) + b"GET /a HTTP/1.1\r\n\r\n\r" + head("/nowhere") + chunks(b"abcdef", 4)
                       + b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answers = server.read_all(client)
    assert [piece[:3] for piece in answers.split(b"HTTP/1.1 ")[1:]] == [b"404", b"404", b"200"]


def test_requests_behind_an_upload(serve):
    server = serve()
    body = multipart(part("upload", bytes(MB), "f"))
    note = b'{"title":"behind"}'
    behind = head("/notes", len(note), "Connection: close", content_type="application/json") + note
    for upload in (head("/files", len(body)) + body, head("/files") + chunks(body, 65536)):
        answers = server.raw(upload + upload + behind)
        assert [piece[:3] for piece in answers.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"200"]
        assert answers.endswith(b'"behind"')
    assert server.rows() == "6"


def test_uploads_together_are_bounded(serve):
    server = serve("--uploads", str(4 * MB))
    body = multipart(part("upload", bytes(3 * MB), "f"))

    def begun():
        client = server.connect()
        client.sendall(head("/files", len(body)) + body[:-100])
        return client

    def refused():
        with server.connect() as probe:
            probe.sendall(head("/files", len(body), "Expect: 100-continue"))
            answer = read_head(probe)
        return answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer

    client = begun()
    wait_for(refused, what="a refusal while the first upload is under way")
    # A length that is not told is found out on the way; the small ones go on.
    answer = server.raw(head("/files", None, "Connection: close") + chunks(body, 60000))
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Too much is being uploaded at once" in answer
    assert post(server, "/files", multipart(part("upload", b"x", "f"))).status == 201
    client.sendall(body[-100:])
    assert read_head(client).startswith(b"HTTP/1.1 201 ")
    client.close()
    # A client that leaves gives its share back.
    for _ in range(2):
        client = begun()
        wait_for(refused, what="a refusal while an upload is under way")
        before = server.log().count(" 499 ")
        client.close()
        wait_for(lambda: server.log().count(" 499 ") > before, what="the line of a client that left")
    assert post(server, "/files", body).status == 201
    assert server.rows() == "3"


def test_a_slow_upload_ends(serve):
    server = serve("--body-timeout", "300ms")
    with server.connect() as client:
        client.sendall(head("/files", 2 * MB) + multipart(part("upload", bytes(MB), "f"))[:MB])
        assert read_head(client).startswith(b"HTTP/1.1 408 ")
    server.logged('"POST /files" 408')
    assert server.rows() == "0"


def peak(process):
    for line in pathlib.Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory tells nothing")
def test_memory_of_a_gateway(parts, scratch):
    """A file costs the gateway its size and little more, the first one and those that follow."""
    scratch.endpoints(ENDPOINTS.split("\n\n")[1])
    broker = parts.broker()
    parts.actors([broker], "--dir", str(scratch.folder), "--actors", "1", database=scratch.url).logged("ready")
    gateway = parts.gateway([broker]).wait_ready()
    small, large = (multipart(part("upload", os.urandom(size), "f")) for size in (8 * MB, 16 * MB))
    before = peak(gateway)
    for upload in (head("/large", len(small), "Connection: close") + small,
                   head("/large", None, "Connection: close") + chunks(large, 1 << 20)):
        answer = gateway.raw(upload, timeout=60)
        # On a busy machine the actor may not get that much within the two seconds after which it is given up.
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 ")), answer[:500]
    assert peak(gateway) - before < 16 * MB + 4 * MB
