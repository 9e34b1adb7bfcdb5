# SPDX-License-Identifier: MPL-2.0
"""Bearer tokens over HTTP: who is let in, as whom, and that nobody else gets as far as the database."""
import base64
import json
import os
import random
import signal
import subprocess
import time

import msgpack
import pytest
from cryptography.hazmat.primitives import serialization

import native
import tokens
from conftest import BINARY, Server, database_url, free_port, psql, wait_for
from tokens import as_user, b64, bearer, claims, token

ENDPOINTS = """
-- @endpoint  GET /open
-- @operation open_to_all
-- @auth public
-- @returns row
SELECT :auth.sub AS sub;

-- @endpoint  GET /me
-- @operation me
-- @writes
-- @returns row
SELECT :auth.sub AS sub, :auth.role AS role, :auth.email AS email, nextval('calls') AS calls;

-- @endpoint  GET /admin
-- @operation of_admins
-- @writes
-- @auth admin
-- @returns value
SELECT nextval('calls');

-- @endpoint  POST /articles
-- @operation of_editors
-- @auth role editor
-- @body text text
-- @returns row
SELECT :auth.role AS role, :text AS text;
"""

RSA, EC, OTHER_RSA, OTHER_EC, P384 = (tokens.rsa_key(), tokens.ec_key(), tokens.rsa_key(), tokens.ec_key(),
                                      tokens.ec_key(tokens.ec.SECP384R1))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "endpoints").mkdir()
    (folder / "endpoints/all.sql").write_text(ENDPOINTS)
    (folder / "keys.json").write_text(json.dumps({"keys": [
        tokens.jwk(RSA, kid="rsa", alg="RS256", use="sig"), tokens.jwk(EC, kid="ec", key_ops=["verify"]),
        tokens.jwk(P384, kid="big"), tokens.jwk(OTHER_RSA, kid="enc", use="enc")]}))
    name = f"tokens_{random.randrange(1 << 40):x}"
    psql(f'CREATE DATABASE "{name}"')
    psql("CREATE SEQUENCE calls", url := database_url(name))
    server = Server(folder, url, "--dir", str(folder), "--jwks", str(folder / "keys.json"), "--actors", "2",
                    dev=False).wait_ready()
    yield server
    assert server.stop() == 0, server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


def calls(server):
    return psql("SELECT last_value, is_called FROM calls", server.database)


def now():
    return int(time.time())


def signed(header, payload=None, key=tokens.SECRET, alg="HS256"):
    return token(payload, key, alg, header if isinstance(header, (str, bytes)) else json.dumps(header))


def parts(text=None):
    return (text or token()).split(".")


def with_signature(signature):
    return ".".join([*parts()[:2], signature])


def es_parts():
    text = b64({"alg": "ES256"}) + "." + b64(claims())
    return text, tokens.es256(text, EC)


def hostile():
    """name: the token."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    good, (es_text, es_pair) = parts(), es_parts()
    flipped = base64.urlsafe_b64decode(good[2] + "=")
    claim = {
        "no exp": {"exp": None}, "exp in the past": {"exp": now() - 1}, "exp now": {"exp": now()}, "exp 0": {"exp": 0},
        "exp negative": {"exp": -now()}, "exp text": {"exp": str(now() + 600)}, "exp true": {"exp": True},
        "exp list": {"exp": [now() + 600]}, "exp huge": {"exp": 10 ** 15}, "exp 2^63": {"exp": 2 ** 63},
        "exp 2^64": {"exp": 2 ** 64}, "exp in milliseconds": {"exp": now() * 1000}, "nbf ahead": {"nbf": now() + 60},
        "nbf text": {"nbf": "0"}, "iat ahead": {"iat": now() + 3600}, "iat text": {"iat": "0"}, "no sub": {"sub": None},
        "sub empty": {"sub": ""}, "sub number": {"sub": 7}, "sub list": {"sub": ["ann"]}, "sub line": {"sub": "a\nb"},
        "sub long": {"sub": "x" * 256}, "sub NUL": {"sub": "a\0b"}, "role list": {"role": ["admin"]},
        "role empty": {"role": ""}, "role number": {"role": 1}, "email number": {"email": 1}, "jti number": {"jti": 1},
        "for somebody": {"aud": "somebody"}, "for a list": {"aud": ["a", "b"]}, "aud number": {"aud": 1},
        "deep": {"x": json.loads("[" * 30 + "]" * 30)}, "too long": {"x": "x" * 8192},
    }
    header = {
        "none": {"alg": "none"}, "None": {"alg": "None"}, "NONE": {"alg": "NONE"}, "no alg": {"typ": "JWT"},
        "alg empty": {"alg": ""}, "alg null": {"alg": None}, "alg list": {"alg": ["HS256"]}, "hs256": {"alg": "hs256"},
        "HS384": {"alg": "HS384"}, "HS512": {"alg": "HS512"}, "RS256": {"alg": "RS256"}, "ES256": {"alg": "ES256"},
        "PS256": {"alg": "PS256"}, "EdDSA": {"alg": "EdDSA"}, "crit": {"alg": "HS256", "crit": ["exp"]},
        "crit empty": {"alg": "HS256", "crit": []}, "crit unknown": {"alg": "HS256", "crit": ["x"], "x": 1},
        "b64": {"alg": "HS256", "b64": False, "crit": ["b64"]}, "b64 alone": {"alg": "HS256", "b64": True},
        "type": {"alg": "HS256", "typ": "JWE"}, "type number": {"alg": "HS256", "typ": 1}, "kid number": {"alg": "HS256", "kid": 1},
    }
    texts = {
        "header twice alg": signed('{"alg":"none","alg":"HS256"}'), "header twice same": signed('{"alg":"HS256","alg":"HS256"}'),
        "header escaped twice": signed('{"alg":"HS256","\\u0061lg":"none"}'), "header list": signed("[]"),
        "header text": signed("HS256"), "header trailing": signed('{"alg":"HS256"}x'), "header BOM": signed(b'\xef\xbb\xbf{"alg":"HS256"}'),
        "payload twice sub": token('{"sub":"a","sub":"b","exp":%d}' % (now() + 60)),
        "payload escaped twice": token('{"sub":"a","\\u0073ub":"b","exp":%d}' % (now() + 60)),
        "payload nested twice": token('{"sub":"a","exp":%d,"x":{"a":1,"a":2}}' % (now() + 60)),
        "payload NaN": token('{"sub":"a","exp":NaN}'), "payload Infinity": token('{"sub":"a","exp":Infinity}'),
        "payload 1e400": token('{"sub":"a","exp":1e400}'), "payload list": token("[]"), "payload text": token('"a"'),
        "payload empty": token(b""), "payload garbage": token(b"\xff\xfe"), "payload trailing": token(json.dumps(claims()) + " {}"),
        "payload not UTF-8": token(b'{"sub":"\xff","exp":%d}' % (now() + 60)), "surrogate": token('{"sub":"\\ud800","exp":%d}' % (now() + 60)),
        "two parts": ".".join(good[:2]), "two parts and a dot": ".".join(good[:2]) + ".", "four parts": ".".join([*good, good[2]]),
        "five parts": ".".join([*good, "", ""]), "a dot in front": "." + ".".join(good), "one part": good[0], "dots": "..", "word": "x",
        "no header": "." + good[1] + "." + good[2], "no payload": good[0] + ".." + good[2],
        "padding": ".".join(good) + "=", "padded header": signed_raw(good[0] + "=", good[1]), "plus": with_signature(good[2][:-1] + "+"),
        "trailing bits": with_signature(good[2][:-1] + chr(ord(good[2][-1]) + 1)), "blank inside": with_signature(good[2][:20] + " " + good[2][20:]),
        "signature cut": with_signature(good[2][:-2]), "signature longer": with_signature(good[2] + "AA"),
        "signature of zeros": with_signature(b64(bytes(32))), "signature flipped": with_signature(b64(bytes([flipped[0] ^ 1]) + flipped[1:])),
        "signature of another": with_signature(parts(token(claims("bob")))[2]), "signature in hex": with_signature(flipped.hex()),
        "another secret": token(key="x" * 48), "empty secret": token(key=b""), "secret and a newline": token(key=tokens.SECRET + "\n"),
        "PEM as secret": token(key=pem), "DER as secret": token(key=der), "PEM as secret, kid": token(key=pem, header={"kid": "rsa"}),
        "JWK as secret": token(key=json.dumps(tokens.jwk(RSA))), "n as secret": token(key=tokens.jwk(RSA)["n"]),
        "RS256 by another": token(key=OTHER_RSA, alg="RS256"), "RS256 by another, kid": token(key=OTHER_RSA, alg="RS256", header={"kid": "rsa"}),
        "RS256 by an encryption key": token(key=OTHER_RSA, alg="RS256", header={"kid": "enc"}),
        "RS256 with its own jwk": token(key=OTHER_RSA, alg="RS256", header={"jwk": tokens.jwk(OTHER_RSA)}),
        "RS256 with its own jku": token(key=OTHER_RSA, alg="RS256", header={"jku": "http://127.0.0.1:1/keys"}),
        "RS256 with a path as kid": token(key=OTHER_RSA, alg="RS256", header={"kid": "../../../dev/null"}),
        "RS256 with another kid": token(key=RSA, alg="RS256", header={"kid": "ec"}),
        "RS256 signature cut": token(key=RSA, alg="RS256")[:-2], "ES256 by another": token(key=OTHER_EC, alg="ES256"),
        "ES256 with another kid": token(key=EC, alg="ES256", header={"kid": "rsa"}),
        "ES256 zeros": es_text + "." + b64(bytes(64)), "ES256 r zero": es_text + "." + b64(bytes(32) + es_pair[32:]),
        "ES256 s zero": es_text + "." + b64(es_pair[:32] + bytes(32)), "ES256 all ones": es_text + "." + b64(b"\xff" * 64),
        "ES256 in DER": es_text + "." + b64(EC.sign(es_text.encode(), tokens.ec.ECDSA(tokens.hashes.SHA256()))),
        "ES256 too short": es_text + "." + b64(es_pair[:63]), "ES256 too long": es_text + "." + b64(es_pair + b"\0"),
        "ES256 swapped": es_text + "." + b64(es_pair[32:] + es_pair[:32]), "no signature, none": b64({"alg": "none"}) + "." + good[1] + ".",
    }
    return {**{f"claim: {name}": token(claims(**more)) for name, more in claim.items()},
            **{f"header: {name}": signed(more) for name, more in header.items()}, **texts}


def signed_raw(header, payload):
    text = f"{header}.{payload}"
    return text + "." + b64(tokens.hs256(text))


def test_good_ones(served):
    for headers in (as_user(), bearer(key=RSA, alg="RS256"), bearer(key=RSA, alg="RS256", header={"kid": "rsa"}),
                    bearer(key=EC, alg="ES256"), bearer(key=EC, alg="ES256", header={"kid": "ec"})):
        answer = served.request("GET", "/me", headers=headers)
        assert answer.status == 200, (headers, answer.body)
        assert {**answer.json, "calls": 0} == {"sub": "ann", "role": "user", "email": "ann@example.com", "calls": 0}
    plain = claims("zoë", role=None, email=None, iat=now(), nbf=now(), jti="1", iss="somebody")
    assert served.request("GET", "/me", headers=bearer(plain)).json["role"] == "user"
    assert served.request("GET", "/me", headers=bearer(plain)).json["email"] is None
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{scheme} {token()}"}
        assert served.request("GET", "/me", headers=headers).status == 200


def test_hostile_ones_get_no_further(served):
    """Each is a 401 with the header field of RFC 6750, and none of them has come to the broker or the database."""
    table = hostile()
    assert len(table) > 100
    assert served.request("GET", "/me", headers=as_user()).status == 200
    before, records = calls(served), served.show("stats")[0]["requests"]
    for name, text in table.items():
        answer = served.request("GET", "/me", headers={"Authorization": f"Bearer {text}"})
        assert (answer.status, answer.json["code"]) == (401, "unauthenticated"), (name, answer.body)
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"', name
        assert text[-20:] not in served.log() or len(text) < 20, "a token is a secret"
    assert calls(served) == before
    assert served.show("stats")[0]["requests"] - records <= 1, "`muster show` itself"


def test_header_fields(served):
    def status(*lines):
        head = "".join(f"{line}\r\n" for line in lines)
        answer = served.raw(f"GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n".encode())
        return int(answer.split()[1]), b'error="invalid_token"' in answer

    good = f"Authorization: Bearer {token()}"
    assert status(good) == (200, False)
    assert status() == (401, False)
    assert status("Authorization: Basic YTpi") == (401, False)
    assert status("Authorization: Bearerx y") == (401, False)
    assert status("Authorization:") == (401, False)
    for lines in ((good, good), (good, "Authorization: Basic YTpi"), ("Authorization: Basic YTpi", good),
                  ("Authorization: Bearer",), (good + " x",), (good + ", Bearer x",),
                  ("Authorization: Bearer " + "x" * 9000,)):
        assert status(*lines) == (401, True), lines


def test_roles(served):
    def status(path, role, body=None):
        return served.request("POST" if body else "GET", path, body, as_user(role=role)).status

    assert [status("/admin", role) for role in ("admin", "user", "editor", "Admin", "admin ")] == [200, 403, 403, 403, 403]
    assert [status("/articles", role, {"text": "x"}) for role in ("editor", "admin", "user")] == [200, 403, 403]
    before = calls(served)
    answer = served.request("POST", "/articles", b"no json at all", {**as_user(), "Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (403, "forbidden"), "judged before the body"
    assert served.request("GET", "/admin").status == 401
    assert served.request("GET", "/admin", headers=as_user()).status == 403 and calls(served) == before


def test_public_is_for_all(served):
    assert served.request("GET", "/open").json == {"sub": None}
    assert served.request("GET", "/open", headers=as_user()).json == {"sub": "ann"}
    assert served.request("GET", "/open", headers=as_user(exp=1)).json == {"sub": None}
    for path, status in (("/health/ready", 200), ("/health/checks", 401), ("/openapi.json", 200), ("/nothing", 404)):
        assert served.request("GET", path).status == status, path
    assert served.request("GET", "/health/checks", headers=as_user()).status == 200


def test_zeromq_is_no_way_around(served):
    party = native.Party(f"ipc://{served.ipc}")
    client = party.peer()
    for who in ({}, {"subject": b"ann", "role": b"user"}, {"subject": b"ann", "role": b"admin"}):
        client.refused(client.ask("db", "of_editors", {"text": "x"}, **who), "forbidden" if who else "unauthenticated")
    editor = {"subject": b"ann", "role": b"editor"}
    assert client.call("db", "of_editors", {"text": "x"}, **editor) == {"role": "editor", "text": "x"}
    for email, wanted in (("a@b", "a@b"), (None, None), (7, None), (b"\xff", None), ("a\0b", None)):
        claimed = msgpack.packb({"email": email})
        assert client.call("db", "me", subject=b"ann", role=b"user", claims=claimed)["email"] == wanted
    assert client.call("db", "me", subject=b"ann", role=b"user", claims=b"\x81")["email"] is None
    party.close()


def test_openapi_tells_what_is_needed(served):
    document = served.request("GET", "/openapi.json").json
    assert document["components"]["securitySchemes"] == {
        "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    security = {path: list(item.values())[0]["security"] for path, item in document["paths"].items()}
    assert security["/open"] == [] and security["/me"] == [{"bearerAuth": []}]
    assert security["/admin"] == [{"bearerAuth": ["admin"]}] and security["/articles"] == [{"bearerAuth": ["editor"]}]
    assert {"401", "403"} <= set(document["paths"]["/articles"]["post"]["responses"])


def test_the_end_of_a_token_that_is_known(served):
    headers = as_user(exp=now() + 2)
    assert served.request("GET", "/me", headers=headers).status == 200
    wait_for(lambda: served.request("GET", "/me", headers=headers).status == 401, what="the token's end")


def test_audience_and_issuer(start):
    server = start("--token-audience", "muster", "--token-issuer", "https://login.example", dev=False)
    right = {"aud": ["x", "muster"], "iss": "https://login.example"}
    assert server.request("GET", "/providers", headers=as_user(**right)).status == 200
    for wrong in ({"aud": None}, {"iss": None}, {"aud": "Muster"}, {"aud": ["x"]}, {"iss": "https://login.example/"}, {"aud": [right]}):
        assert server.request("GET", "/providers", headers=as_user(**{**right, **wrong})).status == 401, wrong


def test_other_keys_at_a_reload(start, tmp_path):
    """SIGHUP reads the secret's file and the key file once more; what is wrong there leaves the former keys."""
    secret, keys = tmp_path / "secret", tmp_path / "keys.json"
    first, second = tokens.secrets.token_urlsafe(48), tokens.secrets.token_urlsafe(48)
    secret.write_text(first + "\n")
    keys.write_text(json.dumps({"keys": [tokens.jwk(RSA)]}))
    server = start("--jwks", str(keys), "--gateways", "2", dev=False, env={"SECRET_KEY_FILE": str(secret), "SECRET_KEY": ""})

    def works(**options):
        return server.request("GET", "/providers", headers=bearer(**options)).status == 200

    assert works(key=first) and works(key=RSA, alg="RS256") and not works(key=second)
    secret.write_text(second)
    keys.write_text(json.dumps({"keys": [tokens.jwk(EC)]}))
    server.send(signal.SIGHUP)
    wait_for(lambda: all(works(key=second) and not works(key=first) for _ in range(6)), what="the newer keys")
    wait_for(lambda: not works(key=RSA, alg="RS256"), what="the end of the key")
    assert works(key=EC, alg="ES256")
    keys.write_text("{")
    server.send(signal.SIGHUP)
    server.logged("the former keys stay")
    assert works(key=second) and works(key=EC, alg="ES256")
    assert first not in server.log() and second not in server.log()


def test_the_former_secret(start):
    former = tokens.secrets.token_urlsafe(48)
    server = start(dev=False, env={"SECRET_KEY_OLD": former})
    for key, status in ((tokens.SECRET, 200), (former, 200), (former + "x", 401)):
        assert server.request("GET", "/providers", headers=bearer(key=key)).status == status
    shown = json.dumps(server.show("config"))
    assert former not in shown and tokens.SECRET not in shown and shown.count("(hidden)") == 2


WRONG = [({"SECRET_KEY": ""}, "set SECRET_KEY (make one with: openssl rand -base64 48)"),
         ({"SECRET_KEY": "brief-one"}, "SECRET_KEY is shorter than 32 bytes; make one with: openssl rand -base64 48"),
         ({"SECRET_KEY": "dev-secret-key-change-me-in-production"}, "SECRET_KEY is known to everybody"),
         ({"SECRET_KEY": "your-secret-key-here-generate-a-new-one"}, "SECRET_KEY is known to everybody"),
         ({"SECRET_KEY": "a" * 64}, "SECRET_KEY is easy to guess"),
         ({"SECRET_KEY_OLD": "b" * 64}, "SECRET_KEY_OLD is easy to guess"),
         ({"MUSTER_JWKS": "/nonexistent"}, "the key file /nonexistent cannot be read"),
         ({"MUSTER_JWKS": "/dev/null"}, "the key file /dev/null: it is no JSON"),
         ({"SECRET_KEY_FILE": "/nonexistent"}, "SECRET_KEY_FILE names /nonexistent, which cannot be read")]


@pytest.mark.parametrize("environment,words", WRONG)
@pytest.mark.parametrize("command", ["serve", "gateway"])
def test_no_start_without_a_key_that_is_safe(command, environment, words, tmp_path):
    done = subprocess.run([BINARY, command, "--http", f"127.0.0.1:{free_port()}", "--ipc", str(tmp_path / "s")],
                          env={**os.environ, "DATABASE_URL": "dbname=x", **environment}, capture_output=True, text=True,
                          timeout=20)
    assert done.returncode in (1, 2) and words in done.stderr, done.stderr
    for name in ("SECRET_KEY", "SECRET_KEY_OLD"):
        assert not environment.get(name) or environment[name] not in done.stderr


def test_a_key_file_alone_will_do(start, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [tokens.jwk(EC)]}))
    server = start("--jwks", str(tmp_path / "keys.json"), dev=False, env={"SECRET_KEY": ""})
    assert server.request("GET", "/providers", headers=bearer(key=EC, alg="ES256")).status == 200
    assert server.request("GET", "/providers", headers=bearer()).status == 401
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [tokens.jwk(tokens.rsa_key(1024))]}))
    done = subprocess.run([BINARY, "gateway", "--jwks", str(tmp_path / "keys.json"), "--http", f"127.0.0.1:{free_port()}"],
                          env={**os.environ, "SECRET_KEY": ""}, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "key 1 is an RSA key of less than 2048 bits" in done.stderr
