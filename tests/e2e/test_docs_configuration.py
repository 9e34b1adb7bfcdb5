# SPDX-License-Identifier: MPL-2.0
"""docs/configuration.md and --help of what serves tell of the same settings, and its file is one that serves."""
import json
import os
import re
import signal
import subprocess

from conftest import BINARY, SOURCE, free_port

PAGE = (SOURCE / "docs/configuration.md").read_text()


def documented():
    """flag: (environment, key, default, range) from the rows of the first table."""
    cells = [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
             for line in PAGE.splitlines() if line.startswith("| `--")]
    return {row[0].split()[0]: row[1:5] for row in cells if len(row) == 6}


def helped():
    """flag: (environment, key, default or '') as --help of `serve` and of its parts prints them."""
    text = "".join(subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True).stdout
                   for command in ("serve", "broker", "gateway", "actors"))
    rows = re.findall(r"^  (--[a-z-]+).*\n +([A-Z_]+), ([a-z/_]+)(?:; default (\S+))?$", text, re.M)
    assert {flag for flag, *_ in rows} | {"--config"} == set(re.findall(r"^  (--[a-z-]+)", text, re.M))
    return {flag: rest for flag, *rest in rows}


def test_every_setting_is_in_the_table_and_no_other():
    page, program = documented(), helped()
    assert page.pop("--config")[0] == "MUSTER_CONFIG"
    assert page.keys() == program.keys() and len(page) >= 24
    for flag, (environment, key, default) in program.items():
        assert page[flag][:2] == [environment, key], flag
        if default and flag != "--slow-actors":
            assert page[flag][2] == default, flag


def test_ranges_are_those_of_the_table():
    """One beyond either end is refused, and the sentence tells the ends that the page tells."""
    def milliseconds(text):
        number, unit = re.fullmatch(r"(\d+)(ms|m|h|)", text).groups()
        return int(number) * {"ms": 1, "": 1, "m": 60000, "h": 3600000}[unit]

    checked = 0
    for flag, (_, _, default, limits) in documented().items():
        if " to " not in limits:
            continue
        unit = "ms" if re.search("[smh]$", default) else ""
        least, most = map(milliseconds, limits.split(" to "))
        for value in (least - 1, most + 1):
            if unit and value < 0:
                continue
            done = subprocess.run([BINARY, "serve", flag, f"{value}{unit}"], capture_output=True, text=True)
            assert done.returncode == 2 and f"must lie between {least} and {most}" in done.stderr, done.stderr
            checked += 1
    assert checked > 20


def test_the_file_is_taken_and_has_every_key(gathering, tmp_path):
    text = re.search(r"```text\n(# Settings of muster serve.*?)```", PAGE, re.S).group(1)
    keys, section = set(), ""
    for name, rest in re.findall(r"^( *\w+)(.*)$", text, re.M):
        section = name if not rest else section
        keys.add(f"{section}/{name.strip()}" if name.startswith(" ") else name)
    assert {key for _, key, _ in helped().values()} <= keys
    port, socket = free_port(), tmp_path / "b.sock"
    for old, new in (("127.0.0.1:8000", f"127.0.0.1:{port}"), ("postgresql:///gathering", gathering),
                     ("/run/muster/broker.sock", str(socket)),
                     ("/usr/local/share/muster/gathering", str(SOURCE / "api/gathering"))):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "muster.zpl").write_text(text)
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    process = subprocess.Popen([BINARY, "serve", "--config", tmp_path / "muster.zpl"], stderr=subprocess.PIPE,
                               text=True, env=environment)
    line = json.loads(process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert f"127.0.0.1:{port}, ipc://{socket}, with 4 database actors" in line["message"]
    assert process.returncode == 0
