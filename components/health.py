"""System health in one word, and why: what the last minutes say, or why they say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components import format

RECENT_MS: Final = 5 * 60_000  # health is about the windows that started in the last five minutes
QUIET_AFTER_MS: Final = 3 * 60_000  # without a call for this long there is no traffic
FAILING_ERROR_RATE: Final = 0.3  # the share of errors from which a window counts as failing
RAISED_ERROR_RATE: Final = 0.15  # half of it


@dataclass(frozen=True)
class Health:
    """`level` is healthy, degraded, critical, stale, quiet or waiting."""

    level: str
    title: str
    reason: str


@dataclass(frozen=True)
class Recent:
    """Sums of the last `RECENT_MS`; `high_endpoints` are endpoints with a HIGH window."""

    calls: int
    errors: int
    windows: int
    high_windows: int
    endpoints: int
    high_endpoints: tuple[str, ...]


def system_health(
    recent: Recent,
    now: int,
    *,
    last_call_at: int | None,
    scored_at: int | None,
    stale: bool,
    error: str | None,
) -> Health:
    """Health at `now` [epoch ms].

    Stale scores and missing traffic come first: nothing can be concluded then.
    """
    if stale:
        since = f" since {format.moment(scored_at, now)}" if scored_at else ""
        return Health("stale", f"Scores stale{since}", error or "The scoring job has not finished.")
    if last_call_at is None or now - last_call_at > QUIET_AFTER_MS:
        since = f" since {format.moment(last_call_at, now)}" if last_call_at else " yet"
        return Health("quiet", f"No traffic{since}", "Health is judged by calls as they come in.")
    if not recent.windows:
        return Health("waiting", "Waiting", "No minute of the last five is scored yet.")
    return _judged(recent)


def _judged(recent: Recent) -> Health:
    error_rate = recent.errors / recent.calls if recent.calls else 0.0
    high = len(recent.high_endpoints)
    errors = f"{format.percent(error_rate)} of calls fail"
    if error_rate > FAILING_ERROR_RATE:
        return Health("critical", "Critical", f"{errors} in the last 5 minutes{_named(recent)}.")
    names = _listed(recent.high_endpoints)
    if high > 1 and high * 2 >= recent.endpoints:
        share = f"{high} of {recent.endpoints} endpoints"
        return Health("critical", "Critical", f"{names} are HIGH, {share}; {errors}.")
    if high:
        verb = "is" if high == 1 else "are"
        return Health("degraded", "Degraded", f"{names} {verb} HIGH; {errors}.")
    if error_rate > RAISED_ERROR_RATE:
        return Health("degraded", "Degraded", f"{errors} in the last 5 minutes.")
    misuse = (
        f"; {format.plural(recent.high_windows, 'client window')} HIGH"
        if recent.high_windows
        else ""
    )
    return Health("healthy", "Healthy", f"No endpoint at high risk{misuse}; {errors}.")


def _named(recent: Recent) -> str:
    if not recent.high_endpoints:
        return ""
    verb = "is" if len(recent.high_endpoints) == 1 else "are"
    return f"; {_listed(recent.high_endpoints)} {verb} HIGH"


def _listed(names: tuple[str, ...], most: int = 2) -> str:
    shown = [format.shortened(name, 40) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
