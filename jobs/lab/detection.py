"""When a run was seen: its first MEDIUM and HIGH window, and where the time until then went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]
_ALARMING: Final = {"MEDIUM": ("MEDIUM", "HIGH"), "HIGH": ("HIGH",)}


@dataclass(frozen=True)
class Sighting:
    """The first window of a priority or above, by the time of its scoring [epoch ms]."""

    start: int
    scored_at: int
    subject: str


@dataclass(frozen=True)
class Detection:
    """What was seen of a run so far."""

    medium: Sighting | None = None
    high: Sighting | None = None
    subjects_high: int = 0  # that had a HIGH window
    risk: float | None = None  # highest of any window
    reasons: str | None = None  # of that window


@dataclass(frozen=True)
class Split:
    """Where the time from the first call to a scored window went [ms]."""

    unseen: int  # whole minutes that were scored lower
    open: int  # until the minute of the window had closed
    scoring: int  # grace for late calls, and scoring


def detection(windows: Iterable[Row]) -> Detection:
    """What the scored windows of a run's subjects tell.

    Parameters
    ----------
    windows : iterable of mapping
        Columns of `anomaly_log`, of windows that hold calls of the run, in any order.
    """
    found = list(windows)
    if not found:
        return Detection()
    riskiest = max(found, key=lambda window: window["risk_score"])
    return Detection(
        medium=_first(found, "MEDIUM"),
        high=_first(found, "HIGH"),
        subjects_high=len({subject(w) for w in found if w["priority"] == "HIGH"}),
        risk=riskiest["risk_score"],
        reasons=_texts(riskiest["reasons"]),
    )


def subject(window: Row) -> str:
    """The client, or the endpoint as `GET /search`."""
    if window["client"] is not None:
        return str(window["client"])
    return f"{window['method']} {window['endpoint']}"


def split(first_at: int, start: int, scored_at: int, window_ms: int) -> Split:
    """Where the time to a detection went.

    Parameters
    ----------
    first_at : int
        The first call of the attack or the switch of the fault [epoch ms].
    start, scored_at : int
        Start of the window that was seen and when it was scored [epoch ms].
    window_ms : int
        Length of a window [ms].
    """
    began = max(first_at, start)
    closed = start + window_ms
    return Split(began - first_at, closed - began, scored_at - closed)


def _first(windows: list[Row], priority: str) -> Sighting | None:
    alarming = [
        w for w in windows if w["priority"] in _ALARMING[priority] and w["scored_at"] is not None
    ]
    if not alarming:
        return None
    first = min(alarming, key=lambda w: (w["scored_at"], -w["risk_score"]))
    return Sighting(first["timestamp"], first["scored_at"], subject(first))


def _texts(reasons: str | None) -> str | None:
    """The texts of a window's reasons in one line."""
    found = [str(reason["text"]) for reason in json.loads(reasons or "[]")]
    return "; ".join(found) or None
