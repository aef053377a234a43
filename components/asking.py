"""Around an answer: the question box, examples, help, what was asked before and what was saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dash import dcc, html

from components import cards, format, states
from components.icons import glyph

MOST_CHARACTERS: Final = 1_000
MOST_OF_NAME: Final = 80
Address = Callable[[str], str]
Row = Mapping[str, Any]
_GROUP_ICONS: Final = {
    "Risk": "shield-exclamation",
    "Errors": "exclamation-triangle",
    "Speed": "speedometer2",
    "Clients": "people",
}
_TERMS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (
        "Calls",
        "Every request that was logged.",
        (
            "requests, calls, traffic",
            "errors (status 400 and up), server errors, 401s, not found",
            "slow (over 800 ms), slower than 2 s",
            "large payloads (over 10 KB), payload over 1 MB",
            "GET, POST; anonymous, authenticated",
        ),
    ),
    (
        "Scored windows",
        "One minute of one endpoint or client, with its scores.",
        (
            "high, medium or low risk; alerts are HIGH",
            "anomalies, suspicious, unusual",
            "bots, heavy users",
            "likely to fail",
            "risk score above 0.7, error rate above 30%",
        ),
    ),
    (
        "Where and who",
        "A path, a name or an id as it is logged.",
        (
            "/payment, the payment endpoint",
            "everything under /orders",
            "user u017, 10.0.0.9",
            "excluding /health, except GET",
        ),
    ),
    (
        "When",
        "All times are UTC. Without a time: all data.",
        (
            "today, yesterday, on Monday, 17 March",
            "in the last 30 minutes, past week",
            "since 14:00, between 2pm and 4pm",
            "this morning, right now (5 minutes)",
        ),
    ),
    (
        "Numbers",
        "Alone, or for each of something.",
        (
            "how many requests, how many clients",
            "average, max or p95 latency; error rate",
            "total payload, unique users",
            "by endpoint, per client, by status code",
        ),
    ),
    (
        "Rankings and trends",
        "Drawn as a chart.",
        (
            "top 5 slowest endpoints, busiest IPs",
            "which endpoint has the most errors",
            "users with more than 200 requests",
            "requests per minute, errors by hour, latency over time",
        ),
    ),
)
_RULES: Final = (
    "Conditions side by side must all hold; values joined by “and” or “or” are alternatives: "
    "401 and 403.",
    "Rows come newest first, 100 of them; say “all” for up to 1,000, or “first 20”.",
    "Small typos are corrected, and the answer says so. A word that is not known is never "
    "passed over: the question is refused.",
    "Questions only read. They are answered on this server, without a language model.",
)


def box(text: str) -> html.Div:
    """The question and its button; Enter asks, too."""
    return html.Div(
        [
            glyph("chat-dots", "ask-box-icon"),
            dcc.Input(
                id="ask-question",
                type="text",
                value=text,
                placeholder="Ask about calls, errors, speed, risk or clients",
                maxLength=MOST_CHARACTERS,
                autoFocus=not text,
                autoComplete="off",
                spellCheck="false",
            ),
            html.Button(
                [html.Span("Ask"), glyph("arrow-return-left")],
                id="ask-button",
                className="ask-button",
                type="button",
            ),
        ],
        className="ask-box",
        role="search",
    )


def question_link(text: str, address: Address, className: str, shown: Any = None) -> dcc.Link:
    """A link that asks a question."""
    return dcc.Link(
        text if shown is None else shown,
        href=address(text),
        className=f"ask-link {className}",
        title=text,
    )


def examples(groups: Mapping[str, Sequence[str]], address: Address) -> html.Div:
    """Example questions by subject: what the page shows before anything was asked."""
    return html.Div(
        [
            html.Section(
                [
                    html.H2(
                        [glyph(_GROUP_ICONS.get(name, "chat-dots")), name], className="card-heading"
                    ),
                    html.Div(
                        [question_link(text, address, "ask-example") for text in questions],
                        className="ask-example-list",
                    ),
                ],
                className="panel ask-group",
            )
            for name, questions in groups.items()
        ],
        className="ask-examples",
    )


def help_panel(*, is_open: bool = False) -> html.Details:
    """The words that questions are made of, for people."""
    return html.Details(
        [
            html.Summary([glyph("question-circle"), "What can I ask?"]),
            html.Div(
                [
                    html.Section(
                        [
                            html.H3(title),
                            html.P(text),
                            html.Ul([html.Li(term) for term in terms]),
                        ]
                    )
                    for title, text, terms in _TERMS
                ],
                className="ask-terms",
            ),
            html.Ul([html.Li(rule) for rule in _RULES], className="ask-rules"),
        ],
        className="ask-help",
        id="ask-help",
        open=is_open,
    )


def saved(rows: Iterable[Row], address: Address) -> Any:
    """Saved questions, each with a button that deletes it."""
    found = [
        html.Li(
            [
                question_link(row["text"], address, "ask-saved-name", row["name"]),
                html.Button(
                    glyph("trash"),
                    id={"type": "ask-forget", "id": row["id"]},
                    className="icon-button",
                    title=f"Delete “{row['name']}”",
                    **{"aria-label": f"Delete “{row['name']}”"},
                ),
            ]
        )
        for row in rows
    ]
    if not found:
        return html.P("None yet. Ask something, and save it here.", className="ask-none")
    return html.Ul(found, className="ask-list")


def saving() -> html.Div:
    """Name and button that save the question which was answered last."""
    return html.Div(
        [
            dcc.Input(
                id="ask-name",
                type="text",
                placeholder="Name",
                maxLength=MOST_OF_NAME,
                autoComplete="off",
                disabled=True,
            ),
            html.Button(
                [glyph("bookmark-plus"), "Save"],
                id="ask-save",
                className="button",
                disabled=True,
                type="button",
            ),
        ],
        className="ask-saving",
    )


def history(rows: Iterable[Row], address: Address, now: int) -> Any:
    """Questions asked before, newest first; those that were refused are marked."""
    found = [
        html.Li(
            [
                question_link(row["text"], address, "ask-past"),
                html.Span(_came_of_it(row), className=f"ask-outcome ask-{row['outcome']}"),
                cards.since(row["at"], now),
            ]
        )
        for row in rows
    ]
    if not found:
        return html.P("Questions you ask are listed here.", className="ask-none")
    return html.Ul(found, className="ask-list ask-past-list")


def waiting(hidden: bool) -> html.Div:
    """In the shape of an answer, until it is there."""
    return html.Div(
        [
            html.Div(states.skeleton("bars"), className="panel ask-skeleton"),
            html.Div(states.skeleton("chart"), className="panel ask-skeleton-large"),
        ],
        id="ask-waiting",
        className="page-rows",
        hidden=hidden,
    )


def _came_of_it(row: Row) -> str:
    return "refused" if row["rows"] is None else format.plural(row["rows"], "row")
