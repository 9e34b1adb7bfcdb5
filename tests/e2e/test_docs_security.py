# SPDX-License-Identifier: MPL-2.0
"""docs/security.md is true: its commands run in one shell, in order, and print what the page says."""
import os
import re
import signal
import subprocess

from conftest import BINARY, SOURCE, free_port

PAGE = (SOURCE / "docs/security.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.S | re.M)


def test_the_commands(gathering, tmp_path):
    port, script, expected = free_port(), ["set -eu"], []
    for (language, text), (after, shown) in zip(BLOCKS, [*BLOCKS[1:], ("", "")]):
        if language != "sh" or "MUSTER_CLAIMS_ROLE" in text or "--trusted-proxies" in text:
            continue
        script.append(text)
        if after == "text" and not shown.startswith(("$", "{")):
            expected += shown.split()
    assert len(script) == 7 and expected == ["200", "401", "401", "200", "200"]
    program = "\n".join(script).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/muster").symlink_to(BINARY)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SECRET_KEY")}
    environment |= {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "DATABASE_URL": gathering,
                    "MUSTER_HTTP": f"127.0.0.1:{port}", "MUSTER_IPC": str(tmp_path / "b.sock"), "MUSTER_ACTORS": "1"}
    shell = subprocess.Popen(["bash", "-c", "trap 'kill $server; wait $server' EXIT\n" + program], cwd=tmp_path,
                             env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True)
    try:
        out, log = shell.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        raise
    assert out.split() == expected, out + log[-3000:]
    assert all(os.stat(tmp_path / name).st_mode & 0o77 == 0 for name in ("secret_key", "secret_key_old"))


def test_the_sentence_of_a_start_without_a_key():
    shown = re.search(r"^\$ SECRET_KEY=(\S+) muster gateway\n(.*)$", PAGE, re.M)
    done = subprocess.run([BINARY, "gateway", "--http", f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
                          env={**os.environ, "SECRET_KEY": shown.group(1)}, timeout=20)
    assert (done.returncode, done.stderr) == (1, shown.group(2) + "\n")


def test_every_setting_is_there():
    helped = subprocess.run([BINARY, "gateway", "--help"], capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.M):
        assert name in helped, name
