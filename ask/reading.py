"""A question in words to a `Question`: which table, which rows, and what of them is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import Any, Final, Literal

from lark import Token

from ask import checks
from ask.columns import SUBJECTS, WINDOW_KEYS, WINDOW_MEASURES, Columns, subjects_of
from ask.grounds import parts_of
from ask.lexer import tokens_of
from ask.lexicon import COUNT, Noun, Superlative
from ask.logic import conditions_of
from ask.measures import counted_entity, having_of, measures_of
from ask.moments import Calendar, Moment, named_day, time_range
from ask.ordering import order_of, ordered_groups, ordered_rows
from ask.parts import ENTITIES, WHENS, Filter, Part, Parts, is_entity, kind_of
from ask.phrases import ByMeasure, Column, Grouped, Highest, Limited, Measures, Ordered, Rank
from ask.question import (
    HARD_LIMIT,
    ROW_LIMIT,
    AnyOf,
    Condition,
    Having,
    Key,
    Measure,
    NotUnderstood,
    Order,
    Question,
    TimeRange,
    in_order,
)
from ask.ranking import Ranking, ranking_of
from ask.routes import Routes
from ask.sentence import NOTE

PLURAL_LIMIT: Final = 10  # lines of a superlative without a number
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
    found = _Answer(parts, columns, rows, keys, having, ranking).question()
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


# the answer


@dataclass
class _Answer:
    """Rows, a number, groups or a ranking: what is asked for of the rows of a question."""

    parts: Parts
    columns: Columns
    rows: Question
    keys: tuple[Key, ...]
    having: Having | None
    ranking: Ranking | None

    def question(self) -> Question:
        limit = self._limit()
        entity = self.parts.head()
        if self.ranking is not None:
            return self._ranked(self.ranking, limit, entity)
        counted = counted_entity(self.parts)
        measures = measures_of(self.parts, self.columns)
        order = order_of(self.parts, self.columns)
        if self.having is not None and not self.keys and counted is not None:
            found = self._grouped((COUNT,), (self.columns.key(str(counted.column)),), None)
            return replace(found, count_groups=True)
        keys = self.keys
        if entity is not None and self._is_by_entity(measures, order, entity):
            keys = tuple(dict.fromkeys((*self._entity_keys(), *self.keys)))
        if self.having is not None:
            measures = measures or self._compared(keys)
        if entity is not None and not entity.plural and not keys and _is_extreme(measures):
            down = measures[0].how == "maximum"  # which endpoint had the max payload
            found = self._grouped(measures[:1], self._entity_keys(), 1)
            return replace(found, order=Order(None, down))
        if measures or keys:
            return ordered_groups(self._grouped(measures or (COUNT,), keys, limit), order)
        return replace(self.rows, order=ordered_rows(order), limit=limit or ROW_LIMIT)

    def _is_by_entity(
        self, measures: tuple[Measure, ...], order: Order | None, entity: Noun
    ) -> bool:
        """`which IPs got 401`: one line each; windows are rows unless they are counted."""
        if self.having is not None:
            return True
        if self.keys or self.columns.windowed:
            return False
        of_each = entity.plural and all(m.how not in ("count", "distinct") for m in measures)
        head, counts = self.parts.head_place() or 0, self.parts.words("COUNT")
        counted_after = bool(counts) and head < counts[0]  # users with their number of requests
        return not measures or order is not None or of_each or counted_after

    def _entity_keys(self) -> tuple[Key, ...]:
        """The entity that is asked for, or several: endpoint and method."""
        place = self.parts.head_place()
        heads = self.parts.heads(place) if place is not None else []
        return tuple(self.columns.key(str(noun.column)) for noun in heads)

    def _compared(self, keys: tuple[Key, ...]) -> tuple[Measure, ...]:
        """What groups are compared by is shown."""
        if not keys or self.having is None:
            raise NotUnderstood(
                "a comparison of counts needs whose; ask for clients with more than so many calls"
            )
        is_count = self.having.measure.how in ("count", "distinct")
        return () if is_count else (self.having.measure,)

    def _ranked(self, ranking: Ranking, limit: int | None, entity: Noun | None) -> Question:
        order = order_of(self.parts, self.columns)
        if self.keys and entity is None:
            return self._ranked_groups(ranking, limit)
        measures = measures_of(self.parts, self.columns)
        if ranking.noun is not None and ranking.noun.kind in ENTITIES:
            entity = ranking.noun
        if ranking.of_rows or entity is None:
            found = self._ranked_rows(ranking, limit)
            is_ordered = order is not None and found.shape == "rows"
            return replace(found, order=ordered_rows(order)) if is_ordered else found
        if ranking.said and ranking.measure is not None:
            measures = tuple(dict.fromkeys((ranking.measure, *measures)))
        elif not measures and ranking.measure is not None:
            measures = (ranking.measure,)
        if not measures:
            raise NotUnderstood(f"by what are they compared in {ranking.text!r}?", ranking.text)
        keys = tuple(dict.fromkeys((*self.keys, *self._ranked_keys(entity))))
        if len(keys) > len(self._ranked_keys(entity)):
            raise NotUnderstood(
                f"{ranking.text!r} within each group can't be answered; ask for one group",
                ranking.text,
            )
        usual = PLURAL_LIMIT if entity.plural else 1
        number = ranking.number or limit or (HARD_LIMIT if ranking.all_of_them else usual)
        found = self._grouped(measures, keys, number)
        down = ranking.descending if order is None else order.descending
        return replace(found, order=Order(None, down))

    def _ranked_keys(self, entity: Noun) -> tuple[Key, ...]:
        keys = self._entity_keys()
        own = self.columns.key(str(entity.column))
        return keys if own in keys else (own,)

    def _ranked_groups(self, ranking: Ranking, limit: int | None) -> Question:
        """`largest payload per client`: the extreme of each group."""
        measure = ranking.measure
        named = ranking.noun is not None and ranking.of_rows
        if named and ranking.column is not None:
            several = ranking.number is not None or ranking.plural
            if ranking.column == "timestamp" or several:
                raise NotUnderstood(
                    f"{ranking.text!r} within each group can't be answered; ask for one group",
                    ranking.text,
                )
            how = Measure("maximum" if ranking.descending else "minimum")
            measure = self.columns.measure(how, ranking.column)
        if measure is None:
            raise NotUnderstood(f"of what is {ranking.text!r} said?", ranking.text)
        found = self._grouped((measure,), self.keys, ranking.number or limit)
        return replace(found, order=Order(None, ranking.descending))

    def _ranked_rows(self, ranking: Ranking, limit: int | None) -> Question:
        """The slowest calls; the highest response time, where no rows are named."""
        if ranking.column is None:
            if ranking.measure is None:
                raise NotUnderstood(f"of what is {ranking.text!r} said?", ranking.text)
            return self._grouped((ranking.measure,), (), limit)
        several = ROW_LIMIT if ranking.open else PLURAL_LIMIT
        number = ranking.number or limit or (several if ranking.plural else 1)
        order = Order(self.columns.column(ranking.column), ranking.descending)
        return replace(self.rows, order=order, limit=min(number, HARD_LIMIT))

    def _grouped(
        self, measures: tuple[Measure, ...], keys: tuple[Key, ...], limit: int | None
    ) -> Question:
        """Groups by their measure, the largest first; times in their order."""
        series = bool(keys) and keys[0].bucket is not None
        return replace(
            self.rows,
            measures=measures,
            keys=keys,
            having=self.having,
            order=Order("timestamp", False) if series else Order(None),
            limit=min(limit or HARD_LIMIT, HARD_LIMIT) if keys else HARD_LIMIT,
        )

    def _limit(self) -> int | None:
        """How many lines are asked for; "all" is as many as there may be."""
        given: set[int] = {part.value.number for part in self.parts.use(Limited)}
        if len(given) > 1:
            raise NotUnderstood("two different limits; give one")
        everything = self.parts.use_words("ALL", "EVERY")
        if not given:
            return HARD_LIMIT if everything else None
        number = given.pop()
        if number > HARD_LIMIT:
            self.parts.notes.append(f"At most {HARD_LIMIT} lines are given.")
        return min(number, HARD_LIMIT)


def _with_user_named(question: Question) -> Question:
    """Lines by user leave out calls without one."""
    by_user = any(key.column == "user_id" for key in question.keys)
    if not by_user or _NAMED_USER in question.conditions:
        return question
    return replace(question, conditions=(*question.conditions, _NAMED_USER))


def _is_extreme(measures: Sequence[Measure]) -> bool:
    return bool(measures) and measures[0].how in ("maximum", "minimum")


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
