"""What is installed: locked with hashes, and looked up in the list of advisories."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit_packages import audit
from tests.server import ROOT, free_port

LOCKS = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
ANSWERS = {"vulns": [{"id": "PYSEC-2026-1", "summary": "bad", "affected": []}]}


def locked(file: Path) -> dict[str, str]:
    """Name -> version."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ \n]+)", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_every_locked_package_has_one_version_and_hashes(file: Path) -> None:
    blocks = re.split(r"\n(?=[^\s#])", file.read_text().partition("make lock\n")[2].strip())
    assert len(blocks) == len(locked(file)) > 50
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+ ", block), block[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block[:60]


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_a_lock_holds_what_is_asked_for(file: Path) -> None:
    asked = re.findall(
        r"^([\w-]+)(?:\[\w+\])?==([^;\s]+)", file.with_suffix(".in").read_text(), re.MULTILINE
    )
    assert asked
    assert {name: locked(file).get(name) for name, _ in asked} == dict(asked), "run `make lock`"


def test_the_developers_have_the_same_packages_as_the_users() -> None:
    product, developers = map(locked, LOCKS)
    assert product.items() <= developers.items()


@pytest.mark.parametrize("file", [*LOCKS, *(file.with_suffix(".in") for file in LOCKS)])
def test_no_file_says_where_packages_come_from(file: Path) -> None:
    assert not re.search(r"https?:|file:|@|--(extra-)?index|--find-links", file.read_text())


def test_nothing_is_installed_without_a_hash() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [line for line in makefile.splitlines() if "pip install" in line] == [
        next(line for line in makefile.splitlines() if line.startswith("INSTALL"))
    ]
    assert "--require-hashes" in makefile


@pytest.fixture
def advisories() -> Iterator[str]:
    """The address of a list in which flask is vulnerable and nothing else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = ANSWERS if asked["package"]["name"] == "flask" else {}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.fixture
def two_packages(tmp_path: Path) -> Path:
    """A lock of two packages."""
    hashed = "--hash=sha256:" + 64 * "0"
    file = tmp_path / "requirements.txt"
    file.write_text(f"flask==3.1.3 {hashed}\njinja2==3.1.6 {hashed}\n")
    return file


def test_a_package_that_is_known_to_be_vulnerable_fails(
    advisories: str, two_packages: Path
) -> None:
    code, said = audit((two_packages,), "-s", "osv", "--osv-url", advisories)
    assert (code, said) == (1, "flask 3.1.3: PYSEC-2026-1 (mended in no version yet)")


def test_packages_that_are_known_to_be_well_pass(advisories: str, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("jinja2==3.1.6 --hash=sha256:" + 64 * "0")
    code, said = audit((file,), "-s", "osv", "--osv-url", advisories)
    assert (code, said) == (0, "1 packages have no known vulnerability")


def test_without_the_list_of_advisories_one_sentence_says_so(two_packages: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1/query"
    code, said = audit((two_packages,), "-s", "osv", "--osv-url", nowhere)
    assert (code, said.count("\n")) == (0, 0)
    assert said == "packages were not audited: the list of advisories can't be reached"


def test_a_lock_that_can_not_be_read_is_no_missing_network(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask\n")
    code, said = audit((tmp_path / "requirements.txt",))
    assert code == 1
    assert said.startswith("pip-audit failed")


def test_unsafe_code_fails(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import subprocess\nsubprocess.run('ls', shell=True)\n")
    command = [sys.executable, "-m", "bandit", "-q", "-c", str(ROOT / "pyproject.toml"), "-r"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "shell=True" in done.stdout
