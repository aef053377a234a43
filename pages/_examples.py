"""Example questions that have an answer on this site: a real route, a time that has data."""

from __future__ import annotations

from typing import Final

from ask.engine import known_routes
from store import Store, views

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_DULL: Final = ("health", "ready", "metrics", "favicon", "static")


def examples(store: Store, now: int) -> dict[str, list[str]]:
    """Questions by subject.

    Parameters
    ----------
    store : Store
        Its routes and the range of its data decide.
    now : int
        The clock [epoch ms].
    """
    with store.read() as connection:
        routes = known_routes(connection).stored
    hour, day = _times(views.data_range(store), now)
    of, to = _route(routes)
    return {
        "Risk": [f"high risk endpoints{day}", f"riskiest clients{hour}"],
        "Errors": [f"errors over time{hour}", f"error rate by endpoint{day}"],
        "Speed": [f"p95 latency{of}{day}", f"the 10 slowest requests{to}{day}"],
        "Clients": [f"busiest clients{hour}", f"which clients look like bots{day}"],
    }


def _times(data: tuple[int, int] | None, now: int) -> tuple[str, str]:
    """Words for a short and a longer time in which there are data; none: all of them are meant."""
    last = data[1] if data else 0
    hour = " in the last hour" if now - last < _HOUR_MS // 2 else ""
    day = " today" if last > now - now % _DAY_MS else ""
    return hour or day, day


def _route(routes: tuple[str, ...]) -> tuple[str, str]:
    """`of` and `to` a route that says something; none where there is none."""
    plain = [r for r in routes if r.startswith("/") and r != "/" and "{" not in r]
    telling = [r for r in plain if not any(word in r for word in _DULL)]
    for route in (telling or plain)[:1]:
        return f" of {route}", f" to {route}"
    return "", ""
