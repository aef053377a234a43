"""After rows were removed: no copy of them is left in the files of the store.

SQLite overwrites what it deletes only when it is told to, and what was deleted before that, or was
moved when a page was split, may be left in the slack of a page. So the file is looked through, and
only when something is left it is written anew (`VACUUM`), which takes as much free space as it has
and keeps writers waiting meanwhile; captured calls wait in the journal.
"""

from __future__ import annotations

import mmap
import sqlite3
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from store.engine import Store
from store.tables import acknowledgement, anomaly_log, api_log, feedback, onset, question

PATIENCE_S: Final = 60.0  # for other connections to let the write-ahead log be emptied
PAUSE_S: Final = 0.2
_VACUUMED: Final = (api_log, anomaly_log, feedback, acknowledgement, onset, question)


def overwrite_deleted(connection: Connection) -> None:
    """Have SQLite write zeros over what this connection deletes from now on."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def scrub(store: Store, names: Collection[str]) -> dict[str, Any]:
    """Leave no deleted row that holds a name in the files of the store.

    Returns
    -------
    dict
        `copies`: names of files beside the store, such as a copy from before a migration, in which
        a name stands: they are left as they are. `rewritten`: whether the whole file had to be
        written anew; `names_left`: whether a name still stands there, such as a short one that is
        part of a longer one. On PostgreSQL it is not looked for: `VACUUM` frees the rows, and its
        files and backups are its operator's.

    Raises
    ------
    TimeoutError
        Others kept the store busy; what was removed is removed, its bytes may be left.
    """
    if store.writer.dialect.name == "postgresql":
        with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            tables = ", ".join(table.name for table in _VACUUMED)
            connection.exec_driver_sql(f"VACUUM {tables}")
        return {"rewritten": True, "names_left": False, "copies": []}
    path = Path(str(store.writer.url.database))
    _empty_log(store)
    rewritten = is_in_file(path, names)
    if rewritten:
        _patiently(store, "VACUUM")
        _empty_log(store)
    return {
        "rewritten": rewritten,
        "names_left": rewritten and is_in_file(path, names),
        "copies": _copies(path, names),
    }


def is_in_file(path: Path, names: Collection[str]) -> bool:
    """Whether one of the names stands anywhere in the bytes of a file."""
    if path.stat().st_size == 0:
        return False  # nothing can't be mapped
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(name.encode("utf-8", "replace")) >= 0 for name in names)


def _copies(path: Path, names: Collection[str]) -> list[str]:
    own = {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    beside = (file for file in path.parent.glob(f"{path.stem}*") if file.is_file())
    return sorted(file.name for file in beside if file.name not in own and is_in_file(file, names))


def _empty_log(store: Store) -> None:
    """Move the write-ahead log into the file and cut it to nothing."""
    busy, _, _ = _patiently(store, "PRAGMA wal_checkpoint(TRUNCATE)", lambda row: row[0] == 0)
    assert busy == 0


def _patiently(store: Store, sql: str, is_done: Any = lambda _: True) -> Any:
    """Run a statement outside of transactions until nobody is in its way."""
    deadline = time.monotonic() + PATIENCE_S
    pooled = store.writer.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        while True:
            try:
                row = driver.execute(sql).fetchone()
                if is_done(row):
                    return row
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            if time.monotonic() > deadline:
                raise TimeoutError(f"{sql}: others kept the store busy for {PATIENCE_S:g} s")
            time.sleep(PAUSE_S)
    finally:
        pooled.close()
