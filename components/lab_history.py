"""Runs of the lab as rows of a grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from components import tables
from components.lab_words import Run, after, intensity, phase


def columns() -> list[tables.Column]:
    """Columns of `rows`."""
    return [
        tables.time_column("started", "Started (UTC)", 148, sort="desc", narrow=96),
        tables.link_column("title", "Scenario", 170, flex=2, narrow=130),
        tables.choice_column("owasp", "OWASP", 86, hide_below=760),
        tables.choice_column("intensity", "Intensity", 100, hide_below=1200),
        tables.number_column("minutes", "Minutes", 94, hide_below=1300),
        tables.choice_column("result", "Result", 116, narrow=104, flex=1),
        tables.number_column(
            "high_s",
            "HIGH after [s]",
            124,
            tooltip="From the first call or the switch to the stored HIGH window",
            hide_below=480,
        ),
        tables.number_column("medium_s", "MEDIUM after [s]", 144, hide_below=900),
        tables.column("caught", "HIGH subjects", 126, hide_below=1500),
        tables.number_column("sent", "Calls sent", 92, hide_below=1400),
        tables.risk_column("risk", "Risk", hide_below=620),
        tables.column("why", "Why", 160, flex=3, hide_below=1150, cellClass="cell-why"),
        tables.choice_column("who", "By", 96, hide_below=1500),
    ]


def rows(
    runs: Iterable[Run],
    titles: Mapping[int, str],
    categories: Mapping[int, str],
    priority: Callable[[float], str],
    href: Callable[[int], str],
) -> list[dict[str, Any]]:
    """Runs as grid rows.

    Parameters
    ----------
    runs : iterable of Run
        In any order.
    titles, categories : mapping of int to str
        Name of the scenario and its OWASP category, by the id of the run.
    priority : callable
        Priority of a risk score.
    href : callable
        Address of a run, by its id.
    """
    return [
        {
            "id": str(run.id),
            "started": run.first_at or run.asked_at,
            "title": titles[run.id],
            "title_href": href(run.id),
            "owasp": categories[run.id],
            "intensity": intensity(run.intensity),
            "minutes": run.minutes,
            "result": result(run),
            "high_s": _seconds(after(run, run.high_at)),
            "medium_s": _seconds(after(run, run.medium_at)),
            "caught": f"{run.subjects_high} of {len(run.subjects)}" if run.subjects else "",
            # Not while it is counted: all rows would be sent again with each poll.
            "sent": run.calls_sent if run.ended_at is not None else None,
            "risk": run.risk_score,
            "priority": priority(run.risk_score or 0.0),
            "why": run.reasons or "",
            "who": run.who,
        }
        for run in runs
    ]


def result(run: Run) -> str:
    """HIGH, MEDIUM, not detected, or why nothing can be said."""
    if run.high_at is not None:
        return "HIGH"
    if run.phase != "settled":
        return phase(run, lost=False)
    if run.first_at is None:
        return "Not played"
    if run.medium_at is not None:
        return "MEDIUM"
    return "Not measured" if run.risk_score is None else "Not detected"


def _seconds(length_ms: int | None) -> int | None:
    return None if length_ms is None else round(length_ms / 1000)
