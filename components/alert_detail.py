"""One alert from near: its reasons, the clients that have to do with it, its windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dash import dcc, html

from components import alerts, format, tables
from components.alerts import AlertCard, Link
from components.icons import glyph
from components.reasons import all_of_it, why

GRID_PX: Final = 420
SPARK_ROOM: Final = 30  # bars
_CALLS: Final = "Leads to the calls of that minute"
_SHOWN: Final = 12  # of the clients that suffer; the others fold out


def frame(grid_id: str) -> html.Div:
    """The panel, hidden until an alert is chosen; `assets/alerts.js` opens and closes it."""
    return html.Div(
        [
            html.Div(className="detail-backdrop", **{"data-open": ""}),
            html.Div(
                [
                    html.Div(
                        [
                            html.Div(id="alerts-detail-head", className="detail-head"),
                            html.Button(
                                glyph("x-lg"),
                                className="icon-button",
                                type="button",
                                title="Close",
                                **{"aria-label": "Close details", "data-open": ""},
                            ),
                        ],
                        className="detail-top",
                    ),
                    html.Div(id="alerts-detail-body", className="detail-body"),
                    html.Section(
                        [
                            html.H3("Windows"),
                            chosen_bar("Choose windows to judge some of them alone."),
                            tables.grid(
                                grid_id,
                                windows_columns(own=True),
                                GRID_PX,
                                label="Windows of this alert",
                                export_name="alert",
                                selectable=True,
                            ),
                        ],
                        className="detail-windows",
                    ),
                ],
                className="detail-panel",
                role="dialog",
                tabIndex=-1,
                **{"aria-modal": "true", "aria-labelledby": "alerts-detail-title"},
            ),
        ],
        id="alerts-detail",
        className="detail",
        hidden=True,
    )


def chosen_bar(words: str) -> html.Div:
    """Buttons for the rows that are chosen in the grid below."""
    return html.Div(
        [
            html.Span(words, className="chosen-words"),
            html.Div(
                [
                    alerts.action(do, None, "chosen windows")
                    for do in ("acknowledge", "confirmed", "false_alarm", "undo")
                ],
                className="chosen-actions",
            ),
        ],
        className="chosen",
    )


def head(card: AlertCard, now: int) -> list[Any]:
    """What it is, since when, and what to do with it."""
    return [
        html.H2(
            [
                html.Span(card.priority, className=f"pill pill-{card.priority.lower()}"),
                dcc.Link(format.shortened(card.name, 64), href=card.href, title=card.name)
                if card.href
                else card.name,
            ],
            id="alerts-detail-title",
        ),
        html.P(
            [
                html.Span("Ongoing ", className="detail-ongoing") if card.ongoing else None,
                f"{alerts.span_words(card, now)} · {format.duration(card.end - card.start)}",
                *alerts.simulated_tag(card.share_simulated),
            ],
            className="card-sub",
        ),
        html.Div(
            [
                html.Div(alerts.state_words(card, now), className="incident-said"),
                html.Div(
                    alerts.actions(card.id, card.state, card.name, words=True),
                    className="incident-actions",
                ),
            ],
            className="detail-state",
        ),
    ]


def body(
    card: AlertCard, reasons: Sequence[str], suffering: Sequence[tuple[Link, int]]
) -> list[Any]:
    """Numbers, reasons of the worst window, and clients; each client with its number of windows."""
    facts = [
        ("Highest risk", format.score(card.risk)),
        ("Windows", format.number(card.windows)),
        ("Calls", format.compact(card.calls)),
        ("Errors", format.percent(card.error_rate)),
    ]
    return [
        html.Dl(
            [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts],
            className="detail-facts",
        ),
        html.Div(alerts.spark(card.risks, card.priority, SPARK_ROOM), className="detail-spark"),
        html.H3("Why"),
        html.Ul([html.Li(text) for text in reasons], className="detail-reasons"),
        *_causes(card.causes),
        *_suffering(suffering),
    ]


def nothing(words: str) -> list[Any]:
    """What the panel says when the alert is not in the range any more."""
    return [html.H2("No such alert", id="alerts-detail-title"), html.P(words, className="card-sub")]


def windows_columns(*, own: bool) -> list[tables.Column]:
    """Columns of `windows_rows`; those of one alert's own windows need no subject."""
    hidden = {"hide_below": 560} if own else {}
    return [
        tables.time_column("at", "Window (UTC)", 122 if own else 148, ago=not own, narrow=72),
        tables.priority_column(),
        *([] if own else [tables.subject_column()]),
        tables.why_column(width=150, **hidden),
        tables.number_column(
            "calls",
            "Calls",
            76,
            cellRenderer="ForesightLink",
            cellClass="ag-right-aligned-cell cell-calls",
            tooltip=_CALLS,
            narrow=64,
        ),
        tables.number_column("errors", "Errors", 82, "ForesightPercent", hide_below=640),
        tables.number_column("ms", "Average", 92, "ForesightMs", hide_below=1200),
        tables.risk_column(hide_below=460),
        tables.choice_column("said", "Said", 124, narrow=104),
        tables.column("by", "By", 110, hide_below=1160),
    ]


def windows_rows(windows: Iterable[tuple[Mapping[str, Any], str | None, str | None]]) -> list[Any]:
    """Rows of windows, each with the address of its subject and of its calls."""
    return [_window_row(window, href, calls) for window, href, calls in windows]


def _window_row(window: Mapping[str, Any], href: str | None, calls: str | None) -> dict[str, Any]:
    name = tables.subject_name(window)
    count = window["req_count"]
    seen = "acknowledged" if window["acknowledged_at"] is not None else "open"
    said = window["verdict"] or seen
    return {
        "id": str(window["id"]),
        "at": window["timestamp"],
        "priority": window["priority"],
        "subject": window["subject"],
        "name": name,
        "shown": tables.shown_name(name),
        "href": href,
        "why": why(window),
        "whys": all_of_it(window),
        "calls": count,
        "errors": window["error_rate"],
        "ms": window["avg_response_time"],
        "risk": window["risk_score"],
        "thin": bool(window["thin"]),
        "simulated": window["simulated_count"] / count if count else 0,
        "said": alerts.STATES[said],
        "by": window["judged_by"] or window["acknowledged_by"],
        "calls_href": calls,
    }


def _causes(causes: Sequence[Link]) -> list[Any]:
    if not causes:
        return []
    return [
        html.H3("Because of"),
        html.P(
            ["Without the calls of ", *alerts.linked(causes, 8), " it would be at less risk."],
            className="detail-text",
        ),
    ]


def _suffering(suffering: Sequence[tuple[Link, int]]) -> list[Any]:
    if not suffering:
        return []
    verb = "suffers" if len(suffering) == 1 else "suffer"
    first, others = suffering[:_SHOWN], suffering[_SHOWN:]
    found: list[Any] = [
        html.H3(f"{format.plural(len(suffering), 'client')} {verb}"),
        html.P(
            "They got its failed or slow answers, and are no alerts of their own.",
            className="detail-text",
        ),
        _clients(first),
    ]
    if others:
        found.append(html.Details([html.Summary(f"{len(others)} more"), _clients(others)]))
    return found


def _clients(some: Sequence[tuple[Link, int]]) -> html.Ul:
    return html.Ul(
        [
            html.Li(
                [
                    dcc.Link(format.shortened(name, 40), href=href, title=name) if href else name,
                    html.Span(format.number(count), title=format.plural(count, "risky window")),
                ]
            )
            for (name, href), count in some
        ],
        className="detail-clients",
    )
