"""An answer as components: a grid of rows, a number, a ranking or a chart over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ask.engine import Answer
from ask.question import HARD_LIMIT, ROW_LIMIT, Key
from components import answer_figures, answer_tables, answers, format, quantities
from components.answers import Bar
from components.quantities import Quantity
from pages import page_path, risk_limits, subject_href

_ADDITIVE: Final = frozenset({"count", "sum"})
_NARROW: Final = 2  # columns of a table that stands beside its chart
_CLIENTS: Final = ("client", "user_id", "ip_address")


def view(found: Answer, took_ms: float, now: int) -> list[Any]:
    """All that is shown of an answer."""
    sentence, notes = found.interpretation, found.notes
    question = found.question
    facts = _facts(found, took_ms)
    head = answers.understood(sentence, [n.strip() for n in notes], facts)
    if not found.rows and question.shape != "value":
        return [head, answers.nothing("The question was understood; nothing that is stored fits.")]
    draw = {"rows": _rows, "value": _value, "series": _series, "groups": _groups}[question.shape]
    return [head, *draw(found, now)]


def _facts(found: Answer, took_ms: float) -> list[str]:
    question, count = found.question, len(found.rows)
    facts = [] if question.shape == "value" else [format.plural(count, "row")]
    facts.append(f"Answered in {max(1, round(took_ms))}{format.NO_BREAK}ms")
    if question.shape != "value" and count >= question.limit:
        if question.limit == HARD_LIMIT:
            facts.insert(1, "the most that are given")
        elif question.limit == ROW_LIMIT:
            facts.insert(1, "the most without “all”, which gives up to 1,000")
    return facts


def _is_first(found: Answer) -> bool:
    """Whether one group was asked for, as by `which endpoint has the most errors`."""
    return found.question.shape == "groups" and len(found.rows) == 1


def _rows(found: Answer, _now: int) -> list[Any]:
    windows = found.question.table == "windows"
    grid = answer_tables.window_grid if windows else answer_tables.call_grid
    title = "Scored windows" if windows else "Calls"
    table = grid(found.rows, _page_of, str(found.question.order.column))
    return [answers.table(title, table)]


def _value(found: Answer, _now: int) -> list[Any]:
    question, row = found.question, found.rows[0]
    if question.count_groups:
        name = quantities.plural(question.keys[0].column).capitalize()
        measured = [(Quantity(name, "count"), row[found.columns[0]])]
    else:
        measured = [(q, row[name]) for name, q in _measures(found)]
    return [answers.numbers(measured, "")]


def _series(found: Answer, now: int) -> list[Any]:
    question, (name, quantity) = found.question, _measures(found)[0]
    bucket, others = found.columns[0], found.columns[1 : len(question.keys)]
    drawn = answer_figures.series(
        [(row[bucket], _name(row, others), row[name]) for row in found.rows],
        quantity.kind,
        question.keys[0].bucket_ms,
        _span(found, now),
        additive=question.measures[0].how in _ADDITIVE,
    )
    title = f"{quantity.name} per {_word(question.keys[0])}"
    return [answers.chart(title, drawn, ""), _group_table(found)]


def _span(found: Answer, now: int) -> tuple[int | None, int | None]:
    """What was asked for, but not the future, nor what was cut off."""
    asked, cut = found.question.time, len(found.rows) >= found.question.limit
    if asked is None or cut:
        return None, None
    return asked.start, min(now, now if asked.end is None else asked.end)


def _groups(found: Answer, _now: int) -> list[Any]:
    question, measured = found.question, _measures(found)
    keys = found.columns[: len(question.keys)]
    if _is_first(found):
        row = found.rows[0]
        numbers = [(quantity, row[name]) for name, quantity in measured]
        return [answers.first(_name(row, keys), _page_of(row), numbers)]
    name, quantity = measured[0]
    bars = [Bar(_name(row, keys), row[name], _page_of(row)) for row in found.rows]
    limits = risk_limits()
    title = f"{quantity.name} by {' and '.join(map(_word, question.keys))}"
    both = answers.ranking(title, bars, quantity.kind, limits), _group_table(found)
    return [answers.pair(*both)] if len(found.columns) <= _NARROW else [*both]


def _group_table(found: Answer) -> Any:
    question = found.question
    keys = [(name, _key_quantity(k)) for name, k in zip(found.columns, question.keys, strict=False)]
    linked = next((name for name in found.columns if name in (*_CLIENTS, "endpoint")), None)
    below = question.shape == "series"
    most_px = answer_tables.MOST_BELOW_CHART_PX if below else answer_tables.MOST_PX
    columns = [*keys, *_measures(found)]
    grid = answer_tables.group_grid(columns, found.rows, _page_of, linked, most_px)
    title = f"By {' and '.join(map(_word, question.keys))}"
    return answers.table(title, grid)


def _measures(found: Answer) -> list[tuple[str, Quantity]]:
    question = found.question
    names = found.columns[len(question.keys) :]
    rows = f"matching {question.table}" if question.conditions else str(question.table)
    return [
        (name, quantities.measure(m.how, m.column, m.percentile, rows))
        for name, m in zip(names, question.measures, strict=True)
    ]


def _key(key: Key) -> str:
    """`Endpoint`, `minute`, `5 minutes`."""
    if key.bucket is None:
        return quantities.column(key.column).name
    return key.bucket if key.every == 1 else f"{key.every} {key.bucket}s"


def _word(key: Key) -> str:
    """The same inside a sentence."""
    name = _key(key)
    return name if name.startswith("IP") else name.lower()


def _key_quantity(key: Key) -> Quantity:
    if key.bucket is None:
        return quantities.column(key.column)
    return Quantity(f"{_key(key).capitalize()} (UTC)", "time")


def _name(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """What a group is called: its keys side by side."""
    kinds = {"second", "minute", "hour", "day", "week"}
    return " · ".join(
        quantities.shown(row[key], "time" if key in kinds else "text") for key in keys
    )


def _page_of(row: Mapping[str, Any]) -> str | None:
    """Address of the page of what a row is about, where there is one."""
    if "subject" in row:
        about = row
    elif "endpoint" in row and "method" in row:
        about = {**row, "subject": "endpoint"}
    else:
        known = next((row[name] for name in _CLIENTS if row.get(name)), None)
        about = {"subject": "client", "client": known}
        if known is None:
            return None
    return subject_href(about) if page_path(f"/{about['subject']}") else None
