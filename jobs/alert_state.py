"""What people made of an incident: nothing yet, seen, or judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jobs.incidents import Incident, Row
from store.feedback import VERDICTS

OPEN: Final = "open"
ACKNOWLEDGED: Final = "acknowledged"
STATES: Final = (OPEN, ACKNOWLEDGED, *VERDICTS)


@dataclass(frozen=True)
class State:
    """One of `STATES`, and who said so when [epoch ms]; nobody for open."""

    name: str = OPEN
    who: str | None = None
    at: int | None = None


def state_of(incident: Incident) -> State:
    """What people made of an incident; a verdict says more than an acknowledgement.

    What was said holds for windows that come later, until one is HIGH and none before was.
    """
    verdict = _last_word(incident.windows, "judged_at")
    if verdict is not None:
        return State(verdict["verdict"], verdict["judged_by"], verdict["judged_at"])
    seen = _last_word(incident.windows, "acknowledged_at")
    if seen is not None:
        return State(ACKNOWLEDGED, seen["acknowledged_by"], seen["acknowledged_at"])
    return State()


def said_of(row: Row) -> str:
    """What was said of one window, one of `STATES`."""
    return str(row["verdict"] or (ACKNOWLEDGED if row["acknowledged_at"] is not None else OPEN))


def _last_word(windows: Sequence[Row], at: str) -> Row | None:
    """The window that spoke last, if by then nothing was left unsaid; `at` is a column."""
    said = [row for row in windows if row.get(at) is not None]
    if not said:
        return None
    last = max(said, key=lambda row: row[at])
    unsaid = [row for row in windows if row.get(at) is None]
    if any((row.get("scored_at") or 0) <= last[at] for row in unsaid):
        return None
    worse = any(row["priority"] == "HIGH" for row in unsaid)
    return None if worse and all(row["priority"] != "HIGH" for row in said) else last
