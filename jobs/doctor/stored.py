"""Checks of the store, and of the journal and the jobs that it tells of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from jobs.backlog import backlog
from jobs.doctor.finding import Finding, fail, ok, warn
from settings import Settings
from store.checkup import SCHEMA_VERSION, Look, file_of, look_at, looking, schema_of
from store.damaged import damage_in, set_aside_files

CHECK_S: Final = 20.0  # looking for damage in a file of any size
LATE_MS: Final = 5 * 60_000  # behind which the drainer or the scoring does not keep up
AHEAD_MS: Final = 60_000  # by which what is stored may be newer than the clock
_MB: Final = 2**20


def findings(settings: Settings, now: int) -> Iterator[Finding]:
    """What there is to say of the store; it is neither made nor changed."""
    try:
        file = file_of(settings.store_url)
        if file is not None and not file.exists():
            yield ok("store", f"{file} is not there yet; the first start makes it")
            return
        yield from _of_file(file)
        with looking(settings.store_url) as connection:
            found = _schema(schema_of(connection))
            yield found
            if found.state != "ok":
                return
            look = look_at(connection)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        mend = "see that the database runs, and that FORESIGHT_DATABASE_URL names it"
        yield fail("store", f"can't be reached: {cause}", mend)
        return
    yield from (_windows(settings, look), _clock(look, now), _scheduler(look, now))
    yield from (_journal(settings, look, now), _losses(look))


def _of_file(file: Path | None) -> Iterator[Finding]:
    if file is None:
        return
    if damage := damage_in(file, CHECK_S):
        mend = "start the server: it sets the file aside, makes a new one and saves what it can"
        yield fail("damage", f"{file}: {damage}", mend)
    else:
        yield ok("damage", f"none found in {file} ({file.stat().st_size // _MB:,} MiB)")
    if aside := set_aside_files(file):
        names = ", ".join(found.file.name for found in aside)
        mend = "save what is needed of them, then remove them"
        yield warn("set aside", f"damaged stores lie beside it: {names}", mend)


def _schema(schema: int | None) -> Finding:
    if schema is None:
        return warn("store", "it is empty", "nothing: the first start makes the tables")
    if schema > SCHEMA_VERSION:
        mend = "use the newer release that made it, or another FORESIGHT_DATA_DIR"
        return fail("store", f"schema {schema}, this release needs {SCHEMA_VERSION}", mend)
    if schema < SCHEMA_VERSION:
        mend = "nothing: the next start brings it up to date, and copies it before"
        return warn("store", f"schema {schema}, this release has {SCHEMA_VERSION}", mend)
    return ok("store", f"can be read, schema {schema}")


def _windows(settings: Settings, look: Look) -> Finding:
    if look.window_ms not in (None, settings.window_ms):
        mend = f"set FORESIGHT_WINDOW_SECONDS={(look.window_ms or 0) // 1000}, or use another store"
        return fail("windows", f"the store's are {look.window_ms} ms long", mend)
    return ok("windows", f"{settings.window_seconds} s long")


def _clock(look: Look, now: int) -> Finding:
    newest = max(look.newest_call_at or 0, look.newest_window_at or 0)
    if newest > now + AHEAD_MS:
        mend = "set the clock of this machine, and of the others that use the store"
        return warn("clock", f"it is {_told(now)}, what is stored reaches to {_told(newest)}", mend)
    return ok("clock", f"it is {_told(now)}")


def _scheduler(look: Look, now: int) -> Finding:
    scoring = look.jobs.get("scoring", {})
    scored_at = scoring.get("succeeded_at")
    last = f"last scored {_told(scored_at)}" if scored_at else "never scored yet"
    if failed := [f"{name}: {job['error']}" for name, job in look.jobs.items() if job["error"]]:
        return warn("jobs", "; ".join(failed), "the log of the server has the traceback")
    if (look.leads_until or 0) < now:
        return warn("jobs", f"no server runs them; {last}", "start one with FORESIGHT_SCHEDULER=on")
    if scored_at is not None and now - scored_at > LATE_MS:
        return warn("jobs", f"a server runs them, but {last}", "look into the log of the server")
    return ok("jobs", f"a server runs them; {last}")


def _journal(settings: Settings, look: Look, now: int) -> Finding:
    waiting = backlog(settings.journal_dir, look.journal_positions)
    share = waiting.bytes / (settings.journal_max_mb * _MB)
    seen = f"{waiting.records:,} calls wait to be stored ({share:.0%} of the journal's bound)"
    late = waiting.oldest_at is not None and now - waiting.oldest_at > LATE_MS
    if share > 0.8:
        return fail("journal", seen, "see why the store takes no calls: soon they will be lost")
    if late:
        mend = "start a server, or see why the store takes no calls"
        return warn("journal", f"{seen}, the oldest since {_told(waiting.oldest_at)}", mend)
    return ok("journal", seen)


def _losses(look: Look) -> Finding:
    lost = {name: number for name, number in look.counters.items() if "lost" in name and number}
    if lost:
        seen = ", ".join(f"{name.replace('_', ' ')}: {number:,}" for name, number in lost.items())
        return warn("losses", seen, "make room on the disk, or raise FORESIGHT_JOURNAL_MAX_MB")
    return ok("losses", "no call was lost")


def _told(at: int | None) -> str:
    return datetime.fromtimestamp((at or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
