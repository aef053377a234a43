"""Making the file of a store: at the first start, for a new schema, after damage, after a loss.

One process does so at a time (`setup_lock`), and looks again when it has the lock: what another
has mended is not mended twice. The connections of all of them follow by themselves.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import Timeout
from sqlalchemy.exc import DBAPIError

from store import schema
from store.backup import backup_before
from store.condition import Trouble, trouble_of
from store.damaged import damage_in, save_from, set_aside
from store.sqlite_file import make_empty, setup_lock

if TYPE_CHECKING:
    from store.engine import Store

CHECK_AT_OPEN_S: Final = 0.2  # where something seems wrong already
CHECK_S: Final = 10.0  # beside a running server; calls wait in the journal
MISSING_FOR_S: Final = 2.0  # somebody may just be putting another file in place
SUSPICION_S: Final = 600.0  # a second error of damage within counts, also where none is found
_LOCK_S: Final = 30.0

_log = logging.getLogger(__name__)


def prepare(store: Store, file: Path) -> None:
    """Open the file as this release needs it: made, migrated, or set aside and made anew.

    Raises
    ------
    ValueError
        The store is of a newer release, or of another window length.
    BackupFailed
        It must be migrated, and can't be copied before.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        if file.exists() and file.stat().st_size:  # of an empty one SQLite would remove the log
            with store.read() as connection:
                if schema.is_current(connection, store.window_ms):
                    return
    except DBAPIError as error:
        if trouble_of(error) not in (Trouble.DAMAGED, Trouble.MISSING):
            raise
    with setup_lock(file):
        _make_sound(store, file, damage_in(file, CHECK_AT_OPEN_S))


def look_through(store: Store, seconds: float) -> None:
    """Check a file that seems well for damage, before a server starts on it.

    Parameters
    ----------
    seconds : float
        Bound of the check. What it does not find is found, and mended, when it is met.
    """
    if store.file is None:
        return
    try:
        if damage_in(store.file, seconds) is None:
            return
    except sqlite3.OperationalError as error:
        _log.warning("%s could not be looked through: %s", store.file, error)
        return
    with setup_lock(store.file):
        found = damage_in(store.file, seconds)
        if found is not None:
            _make_sound(store, store.file, found)


def mend(store: Store) -> None:
    """Mend what was noted of a store's file; called again and again by who writes to it.

    A damaged file is set aside and a new one made; one that is gone is made anew. PostgreSQL mends
    itself, or its operator does.
    """
    condition, file = store.condition, store.file
    if file is None or condition.needs_mending is None:
        return
    noted_s = time.monotonic() - condition.needs_mending_since
    if condition.needs_mending is Trouble.MISSING and noted_s < MISSING_FOR_S:
        return
    try:
        with setup_lock(file, _LOCK_S):
            found = damage_in(file, CHECK_S)
            if condition.needs_mending is Trouble.DAMAGED and found is None:
                found = _damage_met_again(store)
            _make_sound(store, file, found)
    except Timeout:
        _log.warning("another process is mending the store for more than %g s", _LOCK_S)
        return
    condition.needs_mending = None


def _damage_met_again(store: Store) -> str | None:
    """An error may come from memory: the first is answered by new connections."""
    suspected_at, now = store.condition.suspected_at, time.monotonic()
    store.condition.suspected_at = now
    if suspected_at is None or now - suspected_at > SUSPICION_S:
        return None
    return "errors of damage came again"


def _make_sound(store: Store, file: Path, damage: str | None) -> None:
    """Leave a file of this release's schema; under `setup_lock`."""
    was_there = file.exists()
    # Before connections close: the last one of a file would write its log into the damaged pages.
    aside = set_aside(file, damage) if damage is not None else None
    store.close()
    if not file.exists():
        if was_there or store.condition.needs_mending is Trouble.MISSING:
            _log.error("a new store is made: %s", file)
        make_empty(file)
    with store.begin() as connection:
        schema.bring_up_to_date(connection, store.window_ms, partial(backup_before, file))
        saved = save_from(aside, connection) if aside is not None else {}
    if aside is not None:
        _log.warning("saved from the damaged store: %s", saved or "nothing")
