"""The list of clients, where the address names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import dcc, html, no_update

from components import cards, client_tables, format, shell, states, tables
from pages import client_href, page_path, risk_limits
from pages._range import ALL, TimeRange
from store.client_list import Clients

GRID_PX: Final = 640


def layout(first: Mapping[str, Any], unknown: Sequence[str], usages: Sequence[str]) -> html.Div:
    """The grid and the filters that the address has."""
    wrong = (
        f"The address has usage={unknown[0]!r}; it must be one of {', '.join(usages)}."
        if unknown
        else ""
    )
    return shell.page(
        "Clients",
        shell.tick("clients"),
        dcc.Store(id="clients-drawn"),
        dcc.Store(id="clients-first", data=dict(first)),
        dcc.Store(id="clients-remembered"),
        html.P(wrong, className="client-problem", role="alert"),
        cards.card(
            "Who calls",
            tables.grid(
                "clients-grid",
                client_tables.client_columns(),
                GRID_PX,
                label="Clients",
                export_name="clients",
            ),
            subtitle=html.Span(format.NO_BREAK, id="clients-about"),
        ),
        id="clients",
    )


def parts(found: Clients, shown: TimeRange, kept: Mapping[str, str], now: int) -> dict[str, Any]:
    """What a poll brings."""
    limits = risk_limits()
    return {
        "subtitle": f"{shown.words} · {format.span(shown.start, shown.end, now)}",
        "about": _about(found, now),
        "rows": client_tables.client_rows(
            found.clients, lambda client: client_href(client, **kept), limits
        ),
        "state": [] if found.clients else _none(shown),
    }


def too_slow(why: str) -> dict[str, Any]:
    """Reading took too long."""
    state = states.empty("hourglass-split", "That took too long", f"{why}; choose a shorter range.")
    return {"subtitle": no_update, "about": "", "rows": [], "state": state, "drawn": None}


def _about(found: Clients, now: int) -> str:
    """What the list holds, and what it does not."""
    if found.recent_since is None:
        return ""
    risky = "with a risky minute in this range"
    if found.risky_since is not None:
        risky = f"with a risky minute since {format.moment(found.risky_since, now)}"
    recent = format.moment(found.recent_since - found.recent_since % 60_000, now)
    text = f"Everyone {risky}, and everyone who called since {recent}; calls are since then, too."
    if found.left_out:
        count = format.number(len(found.clients))
        text = f"The {count} riskiest of {text[0].lower()}{text[1:]}"
    return text


def _none(shown: TimeRange) -> Any:
    everything = dcc.Link(
        "Show all data", href=f"{page_path('/client')}?range={ALL}", className="button"
    )
    return states.empty(
        "inbox",
        "No clients in this range",
        "No call was scored in it.",
        everything if shown.key != ALL else None,
    )
