"""Superlatives: what is ranked, by what, and how much of it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ask import lexicon
from ask.columns import WINDOW_MEASURES, Columns
from ask.lexicon import COUNT, PAYLOAD, RESPONSE_TIME, Noun, Superlative
from ask.parts import Filter, Part, Parts, is_entity, kind_of
from ask.phrases import ByMeasure, Column, Grouped, Highest, Limited, Measures, Ordered, Rank
from ask.question import Measure, NotUnderstood


@dataclass(frozen=True)
class Ranking:
    """A superlative in its place.

    Entities (`noun`) are ranked by `measure`, rows by `column`. `number`: how many were asked for.
    `plural`: several, where no number says so; `open`: a plural only orders; `all_of_them`: no
    limit is implied. `said`: the measure was named, it is no default.
    """

    text: str
    column: str | None
    measure: Measure | None
    descending: bool
    number: int | None = None
    noun: Noun | None = None
    of_rows: bool = False
    plural: bool = True
    open: bool = False
    all_of_them: bool = False
    said: bool = True


def ranking_of(parts: Parts, columns: Columns) -> Ranking | None:
    """The superlative of a question, None without one; NotUnderstood if there are several."""
    reader = _Superlatives(parts, columns)
    found = [ranking for at in range(len(parts)) if (ranking := reader.at(at)) is not None]
    if len(found) > 1:
        raise NotUnderstood("several superlatives; use one of them", found[1].text)
    return found[0] if found else reader.top()


def is_top(parts: Parts) -> bool:
    """`top`, with or without a number."""
    return bool(parts.words("TOP")) or any(part.value.top for part in parts.of(Limited))


class _Superlatives:
    def __init__(self, parts: Parts, columns: Columns) -> None:
        self._parts = parts
        self._columns = columns

    def at(self, at: int) -> Ranking | None:
        part = self._parts.parts[at]
        match part.value:
            case Rank(superlative, number):
                found = self._superlative(part, at, superlative, number)
            case Highest(descending, of):
                found = self._highest(part, at, descending, of)
            case value if kind_of(value) in ("MOST", "HIGHEST"):
                found = self._most(part, at)
            case value if kind_of(value) == "MOST_DATA":
                measure = self._columns.measure(Measure("sum"), PAYLOAD)
                found = Ranking(part.text, None, measure, value.value)
            case _:
                return None
        self._parts.used.add(at)
        return found

    def top(self) -> Ranking | None:
        """`top clients by requests`, `top endpoints`; a mere limit is none."""
        entity = self._parts.head()
        words = self._parts.use_words("TOP")
        top = is_top(self._parts)
        by = self._by(entity, top=top)
        if entity is None:
            return self._top_rows(by, words, top=top)
        if by is None and not top:
            return self._in_order(entity)
        if by is None and self._columns.windowed:
            return None
        measure, _ = self._top_measure(by)
        descending = words[0].value.value if words else True
        return Ranking(
            "top", None, measure, descending, noun=entity, all_of_them=not top, said=by is not None
        )

    def _top_rows(self, by: Any, words: list[Part], *, top: bool) -> Ranking | None:
        """`top 10 requests by response time`; `top 10 requests` is a mere limit."""
        if by is None and words:
            raise NotUnderstood(f"{words[0].text!r} by what? such as the riskiest", words[0].text)
        if by is None or not top:
            return None
        measure, column = self._top_measure(by)
        return Ranking("top", column, measure, True, of_rows=True)

    def _by(self, entity: Noun | None, *, top: bool) -> Any:
        """What follows `by`: a measure, what is counted, or whose number is meant."""
        if by := self._parts.use(ByMeasure):
            return by[0].value.by
        for at in self._parts.words("BY"):
            after = self._parts.value(at + 1)
            if entity is not None and isinstance(after, Filter) and after.noun:
                self._parts.used.add(at)
                return COUNT  # top clients by errors
        for at, part in enumerate(self._parts.parts):
            group = part.value
            if not (top and entity and isinstance(group, Grouped) and group.said_by):
                continue
            key = group.keys[0]
            if key.bucket is None and key.column != entity.column and len(group.keys) == 1:
                self._parts.put(at, ByMeasure(Column("distinct", key.column)))
                self._parts.used.add(at)
                return Column("distinct", key.column)  # top endpoints by users
        return None

    def _in_order(self, entity: Noun) -> Ranking | None:
        """`endpoints sorted by error rate`, `endpoints slowest first`: all of them, of calls."""
        ordered = self._parts.of(Ordered)
        grouped = self._parts.of(Grouped) or self._parts.words("COUNT", "BUCKET", "TREND")
        if self._columns.windowed or grouped or not ordered:
            return None
        by, descending = ordered[0].value.by, ordered[0].value.descending
        match by:
            case Superlative():
                measure, usual = self._measure(by), by.descending
            case Column() | Measures() | Measure():
                measure, usual = self._top_measure(by)[0], True
            case _:
                return None
        if measure is None:
            raise NotUnderstood(f"lines of an entity can't be ordered {ordered[0].text!r}")
        self._parts.use(Ordered)
        down = usual if descending is None else descending
        return Ranking(ordered[0].text, None, measure, down, noun=entity, all_of_them=True)

    def _superlative(self, part: Part, at: int, sup: Superlative, number: int | None) -> Ranking:
        noun, plural = self._parts.said_of(at)
        of_rows = not is_entity(noun)
        if part.text.lower().startswith(("highest", "lowest")) and not self._parts.has_things():
            how = Measure("maximum" if sup.descending else "minimum")
            measure = self._columns.measure(how, str(sup.column))
            return Ranking(part.text, None, measure, sup.descending, of_rows=True)
        head = self._parts.head()
        if of_rows and head is not None and sup.column not in (None, "timestamp"):
            raise NotUnderstood(
                f"is {part.text!r} said of the {head.column} or of single rows?", part.text
            )
        if sup.of_rows_only and noun is not None and not of_rows and not self._columns.windowed:
            raise NotUnderstood(
                f"{part.text!r} is said of calls and windows, not of {noun.column}", part.text
            )
        if sup.measure == COUNT and sup.column is not None and not of_rows:
            self._parts.parts.append(Part(Filter(lexicon.ANOMALOUS, window=True), ""))
        column = sup.column
        if column is None and noun is not None and noun.kind == "windows":
            column = "req_count"  # the busiest windows
        return Ranking(
            part.text,
            column,
            self._measure(sup),
            sup.descending,
            number,
            noun,
            of_rows=of_rows or sup.of_rows_only,
            plural=plural,
            open=not sup.plural_limits,
        )

    def _measure(self, sup: Superlative) -> Measure | None:
        if sup.measure is None or sup.measure.column is None:
            is_busiest = sup.measure == COUNT and sup.column is None
            return self._columns.calls if is_busiest else sup.measure
        return self._columns.measure(sup.measure, sup.measure.column)

    def _highest(self, part: Part, at: int, descending: bool, of: Column | Measures) -> Ranking:
        noun, plural = self._parts.said_of(at)
        of_rows = noun.kind in ("calls", "windows") if noun else self._parts.has_things()
        plain = isinstance(of, Column) and not of.distinct and of.name != "error_rate"
        grouped = self._parts.of(Grouped) or self._parts.words("BUCKET", "TREND")
        alone = not plain and not grouped and not is_entity(noun)
        return Ranking(
            part.text,
            of.name if of_rows and plain and isinstance(of, Column) else None,
            None if alone else self._highest_measure(descending, of),
            descending,
            noun=noun,
            of_rows=of_rows,
            plural=plural,
        )

    def _highest_measure(self, descending: bool, of: Column | Measures) -> Measure:
        match of:
            case Measures((first, *_), column):
                return self._columns.measure(first, column.name if column else RESPONSE_TIME)
            case Column(distinct=str() as entity):
                return self._columns.measure(Measure("distinct"), entity)
            case Column(name="error_rate"):
                return self._columns.measure(Measure("average"), "error_rate")
        how = Measure("maximum") if descending else Measure("minimum")
        return self._columns.measure(how, of.name)  # type: ignore[union-attr]

    def _most(self, part: Part, at: int) -> Ranking:
        """The most requests, errors, users."""
        after = at + 1
        if kind_of(self._parts.value(after)) == "COUNT":
            self._parts.used.add(after)
            after += 1
        counted = self._parts.value(after)
        measure = self._counted(counted, after)
        noun = self._parts.entity_near(at, but=counted)
        if noun is None:
            raise NotUnderstood(
                f"who or what has the {part.text}? name endpoints, clients, users or IPs", part.text
            )
        said = kind_of(part.value) == "MOST" or counted is not None
        return Ranking(part.text, None, measure, part.value.value, noun=noun, said=said)

    def _counted(self, counted: Any, at: int) -> Measure:
        match counted:
            case Noun(kind="entity", column=str() as column):
                self._parts.counted.add(at)
                return self._columns.measure(Measure("distinct"), column)
            case Column(distinct=str() as column):
                return self._columns.measure(Measure("distinct"), column)
            case Noun(kind="calls"):
                return self._columns.calls
        return COUNT

    def _top_measure(self, by: Any) -> tuple[Measure, str | None]:
        match by:
            case Measures((first, *_), column):
                name = column.name if column else RESPONSE_TIME
                return self._columns.measure(first, name), name
            case Column(name="error_rate"):
                return self._columns.measure(Measure("average"), "error_rate"), None
            case Column(distinct=str() as entity):
                return self._columns.measure(Measure("distinct"), entity), None
            case Noun(kind="calls"):
                return self._columns.calls, None
            case Noun(kind="entity", column=str() as entity):
                return self._columns.measure(Measure("distinct"), entity), None
            case Noun() | Measure():
                return COUNT, None
            case Column(name):
                how = "maximum" if name in WINDOW_MEASURES else "average"
                measure = Measure("sum" if name == PAYLOAD else how)  # type: ignore[arg-type]
                return self._columns.measure(measure, name), self._columns.column(name)
        return self._columns.calls, None
