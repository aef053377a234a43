"""The store: tables, engine, writes and reads; SQLite by default, PostgreSQL as the shared store."""

from store.engine import Store, open_store

__all__ = ["Store", "open_store"]
