"""How much room a store takes."""

from __future__ import annotations

from sqlalchemy import func, select

from store.engine import Store
from store.sqlite_file import parts_of


def size_of(store: Store) -> int:
    """Bytes on the disk: of SQLite's file with its log, of the whole database elsewhere."""
    if store.file is not None:
        return sum(part.stat().st_size for part in parts_of(store.file) if part.exists())
    with store.read() as connection:
        size = connection.scalar(select(func.pg_database_size(func.current_database())))
    return int(size or 0)
