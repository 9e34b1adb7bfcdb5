# SPDX-License-Identifier: MPL-2.0
"""A token that was revoked at one gateway is refused by all of them, whatever breaks meanwhile."""
import signal
import subprocess

import pytest

from conftest import psql, wait_for
from tokens import as_user

LISTENERS = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'muster listener' "
             "AND wait_event = 'ClientRead' AND datname = current_database()")


def status(gateway, headers, path="/health/system"):
    """/health/system asks who one is, but not the database."""
    return gateway.request("GET", path, headers=headers).status


def refuses(gateway, headers):
    return status(gateway, headers) == 401


def logout(gateway, headers):
    answer = gateway.request("POST", "/auth/logout", headers=headers)
    assert answer.status == 200, answer.body


def revoke(database, headers):
    """As the database does it, without a gateway."""
    text = headers["Authorization"].removeprefix("Bearer ").rpartition(".")[0]
    psql(f"SELECT muster.revoke(substring(sha256('{text}') for 16), now() + interval '10 minutes')", database)


@pytest.fixture
def two(parts):
    """A broker, actors, and two gateways."""
    broker = parts.broker()
    actors = parts.actors([broker], "--actors", "2")
    gateways = [parts.gateway([broker], dev=False).wait_ready() for _ in range(2)]
    return broker, actors, gateways


def test_logged_out_at_one_refused_by_the_other(two):
    _, _, (one, other) = two
    for subject in ("ann", "bob", "carl"):
        own, alike = as_user(subject), as_user(subject, jti="another")
        assert status(one, own) == status(other, own) == status(other, own, "/providers") == 200
        logout(one, own)
        wait_for(lambda: refuses(other, own) and refuses(one, own), 5, "the end of the token")
        answer = other.request("GET", "/providers", headers=own)
        assert (answer.status, answer.json["detail"]) == (401, "This token was revoked."), answer.body
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert status(one, alike) == status(other, alike) == 200
        assert other.request("GET", "/health/live", headers=own).status == 200  # public: he is nobody there


def test_a_gateway_that_comes_later_knows(two, parts, gathering):
    broker, _, (one, _) = two
    psql("INSERT INTO muster.revocations (key, expires_at) SELECT substring(sha256(n::text::bytea) for 16), now() + interval "
         "'5 minutes' FROM generate_series(1, 45000) n ON CONFLICT DO NOTHING", gathering)  # more than one page
    own = as_user("dora")
    logout(one, own)
    late = parts.gateway([broker], dev=False).wait_ready()
    assert refuses(late, own)
    assert status(late, as_user("erna"), "/providers") == 200
    psql("DELETE FROM muster.revocations", gathering)


def test_the_listener_loses_its_connection(two, gathering):
    """Again and again, while tokens are revoked."""
    _, _, (one, other) = two
    assert status(one, as_user("frank")) == status(other, as_user("frank")) == 200
    listeners = wait_for(lambda: int(psql(LISTENERS, gathering)), what="a listener")  # another test's server may have one, too
    for number in range(4):
        wait_for(lambda: int(psql(LISTENERS, gathering)) >= listeners, what="the listener")
        own = as_user(f"frank{number}")
        assert status(other, own) == 200
        if number % 2:
            logout(one, own)
        psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'muster listener' "
             "AND datname = current_database()", gathering)
        if number % 2 == 0:
            logout(one, own)
        wait_for(lambda: refuses(other, own) and refuses(one, own), 8, "the end of the token")


def test_order_of_commits(two, gathering):
    """What commits late, with a number from long before, is told all the same."""
    _, _, (one, other) = two
    early, later = as_user("early"), as_user("later")
    text = early["Authorization"].removeprefix("Bearer ").rpartition(".")[0]
    session = subprocess.Popen(["psql", "-XqAt", "-d", gathering], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write(f"BEGIN; SELECT muster.revoke(substring(sha256('{text}') for 16), now() + interval '1 hour');\n")
    session.stdin.flush()
    assert session.stdout.readline() == "t\n"
    logout(one, later)
    wait_for(lambda: refuses(other, later), 5, "the end of the later token")
    assert status(other, early) == 200
    session.communicate("COMMIT;\n")
    wait_for(lambda: refuses(other, early) and refuses(one, early), 5, "the end of the early token")


def test_nobody_tells(parts, gathering, tmp_path):
    """Where no feed is let in, each token is asked about; and when the database does not answer, none passes."""
    rights = tmp_path / "rights.zpl"
    rights.write_text('local\n    gateway = on\n    admin = on\n    call = *\n    register = "db, chat, auth"\n    paths = *\n')
    broker = parts.broker("--rights", str(rights))
    actors = parts.actors([broker], "--actors", "2")
    gateway = parts.gateway([broker], dev=False).wait_ready()
    own, other = as_user("gus"), as_user("hans")
    for path in ("/health/system", "/providers", "/auth/blacklist/stats"):
        assert status(gateway, own, path) == (403 if path.endswith("stats") else 200)
    written = gateway.request("POST", "/goals", {"agent_id": 1, "title": "asked about first", "description": "then made"}, own)
    assert written.status == 201, written.body
    revoke(gathering, own)
    for path in ("/health/system", "/providers"):
        assert status(gateway, own, path) == 401
        assert status(gateway, other, path) == 200
    actors.kill()
    for path in ("/health/system", "/providers"):
        answer = gateway.request("GET", path, headers=other)
        assert (answer.status, answer.json["code"]) == (503, "not_ready"), answer.body
        assert answer.headers["Retry-After"] == "1"


def test_the_feed_falls_silent(two, gathering):
    """Ten seconds after its last word nothing it said is relied upon: no token passes unseen."""
    _, actors, (one, other) = two
    own = as_user("ida")
    wait_for(lambda: status(one, own) == status(other, own) == 200)
    actors.send(signal.SIGSTOP)
    revoke(gathering, own)
    for gateway in (one, other):
        wait_for(lambda: status(gateway, own) == 503, 15, "the end of trust")
    actors.send(signal.SIGCONT)
    for gateway in (one, other):
        wait_for(lambda: refuses(gateway, own), 10, "the end of the token")
        wait_for(lambda: status(gateway, as_user("karl")) == 200, 10, "trust in others")
