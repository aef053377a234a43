"""The scorecard: forecasts beside what happened, in numbers that carry their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from dash import html

from components import format
from components.model_figures import Share

_SKILL: Final = "1 is perfect, 0 as good as the base rate"


class Card(Protocol):
    """How forecasts held up in a stretch of time."""

    @property
    def base_rate(self) -> Share: ...
    @property
    def brier_skill(self) -> float | None: ...
    @property
    def precision(self) -> Share: ...
    @property
    def recall(self) -> Share: ...
    @property
    def onsets_without_forecast(self) -> int: ...
    @property
    def median_lead_minutes(self) -> float | None: ...


class Period(NamedTuple):
    """A stretch of time with its card."""

    name: str  # such as "Last day"
    card: Card


Cell = tuple[str, str]  # value, and what stands below it
_Row = tuple[str, str, Callable[[Card], Cell]]


def scorecard(periods: Sequence[Period]) -> html.Table:
    """One row a figure, one column a period."""
    head = [html.Th("Figure", scope="col")]
    head += [html.Th(period.name, scope="col") for period in periods]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_row(row, periods) for row in _ROWS])],
        className="facts scorecard",
    )


def sentence(period: Period) -> str:
    """The card in one sentence, for who reads nothing else."""
    card = period.card
    failures, warnings = card.recall.n, card.precision.n
    begin = f"{period.name}: {format.plural(card.base_rate.n, 'forecast')} checked"
    if not failures:
        told = f"{format.plural(warnings, 'warning')} given" if warnings else "no warning given"
        return f"{begin}, no failure began that could be forecast, {told}."
    lead = card.median_lead_minutes
    ahead = "" if lead is None else f", {lead:.0f}{format.NO_BREAK}min ahead (median)"
    hits, right = (round((share.value or 0.0) * share.n) for share in (card.recall, card.precision))
    text = f"{begin}. {hits} of {format.plural(failures, 'failure')} forecast{ahead}"
    return f"{text}; {right} of {format.plural(warnings, 'warning')} came true."


def _row(row: _Row, periods: Sequence[Period]) -> html.Tr:
    name, meaning, cell = row
    heading = html.Th([name, html.Small(meaning)], scope="row")
    return html.Tr([heading, *(_cell(cell(p.card), p.name) for p in periods)])


def _cell(cell: Cell, period: str) -> html.Td:
    value, below = cell
    return html.Td([html.Strong(value), html.Small(below)], **{"data-of": period})


def _interval(share: Share, number: str) -> Cell:
    """A share with `5 of 12` and its interval."""
    if share.value is None:
        return format.MISSING, f"of 0 {number}"
    edges = f"{format.percent(share.low)} to {format.percent(share.high)}"
    return format.percent(share.value), f"{edges}, of {format.number(share.n)}"


def _false(card: Card) -> Cell:
    share = card.precision
    wrong = 0 if share.value is None else round(share.n * (1 - share.value))
    return format.number(wrong), f"of {format.plural(share.n, 'warning')}"


def _lead(card: Card) -> Cell:
    lead = card.median_lead_minutes
    if lead is None:
        return format.MISSING, "nothing was forecast"
    return f"{lead:.1f}{format.NO_BREAK}min".replace(".0", ""), "median"


def _skill(card: Card) -> Cell:
    skill = card.brier_skill
    if skill is None:
        return format.MISSING, "needs failures and calm"
    return f"{skill:+.2f}".replace(
        "-", "\u2212"
    ), "beats the base rate" if skill > 0 else "below the base rate"


_ROWS: Final[tuple[_Row, ...]] = (
    (
        "Forecasts checked",
        "a probability for each minute of each subject",
        lambda c: (format.compact(c.base_rate.n), ""),
    ),
    (
        "Failed within 5 minutes",
        "the base rate: how often the worst comes anyway",
        lambda c: _interval(c.base_rate, "forecasts"),
    ),
    ("Brier skill", _SKILL, _skill),
    (
        "Failures forecast",
        "warned of before they began",
        lambda c: _interval(c.recall, "failures"),
    ),
    ("Lead", "from the first warning to the failure", _lead),
    (
        "Warnings that came true",
        "a warning is a probability of 50 % and up",
        lambda c: _interval(c.precision, "warnings"),
    ),
    ("False warnings", "no failure within 5 minutes", _false),
    (
        "Out of the blue",
        "failures of what was not seen just before",
        lambda c: (format.number(c.onsets_without_forecast), "not counted above"),
    ),
)


def waiting() -> dict[str, Any]:
    """What an empty scorecard says, as arguments of `states.empty`."""
    return {
        "icon": "hourglass-split",
        "title": "No forecast was checked yet",
        "text": "Each forecast is compared with what happened 5 minutes later. The first figures "
        "come about 10 minutes after the first scored window.",
    }
