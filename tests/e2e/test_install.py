# SPDX-License-Identifier: MPL-2.0
"""What `cmake --install` puts where, that it works from there, and the Debian package."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import BINARY, SOURCE, building

BUILD = pathlib.Path(BINARY).parent
UNITS = ["muster", "muster-actors", "muster-broker", "muster-gateway"]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program} here")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder)
    return folder


def test_everything_is_there(prefix):
    installed = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    wanted = {"bin/muster", "share/man/man1/muster.1", "share/doc/muster/LICENSE", "share/doc/muster/operations.md",
              "etc/muster/muster.cfg", "etc/muster/muster.env", *(f"lib/systemd/system/{unit}.service" for unit in UNITS)}
    wanted |= {f"share/muster/{path.relative_to(SOURCE / 'api')}" for path in (SOURCE / "api").rglob("*.*")}
    assert wanted <= installed and "share/doc/muster/muster.1" not in installed


def test_it_finds_its_files_from_where_it_is(prefix, tmp_path):
    """Though it was configured for another prefix: packages are built so, and folders are moved."""
    moved = tmp_path / "moved"
    shutil.copytree(prefix, moved)
    run(moved / "bin/muster", "new", tmp_path / "shop")
    assert (tmp_path / "shop/endpoints/hello.sql").exists()
    done = subprocess.run([moved / "bin/muster", "migrate", "--dry-run", "--database-url", "port=wrong"],
                          capture_output=True, text=True)
    assert "GatheRing API was not found" not in done.stderr


def test_settings_survive_another_installation(prefix):
    settings, environment = prefix / "etc/muster/muster.cfg", prefix / "etc/muster/muster.env"
    assert settings.stat().st_mode & 0o777 == 0o644 and environment.stat().st_mode & 0o777 == 0o600
    settings.write_text(changed := settings.read_text() + "drain = 1s\n")
    run("cmake", "--install", BUILD, "--prefix", prefix)
    assert settings.read_text() == changed


def test_the_settings_are_taken(prefix, tmp_path):
    """As the unit starts it, but for the lack of a database: that is the mistake which is left."""
    text = (prefix / "etc/muster/muster.cfg").read_text()
    (tmp_path / "muster.cfg").write_text(text.replace("/run/muster/", f"{tmp_path}/"))
    done = subprocess.run([BINARY, "show", "--config", tmp_path / "muster.cfg"], capture_output=True, text=True)
    assert done.returncode == 1 and f"{tmp_path}/broker.sock" in done.stderr


@needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_units(prefix, unit):
    path = prefix / f"lib/systemd/system/{unit}.service"
    text = path.read_text()
    assert not re.search(r"@\w+@", text) and f"{prefix}/bin/muster {unit.partition('-')[2] or 'serve'} " in text
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
    assert done.returncode == 0 and str(path) not in done.stderr and "muster" not in done.stderr, done.stderr
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", path)  # 2.0 of 10


@needs("man")
def test_manual():
    page = SOURCE / "docs/muster.1"
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
    assert done.returncode == 0 and done.stderr == ""
    text = re.sub(".\x08", "", done.stdout)  # struck twice: bold
    for command in re.findall(r"^  (\w+) ", run(BINARY, "--help"), re.M):
        assert re.search(rf"^ +{command}\b", text, re.M), command


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package, built aside."""
    folder = tmp_path_factory.mktemp("package")
    with building():
        run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=folder)
    return next(folder.glob("muster_*.deb"))


@needs("dpkg-shlibdeps")
def test_package(package, tmp_path):
    fields = dict(re.findall(r"^([\w-]+): (.*)$", run("dpkg-deb", "--field", package), re.M))
    assert fields["Package"] == "muster" and fields["Version"] == run(BINARY, "--version").split()[1]
    for library in ("libc6", "libczmq4", "libhiredis0.14", "libhttp-parser2.9", "libpq5", "libssl3", "libsystemd0", "libuv1", "libzmq5"):
        assert re.search(rf"\b{re.escape(library)}\b", fields["Depends"]), fields["Depends"]
    run("dpkg-deb", "--raw-extract", package, tmp_path / "x")
    root = tmp_path / "x"
    for unit in UNITS:
        text = (root / f"usr/lib/systemd/system/{unit}.service").read_text()
        assert "ExecStart=/usr/bin/muster " in text and "=-/etc/muster/muster.env" in text
        assert ("=-/etc/muster/secret.env" in text) == (unit in ("muster", "muster-gateway")), "who verifies tokens"
    for name in (root / "DEBIAN/conffiles").read_text().split():
        assert (root / name.lstrip("/")).is_file()
    assert not list(root.rglob("secret*")), "every machine makes its own"
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", root / "DEBIAN" / script)
    owners = run("dpkg-deb", "--contents", package)
    assert all(line.split()[1] == "root/root" for line in owners.splitlines())
    assert (root / "usr/share/man/man1/muster.1.gz").exists() and (root / "usr/share/doc/muster/copyright").exists()
    assert not (root / "usr/local").exists()
