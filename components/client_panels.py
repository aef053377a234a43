"""Who a client is, in numbers and words: its state now, its calls, why it was risky."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final

from dash import dcc, html

from components import cards, format, states
from components.client_figures import reason_name
from components.health import Health
from components.reasons import why
from components.theme import USUAL_LIMITS, Limits

SHARED: Final = "(other)"  # what clients beyond the busiest of a minute share
_LEVELS: Final = {"HIGH": "critical", "MEDIUM": "degraded", "LOW": "healthy"}
Row = Mapping[str, Any]


def kind_of(client: str) -> str:
    """`User`, `IP address`, or what the shared window is."""
    if client == SHARED:
        return "Shared by the clients beyond the 5,000 busiest of a minute"
    try:
        ip_address(client)
    except ValueError:
        return "User"
    return "IP address"


def addresses(client: str, found: Mapping[str, int]) -> str:
    """Where the calls of a user came from; an address is where it is."""
    others = [address for address in found if address != client]
    if not others:
        return ""
    if len(others) == 1:
        return f"calls from {others[0]}"
    return f"calls from {format.number(len(others))} addresses, most from {others[0]}"


def standing(
    newest: Row, cluster_since: int | None, risky: int, last_risky: int | None, now: int
) -> html.Div:
    """The client's newest minute in one strip.

    Parameters
    ----------
    newest : mapping
        Its newest window.
    cluster_since : int, optional
        Since when it has been in the usage cluster of that window [epoch ms].
    risky : int
        Windows of MEDIUM and above in the range.
    last_risky : int, optional
        Start of the newest of them [epoch ms].
    now : int
        The clock [epoch ms].
    """
    priority = str(newest["priority"])
    text = why(newest) or _calm(risky, last_risky, now)
    facts = [
        ("Risk", format.score(newest["risk_score"])),
        ("Usage", _usage(str(newest["usage_cluster"]), cluster_since, now)),
        ("Bot score", format.score(newest["bot_score"])),
        ("Newest minute", cards.since(newest["timestamp"], now)),
    ]
    title = f"{priority.capitalize()} risk in its newest minute"
    return cards.health_strip(Health(_LEVELS[priority], title, text), facts)


def unscored(last_at: int | None, now: int) -> html.Div:
    """The strip of a client whose calls of the range are not scored yet."""
    text = "Its calls of this range have no scores yet."
    return cards.health_strip(
        Health("waiting", "Not scored yet", text), [("Last call", cards.since(last_at, now))]
    )


def key(colours: Mapping[str, str]) -> list[html.Span]:
    """Names of what a chart shows beside their colours."""
    return [
        html.Span(name, className="client-key", style={"--tint": colour})
        for name, colour in colours.items()
    ]


def _calm(risky: int, last_risky: int | None, now: int) -> str:
    if not risky or last_risky is None:
        return "No minute of this range is risky."
    many = format.plural(risky, "minute")
    verb = "is" if risky == 1 else "are"
    return f"{many} of this range {verb} risky, the last at {format.moment(last_risky, now)}."


def _usage(cluster: str, since: int | None, now: int) -> str:
    name = cluster.capitalize()
    return name if since is None else f"{name} since {format.moment(since, now)}"


def kpi_row(
    points: Sequence[Any], touched: int, cut: bool, limits: Limits = USUAL_LIMITS
) -> list[html.Div]:
    """Calls, calls a minute, error rate, response time, endpoints touched, highest risk.

    Parameters
    ----------
    points : sequence
        Buckets of the client, see `components.client_figures.Point`.
    touched : int
        Endpoints among the calls that were counted.
    cut : bool
        There are more calls than were counted.
    limits : Limits
        From where on risk is MEDIUM or HIGH.
    """
    calls, errors = sum(p.calls for p in points), sum(p.errors for p in points)
    minutes = sum(p.windows for p in points)
    risk = max((p.maximum for p in points), default=None)
    risky = sum(p.risky for p in points)
    return [
        cards.kpi(
            "Calls",
            format.compact(calls),
            icon="activity",
            full=format.number(calls),
            note=_simulated(sum(p.simulated_calls for p in points), calls),
        ),
        cards.kpi(
            "Calls / min",
            _a_minute(calls, minutes),
            icon="arrow-repeat",
            note=f"in {format.plural(minutes, 'active minute')}",
        ),
        cards.kpi(
            "Error rate",
            format.percent(errors / calls if calls else None),
            icon="exclamation-triangle",
            note=format.plural(errors, "error"),
        ),
        cards.kpi(
            "Average response",
            format.milliseconds(_average_ms(points)),
            icon="speedometer2",
            note=f"longest {format.milliseconds(_longest_ms(points))}",
        ),
        cards.kpi(
            "Endpoints touched",
            format.number(touched) if touched else format.MISSING,
            icon="hdd-network",
            note="by its newest calls" if cut else "",
        ),
        cards.kpi(
            "Highest risk",
            format.score(risk),
            icon="shield-exclamation",
            note=f"{format.plural(risky, 'risky minute')}",
            tone="" if risk is None else f"tone-{limits.priority_of(risk).lower()}",
        ),
    ]


def _simulated(simulated: int, calls: int) -> str:
    if not simulated:
        return ""
    if simulated >= calls:
        return "simulated"
    return f"{format.percent(simulated / calls)} simulated"


def _a_minute(calls: int, minutes: int) -> str:
    if not minutes:
        return format.MISSING
    rate = calls / minutes
    return f"{rate:.1f}" if rate < 10 else format.compact(rate)


def _average_ms(points: Sequence[Any]) -> float | None:
    timed = [(p.average_ms, p.calls) for p in points if p.average_ms is not None]
    calls = sum(count for _, count in timed)
    return sum(ms * count for ms, count in timed) / calls if calls else None


def _longest_ms(points: Sequence[Any]) -> float | None:
    return max((p.max_ms for p in points if p.max_ms is not None), default=None)


def reasons(window: Row | None, now: int, href: str | None) -> Any:
    """Why its newest risky minute is risky, each reason with its part of the risk."""
    if window is None:
        return states.empty("check2-circle", "Nothing risky", "All its minutes here are LOW.")
    at = format.moment(window["timestamp"], now)
    risk = format.score(window["risk_score"])
    head = html.P(
        [
            html.Span(window["priority"], className=f"pill pill-{window['priority'].lower()}"),
            f"risk {risk} at ",
            dcc.Link(at, href=href) if href else at,
        ],
        className="client-when",
    )
    found = json.loads(window.get("reasons") or "[]")
    return html.Div([head, html.Ul([_reason(one) for one in found], className="client-reasons")])


def _reason(reason: Row) -> html.Li:
    share = reason.get("share")
    part = "" if share is None else format.percent(round(share, 2))
    return html.Li(
        [
            html.Div(
                [
                    html.Strong(reason_name(str(reason["feature"]))),
                    html.Span(part, title="of the risk"),
                ],
                className="ask-bar-words",
            ),
            html.Div(
                html.Div(className="client-part", style={"width": f"{(share or 0) * 100:.1f}%"}),
                className="client-track",
            ),
            html.P(str(reason["text"])),
        ]
    )
