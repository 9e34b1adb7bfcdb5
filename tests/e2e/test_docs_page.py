# SPDX-License-Identifier: MPL-2.0
"""The documentation page in a real browser: what it shows, and that its requests go out and come back.

Needs Chromium and its driver (Debian: chromium, chromium-driver), which ./test does not install for their size.
Without them these tests are skipped, unless MUSTER_BROWSER_TESTS is set: then they fail.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import SLOW, SOURCE, free_port, wait_for

BROWSER = shutil.which("chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,900"]
browser = pytest.mark.skipif(not BROWSER and not os.environ.get("MUSTER_BROWSER_TESTS"),
                             reason="chromium is not installed and MUSTER_BROWSER_TESTS is not set")


class Browser:
    """A WebDriver session (https://www.w3.org/TR/webdriver2/), as far as it is needed here."""

    def __init__(self, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(self.listens, 20, "chromedriver")
        options = {"binary": BROWSER, "args": [*FLAGS, f"--user-data-dir={folder}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += f"/session/{made['sessionId']}"

    def listens(self):
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60 * SLOW) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, url):
        self.ask("POST", "/url", {"url": url})
        wait_for(lambda: self.run("return document.body.dataset.ready") == "yes", 20, "the page")

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.ask("POST", "/element", {"using": "css selector", "value": selector})

    def click(self, selector):
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.ask("POST", f"/element/{next(iter(self.find(selector).values()))}/click", {})

    def type(self, selector, text):
        element = next(iter(self.find(selector).values()))
        self.ask("POST", f"/element/{element}/clear", {})
        self.ask("POST", f"/element/{element}/value", {"text": text})

    def keys(self, text):
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def text(self, selector):
        return self.run("const e = document.querySelector(arguments[0]); return e ? e.textContent : ''", selector)

    def picture(self, name):
        folder = os.environ.get("MUSTER_SCREENSHOTS")
        if folder:
            (pathlib.Path(folder) / f"{name}.png").write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def mistakes(self):
        """What the console has to say, but for the icon that every browser asks for."""
        found = self.ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in found if "favicon" not in entry["message"]]

    def close(self):
        self.ask("DELETE", "")
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def page(shared, tmp_path_factory):
    assert BROWSER and shutil.which("chromedriver"), "chromium and chromium-driver are to be installed"
    opened = Browser(tmp_path_factory.mktemp("browser"))
    opened.open(shared.url + "/docs")
    yield opened
    opened.close()


def answered(page, operation):
    """Waits for the answer shown at an operation: its status line and its body."""
    box = f"#op-{operation} .result"
    wait_for(lambda: page.text(f"{box} .answer"), 20, "the answer")
    return page.text(f"{box} .status"), page.text(f"{box} .answer")


def test_the_files_are_those_of_the_source(shared):
    for path, name, kind in (("/docs", "html", "text/html"), ("/docs/app.js", "js", "text/javascript"),
                             ("/docs/style.css", "css", "text/css")):
        answer = shared.request("GET", path)
        assert answer.body == (SOURCE / f"gateway/gw_docs.{name}").read_bytes()
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8" and answer.headers["ETag"]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(shared):
    answer = shared.request("GET", "/docs")
    policy = answer.headers.get_all("Content-Security-Policy")
    assert len(policy) == 1 and "unsafe" not in policy[0] and "default-src 'none'" in policy[0]
    html = answer.body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|javascript:|//", html.replace("<!DOCTYPE html>", ""))
    assert "http" not in shared.request("GET", "/docs/style.css").body.decode()


@browser
def test_all_operations_are_there(page, shared):
    paths = shared.request("GET", "/openapi.json").json["paths"]
    shown = page.run("return [...document.querySelectorAll('details.operation .path')].map(e => e.textContent)")
    assert sorted(shown) == sorted(path for path, item in paths.items() for _ in item)
    assert page.text("#title") == "Muster API" and "providers" in page.text("#tags")
    page.picture("all")


@browser
def test_the_search(page):
    page.run("document.activeElement.blur()")
    page.keys("/")
    assert page.run("return document.activeElement.id") == "search"
    page.type("#search", "history")
    shown = "return [...document.querySelectorAll('details.operation')].filter(e => e.offsetParent).map(e => e.id)"
    assert page.run(shown) == ["op-agent_history"]
    page.type("#search", "nothing like this")
    assert page.run(shown) == [] and page.run("return !document.getElementById('none').hidden")
    page.run("const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))")
    assert len(page.run(shown)) > 10


@browser
def test_a_request_is_sent_and_its_answer_shown(page, shared):
    page.click("#op-get_provider > summary")
    page.type("#op-get_provider td input", "2")
    page.click("#op-get_provider button")
    status, body = answered(page, "get_provider")
    assert status.startswith("200") and json.loads(body) == shared.request("GET", "/providers/2").json
    assert re.search(r" in [0-9.]+ ms", page.text("#op-get_provider .result"))
    assert "etag: " in page.text("#op-get_provider .headers")
    page.picture("answer")


@browser
def test_a_body_is_sent_with_the_keyboard_alone(page):
    page.run("document.querySelector('#op-chat_with_agent > summary').focus()")
    page.keys("\ue007")  # Enter opens it
    page.type("#op-chat_with_agent td input", "1")
    assert set(json.loads(page.run("return document.querySelector('#op-chat_with_agent .body').value"))) == {
        "message", "include_memories", "allow_tools"}
    page.type("#op-chat_with_agent .body", '{"message": "<b>hello</b>"}')
    page.keys("\ue004\ue007")  # Tab to the button, Enter
    status, body = answered(page, "chat_with_agent")
    assert status.startswith("200") and "<b>hello</b>" in body
    page.run("document.querySelector('#op-chat_with_agent').scrollIntoView()")
    page.picture("body")


@browser
def test_a_refusal_is_shown(page):
    page.click("#op-get_model > summary")
    page.type("#op-get_model td input", "x")
    page.click("#op-get_model button")
    status, body = answered(page, "get_model")
    assert status.startswith("422") and json.loads(body)["code"] == "invalid"


@browser
def test_dark_where_the_system_is_dark(page):
    colors = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    seen = {}
    for scheme in ("dark", "light"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": media})
        seen[scheme] = page.run(colors)
        page.picture(scheme)
    assert seen["light"] == ["rgb(255, 255, 255)", "rgb(28, 33, 39)"]
    assert seen["dark"] == ["rgb(20, 24, 29)", "rgb(228, 232, 236)"]


@browser
def test_the_console_is_quiet(page):
    """No script failed, and the policy kept nothing of the page's own out. A 422 is told there, too."""
    assert [text for text in page.mistakes() if "422" not in text] == []
