"""What models have learnt: which inputs count, what clusters are like, what it was learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dash import html

from components import format
from components.model_words import Words, of_cluster


class Bar(NamedTuple):
    """One bar of a ranking."""

    words: Words
    share: float  # of the longest, 0 to 1
    value: str  # as text
    tag: str = ""  # simulated or real


class Profile(NamedTuple):
    """What the centre of a usage cluster is like."""

    cluster: str
    calls: float  # as a multiple of the site's usual ones
    variety: float  # distinct endpoints or paths in a quarter of an hour
    repeats: float  # share of repeated requests
    entropy: float  # of the status codes [bit]


_COLUMNS: Final = (
    ("Calls", "against the site's usual"),
    ("Variety", "different paths, or endpoints of a client"),
    ("Repeats", "requests made before"),
    ("Mix of statuses", "entropy, in bits"),
)


def bars(rows: Sequence[Bar], label: str) -> html.Ul:
    """A ranking: name, meaning, value and a bar."""
    return html.Ul(
        [
            html.Li(
                [
                    html.Div(
                        [
                            html.Span([row.words.name, html.Small(row.words.meaning)]),
                            html.Span(row.tag, className=f"tag tag-{row.tag}") if row.tag else None,
                            html.Strong(row.value),
                        ],
                        className="bar-words",
                    ),
                    html.Div(html.Div(style={"width": f"{100 * max(row.share, 0):.3g}%"})),
                ]
            )
            for row in rows
        ],
        className="bars",
        **{"aria-label": label},
    )


def profiles(rows: Sequence[Profile]) -> html.Table:
    """Usage clusters side by side; the bar of each number is against the largest of its column."""
    head = [html.Th("Cluster", scope="col")]
    head += [html.Th([name, html.Small(meaning)], scope="col") for name, meaning in _COLUMNS]
    most = [max((values[at] for values in map(_numbers, rows)), default=1.0) for at in range(4)]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_profile(row, most) for row in rows])],
        className="facts profiles",
    )


def _numbers(row: Profile) -> tuple[float, float, float, float]:
    return row.calls, row.variety, row.repeats, row.entropy


def _profile(row: Profile, most: Sequence[float]) -> html.Tr:
    words = of_cluster(row.cluster)
    texts = (
        f"{row.calls:.1f}\u00d7",
        f"{row.variety:.1f}",
        format.percent(row.repeats),
        f"{row.entropy:.2f}",
    )
    cells: list[Any] = [
        html.Td(
            [html.Span(text), html.Div(html.Div(style={"width": f"{_width(value, top):.3g}%"}))],
            **{"data-of": name},
        )
        for (name, _), value, text, top in zip(_COLUMNS, _numbers(row), texts, most, strict=True)
    ]
    heading = html.Th([words.name, html.Small(words.meaning)], scope="row")
    return html.Tr([heading, *cells])


def _width(value: float, top: float) -> float:
    return 100 * max(value, 0.0) / top if top > 0 else 0.0
