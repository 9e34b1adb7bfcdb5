# SPDX-License-Identifier: MPL-2.0
"""people.py login|limit: what somebody meets at a stack that asks everybody who they are, through its front.

login: registers, logs in, is known at each gateway, logs out, and soon no gateway takes the token any more.
limit: tries passwords until the limit of the tier `auth` is reached; all gateways count together.
"""
import http.client
import json
import os
import sys
import time
import urllib.parse
import uuid

BASE = urllib.parse.urlsplit(os.environ.get("BASE_URL", "http://front:8000"))
PER_MINUTE = 5  # of the tier `auth`; `login` has taken one of them


def ask(method, path, body=None, token=None):
    """(status, value) of one request, on a connection of its own."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=40)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def expect(status, answer):
    print(answer[0], str(answer[1])[:200], flush=True)
    if answer[0] != status:
        sys.exit(f"{status} was expected")
    return answer[1]


def login():
    email, password = f"{uuid.uuid4().hex}@example.com", uuid.uuid4().hex
    expect(201, ask("POST", "/auth/register", {"email": email, "password": password, "name": "Ann"}))
    token = expect(200, ask("POST", "/auth/login/json", {"email": email, "password": password}))["access_token"]
    for _ in range(10):  # whichever gateway
        if expect(200, ask("GET", "/auth/me", token=token))["email"] != email:
            sys.exit("it is somebody else")
    expect(200, ask("POST", "/auth/logout", token=token))
    until = time.monotonic() + 10
    while ask("GET", "/auth/me", token=token)[0] != 401:
        if time.monotonic() > until:
            sys.exit("the token is still good")
    time.sleep(2)  # the other gateways, which hear of it once a second at the latest
    for _ in range(10):
        expect(401, ask("GET", "/auth/me", token=token))


def limit():
    began, statuses = time.monotonic(), []
    for _ in range(15):
        status, value = ask("POST", "/auth/login/json", {"email": "nobody@example.com", "password": "a guess"})
        print(status, value["code"], flush=True)
        statuses.append(status)
        time.sleep(0.3)  # gateways tell each other ten times a second
    most = PER_MINUTE + (time.monotonic() - began) * PER_MINUTE / 60 + 1
    if not PER_MINUTE - 1 <= statuses.count(401) <= most or statuses.count(401) + statuses.count(429) != len(statuses):
        sys.exit(f"{PER_MINUTE - 1} to {most:.1f} times 401 and then 429 was expected")


if __name__ == "__main__":
    {"login": login, "limit": limit}[sys.argv[1]]()
