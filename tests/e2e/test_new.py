# SPDX-License-Identifier: MPL-2.0
"""`muster new`: what it makes is an API that runs as its README says; what is there is never overwritten."""
import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import BINARY, SOURCE, Server

TEMPLATE = SOURCE / "api/template"


def new(folder, *arguments):
    return subprocess.run([BINARY, "new", *arguments], cwd=folder, capture_output=True, text=True, timeout=30)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_new_migrate_serve_ask_as_the_readme_says(tmp_path, scratch):
    done = new(tmp_path, "shop")
    assert done.returncode == 0 and done.stderr == ""
    page = (tmp_path / "shop/README.md").read_text()
    assert page.startswith("# shop\n") and "@NAME@" not in page
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", page, re.S | re.M) for line in block.splitlines()]
    migrate, serve, *curls = commands
    assert "\n".join("  " + command for command in commands[:3]) in done.stdout  # it tells the same three commands
    environment = {**os.environ, "DATABASE_URL": scratch.url}
    assert migrate.startswith("muster migrate ") and serve.startswith("muster serve --dev ")
    for _ in range(2):  # the second time changes nothing
        subprocess.run(["bash", "-euc", migrate.replace("muster", BINARY, 1)], cwd=tmp_path, env=environment,
                       check=True, capture_output=True)
    flags = serve.split()[3:]
    assert flags == ["--dir", "shop"]
    server = Server(tmp_path, scratch.url, "--dir", str(tmp_path / flags[1])).wait_ready()
    assert "are not served" not in server.log()
    answers = []
    for command in curls:
        assert command.startswith("curl -s ")
        command = command.replace("http://127.0.0.1:8000", server.url).replace("curl -s", "curl -fsS")
        answers.append(subprocess.run(["bash", "-euc", command], check=True, capture_output=True, text=True).stdout)
    assert answers[0] == re.search(r"^```json\n(.*?)\n```", page, re.S | re.M).group(1)
    assert [json.loads(answer) for answer in answers[1:]] == [
        {"greeting": "Bonjour, Ann!", "language": "fr"}, {"language": "de", "words": "Hallo"},
        {"greeting": "Hallo, Ann!", "language": "de"}]
    # what the endpoint's comments promise
    assert server.request("GET", "/hello/Ann?language=english").status == 422
    answer = server.request("GET", "/hello/Ann?language=it")
    assert answer.status == 404 and answer.json["detail"] == "There is no greeting in it."
    assert json.loads(server.call("say_hello", "name=Ann").stdout)["greeting"] == "Hello, Ann!"
    assert server.stop() == 0


def test_everything_of_the_template_is_copied_and_told(tmp_path):
    done = new(tmp_path, "shop")
    assert files(tmp_path / "shop") == files(TEMPLATE) and len(files(TEMPLATE)) >= 4
    for name in files(TEMPLATE):
        assert (tmp_path / "shop" / name).read_text() == (TEMPLATE / name).read_text().replace("@NAME@", "shop")
        assert f"  {name}\n" in done.stdout


def test_paths_are_names_too(tmp_path):
    (tmp_path / "it's a folder/empty").mkdir(parents=True)
    done = new(tmp_path, "it's a folder/my-shop.2/")
    assert done.returncode == 0 and "# my-shop.2\n" in (tmp_path / "it's a folder/my-shop.2/README.md").read_text()
    word = re.search(r"muster migrate --dir (.*) --seed", done.stdout).group(1)
    shown = subprocess.run(["bash", "-euc", f"printf %s {word}"], capture_output=True, text=True).stdout
    assert shown == "it's a folder/my-shop.2/"
    assert new(tmp_path, str(tmp_path / "it's a folder/empty")).returncode == 0  # an empty folder is taken


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/..", ".hidden", "-", "a b", "a;b", "a\nb", "ä", "$HOME", "_a",
                                  "x" * 64, "@NAME@"])
def test_bad_names_are_refused(tmp_path, name):
    done = new(tmp_path, name)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("muster new: ")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/.hidden").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, words in (("full", "full exists and is not empty"), ("file", "file: Not a directory"),
                        ("nowhere/shop", "nowhere/shop: No such file or directory"), ("x" * 63 + "/y", "No such file")):
        done = new(tmp_path, name)
        assert done.returncode == 1 and done.stdout == "" and words in done.stderr
    assert files(tmp_path) == ["file", "full/.hidden"] and (tmp_path / "file").read_text() == "mine"
    assert new(tmp_path, "shop").returncode == 0
    (tmp_path / "shop/README.md").write_text("mine")
    assert new(tmp_path, "shop").returncode == 1 and (tmp_path / "shop/README.md").read_text() == "mine"


@pytest.mark.parametrize("arguments,words", [((), "usage"), (("a", "b"), "usage"), (("--force",), "unknown argument")])
def test_mistakes(tmp_path, arguments, words):
    done = new(tmp_path, *arguments)
    assert done.returncode == 2 and words in done.stderr and list(tmp_path.iterdir()) == []


def test_the_template_is_found_beside_the_program_and_its_absence_is_told(tmp_path):
    """As in a build tree: the program somewhere below the folder with api/template."""
    (tmp_path / "tree/build/release").mkdir(parents=True)
    program = shutil.copy(BINARY, tmp_path / "tree/build/release/muster")
    run = lambda: subprocess.run([program, "new", "shop"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    done = run()
    if done.returncode == 0:
        pytest.skip("a template is installed")
    assert done.returncode == 2 and "the template was not found" in done.stderr and not (tmp_path / "shop").exists()
    shutil.copytree(TEMPLATE, tmp_path / "tree/api/template")
    assert run().returncode == 0 and files(tmp_path / "shop") == files(TEMPLATE)
