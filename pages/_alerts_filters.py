"""What of the alerts is asked for, as the address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components import alerts
from jobs.alert_feed import AlertFilters

VIEWS: Final = {"incidents": "Incidents", "windows": "Windows"}
ANY: Final = "any"
PRIORITIES: Final = {ANY: "All", "HIGH": "HIGH", "MEDIUM": "MEDIUM"}
STATES: Final = {ANY: "Any state", **alerts.STATES}
SIMULATED: Final = {ANY: "All calls", "no": "Without simulated", "yes": "Simulated only"}
CHOICES: Final = {
    "view": VIEWS,
    "priority": PRIORITIES,
    "state": STATES,
    "simulated": SIMULATED,
}
EXACT: Final = ("endpoint", "method", "client")
MOST_CHARACTERS: Final = 300


@dataclass(frozen=True)
class Asked:
    """What is shown: which view, which alerts; and what of the address could not be."""

    view: str
    filters: AlertFilters
    problems: tuple[str, ...] = ()


def given(query: Mapping[str, Any]) -> dict[str, str]:
    """The parts of an address that are filters, all there, empty where nothing is asked.

    A part that is there more than once counts as the last one said.
    """
    names = (*CHOICES, "q", *EXACT)
    found = {name: _one(query.get(name, ""))[:MOST_CHARACTERS].strip() for name in names}
    if found["priority"].upper() in PRIORITIES:
        found["priority"] = found["priority"].upper()
    found["method"] = found["method"].upper()
    return found


def choice(asked: Mapping[str, str], name: str) -> str:
    """One of the choices of a filter; the first one where another word is given."""
    value = asked.get(name, "")
    return value if value in CHOICES[name] else next(iter(CHOICES[name]))


def asked_for(asked: Mapping[str, str] | None) -> Asked:
    """The filters of `given`, checked; a word that is no choice is told and left out."""
    asked = asked or {}
    problems = [
        f"{name}={asked[name]!r} is none of {', '.join(choices)}: it is left out"
        for name, choices in CHOICES.items()
        if asked.get(name) and asked[name] not in choices
    ]
    exact = {name: asked.get(name) or None for name in EXACT}
    return Asked(
        choice(asked, "view"),
        AlertFilters(
            priority=_chosen(asked, "priority"),
            state=_chosen(asked, "state"),
            simulated={None: None, "no": False, "yes": True}[_chosen(asked, "simulated")],
            text=asked.get("q") or None,
            **exact,
        ),
        tuple(problems),
    )


def _chosen(asked: Mapping[str, str], name: str) -> str | None:
    value = choice(asked, name)
    return None if value == ANY else value


def _one(value: Any) -> str:
    return str(value[-1] if isinstance(value, list) and value else value or "")
