"""An answer: how it was understood, one number, a ranking, a chart; or why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dash import dcc, html

from components import cards, format, states
from components.answer_figures import MOST_LINES, Series
from components.asking import Address, question_link
from components.icons import glyph
from components.quantities import Kind, Quantity, shown
from components.theme import PRIORITIES, Limits

MOST_BARS: Final = 20
CHART_PX: Final = 300
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: UTC)?)")


@dataclass(frozen=True)
class Bar:
    """One line of a ranking; `href` is the page of what it names, if there is one."""

    name: str
    value: float | None
    href: str | None = None


def understood(sentence: str, notes: Sequence[str], facts: Sequence[str]) -> Any:
    """What the question was taken for, with corrections and assumptions set apart."""
    return html.Section(
        [
            html.Div(
                [
                    html.Span("Understood as", className="ask-label"),
                    html.P(_with_times(sentence), className="ask-sentence"),
                    *[_note(note) for note in notes],
                ],
                className="ask-words",
                role="status",
            ),
            html.Footer(html.Span([html.Span(fact) for fact in facts], className="ask-facts")),
        ],
        className="panel ask-understood",
    )


def numbers(found: Sequence[tuple[Quantity, Any]], about: str) -> Any:
    """One number, or a few, large; `about` says below what it is of."""
    return html.Section(
        [
            html.Div(
                [
                    html.Div(quantity.name, className="ask-number-name"),
                    html.Div(
                        shown(value, quantity.kind),
                        className="ask-number",
                        title="" if value is None else f"{value:,}",
                    ),
                    html.Div(_explained(value, about), className="ask-number-about"),
                ]
            )
            for quantity, value in found
        ],
        className="panel ask-numbers",
    )


def first(name: str, href: str | None, found: Sequence[tuple[Quantity, Any]]) -> Any:
    """The one group that was asked for: its name large, its numbers below."""
    return html.Section(
        html.Div(
            [
                dcc.Link(name, href=href, className="ask-number ask-first")
                if href
                else html.Div(name, className="ask-number ask-first"),
                html.Div(
                    " · ".join(
                        f"{quantity.name}: {shown(v, quantity.kind)}" for quantity, v in found
                    ),
                    className="ask-number-about",
                ),
            ]
        ),
        className="panel ask-numbers",
    )


def ranking(title: str, bars: Sequence[Bar], kind: Kind, limits: Limits) -> Any:
    """Horizontal bars of the first groups, in the order of the answer."""
    drawn = bars[:MOST_BARS]
    most = max((bar.value or 0 for bar in drawn), default=0)
    most = 1 if kind in ("score", "risk") else most
    cut = f"The first {MOST_BARS} of {format.number(len(bars))}; the table has all."
    return cards.card(
        title,
        html.Ol([_bar(bar, kind, most or 1, limits) for bar in drawn], className="ask-bars"),
        subtitle=cut if len(bars) > MOST_BARS else "",
        className="ask-ranking",
    )


def chart(title: str, series: Series, cut: str) -> Any:
    """The answer over time; its figure is drawn apart, as it changes with the theme."""
    lines = f"The {MOST_LINES} largest of {MOST_LINES + series.hidden} are drawn." * bool(
        series.hidden
    )
    return cards.card(
        title,
        dcc.Store(id="ask-drawn", data=asdict(series)),
        cards.chart("ask-chart", title, CHART_PX, None),
        subtitle=" ".join(text for text in (cut, lines) if text),
    )


def table(title: str, grid: Any) -> Any:
    """All rows of the answer."""
    return cards.card(title, grid, className="ask-table")


def pair(one: Any, other: Any) -> html.Div:
    """A ranking beside its table, where both are narrow."""
    return html.Div([one, other], className="ask-pair")


def nothing(text: str) -> Any:
    """No row matches: that is an answer, too."""
    return html.Section(states.empty("inbox", "Nothing matches", text), className="panel ask-empty")


def refused(
    text: str,
    unmatched: Sequence[str],
    message: str,
    suggestions: Sequence[str],
    address: Address,
) -> Any:
    """What was not understood, marked in the question, and questions that would work."""
    links = [question_link(suggestion, address, "ask-example") for suggestion in suggestions]
    return html.Section(
        [
            html.Div(
                [
                    html.Span([glyph("question-lg"), "Not understood"], className="ask-label"),
                    html.P(marked(text, unmatched), className="ask-sentence"),
                    html.P(f"{message[:1].upper()}{message[1:]}.", className="ask-reason"),
                ],
                className="ask-words",
                role="status",
            ),
            html.Div(
                [html.H3("These would work"), html.Div(links, className="ask-example-list")],
                className="ask-suggestions",
            )
            if links
            else None,
        ],
        className="panel ask-understood ask-refused-panel",
    )


def too_slow(message: str) -> Any:
    """The query was given up."""
    return html.Section(
        states.empty(
            "hourglass-split",
            "That takes too long",
            f"{message[:1].upper()}{message[1:]}. Name a shorter time, such as “in the last hour”.",
        ),
        className="panel ask-empty",
    )


def marked(text: str, words: Sequence[str]) -> list[Any]:
    """A text with some of its words marked, wherever they stand alone."""
    found = [re.escape(word) for word in sorted(words, key=len, reverse=True) if word.strip()]
    if not found:
        return [text]
    parts = re.split(rf"(?<!\w)({'|'.join(found)})(?!\w)", text, flags=re.IGNORECASE)
    return [html.Mark(part) if at % 2 else part for at, part in enumerate(parts) if part]


def _with_times(sentence: str) -> list[Any]:
    """The sentence with times that no end of a line cuts in two."""
    parts = _TIME.split(sentence)
    return [
        html.Span(part, className="ask-time") if at % 2 else part for at, part in enumerate(parts)
    ]


def _note(note: str) -> html.P:
    icon = "pencil" if note.startswith("Read") else "info-circle"
    return html.P([glyph(icon), html.Span(note)], className="ask-note")


def _explained(value: Any, about: str) -> str:
    return "There is nothing to take it of." if value is None else about


def _bar(bar: Bar, kind: Kind, most: float, limits: Limits) -> html.Li:
    share = 100 * (bar.value or 0) / most
    length = {"width": f"{share:.2f}%", "minWidth": "2px" if bar.value else 0}
    priority = bar.name if bar.name in PRIORITIES else ""
    if kind == "risk" and bar.value is not None:
        priority = limits.priority_of(bar.value)
    tone = f"meter-{priority.lower()}" if priority else "ask-bar-plain"
    name: Any = dcc.Link(bar.name, href=bar.href) if bar.href else html.Span(bar.name)
    return html.Li(
        [
            html.Div([name, html.Span(shown(bar.value, kind))], className="ask-bar-words"),
            html.Div(html.Div(style=length, className=tone)),
        ],
        title=bar.name,
    )
