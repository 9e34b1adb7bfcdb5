# SPDX-License-Identifier: MPL-2.0
"""/auth/...: who logs in, who does not, and what is written down of it."""
import base64
import crypt
import json
import os
import subprocess
import urllib.parse

import pytest

from conftest import BINARY, Server, psql, wait_for

PASSWORD = "correct horse battery"
ADMIN = {"ADMIN_EMAIL": "Boss@Example.com", "ADMIN_PASSWORD_HASH": crypt.crypt("boss's own", "$2b$10$" + "a" * 21 + "e")}
WRONG = "The e-mail address or the password is wrong"


@pytest.fixture(scope="module")
def door(gathering, tmp_path_factory):
    """A server that asks who one is."""
    server = Server(tmp_path_factory.mktemp("door"), gathering, "--bcrypt-cost", "10", "--log-level", "debug", dev=False,
                    env=ADMIN).wait_ready()
    yield server
    assert server.stop() == 0, server.log()[-3000:]


def register(server, email, password=PASSWORD, name="Ann"):
    return server.request("POST", "/auth/register", {"email": email, "password": password, "name": name})


def login(server, email, password=PASSWORD):
    return server.request("POST", "/auth/login/json", {"email": email, "password": password})


def form(server, **fields):
    return server.request("POST", "/auth/login", urllib.parse.urlencode(fields).encode(),
                          {"Content-Type": "application/x-www-form-urlencoded"})


def bearer(answer):
    assert answer.status == 200, answer.body
    return {"Authorization": "Bearer " + answer.json["access_token"]}


def claims(answer):
    payload = answer.json["access_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def bcrypts(server):
    return server.log().count("auth: one bcrypt")


def test_from_registration_to_logout(door, gathering):
    made = register(door, "Ann@Example.com")
    assert made.status == 201, made.body
    user = made.json
    assert {**user, "id": 0, "created_at": 0} == {"id": 0, "email": "Ann@Example.com", "name": "Ann", "role": "user",
                                                  "is_active": True, "created_at": 0}
    assert "password" not in made.body.decode()

    for answer in (login(door, "ann@example.COM"),
                   form(door, username="ann@example.com", password=PASSWORD, grant_type="password", scope="")):
        assert answer.status == 200, answer.body
        assert answer.json["token_type"] == "bearer" and answer.json["expires_in"] == 86400
        found = claims(answer)
        assert (found["sub"], found["email"], found["role"]) == (user["id"], "Ann@Example.com", "user")
        assert found["exp"] == found["iat"] + 86400
    own = bearer(answer)

    me = door.request("GET", "/auth/me", headers=own)
    assert (me.status, me.json) == (200, user)
    verified = door.request("POST", "/auth/verify", headers=own).json
    assert verified["expires_at"].startswith("20") and verified.pop("expires_at")
    assert verified == {"valid": True, "user_id": user["id"], "email": "Ann@Example.com", "role": "user"}
    assert door.request("GET", "/providers", headers=own).status == 200
    assert door.request("GET", "/auth/blacklist/stats", headers=own).status == 403

    out = door.request("POST", "/auth/logout", headers=own)
    assert (out.status, out.json) == (200, {"message": "Logged out", "user_id": user["id"]})
    wait_for(lambda: door.request("GET", "/auth/me", headers=own).status == 401, what="the end of the token")
    assert door.request("GET", "/providers", headers=own).status == 401
    assert door.request("GET", "/health/live", headers=own).status == 200
    assert door.request("GET", "/providers", headers=bearer(login(door, "ann@example.com"))).status == 200

    events = psql("SELECT event_type, count(*), count(ip_address) FROM audit.security_events "
                  f"WHERE user_id = '{user['id']}' GROUP BY 1 ORDER BY 1", gathering)
    assert events == "auth_success|3|3\nlogout|1|0\nuser_registered|1|1"


def test_who_may_not_in(door, gathering):
    assert register(door, "bob@example.com").status == 201
    psql("INSERT INTO auth.users (email, name, password_hash, is_active) SELECT 'gone@example.com', 'Gone', "
         "password_hash, false FROM auth.users WHERE email = 'bob@example.com'", gathering)
    for email, password in (("bob@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("nobody", "x"),
                            ("gone@example.com", PASSWORD), ("boss@example.com", "wrong"), ("' OR true --", "x")):
        answer = login(door, email, password)
        assert (answer.status, answer.json["detail"]) == (401, WRONG + "."), answer.body
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert form(door, username=email, password=password).status == 401
    assert psql("SELECT severity, host(ip_address), count(*) FROM audit.security_events WHERE event_type = 'auth_failure' "
                "AND details ->> 'email' = 'nobody' GROUP BY 1, 2", gathering) == "warning|127.0.0.1|2"
    psql("UPDATE auth.users SET is_active = true WHERE email = 'gone@example.com'", gathering)
    own = bearer(login(door, "gone@example.com"))
    psql("UPDATE auth.users SET is_active = false WHERE email = 'gone@example.com'", gathering)
    assert door.request("GET", "/auth/me", headers=own).status == 401
    assert door.request("POST", "/auth/verify", headers=own).status == 401


def test_what_is_no_registration(door):
    assert register(door, "carl@example.com").status == 201
    for email in ("carl@example.com", "CARL@example.com", "boss@EXAMPLE.com"):
        answer = register(door, email)
        assert (answer.status, answer.json["code"]) == (409, "email_taken"), answer.body
    for email in ("carl", "@example.com", "carl@", "carl@example", "carl@@example.com", "ca rl@example.com",
                  "carl@exa mple.com", "carl@-example.com", "carl@example..com", "c@" + 60 * "long." + "com"):
        assert register(door, email).status == 422, email
    for password in ("short", 73 * "x", 30 * "\u20ac", 8 * " ", "with\0nul and more"):
        assert register(door, "dora@example.com", password).status == 422, password
    assert register(door, "dora@example.com", name="").status == 422
    assert register(door, "dora@example.com", 24 * "\u20ac").status == 201
    assert login(door, "dora@example.com", 24 * "\u20ac").status == 200
    assert login(door, "dora@example.com", 23 * "\u20ac").status == 401


def test_the_admin(door):
    answer = login(door, "BOSS@example.com", "boss's own")
    assert (claims(answer)["sub"], claims(answer)["role"]) == ("admin", "admin")
    own = bearer(answer)
    assert door.request("GET", "/auth/me", headers=own).json == {
        "id": "admin", "email": "Boss@Example.com", "name": "Administrator", "role": "admin", "is_active": True,
        "created_at": None}
    stats = door.request("GET", "/auth/blacklist/stats", headers=own)
    assert stats.status == 200 and stats.json.keys() == {"cache_size", "cache_max_size", "db_active_tokens"}


def test_hashes_of_other_programs(door, gathering):
    for kind in "aby":
        made = crypt.crypt(PASSWORD, f"$2{kind}$10$" + "b" * 21 + "e")
        psql(f"INSERT INTO auth.users (email, name, password_hash) VALUES ('{kind}@old.org', 'Old', '{made}')", gathering)
        assert login(door, f"{kind}@old.org").status == 200
    for odd in ("*0", "", "$1$abc$def", "$2b$31$" + 53 * "x", "$6$abc$" + 50 * "x"):
        psql("INSERT INTO auth.users (email, name, password_hash) VALUES ('odd@old.org', 'Odd', "
             f"'{odd or ' '}') ON CONFLICT (email_lower) DO UPDATE SET password_hash = excluded.password_hash", gathering)
        assert login(door, "odd@old.org").status == 401


def test_every_login_is_one_bcrypt(door):
    assert register(door, "erna@example.com").status == 201
    for email, password, status in (("erna@example.com", PASSWORD, 200), ("erna@example.com", "wrong", 401),
                                    ("unknown@example.com", "wrong", 401), ("boss@example.com", "boss's own", 200),
                                    ("boss@example.com", "wrong", 401), ("odd@old.org", "wrong", 401)):
        before = bcrypts(door)
        assert login(door, email, password).status == status
        assert bcrypts(door) == before + 1, email


def test_secrets_stay_out_of_the_log(door):
    log = door.log()
    for secret in (PASSWORD, "boss's own", ADMIN["ADMIN_PASSWORD_HASH"], "$2b$10$"):
        assert secret not in log


def test_only_the_worker_asks_for_hashes(door):
    """An operation without an endpoint can be called by ZeroMQ peers; not this one, whatever they are."""
    done = door.call("auth_user_by_email", "--json", '{"email": "bob@example.com"}')
    assert done.returncode != 0 and "forbidden" in done.stderr and "$2b$" not in done.stdout, done.stderr


@pytest.mark.parametrize("wrong", [{"ADMIN_EMAIL": "boss@example.com"}, {"ADMIN_PASSWORD_HASH": "$2b$10$x"},
                                   {"ADMIN_EMAIL": "boss@example.com", "ADMIN_PASSWORD_HASH": "secret"}])
def test_half_an_admin_is_no_start(wrong, gathering, tmp_path):
    done = subprocess.run([BINARY, "serve", "--http", "127.0.0.1:0", "--ipc", str(tmp_path / "b.sock")],
                          env={**os.environ, "DATABASE_URL": gathering, **wrong}, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "ADMIN_" in done.stderr
    assert "secret" not in done.stderr.replace("secret_key", "")
