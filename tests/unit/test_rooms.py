"""The floors of the house: each room imports only rooms below it, and keeps to what it knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MAY_IMPORT = {
    "secrecy": set(),
    "settings": {"secrecy"},
    "ml": set(),
    "components": set(),
    "store": {"settings"},
    "ask": {"store"},
    "ingest": {"store", "ml", "settings"},
    "datasets": {"ingest", "ml", "settings"},
    "jobs": {"secrecy", "store", "ml", "ingest", "datasets", "settings"},
    "api": {"secrecy", "store", "ask", "datasets", "ml", "ingest", "jobs", "settings"},
    "pages": {"components", "store", "ask", "datasets", "ml", "ingest", "jobs", "settings"},
    "cli": {"secrecy", "api", "store", "ask", "datasets", "ml", "ingest", "jobs", "settings"},
}
MAY_NOT_KNOW = {
    "ml": {"flask", "dash", "sqlalchemy", "apscheduler", "socket", "urllib", "http"},
    "components": {"flask", "sqlalchemy"},
    "pages": {"sqlalchemy", "sklearn"},
    "datasets": {"sqlalchemy"},
    "store": {"flask", "dash", "sklearn"},
}
CALLBACKS = ("callback", "clientside_callback")


def modules(room: str) -> list[Path]:
    file = ROOT / f"{room}.py"
    return [file] if file.exists() else sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of all imports, also of those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    forbidden = {*MAY_IMPORT, "app"} - MAY_IMPORT[room] - {room}
    found = {(path.name, name) for path in modules(room) for name in imported(path)}
    assert [(file, name) for file, name in sorted(found) if name in forbidden] == []


@pytest.mark.parametrize("room", MAY_NOT_KNOW)
def test_a_room_keeps_to_what_it_knows(room: str) -> None:
    found = {(path.name, name) for path in modules(room) for name in imported(path)}
    assert [(file, name) for file, name in sorted(found) if name in MAY_NOT_KNOW[room]] == []


def test_every_room_is_on_a_floor() -> None:
    rooms = {p.parent.name for p in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert rooms <= set(MAY_IMPORT)


def test_nothing_scikit_learn_is_imported_when_the_web_side_starts() -> None:
    for path in (p for room in ("api", "pages", "cli", "store") for p in modules(room)):
        assert "sklearn" not in set(imported(path)), path


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - {"pages"}))
def test_callbacks_live_in_pages_and_nowhere_else(room: str) -> None:
    for path in modules(room):
        names = {
            node.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Name)
        }
        assert names.isdisjoint(CALLBACKS), path
