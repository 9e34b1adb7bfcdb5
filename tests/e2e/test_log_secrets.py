# SPDX-License-Identifier: MPL-2.0
"""Secrets that clients send, in every place where there are some, are in no line of the log at any level."""
import json

import pytest

SECRET = "hunter2-S3cret"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIifQ.c2lnbmF0dXJlc2ln"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_logged(start, form):
    server = start("--log-format", form, "--log-level", "debug")
    fields = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Api-Key": SECRET,
              "Proxy-Authorization": f"Basic {SECRET}"}
    paths = [f"/providers?password={SECRET}&limit=1", f"/providers?a=1&access_token={SECRET}",
             f"/providers?pass%77ord={SECRET}", f"/nothing?api_key={SECRET}", f"/verify/{JWT}",
             f"/nothing?next=https://bob:{SECRET}@example.com/", f"/nothing?q=Bearer%20{SECRET}",
             f"/nothing?client_secret={SECRET}#x"]
    for path in paths:
        server.request("GET", path.split("#")[0], headers=fields)
    server.request("POST", "/memories", {"password": SECRET, "agent_id": SECRET}, headers=fields)
    server.raw(f"GET /nothing?token={SECRET} HTTP/1.1\r\nHost: x\r\nAuthorization : {SECRET}\r\n\r\n".encode())
    server.request("GET", "/providers?max_tokens=17&limit=1", headers={"X-Request-ID": "the-last"})
    assert server.logged("the-last") and "max_tokens=17" in server.log()
    assert SECRET not in server.log() and JWT[:30] not in server.log()
    if form == "json":
        assert all(json.loads(line)["time"] for line in server.log().splitlines())
