"""A run of the lab as components, and all runs as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from components import lab_history, lab_run, lab_timeline, lab_words, states
from jobs.lab.detection import split
from jobs.lab.orders import is_lost
from jobs.lab.scenarios import Scenario, scenario_named
from pages import client_href, current, endpoint_href, page_path, risk_limits
from store import scenario_runs
from store.lists import Row
from store.scenario_runs import ATTACK, Run, UnknownRunError
from store.times import iso

BEFORE_MS: Final = 15 * 60_000  # shown before a run on the pages of its subjects
_AFTER_MS: Final = 120_000
_UNKNOWN: Final = "Unknown scenario"


def run_to_show(connection: Any, chosen: str | None, runs: Sequence[Run]) -> Run | None:
    """The chosen run, else the open or the latest one; None where there is none."""
    if chosen is None:
        return runs[0] if runs else None
    known = next((run for run in runs if str(run.id) == chosen), None)
    if known is not None or not (chosen.isascii() and chosen.isdigit() and len(chosen) < 16):
        return known
    try:
        return scenario_runs.run_of(connection, int(chosen))
    except UnknownRunError:
        return None


def windows_of(connection: Any, run: Run | None, window_ms: int) -> list[Row]:
    """Scored windows of the subjects of a run, from a little before it."""
    if run is None or run.first_at is None:
        return []
    end = run.first_at + round(run.minutes * 60_000) if run.ended_at is None else run.ended_at
    start = run.first_at - (lab_timeline.BEFORE + 1) * window_ms + 1
    return scenario_runs.windows_of(connection, run.kind, run.subjects, start, end + 1)


def scored_to(connection: Any, window_ms: int) -> int | None:
    """End of the newest scored window [epoch ms]."""
    newest = scenario_runs.newest_window(connection)
    return None if newest is None else newest + window_ms


def stage(
    run: Run | None,
    chosen: str | None,
    windows: Sequence[Row],
    scored_until: int | None,
    open_run: Run | None,
    now: int,
) -> dict[str, Any]:
    """Heading, verdict and body of what is shown."""
    if run is None:
        body = lab_run.nothing() if chosen is None else _no_such(chosen)
        return {"head": [], "verdict": "", "body": body}
    window_ms, lost = current().store.window_ms, is_lost(run, now)
    scenario = scenario_of(run)
    risk = f"{scenario.risk}:2023" if scenario is not None and scenario.risk else None
    body = [lab_run.facts(run, _next_minute(run, scored_until, now, window_ms), window_ms)]
    if run.first_at is not None:
        body += [
            lab_timeline.timeline(run, windows, scored_until or 0, now, window_ms, risk_limits()),
            _split(run, window_ms),
            lab_run.seen(run, _hrefs(run)),
        ]
    if open_run is not None and open_run.id != run.id:
        body.insert(0, lab_run.other_open(run_href(open_run.id)))
    return {
        "head": lab_run.heading(title_of(run), run, lost, risk),
        "verdict": lab_words.verdict(run, now, lost, window_ms),
        "body": body,
    }


def history(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """All runs as rows of the grid."""
    found = {run.id: scenario_of(run) for run in runs}
    categories = {id: (s.risk or "none") if s is not None else "none" for id, s in found.items()}
    titles = {run.id: title_of(run) for run in runs}
    return lab_history.rows(runs, titles, categories, risk_limits().priority_of, run_href)


def run_href(run_id: int) -> str:
    """Address of a run."""
    return f"{page_path('/lab')}?{urlencode({'run': run_id})}"


def title_of(run: Run) -> str:
    """Name of what was played."""
    scenario = scenario_of(run)
    return scenario.title if scenario is not None else f"{_UNKNOWN} {run.scenario!r}"


def scenario_of(run: Run) -> Scenario | None:
    """What was played; None where this release does not know it."""
    try:
        return scenario_named(run.scenario)
    except LookupError:
        return None


def _no_such(chosen: str) -> Any:
    return states.empty(
        "question-circle",
        f"There is no run {chosen[:40]!r}",
        "Runs are named by their number, such as ?run=12; those that there are stand below.",
    )


def _split(run: Run, window_ms: int) -> Any:
    """Where the time to the first HIGH window went, or to MEDIUM where none was HIGH."""
    at, start = (
        (run.high_at, run.high_start)
        if run.high_at is not None
        else (run.medium_at, run.medium_start)
    )
    if at is None or start is None or run.first_at is None:
        return None
    parts = split(run.first_at, start, at, window_ms)
    shown = lab_run.Split(parts.unseen, parts.open, parts.scoring)
    return lab_run.split_bar(shown, start, window_ms)


def _next_minute(
    run: Run, scored_until: int | None, now: int, window_ms: int
) -> lab_run.Minute | None:
    """The minute of a run that is scored next."""
    if run.first_at is None or run.phase == "settled":
        return None
    first = run.first_at - run.first_at % window_ms
    start = max(first, scored_until or 0)
    if run.ended_at is not None and start > run.ended_at:
        return None
    return lab_run.Minute(start, now < start + window_ms)


def _hrefs(run: Run) -> dict[str, str]:
    """Addresses of the pages of the subjects, at the time of the run."""
    assert run.first_at is not None
    end = run.first_at + round(run.minutes * 60_000) + _AFTER_MS
    span = {"from": str(iso(run.first_at - BEFORE_MS)), "to": str(iso(end))}
    if run.kind == ATTACK:
        return {name: client_href(name, **span) for name in run.subjects}
    split_names = [name.partition(" ") for name in run.subjects]
    return {
        f"{method} {endpoint}": endpoint_href(endpoint, method, **span)
        for method, _, endpoint in split_names
    }
