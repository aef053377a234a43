"""Forgetting a client: out of the store, the journals and the bytes of their files."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

from ingest import recall
from jobs.access.audited import Doer, note
from jobs.runtime import Foresight
from store import Store, forget, reads, scrub

SCORING_PATIENCE_S: Final = 60.0  # for a run of the scoring that has read the client's calls
PAUSE_S: Final = 0.2


def count(parts: Foresight, client: str) -> dict[str, Any]:
    """What `forget_client` would remove, with the calls that are stored by now."""
    names = parts.seal.names(client)
    rows: Counter[str] = Counter()
    with parts.store.read() as connection:
        for place in forget.places(names):
            after: int | None = 0
            while after is not None:
                found, after = forget.find(connection, place, after)
                rows[place.name] += len(found)
        rows["onsets"] = forget.onsets(connection, names)
    return _told(parts.store, names, rows)


def forget_client(parts: Foresight, client: str, doer: Doer) -> dict[str, Any]:
    """Remove a client from everything that is kept of it, and say so in the audit log.

    Parameters
    ----------
    client : str
        User or address as it was sent, or its pseudonym.
    doer : Doer
        Who does it.

    Returns
    -------
    dict
        `rows`: place -> how many; `journal_records` that were overwritten; `endpoints_named` where
        the name is part of the route, which stay; and see `store.scrub.scrub`.

    Raises
    ------
    TimeoutError
        The journals were not stored in time, or others kept the store busy.
    """
    store, journals = parts.store, parts.settings.journal_dir
    names = parts.seal.names(client)
    recall.drain_all(store, journals)
    rows = _remove(store, names)
    _wait_for_scoring(store)  # it may just have saved windows of calls that it had read before
    rows.update(_remove(store, names))  # adds, and keeps what is 0
    blanked = recall.blank(store, journals, names)
    told = _told(store, names, rows)
    with store.begin() as connection:
        note(parts, connection, doer, "client.forget", parts.seal.mark(client), rows=told["rows"])
    return told | {"journal_records": blanked} | scrub.scrub(store, names)


def _remove(store: Store, names: tuple[str, ...]) -> Counter[str]:
    """Find without a lock, remove under a short one."""
    rows: Counter[str] = Counter()
    for place in forget.places(names):
        after: int | None = 0
        while after is not None:
            with store.read() as connection:
                found, after = forget.find(connection, place, after)
            if found:
                with store.begin() as connection:
                    scrub.overwrite_deleted(connection)
                    place.mend(connection, found)
            rows[place.name] += len(found)
    with store.begin() as connection:
        scrub.overwrite_deleted(connection)
        rows["onsets"] += forget.remove_onsets(connection, names)
    return rows


def _told(store: Store, names: tuple[str, ...], rows: Counter[str]) -> dict[str, Any]:
    with store.read() as connection:
        named = forget.endpoints_named(connection, names)
    return {"rows": dict(rows), "endpoints_named": named}


def _wait_for_scoring(store: Store) -> None:
    deadline = time.monotonic() + SCORING_PATIENCE_S
    while time.monotonic() < deadline:
        with store.read() as connection:
            run = reads.job_runs(connection).get("scoring")
        if run is None or (run["finished_at"] or 0) >= run["started_at"]:
            return
        time.sleep(PAUSE_S)
