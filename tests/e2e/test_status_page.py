# SPDX-License-Identifier: MPL-2.0
"""The status page of the admin address in a real browser; skipped where there is none, as in test_docs_page.py."""
import re
import shutil

import pytest

from conftest import SOURCE, wait_for
from load import Load
from test_docs_page import BROWSER, Browser, browser
from test_metrics import Admin


def test_the_files_are_those_of_the_source(start):
    admin = Admin()
    start(*admin.flags)
    for path, name, kind in (("/", "html", "text/html"), ("/app.js", "js", "text/javascript"),
                             ("/style.css", "css", "text/css")):
        status, headers, body = admin.ask(path)
        assert status == 200 and body == (SOURCE / f"server/admin.{name}").read_bytes()
        assert headers["Content-Type"] == f"{kind}; charset=utf-8"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
    html = admin.ask("/")[2].decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|javascript:|//", html)
    assert not re.search(r"https?:", admin.ask("/app.js")[2].decode().replace("http://www.w3.org/2000/svg", ""))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    assert BROWSER and shutil.which("chromedriver"), "chromium and chromium-driver are to be installed"
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@browser
def test_what_happens_is_drawn(start, page):
    admin = Admin()
    server = start("--actors", "3", *admin.flags)
    page.open(admin.url)
    looks = "return Number(document.body.dataset.looks)"
    with Load([server.port], lambda number: ("GET", "/nothing" if number % 5 == 0 else "/providers", None), threads=2):
        before = page.run(looks)
        wait_for(lambda: page.run(looks) >= before + 4, 20, "four looks")
        page.picture("status")
        shown = page.run("return [...document.querySelectorAll('#rate .legend b')].map(e => e.textContent)")
        good, bad, broken = (float(text.replace(" k", "e3")) for text in shown)
        assert good > 2 * bad > 0 and broken == 0
        assert re.fullmatch(r"[0-9.]+ (µs|ms|s)", page.text("#latency .legend b"))
        assert page.run("return document.querySelectorAll('#rate polyline').length") == 3
    actors = page.run("return [...document.querySelectorAll('#actors tr')].map(r => r.children[0].textContent + "
                      "': ' + r.children[1].textContent)")
    assert actors == ["db 1: ready", "db 2: ready", "db 3: ready"]
    assert "not_found" in page.text("#refusals") and page.run("return document.getElementById('fine').hidden")
    services = page.run("return [...document.querySelectorAll('#services tr')].map(r => r.children[0].textContent)")
    assert sorted(services) == ["auth", "chat", "db", "muster.revoked"]
    for scheme in ("dark", "light"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": media})
        page.picture(f"status-{scheme}")
        dark = page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
        assert dark == (scheme == "dark")
    assert page.mistakes() == []


@browser
def test_a_broker_alone_shows_no_http(parts, page):
    admin = Admin()
    broker = parts.broker(*admin.flags)
    page.open(admin.url)
    hidden = "return [...document.querySelectorAll('section[hidden]')].map(s => s.dataset.part)"
    assert page.run(hidden) == ["http", "http", "actor"]
    broker.stop()
    wait_for(lambda: "No answer" in page.text("#about"), 20, "the page's notice")
