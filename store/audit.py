"""The audit log: who did what, when and from where, in a chain that shows what was changed.

Each entry carries a keyed hash of itself and of the entry before. Without the key nobody can write
an entry that fits, change one or take one out; the newest can be cut off unseen only together with
the count in `meta`, which takes access to the database *and* leaves a gap to any copy of the log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, insert, select, text, update

from store.access_tables import audit
from store.tables import meta

FIRST: Final = "0" * 64  # what stands before the first entry
MOST_CHARACTERS: Final = 500  # of a name, an address or a subject
_COUNT: Final = "audit_entries"
_LOCK: Final = 7_014_217_004  # PostgreSQL's advisory lock while an entry is chained
_BATCH: Final = 5_000
_C = audit.c


@dataclass(frozen=True)
class Entry:
    """One entry; `at` in epoch ms."""

    id: int
    at: int
    who: str
    address: str | None
    action: str
    subject: str
    detail: str  # JSON object
    previous: str
    hash: str


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found; `problem` is None where every entry fits."""

    entries: int
    last_hash: str
    problem: str | None


def append(
    connection: Connection,
    key: bytes,
    *,
    at: int,
    who: str,
    action: str,
    subject: str = "",
    address: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry in a transaction of `Store.begin`.

    Parameters
    ----------
    key : bytes
        Of the hashes.
    at : int
        When [epoch ms].
    who, action, subject : str
        Account or token, what was done (`token.create`), to what.
    address : str, optional
        From where.
    detail : mapping, optional
        More of it, without secrets.
    """
    if connection.dialect.name == "postgresql":  # on SQLite only one writes at a time
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    newest = select(_C.id, _C.hash).order_by(_C.id.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    number, previous = (1, FIRST) if last is None else (last.id + 1, last.hash)
    said = json.dumps(dict(detail or {}), sort_keys=True, default=str)
    parts = (number, at, _short(who), _short(address), action, _short(subject), said, previous)
    entry = Entry(*parts, hash=_hash(key, parts))
    connection.execute(insert(audit).values(**vars(entry)))
    _count(connection, number)
    return entry


def newest_entries(
    connection: Connection, limit: int, before: int | None = None, action: str = ""
) -> list[Entry]:
    """Entries, the newest first; those before an id, of actions that begin so."""
    found = select(audit).order_by(_C.id.desc()).limit(limit)
    if before is not None:
        found = found.where(_C.id < before)
    if action:
        found = found.where(_C.action.startswith(action, autoescape=True))
    return [Entry(*row) for row in connection.execute(found)]


def last_of(connection: Connection, action: str) -> Entry | None:
    """The newest entry of an action."""
    found = select(audit).where(_C.action == action).order_by(_C.id.desc()).limit(1)
    row = connection.execute(found).one_or_none()
    return None if row is None else Entry(*row)


def verify(connection: Connection, key: bytes) -> Verdict:
    """Go through the whole chain, from the first entry to the last."""
    previous, number = FIRST, 0
    for entry in _all(connection):
        number += 1
        problem = _problem(entry, number, previous, key)
        if problem is not None:
            return Verdict(number - 1, previous, problem)
        previous = entry.hash
    counted = connection.scalar(select(meta.c.value).where(meta.c.name == _COUNT)) or 0
    if counted != number:
        problem = f"the log ends with entry {number}, and {counted} were written"
        return Verdict(number, previous, problem)
    return Verdict(number, previous, None)


def _problem(entry: Entry, number: int, previous: str, key: bytes) -> str | None:
    if entry.id != number:
        return f"entry {number} is missing; {entry.id} comes in its place"
    if entry.previous != previous:
        return f"entry {number} does not follow entry {number - 1}"
    parts = tuple(vars(entry).values())[:-1]
    if not hmac.compare_digest(entry.hash, _hash(key, parts)):
        return f"entry {number} was changed, or written with another key"
    return None


def _all(connection: Connection) -> Iterator[Entry]:
    last = 0
    while True:
        batch = select(audit).where(_C.id > last).order_by(_C.id).limit(_BATCH)
        rows = connection.execute(batch).all()
        if not rows:
            return
        yield from (Entry(*row) for row in rows)
        last = rows[-1].id


def _count(connection: Connection, number: int) -> None:
    changed = connection.execute(update(meta).where(meta.c.name == _COUNT).values(value=number))
    if changed.rowcount == 0:
        connection.execute(insert(meta).values(name=_COUNT, value=number))


def _hash(key: bytes, parts: tuple[Any, ...]) -> str:
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _short(value: str | None) -> Any:
    """As it can be stored: bounded, and text to both databases."""
    if value is None:
        return None
    clean = value.replace("\0", "�").encode("utf-8", "replace").decode()
    return clean[:MOST_CHARACTERS]
