"""A question in words to a `Question`: which table, which rows, and what of them is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import Any, Final, Literal

from lark import Token

from ask import checks
from ask.answering import Asked
from ask.columns import SUBJECTS, WINDOW_KEYS, WINDOW_MEASURES, Columns, subjects_of
from ask.grounds import parts_of
from ask.lexer import tokens_of
from ask.lexicon import Noun, Superlative
from ask.logic import conditions_of
from ask.measures import having_of
from ask.moments import Calendar, Moment, named_day, time_range
from ask.parts import WHENS, Filter, Part, Parts, is_entity, kind_of
from ask.phrases import ByMeasure, Column, Grouped, Highest, Measures, Ordered, Rank
from ask.question import (
    AnyOf,
    Condition,
    Key,
    NotUnderstood,
    Question,
    TimeRange,
    in_order,
)
from ask.ranking import Ranking, ranking_of
from ask.routes import Routes
from ask.sentence import NOTE

_HOUR_MS: Final = 3_600_000
_NAMED_USER: Final = Condition("user_id", "is not null")


@dataclass(frozen=True)
class Understood:
    """A question with what was done to understand it.

    `ignored`: words that never restrict an answer. `notes`: corrections and assumptions, as
    sentences.
    """

    question: Question
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def understand(text: str, routes: Routes, now: int, zone: tzinfo = UTC) -> Understood:
    """What a question means.

    Parameters
    ----------
    text : str
        The question.
    routes : Routes
        Routes of the site.
    now : int
        The clock [epoch ms].
    zone : tzinfo
        Zone of days and times of day.

    Raises
    ------
    NotUnderstood
        It can't be answered as it stands; says what was not understood.
    """
    reading = tokens_of(NOTE.sub("", text), routes)
    notes = [f"Read “{typed}” as “{read}”." for typed, read in reading.corrections.items()]
    parts = parts_of(reading.tokens, routes, notes)
    if not len(parts):
        raise NotUnderstood("there is no question in this; ask for calls or windows")
    try:
        question = _question(parts, now, zone)
    except OverflowError:
        raise NotUnderstood("a time of the question is too far away") from None
    checks.refuse_contradictions(question)
    return Understood(question, reading.ignored, tuple(notes))


def _question(parts: Parts, now: int, zone: tzinfo) -> Question:
    columns = Columns(_is_windowed(parts))
    _refuse_mixed_counts(parts)
    having = having_of(parts, columns)
    ranking = ranking_of(parts, columns)
    keys = _keys(parts, columns)
    conditions = _conditions(parts, columns)
    time, excluded = _times(parts, now, zone)
    if parts.use_words("TREND") and not any(key.bucket for key in keys):
        keys = (_trend_key(time), *keys)
    rows = Question(
        table="windows" if columns.windowed else "calls",
        conditions=tuple(conditions),
        subject=_subject(parts, columns, keys, conditions),
        time=time,
        excluded_times=excluded,
    )
    found = Asked(parts, columns, rows, keys, having, ranking).question()
    _refuse_unused(parts, ranking)
    return in_order(_with_user_named(found))


# which table


def _is_windowed(parts: Parts) -> bool:
    """One window term is enough."""
    scored = parts.use_words("SCORED")
    return (
        bool(scored)
        or any(part.value.window for part in parts.of(Filter))
        or any(noun.kind == "windows" for _, noun in parts.nouns())
        or any(_is_window_phrase(part.value) for part in parts.parts)
    )


def _is_window_phrase(value: Any) -> bool:
    """An order, measure, superlative or group by a column that only windows have."""
    match value:
        case Rank(Superlative(column=column), _) | Ordered(by=Superlative(column=column)):
            return column in WINDOW_MEASURES
        case ByMeasure(Noun(kind=kind)):
            return kind == "windows"
        case Ordered(by=Noun(column=column)) | Noun(column=column):
            return column in WINDOW_KEYS
        case Ordered(by=by) | ByMeasure(by) | Highest(of=by):
            return _names_window_column(by)
        case Measures():
            return _names_window_column(value)
        case Grouped(keys):
            return any(key.column in WINDOW_KEYS for key in keys)
    is_column = kind_of(value) == "COLUMN" and value.value in WINDOW_MEASURES
    return is_column or kind_of(value) == "RISK"


def _names_window_column(by: Any) -> bool:
    """`unique endpoints` alone counts endpoints of calls; its average is one of windows."""
    if isinstance(by, Measures):
        return by.column is not None and by.column.name in WINDOW_MEASURES
    return isinstance(by, Column) and by.name in WINDOW_MEASURES - {"unique_endpoints"}


def _subject(
    parts: Parts,
    columns: Columns,
    keys: Sequence[Key],
    conditions: Sequence[Condition | AnyOf],
) -> Literal["endpoint", "client"] | None:
    """Whose windows: of the nouns, keys and conditions; all of them must agree."""
    if not columns.windowed:
        return None
    listed = [parts.heads(at) for at, _ in parts.nouns()]
    if not keys and any(len({SUBJECTS.get(str(n.column)) for n in nouns}) > 1 for nouns in listed):
        return None  # endpoints and clients
    named = [noun.column for _, noun in parts.nouns()] + [key.column for key in keys]
    named += [part.value.distinct for part in parts.of(Column)]
    found = {SUBJECTS[name] for name in named if name in SUBJECTS}
    found |= {subject for condition in conditions for subject in subjects_of(condition)}
    if len(found) > 1:
        raise NotUnderstood(
            "a window is of an endpoint or of a client, not of both; ask for one of them"
        )
    return found.pop() if found else None  # type: ignore[return-value]


# conditions, times, groups


def _conditions(parts: Parts, columns: Columns) -> list[Condition | AnyOf]:
    """Comparisons of averages are none in questions about calls: they are said of groups."""
    filters = [
        part
        for at, part in enumerate(parts.parts)
        if isinstance(part.value, Filter) and at not in parts.compared
    ]
    return conditions_of([_of_table(part, columns) for part in filters])


def _of_table(part: Part, columns: Columns) -> Part:
    found: Filter = part.value
    condition = columns.condition(found.condition, found.how, part.text)
    return replace(part, value=replace(found, condition=condition))


def _times(parts: Parts, now: int, zone: tzinfo) -> tuple[TimeRange | None, tuple[TimeRange, ...]]:
    """The range, and the ranges that are left out of it."""
    whens = parts.of(*WHENS)
    plain = [part for part in whens if not part.negated]
    day = named_day([part.value for part in plain])
    excluded = tuple(
        found
        for part in whens
        if part.negated and (found := time_range([part.value], now, zone, day))
    )
    return _one_range(plain, now, zone), excluded


def _one_range(plain: Sequence[Part], now: int, zone: tzinfo) -> TimeRange | None:
    """Days that "and" or "or" joins are one range where they follow each other."""
    listed = [p.joined in ("OR", "AND", "COMMA") and _is_span(p.value) for p in plain[1:]]
    either = [p.joined == "OR" for p in plain[1:]]
    spans = listed and all(listed) and _is_span(plain[0].value)
    if not spans and not any(either):
        return time_range([part.value for part in plain], now, zone)
    if not spans and not all(either):
        raise NotUnderstood("several times joined in different ways; ask for one")
    found = [time_range([part.value], now, zone) for part in plain]
    ranges = sorted((r for r in found if r is not None), key=lambda r: r.start or 0)
    for one, other in pairwise(ranges):
        if one.end is None or other.start is None or one.end < other.start:
            raise NotUnderstood("several times that do not follow each other; ask for one")
    last = max(ranges, key=lambda r: (r.end is None, r.end or 0, r.closed))
    return TimeRange(ranges[0].start, last.end, last.closed)


def _is_span(value: Any) -> bool:
    return isinstance(value, Moment | Calendar)


def _keys(parts: Parts, columns: Columns) -> tuple[Key, ...]:
    keys = [key for part in parts.use(Grouped) for key in part.value.keys]
    keys += [Key("timestamp", part.value.value) for part in parts.use_words("BUCKET")]
    return tuple(dict.fromkeys(replace(k, column=columns.column(k.column)) for k in keys))


def _trend_key(time: TimeRange | None) -> Key:
    """Minutes up to 2 hours, hours up to 3 days or if no time is named, else days."""
    if time is None or time.start is None or time.end is None:
        return Key("timestamp", "hour")
    hours = (time.end - time.start) / _HOUR_MS
    return Key("timestamp", "minute" if hours <= 2 else "hour" if hours <= 72 else "day")


def _with_user_named(question: Question) -> Question:
    """Lines by user leave out calls without one."""
    by_user = any(key.column == "user_id" for key in question.keys)
    if not by_user or _NAMED_USER in question.conditions:
        return question
    return replace(question, conditions=(*question.conditions, _NAMED_USER))


def _refuse_mixed_counts(parts: Parts) -> None:
    """`errors and error rate`: the errors of a list are a number, not a condition on the rest.

    Requests beside a measure are counted; two counts under different conditions are refused.
    """
    counts = parts.words("COUNT")
    heads = [parts.head_after(at) for at in counts]
    if len([h for h in heads if not isinstance(h, Column | Measures) and not is_entity(h)]) > 1:
        raise NotUnderstood("two counts at once; ask for one", parts.parts[counts[1]].text)
    for at in range(len(parts) - 1):
        if parts.parts[at + 1].joined != "AND":
            continue
        kinds = {_listed(parts, at), _listed(parts, at + 1)}
        if "errors" in kinds and kinds & {"calls", "measure"} and len(kinds) == 2:
            text = f"{parts.parts[at].text} and {parts.parts[at + 1].text}"
            raise NotUnderstood(f"{text!r}: two numbers at once; ask for one", text)
        if kinds in ({"calls", "entity"}, {"errors", "entity"}) and (counts or parts.of(Grouped)):
            text = f"{parts.parts[at].text} and {parts.parts[at + 1].text}"
            raise NotUnderstood(f"{text!r}: two numbers at once; ask for one", text)
        if kinds == {"calls", "measure"}:
            place = at if _listed(parts, at) == "calls" else at + 1
            parts.put(place, Token("VOLUME", parts.parts[place].text))


def _listed(parts: Parts, at: int) -> str:
    """What a part is in a list of numbers."""
    value = parts.value(at)
    if parts.parts[at].negated:
        return ""
    if isinstance(value, Filter) and value.noun and not parts.is_adjective(at):
        return "errors"
    if isinstance(value, Noun) and value.kind == "calls":
        return "calls"
    if is_entity(value):
        return "entity"
    before_count = kind_of(value) == "COUNT" and at and _listed(parts, at - 1) == "errors"
    if before_count and not parts.parts[at].joined:
        return "errors"  # error count
    if isinstance(value, Measures | Column) or kind_of(value) in ("COLUMN", "DATA"):
        return "measure"
    return ""


def _refuse_unused(parts: Parts, ranking: Ranking | None) -> None:
    """Nothing that may restrict the answer is dropped."""
    for at, part in enumerate(parts.parts):
        if at in parts.used:
            continue
        if isinstance(part.value, (Noun, Filter, *WHENS)):
            is_payload = isinstance(part.value, Noun) and part.value.kind == "payloads"
            if is_payload and ranking is None and not parts.words("COUNT"):
                raise NotUnderstood(f"what of {part.text!r}? compare or sum it", part.text)
            continue
        leads_to_whom = isinstance(parts.value(at + 1), Filter | Noun)  # by u017, by bots
        if kind_of(part.value) == "BY" and leads_to_whom:
            continue
        raise NotUnderstood(f"{part.text!r} was not understood here", part.text)
