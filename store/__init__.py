"""The store: tables, engine, writes, reads; SQLite by default, PostgreSQL when shared."""

from store.engine import Grid, Store, TooSlow, open_store

__all__ = ["Grid", "Store", "TooSlow", "open_store"]
