"""What SECURITY.md and the page of reliability promise names a test, and that test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = ("SECURITY.md", "docs/reliability.md")
_ROW = re.compile(r"^\|(.+)\|$")
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def rows(page: str) -> list[list[str]]:
    """Cells of the rows of the tables whose last column names tests."""
    found, is_table = [], False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        match = _ROW.match(line.strip())
        cells = [cell.strip() for cell in match[1].split(" | ")] if match else []
        if not cells:
            is_table = False
        elif cells[-1] == "test":
            is_table = True
        elif is_table and not set(cells[0]) <= {"-", "|"}:
            found.append(cells)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_row_names_a_test_that_exists(page: str) -> None:
    found = rows(page)
    assert len(found) > 10
    for cells in found:
        named = _NAMED.findall(cells[-1])
        assert named, cells
        for file, test in named:
            source = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            tests = {node.name for node in source.body if isinstance(node, ast.FunctionDef)}
            assert not test or test in tests, f"{file}::{test} of {cells[0]!r}"
            assert test or any(name.startswith("test_") for name in tests), file
