"""The store: tables, engine, writes, reads; SQLite by default, PostgreSQL when shared."""

from store.engine import Store, open_store

__all__ = ["Store", "open_store"]
