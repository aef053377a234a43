"""What a test asks of the store after capture."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from ingest.writer import drain
from store import Store, reads
from store.tables import api_log


def stored(store: Store) -> list[int | None]:
    """Fingerprints of all stored calls; the tests number their calls with them."""
    with store.read() as connection:
        found = connection.execute(select(api_log.c.fingerprint).order_by(api_log.c.id))
        return [number for (number,) in found]


def counters(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return reads.counters(connection)


def positions(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return reads.journal_positions(connection)


def drain_all(store: Store, directory: Path) -> int:
    return sum(iter(lambda: drain(store, directory), 0))
