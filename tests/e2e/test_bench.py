# SPDX-License-Identifier: MPL-2.0
"""The commands of bench/ work: whether, not how fast. docs/performance.md has every line of bench/run with its target."""
import pathlib
import re
import subprocess

import pytest

from conftest import BINARY, SLOW, SOURCE

BUILD = pathlib.Path(BINARY).parent
PAGE = (SOURCE / "docs/performance.md").read_text()


def bench(command, *arguments, seconds=60):
    done = subprocess.run([SOURCE / "bench" / command, *arguments], capture_output=True, text=True, timeout=seconds * SLOW)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["run", "auth", "peers"])
def test_help(command):
    assert "--markdown" in bench(command, "--help")


def test_lines_and_targets_are_those_of_the_page():
    listed = dict(re.findall(r"^(\S+) +([<>]= [\d.]+)", bench("run", "--list") + bench("auth", "--list"), re.M))
    assert listed == dict(re.findall(r"^\| `(\S+)` \|[^|]*\| ([<>]= [\d.]+)", PAGE, re.M))


def test_an_unknown_line_is_refused():
    done = subprocess.run([SOURCE / "bench/run", "line", "nonsense"], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 2 and "no line nonsense" in done.stderr


def test_lines_run():
    """Each program that makes load, but h2load."""
    lines = ["c64", "libmuster", "rows", "slow"]
    table = bench("run", "line", *lines, "--smoke", "--markdown", "--build", BUILD, seconds=120)
    assert re.findall(r"^\| `(\S+)` \|", table, re.M) == lines
    values = re.findall(r"^\| `\S+` \|[^|]*\|[^|]*\| \**([\d.,]+)\** \|", table, re.M)
    assert len(values) == len(lines) and all(float(value.replace(",", "")) > 0 for value in values)
