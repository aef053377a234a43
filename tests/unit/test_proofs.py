"""Each test that SECURITY.md and the page of reliability name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PAGES = {"SECURITY.md": 30, "docs/reliability.md": 25}  # and how many it names at least
_NAMED = re.compile(r"`(?:tests/\w+/|…::)?(test_\w+\.py)?(?:::)?(test_\w+)?`")


def names_of(file: str) -> set[str]:
    """The test functions of the files of this name."""
    bodies = [ast.parse(path.read_text(encoding="utf-8")).body for path in TESTS.rglob(file)]
    return {node.name for body in bodies for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("page", "least"), PAGES.items())
def test_what_a_page_names_as_proof_is_a_test(page: str, least: int) -> None:
    text = (TESTS.parent / page).read_text(encoding="utf-8")
    everywhere = names_of("test_*.py")
    found = [(file, test) for file, test in _NAMED.findall(text) if file or test]
    assert len(found) >= least
    for file, test in found:
        known = names_of(file) if file else everywhere
        assert known, file
        assert not test or test in known, f"{file}::{test}"


def test_each_threat_has_its_proof() -> None:
    text = (TESTS.parent / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    for row in rows:
        assert _NAMED.search(row.split(" | ")[2]), row
