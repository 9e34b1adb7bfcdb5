# SPDX-License-Identifier: MPL-2.0
"""muster health: what it says of servers that are well, ill, absent, strange or slow."""
import contextlib
import os
import socket
import subprocess
import threading
import time

import pytest

from conftest import BINARY, free_port

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"ready\":true}"


def health(*arguments, env=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MUSTER_")}
    return subprocess.run([BINARY, "health", *arguments], capture_output=True, text=True, timeout=60,
                          env={**environment, **(env or {})})


@contextlib.contextmanager
def stranger(answer, family=socket.AF_INET):
    """The port of a server that takes one connection, reads the request and lets answer(connection) do the rest."""
    with socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family) as listener:
        def serve():
            with listener.accept()[0] as connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(4096)
                with contextlib.suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def test_help():
    done = health("--help")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("usage: muster health")


def test_a_healthy_server(shared):
    address = f"127.0.0.1:{shared.port}"
    for arguments, said in (((), "ready\n"), (("--ready",), "ready\n"), (("--live", "--timeout=9"), "alive\n")):
        done = health("--http", address, "--timeout", "10", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


@pytest.mark.parametrize("address", ["0.0.0.0:{}", "localhost:{}", ":{}", "{}"])
def test_the_setting_of_the_server_will_do(shared, address):
    """What the server was told in MUSTER_HTTP, all addresses included, is what its check can be told, too."""
    done = health(env={"MUSTER_HTTP": address.format(shared.port)})
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("address", ["[::]", "[::1]"])
def test_ipv6(address):
    with stranger(lambda c: c.sendall(GOOD), socket.AF_INET6) as port:
        assert health("--http", f"{address}:{port}").returncode == 0


def test_the_database_is_away(start):
    server = start(database="postgresql://127.0.0.1:1/none?connect_timeout=2", ready=False)
    address = f"127.0.0.1:{server.port}"
    done = health("--http", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"muster health: {address}: not ready: no_catalogue, status 503\n"
    assert health("--http", address, "--live").returncode == 0


def test_nobody_listens():
    address = f"127.0.0.1:{free_port()}"
    done = health("--http", address)
    assert done.returncode == 1
    assert done.stderr == f"muster health: {address}: cannot be reached: Connection refused\n"


@pytest.mark.parametrize("answer,words", [
    (b"", "closed without an answer"),
    (b"\x00\xff\x1b[31m garbage\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000, "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n" + b"x" * 20000, "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not ready: status 200"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html> </html>", "not ready: status 200"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"alive\":true}", "not ready: status 200"),
    (b"HTTP/1.1 500 Oh\r\n\r\n{\"ready\":true}", "not ready: status 500"),
    (b"HTTP/1.1 503 Oh\r\n\r\n{\"reason\":\"\\u001b[2J" + b"y" * 1000 + b"\"}", "not ready: \\u001b[2Jyyy"),
], ids=lambda v: v[:40] if isinstance(v, str) else "")
def test_strangers(answer, words):
    with stranger(lambda connection: connection.sendall(answer)) as port:
        done = health("--http", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr and len(done.stderr) < 400 and done.stderr.count("\n") == 1


def test_an_answer_in_pieces_is_read_whole():
    def drop_by_drop(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GOOD:
            connection.sendall(bytes([byte]))

    with stranger(drop_by_drop) as port:
        assert health("--http", f"127.0.0.1:{port}").returncode == 0


def test_the_connection_may_stay_open():
    """What follows a complete answer is not waited for."""
    def hold(connection):
        connection.sendall(GOOD + b"and more")
        connection.recv(1)  # until the client leaves

    with stranger(hold) as port:
        assert health("--http", f"127.0.0.1:{port}", "--timeout", "3600").returncode == 0


def silent(connection):
    connection.recv(1)


def dripping(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:  # until the client leaves
        connection.sendall(b"x")
        time.sleep(0.01)


@pytest.mark.parametrize("slow", [silent, dripping])
def test_it_does_not_wait_for_ever(slow):
    with stranger(slow) as port:
        done = health("--http", f"127.0.0.1:{port}", "--timeout", "0.2")
    assert done.returncode == 1 and "no answer within 0.2 s" in done.stderr


def test_an_endless_answer_is_cut():
    def flood(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n")
        while True:  # until the client leaves
            connection.sendall(b"x" * 1000)

    with stranger(flood) as port:
        done = health("--http", f"127.0.0.1:{port}", "--timeout", "3600")
    assert done.returncode == 1 and "does not speak HTTP" in done.stderr


@pytest.mark.parametrize("arguments,words", [
    (("--timeout", "0"), "--timeout"),
    (("--timeout", "soon"), "--timeout"),
    (("--timeout", "nan"), "--timeout"),
    (("--timeout", "3601"), "--timeout"),
    (("--timeout",), "--timeout"),
    (("--http", "nowhere"), "ADDRESS:PORT"),
    (("--http", "127.0.0.1:0"), "ADDRESS:PORT"),
    (("--actors", "3"), "unknown option --actors"),
    (("extra",), "unknown argument extra"),
], ids=" ".join)
def test_mistakes(arguments, words):
    done = health(*arguments)
    assert done.returncode == 2 and words in done.stderr
