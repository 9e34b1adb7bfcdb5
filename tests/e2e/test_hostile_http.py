# SPDX-License-Identifier: MPL-2.0
"""HTTP as attackers, broken clients and slow networks speak it (RFC 9110, RFC 9112).

What is malformed gets one answer and a closed connection; nothing behind it is read as a request, and good
clients beside it notice nothing. Whatever is well-formed gets the same answer however its bytes arrive.
"""
import json
import pathlib
import re
import select
import socket
import time

import pytest

from conftest import SLOW, Server, psql, wait_for

SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
MAX_BODY, MAX_HEAD, MAX_TARGET = 1048576, 16384, 8192


def get(*fields, line=b"GET /health/live HTTP/1.1", host=b"Host: a"):
    """A GET with these further field lines; something smuggled stands behind it."""
    lines = [line] + ([host] if host is not None else []) + list(fields)
    return b"\r\n".join(lines) + b"\r\n\r\n" + SMUGGLED


def target(text, method=b"GET"):
    return get(line=method + b" " + text + b" HTTP/1.1")


def host(text):
    return get(host=b"Host: " + text)


def post(*fields, body=b"", line=b"POST /echo HTTP/1.1"):
    fields = [line, b"Host: a", b"Content-Type: application/json"] + list(fields)
    return b"\r\n".join(fields) + b"\r\n\r\n" + body + SMUGGLED


def length(text, body=b"hello"):
    return post(b"Content-Length: " + text, body=body)


def chunked(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


def encoding(text, body=b"0\r\n\r\n"):
    return post(b"Transfer-Encoding:" + text, body=body)


CL, TE = b"Content-Length: 5", b"Transfer-Encoding: chunked"
BODY = b'5\r\n"abc"\r\n0\r\n\r\n'

HOSTILE = [
    # Smuggling: two ways to find the end of the body.
    ("cl-te", 400, post(CL, TE, body=b"0\r\n\r\n")),
    ("te-cl", 400, post(TE, CL, body=b"0\r\n\r\n")),
    ("cl-te-zero", 400, post(b"Content-Length: 0", TE, body=BODY)),
    ("te-cl-get", 400, get(TE, b"Content-Length: 3")),
    ("cl-te-case", 400, post(b"CONTENT-LENGTH: 5", b"tRANSFER-eNCODING: cHUNKED", body=b"0\r\n\r\n")),
    ("te-te", 400, post(TE, TE, body=BODY)),
    ("te-te-identity", 400, post(TE, b"Transfer-Encoding: identity", body=BODY)),
    ("te-identity-te", 400, post(b"Transfer-Encoding: identity", TE, body=BODY)),
    ("te-te-cow", 400, post(TE, b"Transfer-encoding: cow", body=BODY)),
    ("te-cl-cl", 400, post(TE, CL, CL, body=BODY)),
    ("te-space-colon", 400, post(CL, b"Transfer-Encoding : chunked", body=b"hello")),
    ("te-tab-colon", 400, post(CL, b"Transfer-Encoding\t: chunked", body=b"hello")),
    ("te-leading-space", 400, post(CL, b" Transfer-Encoding: chunked", body=b"hello")),
    ("te-obs-fold", 400, post(b"Transfer-Encoding:\r\n chunked", body=BODY)),
    ("te-lf-hidden", 400, post(CL, b"X: y\nTransfer-Encoding: chunked", body=b"hello")),
    ("te-cr-hidden", 400, post(CL, b"X: y\rTransfer-Encoding: chunked", body=b"hello")),
    ("te-vertical-tab", 400, encoding(b" \x0bchunked", BODY)),
    ("te-form-feed", 400, encoding(b" chunked\x0c", BODY)),
    ("te-nul", 400, encoding(b" chunked\x00", BODY)),
    ("te-underscore", 400, post(b"Transfer_Encoding: chunked", b"Content-Length: x")),
    ("te-in-1.0", 400, post(TE, b"Connection: keep-alive", body=BODY, line=b"POST /echo HTTP/1.0")),
    ("te-cl-in-1.0", 400, post(TE, CL, body=BODY, line=b"POST /echo HTTP/1.0")),
    # Transfer codings. Where chunked is not the last the body has no end: 400 (RFC 9112 section 6.3).
    ("te-gzip", 400, encoding(b" gzip", b"hello")),
    ("te-gzip-chunked", 501, encoding(b" gzip, chunked", BODY)),
    ("te-unknown", 400, encoding(b" xchunked", BODY)),
    ("te-quoted", 400, encoding(b' "chunked"', BODY)),
    ("te-chunked-twice", 501, encoding(b" chunked, chunked", BODY)),
    ("te-parameter", 400, encoding(b" chunked;q=1", BODY)),
    ("te-identity", 400, encoding(b" identity", b"hello")),
    ("te-chunked-gzip", 400, encoding(b" chunked, gzip", BODY)),
    ("te-chunked-identity", 400, encoding(b" chunked, identity", BODY)),
    # Content-Length.
    ("cl-plus", 400, length(b"+5")),
    ("cl-minus", 400, length(b"-1")),
    ("cl-list", 400, length(b"5, 5")),
    ("cl-list-differs", 400, length(b"5,6")),
    ("cl-empty", 400, length(b"")),
    ("cl-hex", 400, length(b"0x5")),
    ("cl-float", 400, length(b"5.0")),
    ("cl-exponent", 400, length(b"5e0")),
    ("cl-blank-inside", 400, length(b"5 5")),
    ("cl-letters", 400, length(b"five")),
    ("cl-trailing-letter", 400, length(b"5a")),
    ("cl-underscore", 400, length(b"1_0")),
    ("cl-quoted", 400, length(b'"5"')),
    ("cl-semicolon", 400, length(b"5;")),
    ("cl-fullwidth-digit", 400, length("５".encode())),
    ("cl-doubled-same", 400, post(CL, CL, body=b"hello")),
    ("cl-doubled-differs", 400, post(CL, b"Content-Length: 6", body=b"hello")),
    ("cl-doubled-on-get", 400, get(b"Content-Length: 0", b"Content-Length: 44")),
    ("cl-one-too-large", 413, length(str(MAX_BODY + 1).encode(), b"")),
    ("cl-2-to-32", 413, length(b"4294967296", b"")),
    ("cl-2-to-64", 413, length(b"18446744073709551616", b"")),
    ("cl-2-to-64-plus-5", 413, length(b"18446744073709551621")),
    ("cl-hundred-digits", 413, length(b"9" * 100, b"")),
    ("cl-huge-then-letter", 400, length(b"9" * 100 + b"x", b"")),
    ("cl-huge-with-expect", 413, post(b"Content-Length: 99999999", b"Expect: 100-continue")),
    # Chunks.
    ("chunk-size-empty", 400, chunked(b"\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-not-hex", 400, chunked(b"g\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-0x", 400, chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-plus", 400, chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-minus", 400, chunked(b"-5\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-blank-before", 400, chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-blank-behind", 400, chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-tab", 400, chunked(b"5\t\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-nul", 400, chunked(b"5\x00\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-lf", 400, chunked(b"5\nhello\r\n0\r\n\r\n")),
    ("chunk-size-cr", 400, chunked(b"5\rhello\r\n0\r\n\r\n")),
    ("chunk-size-nine-digits", 400, chunked(b"000000005\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-2-to-64-plus-5", 400, chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
    ("chunk-size-endless", 400, chunked(b"0" * 70000)),
    ("chunk-size-too-large", 413, chunked(b"100001\r\n")),
    ("chunk-size-ffffffff", 413, chunked(b"FFFFFFFF\r\n")),
    ("chunk-sizes-together-too-large", 413,
     chunked(b"80000\r\n" + b" " * 0x80000 + b"\r\n80001\r\n")),
    ("chunk-extension-control", 400, chunked(b"5;a=\x01\r\nhello\r\n0\r\n\r\n")),
    ("chunk-extension-space-before", 400, chunked(b"5 ;a=b\r\nhello\r\n0\r\n\r\n")),
    ("chunk-extension-other-mark", 400, chunked(b"5,a=b\r\nhello\r\n0\r\n\r\n")),
    ("chunk-extension-empty", 400, chunked(b"5;\r\nhello\r\n0\r\n\r\n")),
    ("chunk-extension-lf", 400, chunked(b"5;\nhello\r\n0\r\n\r\n")),
    ("chunk-extensions-many", 400, chunked(b"1;%s\r\nx\r\n" % (b"e" * 1000) * 5 + b"0\r\n\r\n")),
    ("chunk-extension-long", 400, chunked(b"5;a=" + b"x" * 20000)),
    ("chunk-data-too-long", 400, chunked(b"5\r\nhelloworld\r\n0\r\n\r\n")),
    ("chunk-data-lf", 400, chunked(b"5\r\nhello\n0\r\n\r\n")),
    ("chunk-data-cr-cr", 400, chunked(b"5\r\nhello\r\r\n0\r\n\r\n")),
    ("trailer-space-colon", 400, chunked(b"0\r\nX : y\r\n\r\n")),
    ("trailer-no-colon", 400, chunked(b"0\r\nX\r\n\r\n")),
    ("trailer-no-name", 400, chunked(b"0\r\n: y\r\n\r\n")),
    ("trailer-obs-fold", 400, chunked(b"0\r\nX: y\r\n z\r\n\r\n")),
    ("trailer-nul", 400, chunked(b"0\r\nX: \x00\r\n\r\n")),
    ("trailer-lf", 400, chunked(b"0\r\nX: y\n\r\n")),
    ("trailer-last-lf", 400, chunked(b"0\r\n\n")),
    ("trailer-long", 400, chunked(b"0\r\nX: " + b"y" * 5000)),
    ("trailers-many", 400, chunked(b"0\r\n" + b"X: yyyy\r\n" * 1000)),
    # Line ends.
    ("lf-only", 400, b"GET /health/live HTTP/1.1\nHost: a\n\n"),
    ("lf-request-line", 400, b"GET /health/live HTTP/1.1\nHost: a\r\n\r\n"),
    ("lf-field", 400, b"GET /health/live HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    ("lf-last", 400, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\n"),
    ("lf-first", 400, b"\n" + LIVE),
    ("cr-field", 400, b"GET /health/live HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
    ("cr-cr-lf", 400, b"GET /health/live HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    ("cr-first", 400, b"\r" + LIVE),
    ("empty-lines-too-many", 400, b"\r\n" * 3 + LIVE),
    ("empty-lines-endless", 400, b"\r\n" * 3000),
    # Field lines.
    ("field-obs-fold", 400, get(b"X: y\r\n z")),
    ("field-obs-fold-tab", 400, get(b"X: y\r\n\tz")),
    ("field-first-is-folded", 400, get(host=b" Host: a")),
    ("field-space-colon", 400, get(b"X : y")),
    ("field-tab-colon", 400, get(b"X\t: y")),
    ("field-no-colon", 400, get(b"X")),
    ("field-no-name", 400, get(b": y")),
    ("field-only-colon", 400, get(b":")),
    ("field-name-blank-inside", 400, get(b"X Y: z")),
    ("field-name-nul", 400, get(b"X\x00: y")),
    ("field-name-parenthesis", 400, get(b"X(): y")),
    ("field-name-slash", 400, get(b"X/Y: z")),
    ("field-name-at", 400, get(b"X@Y: z")),
    ("field-name-quote", 400, get(b'"X": y')),
    ("field-name-utf-8", 400, get("Ü: y".encode())),
    ("field-name-delete", 400, get(b"X\x7f: y")),
    ("field-value-nul", 400, get(b"X: a\x00b")),
    ("field-value-soh", 400, get(b"X: a\x01b")),
    ("field-value-escape", 400, get(b"X: \x1b[2J")),
    ("field-value-backspace", 400, get(b"X: \x08")),
    ("field-value-delete", 400, get(b"X: \x7f")),
    # Host.
    ("host-missing", 400, get(host=None)),
    ("host-doubled-same", 400, get(b"Host: a")),
    ("host-doubled-differs", 400, get(b"Host: b")),
    ("host-doubled-case", 400, get(b"hOST: b")),
    ("host-doubled-in-1.0", 400, get(b"Host: b", line=b"GET /health/live HTTP/1.0")),
    ("host-missing-absolute-form", 400, get(line=b"GET http://a/health/live HTTP/1.1", host=None)),
    ("host-empty", 400, host(b"")),
    ("host-blank-inside", 400, host(b"a b")),
    ("host-slash", 400, host(b"a/b")),
    ("host-user", 400, host(b"user@a")),
    ("host-list", 400, host(b"a\\b")),
    ("host-query", 400, host(b"a?b")),
    ("host-fragment", 400, host(b"a#b")),
    ("host-quote", 400, host(b'"a"')),
    ("host-angle", 400, host(b"<script>")),
    ("host-utf-8", 400, host("ä".encode())),
    ("host-url", 400, host(b"http://a/")),
    ("host-port-letters", 400, host(b"a:http")),
    ("host-port-large", 400, host(b"a:65536")),
    ("host-port-long", 400, host(b"a:000080")),
    ("host-port-minus", 400, host(b"a:-1")),
    ("host-two-ports", 400, host(b"a:1:2")),
    ("host-only-port", 400, host(b":80")),
    ("host-ipv6-open", 400, host(b"[::1")),
    ("host-ipv6-empty", 400, host(b"[]")),
    ("host-ipv6-letters", 400, host(b"[::g]")),
    ("host-ipv6-behind", 400, host(b"[::1]a")),
    ("host-ipv6-zone", 400, host(b"[fe80::1%25lo]")),
    ("host-escape", 400, host(b"a%2")),
    ("host-long", 400, host(b"a" * 256)),
    # The request line.
    ("line-no-version", 400, b"GET /health/live\r\n\r\n"),
    ("line-no-version-fields", 400, get(line=b"GET /health/live")),
    ("line-no-version-blank", 400, get(line=b"GET /health/live ")),
    ("line-only-method", 400, get(line=b"GET")),
    ("line-no-target", 400, get(line=b"GET HTTP/1.1")),
    ("line-empty-target", 400, get(line=b"GET  HTTP/1.1")),
    ("line-two-blanks", 400, get(line=b"GET  /health/live HTTP/1.1")),
    ("line-two-blanks-version", 400, get(line=b"GET /health/live  HTTP/1.1")),
    ("line-tab", 400, get(line=b"GET\t/health/live\tHTTP/1.1")),
    ("line-leading-blank", 400, get(line=b" GET /health/live HTTP/1.1")),
    ("line-trailing-blank", 400, get(line=b"GET /health/live HTTP/1.1 ")),
    ("line-blank-in-target", 400, get(line=b"GET /health live HTTP/1.1")),
    ("line-nul-method", 400, get(line=b"GE\x00T /health/live HTTP/1.1")),
    ("line-tls-hello", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ("line-json", 400, b'{"method": "GET"}\r\n\r\n'),
    ("line-only-blank", 400, b" \r\n\r\n"),
    # Versions.
    ("version-0.9", 505, get(line=b"GET /health/live HTTP/0.9")),
    ("version-1.2", 505, get(line=b"GET /health/live HTTP/1.2")),
    ("version-2.0", 505, get(line=b"GET /health/live HTTP/2.0")),
    ("version-9.9", 505, get(line=b"GET /health/live HTTP/9.9")),
    ("version-preface-of-2", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("version-lower-case", 400, get(line=b"GET /health/live http/1.1")),
    ("version-mixed-case", 400, get(line=b"GET /health/live HTtP/1.1")),
    ("version-long", 400, get(line=b"GET /health/live HTTP/1.10")),
    ("version-zeros", 400, get(line=b"GET /health/live HTTP/01.1")),
    ("version-short", 400, get(line=b"GET /health/live HTTP/1")),
    ("version-comma", 400, get(line=b"GET /health/live HTTP/1,1")),
    ("version-plus", 400, get(line=b"GET /health/live HTTP/+1.1")),
    ("version-other-protocol", 400, get(line=b"OPTIONS /health/live RTSP/1.0")),
    ("version-icy", 400, get(line=b"GET /health/live ICY/1.1")),
    # Methods.
    ("method-unknown", 501, get(line=b"FROBNICATE /health/live HTTP/1.1")),
    ("method-lower-case", 501, get(line=b"get /health/live HTTP/1.1")),
    ("method-mixed-case", 501, get(line=b"Get /health/live HTTP/1.1")),
    ("method-with-more", 501, get(line=b"GETX /health/live HTTP/1.1")),
    ("method-punctuation", 501, get(line=b"!#$%&'*+-.^_`|~ /health/live HTTP/1.1")),
    ("method-long", 501, get(line=b"A" * 33 + b" /health/live HTTP/1.1")),
    ("method-not-a-token", 400, get(line=b"GET/ /health/live HTTP/1.1")),
    ("method-brackets", 400, get(line=b"[GET] /health/live HTTP/1.1")),
    ("connect", 501, get(line=b"CONNECT a:443 HTTP/1.1")),
    ("connect-path", 501, get(line=b"CONNECT /health/live HTTP/1.1")),
    # Targets.
    ("target-percent", 400, target(b"/%")),
    ("target-percent-short", 400, target(b"/a%1")),
    ("target-percent-not-hex", 400, target(b"/%zz")),
    ("target-percent-u", 400, target(b"/%u0041")),
    ("target-percent-in-query", 400, target(b"/models?a=%g1")),
    ("target-percent-at-end-of-query", 400, target(b"/models?a=%4")),
    ("target-fragment", 400, target(b"/health/live#top")),
    ("target-fragment-in-query", 400, target(b"/models?a=b#top")),
    ("target-backslash", 400, target(b"/health\\live")),
    ("target-nul", 400, target(b"/health/live\x00")),
    ("target-delete", 400, target(b"/health/live\x7f")),
    ("target-utf-8", 400, target("/gesündheit".encode())),
    ("target-latin-1", 400, target(b"/\xe9")),
    ("target-no-slash", 400, target(b"health/live")),
    ("target-only-query", 400, target(b"?a=b")),
    ("target-dot-dot", 400, target(b"../etc/passwd")),
    ("asterisk-get", 400, target(b"*")),
    ("asterisk-post", 400, target(b"*", b"POST")),
    ("asterisk-more", 400, target(b"*/health", b"OPTIONS")),
    ("absolute-no-host", 400, target(b"http:///health/live")),
    ("absolute-nothing", 400, target(b"http://")),
    ("absolute-one-slash", 400, target(b"http:/a/health/live")),
    ("absolute-user", 400, target(b"http://user:secret@a/health/live")),
    ("absolute-port", 400, target(b"http://a:99999/health/live")),
    ("absolute-ftp", 400, target(b"ftp://a/health/live")),
    ("absolute-file", 400, target(b"file:///etc/passwd")),
    ("absolute-fragment", 400, target(b"http://a/health/live#x")),
    ("absolute-percent", 400, target(b"http://a/%zz")),
    ("absolute-authority-form", 400, target(b"a:80")),
    # Sizes.
    ("size-target", 414, target(b"/" + b"a" * (MAX_TARGET + 100))),
    ("size-query", 414, target(b"/models?a=" + b"b" * (MAX_TARGET + 100))),
    ("size-target-endless", 414, b"GET /" + b"a" * (MAX_HEAD - 100)),
    ("size-method-endless", 414, b"A" * (MAX_TARGET + 1000)),
    ("size-header", 431, get(b"X: " + b"y" * MAX_HEAD)),
    ("size-header-endless", 431, LIVE[:-2] + b"X: " + b"y" * MAX_HEAD),
    ("size-name-endless", 431, LIVE[:-2] + b"y" * MAX_HEAD),
    ("size-headers-together", 431, get(*[b"X%d: " % i + b"y" * 1000 for i in range(17)])),
    ("size-headers-many", 431, get(*[b"X%d: y" % i for i in range(100)])),
    ("size-headers-many-same", 431, get(*[b"Cookie: a=b"] * 100)),
    # Expectations.
    ("expect-unknown", 417, post(CL, b"Expect: the-unexpected", body=b"hello")),
    ("expect-200", 417, post(CL, b"Expect: 200-ok", body=b"hello")),
    ("expect-list", 417, post(CL, b"Expect: 100-continue, other", body=b"hello")),
    ("expect-on-get", 417, get(b"Expect: other")),
    ("expect-good-then-unknown", 417, post(CL, b"Expect: 100-continue", b"Expect: other", body=b"hello")),
    ("expect-unknown-then-good", 417, post(CL, b"Expect: other", b"Expect: 100-continue", body=b"hello")),
]


def ids(cases):
    names = [case[0] for case in cases]
    assert len(set(names)) == len(names)
    return names


class Reader:
    """Reads answers off a connection one by one."""

    def __init__(self, client):
        self.client, self.pending = client, b""

    def more(self):
        chunk = self.client.recv(65536)
        self.pending += chunk
        return chunk

    def until(self, mark):
        while mark not in self.pending:
            assert self.more(), f"closed within an answer: {self.pending!r}"
        text, _, self.pending = self.pending.partition(mark)
        return text

    def answer(self, head=False):
        """(status, {lower-case name: value}, body) of the next final answer."""
        line, *lines = self.until(b"\r\n\r\n").split(b"\r\n")
        version, status, _ = line.split(b" ", 2)
        assert version == b"HTTP/1.1"
        if 100 <= int(status) < 200:
            return self.answer(head)
        fields = {}
        for field in lines:
            name, _, value = field.partition(b": ")
            fields[name.decode().lower()] = value.decode()
        size = 0 if head else int(fields.get("content-length", 0))
        while len(self.pending) < size:
            assert self.more(), "closed within a body"
        body, self.pending = self.pending[:size], self.pending[size:]
        return int(status), fields, body

    def to_end(self, seconds=3):
        """What comes until the server closes, which must be soon and clean."""
        self.client.settimeout(seconds * SLOW)
        while self.more():
            pass
        return self.pending


class Good:
    """A well-behaved client on one connection, kept open."""

    def __init__(self, server):
        self.client = server.connect()
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.client)

    def check(self):
        self.client.sendall(LIVE)
        status, fields, body = self.reader.answer()
        assert status == 200 and json.loads(body) == {"alive": True} and "connection" not in fields
        assert not self.reader.pending


@pytest.fixture(scope="module")
def echo(gathering, tmp_path_factory):
    """A server whose POST /echo and GET /add need no tables. One gateway thread: see arrived()."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "endpoints").mkdir()
    (folder / "endpoints" / "echo.sql").write_text("""
-- @endpoint GET /add
-- @operation add
-- @query a int4 = 5 (1..100)
-- @query b int4 = 6 (1..100)
-- @tier read   @auth user
-- @returns row
SELECT :a + :b AS sum;

-- @endpoint POST /echo
-- @operation echo
-- @body text text (1..1000 chars)
-- @tier write   @auth user
-- @returns row
SELECT :text AS text;
""")
    server = Server(folder, gathering, "--dir", str(folder), "--gateways", "1").wait_ready()
    yield server
    assert server.stop() == 0, server.log()[-3000:]


@pytest.fixture(scope="module")
def good(echo):
    client = Good(echo)
    yield client
    client.client.close()


def problem(body, status):
    found = json.loads(body)
    assert found["status"] == status and found["type"] and found["title"] and found["code"]
    assert found["detail"].endswith(".") and found["request_id"]
    return found


def assert_refused(received, status):
    """One answer, a problem, and it says close."""
    assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", received)) == 1, received
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert int(lines[0].split()[1]) == status, received
    assert b"connection: close" in lines
    assert b"content-type: application/problem+json" in lines
    assert b"content-length: %d" % len(body) in lines
    problem(body, status)


def exchange(server, data):
    """Everything the server says to these bytes until it closes."""
    with server.connect() as client:
        try:
            client.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may stop listening before all is sent
        return Reader(client).to_end()


@pytest.mark.parametrize("status, data", [case[1:] for case in HOSTILE], ids=ids(HOSTILE))
def test_hostile_request_is_refused_once_and_the_connection_closed(echo, good, status, data):
    assert_refused(exchange(echo, data), status)
    good.check()


def test_there_are_enough_cases():
    assert len(HOSTILE) >= 110


@pytest.mark.parametrize("name", ["cl-te", "lf-field", "host-missing", "te-gzip", "size-headers-many",
                                  "chunk-data-too-long", "version-2.0", "expect-unknown", "method-unknown"])
def test_hostile_request_behind_a_good_one(echo, good, name):
    status, data = {case[0]: case[1:] for case in HOSTILE}[name]
    received = exchange(echo, LIVE + data)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    first, _, rest = received.partition(b'{"alive":true}')
    assert b"connection: close" not in first.lower()
    assert_refused(rest, status)
    good.check()


@pytest.mark.parametrize("name", ["cl-te", "lf-field", "host-missing", "chunk-size-not-hex", "cl-plus",
                                  "version-2.0", "expect-unknown", "method-unknown", "field-obs-fold"])
def test_hostile_request_byte_by_byte(echo, good, name):
    status, data = {case[0]: case[1:] for case in HOSTILE}[name]
    with echo.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            if select.select([client], [], [], 0)[0]:
                break  # answered before all of it was there
            client.sendall(data[i:i + 1])
            good.check()
        assert_refused(Reader(client).to_end(), status)
    good.check()


def test_bad_head_request_gets_no_content(echo, good):
    """RFC 9110 section 9.3.2: never content in an answer to HEAD, an error's included."""
    received = exchange(echo, b"HEAD /health/live HTTP/1.1\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400 ")
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head.lower()
    assert body == b""
    good.check()


def test_absolute_form_with_a_query_and_no_path(echo, good):
    """RFC 9112 section 3.2.2: a server must accept the absolute form; this one's path is empty."""
    with echo.connect() as client:
        client.sendall(b"GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n")
        assert Reader(client).answer()[0] == 404
    good.check()


def test_closing_without_a_word(echo, good):
    for data in (b"", b"\r\n", b"GET", LIVE[:-1], post(CL, body=b"he")[:-len(SMUGGLED)]):
        with echo.connect() as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            received = Reader(client).to_end()
            assert received == b"" or received.startswith(b"HTTP/1.1 400 "), (data, received)
        good.check()


def test_half_closed_client_gets_its_answers(echo, good):
    with echo.connect() as client:
        client.sendall(LIVE + b"GET /add HTTP/1.1\r\nHost: a\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        received = Reader(client).to_end()
    assert received.count(b"HTTP/1.1 200 OK") == 2
    good.check()


# Good requests: however they arrive, the same answer.

ID = b"X-Request-ID: fixed-id-of-this-test"
JSON = b"Content-Type: application/json"


def ok(line, *fields, body=b"", host=b"Host: a"):
    return b"\r\n".join([line, ID] + ([host] if host else []) + list(fields)) + b"\r\n\r\n" + body


def say(body, *fields, line=b"POST /echo HTTP/1.1"):
    return ok(line, JSON, *fields, body=body)


HELLO = b'{"text":"hi"}'
IN_CHUNKS = b'5\r\n{"tex\r\n8\r\nt":"hi"}\r\n0\r\n\r\n'
ADD = ok(b"GET /add HTTP/1.1")
SIZED = b"Content-Length: 13"

# Name, statuses expected, whether the connection stays open, which answers are to HEAD, the bytes.
GOOD = [
    ("get", [200], True, [], ADD),
    ("query", [200], True, [], ok(b"GET /add?a=1&b=%32 HTTP/1.1")),
    ("query-out-of-bounds", [422], True, [], ok(b"GET /add?a=101 HTTP/1.1")),
    ("not-found", [404], True, [], ok(b"GET /nothing HTTP/1.1")),
    ("wrong-method", [405], True, [], ok(b"DELETE /add HTTP/1.1")),
    ("options", [204], True, [], ok(b"OPTIONS /add HTTP/1.1")),
    ("options-asterisk", [204], True, [], ok(b"OPTIONS * HTTP/1.1")),
    ("head", [200], True, [0], ok(b"HEAD /add HTTP/1.1")),
    ("head-not-found", [404], True, [0], ok(b"HEAD /nothing HTTP/1.1")),
    ("close", [200], False, [], ok(b"GET /add HTTP/1.1", b"Connection: close")),
    ("close-in-a-list", [200], False, [], ok(b"GET /add HTTP/1.1", b"Connection: x,\tClose ,y")),
    ("old", [200], False, [], ok(b"GET /add HTTP/1.0")),
    ("old-without-host", [200], False, [], ok(b"GET /add HTTP/1.0", host=None)),
    ("old-keep-alive", [200], True, [], ok(b"GET /add HTTP/1.0", b"Connection: Keep-Alive")),
    ("absolute", [200], True, [], ok(b"GET http://other.example:8080/add?a=2 HTTP/1.1")),
    ("absolute-https", [200], True, [], ok(b"GET HTTPS://[::1]/add HTTP/1.1")),
    ("absolute-empty-path", [404], True, [], ok(b"GET http://other.example HTTP/1.1")),
    ("empty-lines", [200], True, [], b"\r\n\r\n" + ADD),
    ("empty-line-between", [200, 200], True, [], ADD + b"\r\n" + ADD),
    ("host-forms", [200], True, [], ok(b"GET /add HTTP/1.1", host=b"HOST:[2001:db8::1]:8080")),
    ("odd-fields", [200], True, [],
     ok(b"GET /add HTTP/1.1", b"A:", b"B: \t c\t ", b"C: \xe9", b"C: ,", b"!#$: x")),
    ("body", [200], True, [], say(HELLO, SIZED)),
    ("body-zeros", [200], True, [], say(HELLO, b"Content-Length:  0013 ")),
    ("body-on-get", [200], True, [], ok(b"GET /add HTTP/1.1", b"Content-Length: 3", body=b"abc")),
    ("body-is-a-request", [400, 200], True, [], say(LIVE, b"Content-Length: %d" % len(LIVE)) + ADD),
    ("body-malformed", [400], True, [], say(b'{"text":"hi"', b"Content-Length: 12")),
    ("body-old", [200], False, [], say(HELLO, SIZED, line=b"POST /echo HTTP/1.0")),
    ("chunks", [200], True, [], say(IN_CHUNKS, b"Transfer-Encoding: chunked")),
    ("chunks-case", [200], True, [],
     say(b'000D\r\n{"text":"hi"}\r\n00\r\n\r\n', b"transfer-ENCODING:\tCHUNKED ")),
    ("chunks-of-one", [200], True, [], say(b"".join(b"1\r\n%c\r\n" % c for c in HELLO) + b"0\r\n\r\n", TE)),
    ("chunks-trailers", [200], True, [],
     say(IN_CHUNKS[:-2] + b"X: y\r\nContent-Length: 9\r\n\r\n", TE)),
    ("chunks-extensions", [200], True, [],
     say(b'd;a=b; c="d e"\r\n{"text":"hi"}\r\n0; last\r\n\r\n', TE)),
    ("continue", [200], True, [], say(HELLO, SIZED, b"Expect: 100-Continue")),
    ("continue-chunks", [200], True, [], say(IN_CHUNKS, TE, b"Expect: 100-continue")),
    ("continue-without-body", [200], True, [], ok(b"GET /add HTTP/1.1", b"Expect: 100-continue")),
    ("expect-in-1.0", [200], False, [], ok(b"GET /add HTTP/1.0", b"Expect: 100-continue")),
    ("pipeline", [200, 200, 404, 200], True, [1],
     ADD + ok(b"HEAD /add HTTP/1.1") + ok(b"GET /no HTTP/1.1") + ok(b"GET /add?a=9 HTTP/1.1")),
    ("pipeline-mixed", [200, 200, 200, 200], True, [],
     ADD + say(HELLO, SIZED) + say(IN_CHUNKS, TE) + ok(b"GET /add?b=50 HTTP/1.1")),
    ("pipeline-close", [200, 200], False, [],
     ADD + ok(b"GET /add HTTP/1.1", b"Connection: close") + SMUGGLED),
]


def answers(server, good, case, pieces):
    """The answers to a case sent in these pieces, each of them read by the server before the next is sent."""
    _, statuses, stays, heads, _ = case
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        good.check()
        for piece in pieces[:-1]:
            client.sendall(piece)
            good.check()  # one thread reads both connections: when this is answered, that was read
        try:
            client.sendall(pieces[-1])
        except (BrokenPipeError, ConnectionResetError):
            assert not stays
        reader = Reader(client)
        found = [reader.answer(i in heads) for i in range(len(statuses))]
        assert [status for status, _, _ in found] == statuses
        if stays:
            assert not reader.pending
            client.sendall(LIVE)
            assert reader.answer()[2] == b'{"alive":true}'
        else:
            assert reader.to_end() == b""
    for _, fields, _ in found:
        assert fields.pop("date").endswith(" GMT")
        assert fields.pop("x-request-id") == "fixed-id-of-this-test"
    return found


@pytest.mark.parametrize("case", GOOD, ids=ids(GOOD))
def test_good_request_however_it_arrives(echo, good, case):
    data = case[-1]
    whole = answers(echo, good, case, [data])
    assert answers(echo, good, case, [data[i:i + 1] for i in range(len(data))]) == whole
    for at in range(1, len(data)):
        assert answers(echo, good, case, [data[:at], data[at:]]) == whole, f"split at {at}"


def test_good_answers_say_what_they_should(echo, good):
    """What the comparison above cannot see: that the first answer is right."""
    by_name = {case[0]: case for case in GOOD}

    def first(name):
        return answers(echo, good, by_name[name], [by_name[name][-1]])[0]

    assert json.loads(first("query")[2]) == {"sum": 3}
    assert json.loads(first("chunks-of-one")[2]) == {"text": "hi"}
    assert json.loads(first("absolute")[2]) == {"sum": 8}
    assert first("head")[1]["content-length"] == first("get")[1]["content-length"]
    assert first("old-keep-alive")[1]["connection"].lower() == "keep-alive"
    assert first("old")[1]["connection"] == "close"
    assert first("close")[1]["connection"] == "close"
    assert "content-length" not in first("options")[1]
    sums = [json.loads(body).get("sum") for _, _, body in
            answers(echo, good, by_name["pipeline-mixed"], [by_name["pipeline-mixed"][-1]])]
    assert sums == [11, None, None, 55]


def test_pipelined_answers_keep_their_order(echo):
    """More of them than the server takes at once."""
    with echo.connect() as client:
        for a in range(1, 101):
            client.sendall(b"GET /add?a=%d HTTP/1.1\r\nHost: a\r\n\r\n" % a)
        reader = Reader(client)
        assert [json.loads(reader.answer()[2])["sum"] for _ in range(100)] == [a + 6 for a in range(1, 101)]


def test_continue_is_said_before_the_body_and_only_once(echo):
    with echo.connect() as client:
        client.sendall(say(b"", SIZED, b"Expect: 100-continue"))
        reader = Reader(client)
        assert reader.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        client.sendall(HELLO)
        assert reader.pending == b""
        client.sendall(LIVE)
        reader.more()
        assert reader.pending.startswith(b"HTTP/1.1 200 ")
        status, _, body = reader.answer()
        assert status == 200 and json.loads(body) == {"text": "hi"}
        assert reader.answer()[2] == b'{"alive":true}'


@pytest.mark.parametrize("data, largest", [
    (b"Content-Length: %d" % MAX_BODY, b" " * (MAX_BODY - 13) + HELLO),
    (TE, b"100000\r\n" + b" " * (MAX_BODY - 13) + HELLO + b"\r\n0\r\n\r\n"),
], ids=["length", "chunked"])
def test_largest_body_is_taken(echo, data, largest):
    with echo.connect(timeout=20) as client:
        client.sendall(say(largest, data))
        assert Reader(client).answer()[0] == 200


def test_largest_head_is_taken(echo):
    with echo.connect() as client:
        reader = Reader(client)
        start = b"GET /add HTTP/1.1\r\nHost: a\r\nX: "
        client.sendall(start + b"y" * (MAX_HEAD - len(start) - 4) + b"\r\n\r\n")
        assert reader.answer()[0] == 200
        client.sendall(b"GET /add HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 99 + b"\r\n")
        assert reader.answer()[0] == 200
        client.sendall(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * (MAX_TARGET - 1)))
        assert reader.answer()[0] == 404


# Time.

def trickle(client, data, seconds=5):
    """Sends a byte now and then until the server says something; how long that took."""
    begun = time.monotonic()
    for i in range(len(data)):
        client.sendall(data[i:i + 1])
        if select.select([client], [], [], 0.05)[0]:
            break
        assert time.monotonic() - begun < seconds * SLOW, "the server waits for ever"
    return time.monotonic() - begun


def test_slow_head_gets_408(start):
    server = start("--head-timeout", "300ms")
    good = Good(server)
    good.check()  # what follows a first request is the idle timeout's
    slow = b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1000
    for before in (b"", LIVE):
        with server.connect() as client:
            reader = Reader(client)
            if before:
                client.sendall(before)
                assert reader.answer()[0] == 200
            assert 0.2 < trickle(client, slow)
            assert_refused(reader.to_end(), 408)
        good.check()


def test_stalled_head_gets_408(start):
    server = start("--head-timeout", "300ms")
    with server.connect() as client:
        client.sendall(LIVE[:-1])
        assert_refused(Reader(client).to_end(), 408)


def test_silent_client_is_closed_after_the_head_timeout(start):
    server = start("--head-timeout", "300ms")
    with server.connect() as client:
        assert Reader(client).to_end() == b""


def chat(body, *fields):
    """To an endpoint of the servers that start() makes: what is refused by its head is not waited for."""
    return say(body, *fields, line=b"POST /agents/1/chat HTTP/1.1")


@pytest.mark.parametrize("data", [
    chat(b'{"te', SIZED), chat(b'5\r\n{"te', TE), chat(b"", TE), chat(b"", SIZED), chat(b"0\r\nX: y\r\n", TE),
], ids=["length", "chunked", "chunked-no-size", "length-nothing", "trailers"])
def test_slow_body_gets_408(start, data):
    server = start("--body-timeout", "300ms")
    good = Good(server)
    with server.connect() as client:
        client.sendall(data)
        assert_refused(Reader(client).to_end(), 408)
    good.check()


def test_trickling_body_gets_408(start):
    server = start("--body-timeout", "300ms")
    with server.connect() as client:
        client.sendall(chat(b"", b"Content-Length: 1000"))
        assert 0.2 < trickle(client, b" " * 1000)
        assert_refused(Reader(client).to_end(), 408)


def test_idle_connection_is_closed_silently(start):
    server = start("--idle-timeout", "300ms")
    with server.connect() as client:
        reader = Reader(client)
        client.sendall(LIVE)
        assert reader.answer()[0] == 200
        assert reader.to_end() == b""


# Greed.

def assert_turned_away(reader):
    status, fields, body = reader.answer()
    assert status == 503 and fields["connection"] == "close" and fields["retry-after"] == "1"
    assert fields["content-type"] == "application/problem+json"
    assert problem(body, 503)["code"] == "overloaded"
    assert reader.to_end() == b""


def test_fourth_connection_of_an_address_gets_503(start):
    server = start("--per-address", "3")
    clients = []

    def admitted():
        """Whether one more connection is served; it is kept then."""
        client = server.connect()
        client.sendall(LIVE)
        reader = Reader(client)
        if reader.answer()[0] == 200:
            clients.append(client)
            return True
        client.close()
        return False

    wait_for(lambda: admitted() and len(clients) == 3, what="three connections")  # those of start() end first
    for said in (b"", LIVE, LIVE * 100, post(CL, body=b"hello")):
        with server.connect() as client:
            client.sendall(said)  # what it says does not cost it the answer
            assert_turned_away(Reader(client))
    for client in clients:
        client.sendall(LIVE)
        assert Reader(client).answer()[0] == 200
    clients.pop().close()
    wait_for(admitted, what="a free place")
    with server.connect() as client:
        assert_turned_away(Reader(client))
    for client in clients:
        client.close()


def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def greedy(server, request, most):
    """A client that sends requests until nothing more is taken, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    client.connect(("127.0.0.1", server.port))
    client.setblocking(False)
    sent, data = 0, request * 500
    while sent < most and select.select([], [client], [], 0.3)[1]:
        at = sent % len(request)
        sent += client.send(data[at:])
    return client, sent


def test_client_that_does_not_read_costs_little(start):
    server = start()
    good = Good(server)
    good.check()
    before = resident(server.process)
    request = b"GET /models HTTP/1.1\r\nHost: a\r\n\r\n"
    clients = []
    for _ in range(8):
        client, sent = greedy(server, request, 32 << 20)
        assert sent < 32 << 20, "the server reads on although nothing is taken from it"
        clients.append(client)
        good.check()
        assert server.request("GET", "/providers/1").status == 200
    assert resident(server.process) - before < (48 << 20) * SLOW
    for client in clients:
        client.close()
    good.check()
    assert server.request("GET", "/models").status == 200


def test_client_that_leaves_is_noticed(scratch, start):
    scratch.endpoints("""
-- @endpoint GET /sleep
-- @operation sleep
-- @tier read   @auth user
-- @slow
-- @returns row
SELECT 1 AS a FROM pg_sleep(5);
""")
    server = start("--dir", str(scratch.folder), database=scratch.url)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' " \
           "AND query LIKE '%pg_sleep(5)%' AND pid <> pg_backend_pid()"
    with server.connect() as client:
        client.sendall(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: psql(busy, scratch.url) == "1", what="the slow statement")
    left = time.monotonic()
    wait_for(lambda: " 499 " in server.log(), 3, "the log line of a client that left")
    assert time.monotonic() - left < 3 * SLOW
    assert server.request("GET", "/health/ready").status == 200
    scratch.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND query LIKE '%pg_sleep(5)%' AND pid <> pg_backend_pid()")
