# SPDX-License-Identifier: MPL-2.0
"""Keys and rights: CURVE clients and workers of a broker without --dev, who may do what the rights file grants."""
import concurrent.futures
import os
import re
import signal
import stat
import subprocess
import time

import msgpack
import pytest
import zmq
import zmq.auth

from conftest import BINARY, SLOW, SOURCE, Server, database_url, free_port, psql, wait_for
from native import DISCONNECT, ERROR, FINAL, HEARTBEAT, HELLO, PUBLISH, READ, Party, Record, ready, value

ENDPOINTS = """
-- @endpoint GET /whoami
-- @operation whoami
-- @auth public
-- @returns row
SELECT :auth.sub AS subject, :auth.role AS role;

-- @endpoint GET /twice/{n}
-- @operation twice
-- @auth public
-- @path n int4 (0..1000)
-- @returns value
SELECT :n * 2;

-- @endpoint GET /things/{id}
-- @operation get_thing
-- @auth public
-- @empty thing_not_found
-- @error thing_not_found 404 "Thing {id} not found"
-- @returns row
SELECT * FROM things WHERE id = :id;

-- @endpoint POST /things
-- @operation create_thing
-- @auth public
-- @body id int4
-- @body kind text in (round, flat)
-- @error too_many 403 "No thing beyond 100"
-- @returns row
INSERT INTO things SELECT :id, :kind WHERE :id < 100 RETURNING *, NULL::text AS _error;

-- @endpoint GET /secret
-- @operation secret
-- @returns value
SELECT 'known to users';

-- @endpoint GET /top-secret
-- @operation top_secret
-- @auth admin
-- @returns value
SELECT 'known to admins';

-- @operation nothing
-- @auth public
-- @empty gone
-- @error gone 410 "It was here once"
-- @returns row
SELECT 1 WHERE false;
"""

PEERS = {
    "reader": 'subject = rita\n role = user\n call = "db/whoami, db/tw*, db/secret, db/top_secret"',
    "nobody": 'call = "db/*"',
    "front": 'call = *\n gateway = on',
    "embedder": 'subject = emma\n register = "embed"\n paths = "/embed"\n call = "db/whoami"',
    "watcher": 'admin = on\n call = "embed/*"',
}


def keygen(folder, name):
    subprocess.run([BINARY, "keygen", name, "--dir", folder], check=True, capture_output=True)
    return zmq.auth.load_certificate(folder / f"{name}.cert_secret")


class Guarded:
    """`muster serve` with CURVE, and the keys of its peers."""

    def __init__(self, folder, database):
        self.folder = folder
        self.broker = keygen(folder, "broker")
        self.keys = {name: keygen(folder, name) for name in [*PEERS, "stranger", "newer"]}
        self.entries = {name: self.entry(name) for name in PEERS}
        self.rights = folder / "rights.zpl"
        self.write()
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        (folder / "endpoints").mkdir(exist_ok=True)
        (folder / "endpoints/test.sql").write_text(ENDPOINTS)
        self.server = Server(folder, database, "--dir", str(folder), "--actors", "2", "--bind", self.endpoint,
                             "--cert", str(folder / "broker.cert_secret"), "--rights", str(self.rights), dev=False)
        self.server.wait_ready()

    def entry(self, name, *more_keys, rights=None):
        keys = ", ".join(self.keys[key][0].decode() for key in (name, *more_keys))
        text = f'peer\n name = {name}\n key = "{keys}"\n {PEERS[name] if rights is None else rights}\n'
        return text.replace("\n ", "\n    ")

    def write(self, *more):
        self.rights.write_text("".join([*self.entries.values(), *more]))

    def reload(self, said="rights of"):
        before = self.server.log().count(said)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.log().count(said) > before, what=f"'{said}' in the log")

    def curve(self, name, server=None):
        return server or self.broker[0], *self.keys[name]

    def stats(self):
        return self.server.show("stats")[0]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    name = f"rights_{os.getpid()}"
    psql(f'CREATE DATABASE "{name}"')
    url = database_url(name)
    psql("CREATE TABLE things (id int PRIMARY KEY, kind text NOT NULL)", url)
    made = Guarded(tmp_path_factory.mktemp("rights"), url)
    yield made
    assert made.server.stop() == 0, made.server.log()[-3000:]
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def party(guarded):
    made = Party(f"ipc://{guarded.server.ipc}", guarded.endpoint)
    yield made
    made.close()
    guarded.entries = {name: guarded.entry(name) for name in PEERS}
    guarded.write()
    guarded.reload()


@pytest.fixture
def connect(guarded, party):
    return lambda name, **options: party.peer("tcp", curve=guarded.curve(name), **options)


def hashes(peer):
    """name: hash of the database's operations, as this peer hears them."""
    peer.send(Record(HELLO))
    peer.beats = True
    while True:
        record = peer.expect(PUBLISH, seconds=10)
        if record.service == b"db":
            return {operation["name"]: operation["hash"] for operation in value(record.body)["operations"]}


def test_a_key_calls_what_it_may(connect):
    reader = connect("reader")
    assert reader.call("db", "twice", {"n": 21}) == 42
    known = hashes(connect("nobody"))
    assert reader.call("db", "anything", {"n": 4}, operation=known["twice"]) == 8


def test_and_nothing_else(guarded, connect):
    reader = connect("reader")
    known = hashes(connect("nobody"))
    before = guarded.stats()["forbidden"]
    refused = [("db", "get_thing", 0), ("db", "get_thing", known["get_thing"]), ("db", "twice", known["get_thing"]),
               ("db", "", known["get_thing"]), ("db", "nonsense", 0), ("db", "nonsense", 4711), ("chat", "twice", 0),
               ("nowhere", "twice", 0), ("muster", "services", 0), ("muster", "stats", 0), ("muster", "nonsense", 0)]
    for service, name, hash_ in refused:
        body = reader.refused(reader.ask(service, name, {"id": 1}, operation=hash_), "forbidden")
        assert body["status"] == 403
    assert guarded.stats()["forbidden"] == before + len(refused)


def test_an_identity_that_is_forged_is_replaced(connect):
    forged = dict(subject=b"ada", role=b"admin", claims=msgpack.packb({"sub": "ada", "role": "admin"}))
    assert connect("reader").call("db", "whoami", **forged) == {"subject": "rita", "role": "user"}
    nobody = connect("nobody")
    got = nobody.call("db", "whoami", **forged)
    assert not got["subject"] and not got["role"]
    nobody.answer(nobody.ask("db", "secret", **forged), ERROR)


def test_a_gateway_names_identities(connect):
    front = connect("front")
    assert front.call("db", "whoami", subject=b"ada", role=b"user") == {"subject": "ada", "role": "user"}
    assert front.call("db", "top_secret", subject=b"ada", role=b"admin") == "known to admins"
    assert front.table("services"), "a gateway asks whether it is ready"
    assert connect("watcher").table("workers")


def silent(peer, seconds=1.5):
    """Nobody answers: the connection never came about, so that nothing can even be sent."""
    peer.socket.setsockopt(zmq.SNDTIMEO, int(seconds * 1000))
    with pytest.raises(zmq.Again):
        peer.send(Record(HELLO))


def test_an_unknown_key_is_turned_away(guarded, connect):
    before = guarded.stats()["denied"]
    stranger = connect("stranger")
    silent(stranger)
    wait_for(lambda: guarded.stats()["denied"] > before, what="a count")
    [line] = set(re.findall(r"turned away from 127.0.0.1: the rights file has no key (.{40})", guarded.server.log()))
    assert line.encode() == guarded.keys["stranger"][0]
    assert guarded.keys["stranger"][1].decode() not in guarded.server.log()


def test_without_curve_nobody_is_heard(party, guarded):
    silent(party.peer("tcp"))
    assert party.peer("ipc").call("db", "twice", {"n": 2}) == 4


def test_a_wrong_server_key_is_noticed(party, guarded):
    silent(party.peer("tcp", curve=guarded.curve("reader", server=guarded.keys["stranger"][0])))


def test_a_routing_id_of_ones_own_is_not_heard(guarded, connect):
    """Else a peer could take another's name over and hear its answers."""
    before = guarded.stats()["rejected"]
    peer = connect("reader", routing_id=b"reader-1")
    peer.ask("db", "twice", {"n": 2})
    wait_for(lambda: guarded.stats()["rejected"] > before, what="a count")
    peer.quiet()


def catalogue(*paths, service="embed"):
    operations = [{"hash": 0x51 + n, "name": f"embed{n}", "service": service, "method": "GET", "path": path,
                   "tier": "read", "auth": "public", "timeout_ms": 5000, "params": [], "refusals": [], "columns": []}
                  for n, path in enumerate(paths)]
    return {"generation": time.time_ns() // 1000, "operations": operations}


def ready_with(*paths, service="embed", **options):
    body = {"offers": [[0x51 + n, f"embed{n}", 1] for n in range(len(paths))],
            "catalogue": catalogue(*paths, **options)}
    return ready(service, epoch=9, operation=abs(hash(paths)) | 1, body=msgpack.packb(body))


def register(worker, message):
    worker.epoch = 9
    worker.send(message)
    assert worker.expect(HEARTBEAT, DISCONNECT).type == HEARTBEAT, "READY was refused"
    worker.beats = True


def test_a_worker_serves_and_publishes_what_it_may(guarded, connect):
    worker = connect("embedder")
    register(worker, ready_with("/embed/hello"))
    watcher = connect("watcher")
    id_ = watcher.ask("embed", "embed0")
    worker.reply(worker.work("embed0"), "over ZeroMQ")
    assert watcher.answer(id_) == "over ZeroMQ"
    assert worker.call("db", "whoami")["subject"] == "emma"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        wait_for(lambda: "/embed/hello" in guarded.server.request("GET", "/openapi.json").json["paths"],
                 what="the route")
        answer = pool.submit(guarded.server.request, "GET", "/embed/hello")
        worker.reply(worker.work("embed0"), "over HTTP")
        assert answer.result(10).json == "over HTTP"


@pytest.mark.parametrize("name,message,said", [
    ("reader", ready("embed"), "reader may not register embed"),
    ("front", ready("db"), "front may not register db"),
    ("embedder", ready("db"), "embedder may not register db"),
    ("embedder", ready("embed2"), "embedder may not register embed2"),
    ("embedder", ready_with("/embed/hello", "/twice/{n}"), "embedder may not publish /twice/{n}"),
    ("embedder", ready_with("/{x}/hello"), "embedder may not publish /{x}/hello"),
    ("embedder", ready_with("/embedding"), "embedder may not publish /embedding"),
    ("embedder", ready_with("/embed/x", service="embed"), None),
], ids=lambda v: v if isinstance(v, str) else "")
def test_registrations(guarded, connect, name, message, said):
    worker = connect(name)
    before = guarded.server.log().count(said) if said else 0
    routes = guarded.server.request("GET", "/openapi.json").json["paths"].keys()
    for _ in range(3):
        worker.send(message)
        assert worker.expect(HEARTBEAT, DISCONNECT).type == (DISCONNECT if said else HEARTBEAT)
    if said:
        assert guarded.server.log().count(said) == before + 1, "one line for each connection"
        assert {row["service"] for row in guarded.server.show("workers")} == {"db", "chat", "auth", "muster.revoked"}
        assert guarded.server.request("GET", "/openapi.json").json["paths"].keys() == routes
        assert guarded.server.request("GET", "/twice/4").json == 8


def test_a_key_that_is_taken_out(guarded, connect):
    reader, other = connect("reader"), connect("nobody")
    assert reader.call("db", "twice", {"n": 1}) == 2
    assert other.call("db", "twice", {"n": 1}) == 2
    del guarded.entries["reader"]
    guarded.write()
    guarded.reload()
    reader.expect(DISCONNECT)
    reader.refused(reader.ask("db", "twice", {"n": 1}), "forbidden")
    reader.send(Record(HELLO))
    reader.expect(DISCONNECT)
    assert other.call("db", "twice", {"n": 2}) == 4, "others notice nothing"
    silent(connect("reader"))
    guarded.entries["reader"] = guarded.entry("reader")
    guarded.write()
    guarded.reload()
    assert reader.call("db", "twice", {"n": 3}) == 6, "and back on the same connection"


def test_a_worker_that_may_not_serve_any_more(guarded, connect):
    worker, client = connect("embedder"), connect("watcher")
    register(worker, ready_with("/embed/hello"))
    id_ = client.ask("embed", "embed0", flags=READ)
    worker.work()
    guarded.entries["embedder"] = guarded.entry("embedder", rights='call = "db/whoami"')
    guarded.write()
    guarded.reload()
    worker.expect(DISCONNECT)
    client.refused(id_, "worker_lost")
    worker.beats = False
    worker.call("db", "whoami")


def test_a_change_elsewhere_leaves_a_worker_alone(guarded, connect):
    worker, client = connect("embedder"), connect("watcher")
    register(worker, ready_with("/embed/hello"))
    id_ = client.ask("embed", "embed0")
    request = worker.work()
    guarded.entries["reader"] = guarded.entry("reader", rights="call = \"\"")
    guarded.entries["embedder"] = guarded.entry("embedder", rights='register = *\n paths = "/embed, /more"')
    guarded.write()
    guarded.reload()
    worker.reply(request, "still here")
    assert client.answer(id_) == "still here"


def test_rotation_of_a_key(guarded, connect):
    """Old and new both listed, then the new one alone: no request fails."""
    old = connect("reader")
    answered = 0

    def use(peer):
        nonlocal answered
        ids = [peer.ask("db", "twice", {"n": n}) for n in range(20)]
        got = {(record := peer.expect(FINAL)).id: value(record.body) for _ in ids}
        assert got == {id_: n * 2 for n, id_ in enumerate(ids)}
        answered += len(got)

    use(old)
    guarded.entries["reader"] = guarded.entry("reader", "newer")
    guarded.write()
    waiting = [old.ask("db", "twice", {"n": n}) for n in range(20)]
    guarded.reload()
    got = {(record := old.expect(FINAL)).id: value(record.body) for _ in waiting}
    assert got == {id_: n * 2 for n, id_ in enumerate(waiting)}
    new = connect("newer")
    use(old)
    use(new)
    assert new.call("db", "whoami") == {"subject": "rita", "role": "user"}
    guarded.entries["reader"] = guarded.entries["reader"].replace(guarded.keys["reader"][0].decode() + ", ", "")
    guarded.write()
    guarded.reload()
    use(new)
    old.expect(DISCONNECT)
    assert answered == 80


def test_a_file_with_a_mistake_changes_nothing(guarded, connect):
    reader = connect("reader")
    assert reader.call("db", "twice", {"n": 1}) == 2
    guarded.rights.write_text("peer\n    nmae = x\n")
    guarded.reload(said=f"the rights file {guarded.rights}, line 2: unknown property nmae; the former rights stay")
    assert reader.call("db", "twice", {"n": 2}) == 4
    assert connect("reader").call("db", "twice", {"n": 3}) == 6


def test_the_local_socket_may_be_limited(guarded, party):
    local = party.peer("ipc")
    assert local.call("db", "whoami", subject=b"ada", role=b"user") == {"subject": "ada", "role": "user"}
    guarded.write("local\n    call = \"db/whoami\"\n    subject = lisa\n    admin = on\n")
    guarded.reload()
    assert local.call("db", "whoami", subject=b"ada", role=b"user")["subject"] == "lisa"
    local.refused(local.ask("db", "twice", {"n": 1}), "forbidden")
    local.send(ready("greeter"))
    local.expect(DISCONNECT)
    assert guarded.server.request("GET", "/twice/4").json == 8, "the gateway inside is no peer of the socket"


def test_call_and_show_with_keys(guarded):
    def muster(command, *arguments, cert="watcher", broker="broker"):
        return subprocess.run([BINARY, command, *arguments, "--brokers", guarded.endpoint, "--cert",
                               guarded.folder / f"{cert}.cert_secret", "--broker-cert",
                               guarded.folder / f"{broker}.cert"], capture_output=True, text=True)

    assert muster("call", "twice", "n=21", cert="reader").stdout == "42\n"
    assert "db" in muster("show", "services").stdout
    refused = muster("show", "services", cert="reader")
    assert refused.returncode == 1 and "needs the right admin" in refused.stderr
    refused = muster("call", "get_thing", "id=1", cert="reader")
    assert refused.returncode == 1 and '"forbidden"' in refused.stderr
    refused = muster("call", "twice", "n=1", cert="stranger")
    assert refused.returncode == 2 and "does its rights file have the key of --cert?" in refused.stderr
    refused = muster("call", "twice", "n=1", cert="reader", broker="stranger")
    assert refused.returncode == 2 and "no broker answers" in refused.stderr


def test_majordomo_has_the_same_rights(guarded, connect):
    def ask(peer, service, *body):
        peer.socket.send_multipart([b"", b"MDPC01", service.encode(), *body])
        assert peer.socket.poll(5000 * SLOW), "no answer"
        return peer.socket.recv_multipart()[3:]

    def call(peer, where, operation, **arguments):
        [answer] = ask(peer, where, msgpack.packb([0, 7, operation, [arguments, {"subject": "ada", "role": "admin"}]]))
        _, _, error, result = msgpack.unpackb(answer)
        return error["code"] if error else result

    reader = connect("reader")
    assert call(reader, "db", "twice", n=21) == 42
    assert call(reader, "db", "whoami") == {"subject": "rita", "role": "user"}
    assert call(reader, "db", "get_thing", id=1) == "forbidden"
    assert call(reader, "muster", "stats") == "forbidden"
    assert call(reader, "muster", "describe", service="db")
    assert msgpack.unpackb(ask(reader, "db", b"no rpc")[0])[2]["code"] == "forbidden", "it might be anything"
    assert ask(reader, "mmi.service", b"db") == [b"200"] and ask(reader, "mmi.stats", b"") == [b"403"]
    assert ask(connect("watcher"), "mmi.stats", b"")[0] == b"200"
    worker = connect("reader")
    worker.socket.send_multipart([b"", b"MDPW01", b"\x01", b"embed"])
    assert worker.socket.poll(5000 * SLOW) and worker.socket.recv_multipart() == [b"", b"MDPW01", b"\x05"]


# Promise 8: nobody gets by ZeroMQ what HTTP would refuse.

REFUSED = [  # method, path, body over HTTP; operation and arguments over ZeroMQ; status, code
    ("GET", "/secret", None, "secret", {}, 401, "unauthenticated"),
    ("GET", "/top-secret", None, "top_secret", {}, 401, "unauthenticated"),
    ("GET", "/things/77", None, "get_thing", {"id": 77}, 404, "thing_not_found"),
    ("GET", "/things/x", None, "get_thing", {"id": "x"}, 422, "invalid"),
    ("GET", "/things/99999999999", None, "get_thing", {"id": 99999999999}, 422, "invalid"),
    ("GET", "/twice/1001", None, "twice", {"n": 1001}, 422, "invalid"),
    ("GET", "/twice/-1", None, "twice", {"n": -1}, 422, "invalid"),
    ("GET", "/twice/1.5", None, "twice", {"n": 1.5}, 422, "invalid"),
    ("POST", "/things", {"id": 1}, "create_thing", {"id": 1}, 422, "invalid"),
    ("POST", "/things", {"kind": "flat"}, "create_thing", {"kind": "flat"}, 422, "invalid"),
    ("POST", "/things", {"id": None, "kind": "flat"}, "create_thing", {"id": None, "kind": "flat"}, 422, "invalid"),
    ("POST", "/things", {"id": 1, "kind": "square"}, "create_thing", {"id": 1, "kind": "square"}, 422, "invalid"),
    ("POST", "/things", {"id": 1, "kind": 5}, "create_thing", {"id": 1, "kind": 5}, 422, "invalid"),
    ("POST", "/things", {"id": True, "kind": "flat"}, "create_thing", {"id": True, "kind": "flat"}, 422, "invalid"),
    ("POST", "/things", {"id": 50, "kind": "flat"}, "create_thing", {"id": 50, "kind": "flat"}, 409, "conflict"),
    ("POST", "/things", [1], "create_thing", [1], None, None),
]


@pytest.mark.parametrize("method,path,body,operation,arguments,status,code", REFUSED,
                         ids=[f"{row[1]}-{row[4]}" for row in REFUSED])
def test_zeromq_is_no_way_around_http(guarded, connect, method, path, body, operation, arguments, status, code):
    """`nobody` may call everything and is nobody, as whoever comes over HTTP without a token."""
    psql("INSERT INTO things VALUES (50, 'flat') ON CONFLICT DO NOTHING", guarded.server.database)
    count = psql("SELECT count(*) FROM things", guarded.server.database)
    over_http = guarded.server.request(method, path, body)
    peer = connect("nobody")
    for extra in ({}, {"subject": b"ada", "role": b"admin"}):
        native = peer.answer(peer.ask("db", operation, arguments, **extra), ERROR)
        assert native["status"] >= 400 and over_http.status >= 400
        if status:
            assert (native["status"], native["code"]) == (status, code)
            assert (over_http.status, over_http.json["code"]) == (status, code)
    assert psql("SELECT count(*) FROM things", guarded.server.database) == count


def test_a_role_that_is_not_enough(connect):
    """HTTP would say 403 to this subject, too."""
    reader = connect("reader")
    assert reader.call("db", "secret") == "known to users"
    body = reader.answer(reader.ask("db", "top_secret", subject=b"root", role=b"admin"), ERROR)
    assert (body["code"], body["status"]) == ("forbidden", 403)


# Before anything starts

def test_keygen(tmp_path):
    def run(*arguments):
        old = os.umask(0)
        try:
            return subprocess.run([BINARY, "keygen", *arguments], capture_output=True, text=True, cwd=tmp_path)
        finally:
            os.umask(old)

    done = run("billing")
    assert done.returncode == 0 and done.stderr == ""
    public, secret = tmp_path / "billing.cert", tmp_path / "billing.cert_secret"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (public, secret)] == [0o644, 0o600]
    key, secret_key = zmq.auth.load_certificate(secret)
    assert zmq.auth.load_certificate(public) == (key, None) and zmq.curve_public(secret_key) == key
    assert f'key = "{key.decode()}"' in done.stdout and secret_key.decode() not in done.stdout + public.read_text()
    before = secret.read_bytes()
    for left in ([public, secret], [public], [secret]):
        kept = {path: path.read_bytes() for path in (public, secret)}
        for path in {public, secret} - set(left):
            path.unlink()
        done = run("billing")
        assert done.returncode == 1 and "is there already; --force replaces it" in done.stderr
        assert {path for path in (public, secret) if path.exists()} == set(left)
        for path, text in kept.items():
            path.write_bytes(text)
    assert secret.read_bytes() == before
    assert run("billing", "--force").returncode == 0 and secret.read_bytes() != before
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    for wrong, words in ((("../x",), "a name is"), ((), "usage"), (("a", "b"), "unknown argument b"),
                         (("a", "--nonsense"), "unknown option --nonsense"), (("a", "--dir"), "needs a value"),
                         (("",), "a name is"), ((".x",), "a name is")):
        done = run(*wrong)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    done = run("a", "--dir", "/nowhere")
    assert done.returncode == 1 and "/nowhere/a.cert_secret cannot be written: No such file" in done.stderr


def test_the_entry_that_keygen_prints_is_one(guarded, tmp_path):
    printed = subprocess.run([BINARY, "keygen", "x", "--dir", tmp_path], check=True, capture_output=True,
                             text=True).stdout
    guarded.write(printed[printed.index("\npeer\n") + 1:])
    guarded.reload(said=f"rights of {len(PEERS) + 1} peers are in force")
    guarded.write()
    guarded.reload()


def test_the_file_of_the_page_is_one(guarded):
    page = (SOURCE / "docs/operations.md").read_text()
    text = re.search(r"```text\n(# Rights at this broker\n.*?)```", page, re.S).group(1)
    properties = set(re.findall(r"^    (\w+) =", text, re.M))
    table = page[page.index("| property | means"):].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert properties == named
    guarded.rights.write_text(text)
    guarded.reload(said="rights of 3 peers are in force")
    assert guarded.server.show("stats"), "local may ask for tables"
    guarded.write()
    guarded.reload()


@pytest.mark.parametrize("flags,said", [
    ((), "--bind needs --cert and --rights (muster keygen makes keys), or --dev"),
    (("--rights", "rights"), "--bind needs --cert and --rights (muster keygen makes keys), or --dev"),
    (("--cert", "broker.cert_secret"), "--bind with --cert needs --rights: who may connect, and do what"),
    (("--cert", "none", "--rights", "rights"), "the certificate none cannot be read: No such file or directory"),
    (("--cert", "broker.cert", "--rights", "rights"), "the secret key in broker.cert can be read by others"),
    (("--cert", "open", "--rights", "rights"), "the secret key in open can be read by others; chmod 600 open"),
    (("--cert", "public", "--rights", "rights"), "public holds no secret key; its name should end in .cert_secret"),
    (("--cert", "mixed", "--rights", "rights"), "the two keys in mixed do not belong together"),
    (("--cert", "empty", "--rights", "rights"), "empty holds no public key; muster keygen makes certificates"),
    (("--cert", ".", "--rights", "rights"), "the certificate . is no file"),
    (("--cert", "broker.cert_secret", "--rights", "none"), "the rights file none cannot be read: No such file"),
    (("--cert", "broker.cert_secret", "--rights", "wrong"), "the rights file wrong, line 1: unknown section nonsense"),
    (("--cert", "broker.cert_secret", "--rights", "open-rights"), "everybody may write to the rights file open-rights"),
    (("--cert", "broker.cert_secret", "--rights", "."), "the rights file . is no file"),
    (("--bind", "ipc:///tmp/x", "--dev"), "--bind: ipc:///tmp/x is no endpoint, as tcp://10.0.0.1:5555"),
    (("--bind", "tcp://127.0.0.1:5,", "--dev"), "--bind:  is no endpoint"),
    (("--bind", ",".join(f"tcp://127.0.0.1:{n}" for n in range(20, 37)), "--dev"), "--bind names more than 16"),
    (("--bind", "tcp://127.0.0.1:1,tcp://0.0.0.0:2", "--dev"), "--dev binds loopback only, not tcp://0.0.0.0:2"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_what_cannot_work_is_refused_before_anything_starts(tmp_path, flags, said):
    keygen(tmp_path, "broker")
    keygen(tmp_path, "other")
    secret = (tmp_path / "broker.cert_secret").read_text()
    for name, text, mode in (
            ("rights", "", 0o644), ("wrong", "nonsense\n", 0o644), ("open-rights", "", 0o666), ("open", secret, 0o640),
            ("public", (tmp_path / "broker.cert").read_text(), 0o600), ("empty", "", 0o600),
            ("mixed", secret.split("public-key")[0] + 'public-key = "' +
             zmq.auth.load_certificate(tmp_path / "other.cert")[0].decode() + '"\n    secret-key' +
             secret.split("secret-key")[1], 0o600)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    done = subprocess.run([BINARY, "serve", "--database-url", "dbname=x", "--http", f"127.0.0.1:{free_port()}",
                           "--ipc", tmp_path / "b.sock", "--bind", "tcp://127.0.0.1:1", *flags],
                          capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert done.returncode == 1 and done.stderr.startswith(f"muster serve: {said}"), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("flags,said", [
    (("--brokers", "tcp://10.0.0.1:5"), "tcp:// brokers need --cert and --broker-cert; without keys only loopback"),
    (("--brokers", "tcp://10.0.0.1:5", "--cert", "x"), "tcp:// brokers need --broker-cert, their public certificate"),
    (("--brokers", "tcp://10.0.0.1:5", "--broker-cert", "x"), "tcp:// brokers need --cert, the keys of this process"),
    (("--brokers", "nonsense"), "--brokers: nonsense is no endpoint"),
    (("--brokers", "tcp://*:5555"), "--brokers: tcp://*:5555 is no endpoint"),
    (("--brokers", "tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3", "--cert", "a.cert_secret", "--broker-cert",
      "a.cert,a.cert"), "--broker-cert names 2 certificates for 3 brokers; give one, or one for each"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_brokers_that_cannot_be_asked(tmp_path, flags, said):
    keygen(tmp_path, "a")
    done = subprocess.run([BINARY, "call", "x", *flags], capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert done.returncode == 2 and done.stderr.startswith(f"muster call: {said}"), done.stderr


def test_several_endpoints_and_dev_with_keys(guarded, tmp_path, start):
    """--dev does not open what has keys."""
    keygen(tmp_path, "broker")
    (tmp_path / "rights").write_text(guarded.entries["reader"])
    ports = [free_port(), free_port()]
    server = start("--bind", ",".join(f"tcp://127.0.0.1:{port}" for port in ports), "--cert",
                   str(tmp_path / "broker.cert_secret"), "--rights", str(tmp_path / "rights"))
    key = zmq.auth.load_certificate(tmp_path / "broker.cert")[0]
    for port in ports:
        party = Party(f"ipc://{server.ipc}", f"tcp://127.0.0.1:{port}")
        reader = party.peer("tcp", curve=guarded.curve("reader", server=key))
        reader.refused(reader.ask("db", "get_provider", {"id": 1}), "forbidden")
        silent(party.peer("tcp"), 0.5)
        party.close()
