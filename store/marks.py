"""Numbers that the store keeps by name in `meta`, such as how far a long work has come."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from store.tables import meta


def mark(connection: Connection, name: str) -> int | None:
    """The number of this name; None where none was set."""
    return connection.scalar(select(meta.c.value).where(meta.c.name == name))


def set_mark(connection: Connection, name: str, value: int | None) -> None:
    """Keep a number under a name, in the transaction of what it tells of; None forgets it."""
    connection.execute(delete(meta).where(meta.c.name == name))
    if value is not None:
        connection.execute(insert(meta).values(name=name, value=value))
