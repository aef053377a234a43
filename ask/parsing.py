"""Tokens to phrases: the longest phrase of the grammar at each place; the rest stays a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from ask import moments
from ask.lexicon import COUNT, Comparator, Noun, Size
from ask.moments import Between, Bordered, Calendar, Day, Moment, Rolling
from ask.phrases import (
    BY_MEASURE,
    Below,
    ByMeasure,
    Codes,
    Column,
    Compared,
    Grouped,
    Highest,
    Limited,
    Measures,
    Ordered,
    Quantity,
    Rank,
)
from ask.question import NEGATED, Condition, Key, Measure, NotUnderstood

_TIME_SIZES: Final = {"second", "minute", "hour", "day", "week"}
_SMALLER: Final = {"minute": ("second", 60), "hour": ("minute", 60), "day": ("hour", 24)}
_LISTING: Final = ("AND", "OR", "COMMA")
_COLUMN_TOKENS: Final = {"COLUMN": "", "RISK": "risk_score", "PAYLOAD": "payload_size"}
_BORDERS: Final = {
    "SINCE": "since", "FROM": "since", "BEFORE": "before", "UNTIL": "before", "AFTER": "after",
    "EARLIER_THAN": "earlier than", "NOT_BEFORE": "not earlier than",
}  # fmt: skip


class _No(Exception):
    """The grammar would take it, the meaning does not."""


def phrases_of(tokens: Sequence[Token]) -> Iterator[tuple[Any, int, int]]:
    """Phrases and single tokens in order, with the half-open range of tokens each covers."""
    at = 0
    while at < len(tokens):
        found, end = _longest(tokens, at)
        yield found, at, end
        at = end


def _longest(tokens: Sequence[Token], at: int) -> tuple[Any, int]:
    parser = _grammar().parse_interactive()
    best: tuple[Any, int] = (tokens[at], at + 1)
    for end in range(at + 1, len(tokens) + 1):
        try:
            parser.feed_token(tokens[end - 1])
        except (UnexpectedInput, _No):
            break
        try:
            whole = parser.copy(deepcopy_values=False)  # type: ignore[no-untyped-call]
            best = (whole.feed_eof(), end)
        except (UnexpectedInput, _No):
            continue
    return best


@cache
def _grammar() -> Lark:
    text = (files("ask") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", transformer=_Meanings())


def _kinds(children: Sequence[Any]) -> dict[str, Token]:
    return {child.type: child for child in children if isinstance(child, Token)}


def _whole_number(value: float) -> int:
    if value != int(value) or value < 1:
        raise _No
    return int(value)


class _Meanings(Transformer[Token, Any]):
    """What each rule of the grammar stands for."""

    def start(self, children: list[Any]) -> Any:
        return children[0]

    # time

    def rolling(self, children: list[Any]) -> Any:
        kinds = _kinds(children)
        unit: Size = kinds["UNIT"].value
        if unit.name not in _TIME_SIZES and "NUMBER" not in kinds:
            raise _No
        if unit.kind != "time" or ("NUMBER" not in kinds and str(kinds["UNIT"]).endswith("s")):
            raise _No  # the last hours: how many?
        if "LAST" in kinds and unit.name == "week" and "NUMBER" not in kinds:
            return Calendar("week", back=1)
        number = kinds["NUMBER"].value if "NUMBER" in kinds else 1
        return Rolling(round(number * unit.factor))

    def now(self, _: list[Any]) -> Any:
        return Rolling(moments.RIGHT_NOW_MS)

    def day(self, children: list[Any]) -> Day:
        kinds = _kinds(children)
        if "DAY" in kinds:
            return Day(offset=kinds["DAY"].value)
        if "WEEKDAY" in kinds:
            before = "LAST" in kinds or "PAST" in kinds
            return Day(weekday=kinds["WEEKDAY"].value, before_today=before)
        return children[0]  # type: ignore[no-any-return]

    def date(self, children: list[Any]) -> Day:
        kinds = _kinds(children)
        if "DATE" in kinds:
            given: date = kinds["DATE"].value
            return Day(date=(given.year, given.month, given.day))
        numbers = [c.value for c in children if c.type in ("NUMBER", "ORDINAL")]
        year = numbers[1] if len(numbers) > 1 else None
        if not float(numbers[0]).is_integer() or not 1 <= numbers[0] <= 31:
            raise _No
        if year is not None and (not float(year).is_integer() or not 1970 <= year <= 9999):
            raise _No
        return Day(date=(year, kinds["MONTH"].value, int(numbers[0])))

    def clock(self, children: list[Any]) -> int:
        kinds = _kinds(children)
        return kinds["CLOCK"].value if "CLOCK" in kinds else _hour(kinds["NUMBER"].value)

    def moment(self, children: list[Any]) -> Moment:
        day = next((c for c in children if isinstance(c, Day)), None)
        kinds = _kinds(children)
        clock = next((c for c in children if isinstance(c, int)), None)
        part = kinds["PART"].value if "PART" in kinds else None
        stamp = kinds["STAMP"].value if "STAMP" in kinds else None
        return Moment(day, part, clock, stamp)

    def part(self, children: list[Any]) -> Moment:
        kinds = _kinds(children)
        if "LAST" in kinds and str(kinds["PART"]).lower() != "night":
            raise _No
        today = Day(offset=0) if "THIS" in kinds or "LAST" in kinds else None
        return Moment(today, kinds["PART"].value)

    def this(self, children: list[Any]) -> Calendar:
        unit: Size = children[1].value
        if unit.name not in ("minute", "hour", "day", "week"):
            raise _No
        return Calendar(unit.name)

    def since(self, children: list[Any]) -> Bordered:
        return _bordered(children)

    def before(self, children: list[Any]) -> Bordered:
        return _bordered(children)

    def after(self, children: list[Any]) -> Bordered:
        return _bordered(children)

    def range(self, children: list[Any]) -> Any:
        kinds = _kinds(children)
        points = [c for c in children if not isinstance(c, Token)]
        if all(isinstance(point, Quantity) for point in points) and len(points) == 2:
            return _numbers_or_clocks(points)
        ends = [_moment_of(point, points) for point in points]
        last = ends[1] if len(ends) > 1 else None
        return Between(ends[0], last, closed="INCLUSIVE" in kinds)

    # numbers, codes, columns

    def quantity(self, children: list[Any]) -> Quantity:
        unit = children[1].value if len(children) > 1 else None
        return Quantity(children[0].value, unit)

    def distinct(self, children: list[Any]) -> Column:
        noun: Noun = children[1].value
        if noun.kind != "entity" or noun.column is None:
            raise _No
        return Column("unique_endpoints" if noun.column == "endpoint" else "distinct", noun.column)

    def compare(self, children: list[Any]) -> Compared:
        quantity = next(c for c in children if isinstance(c, Quantity))
        kinds = _kinds(children)
        if "COMPARATOR" in kinds:
            comparator: Comparator = kinds["COMPARATOR"].value
            return Compared(comparator.operator, (quantity,), implied=comparator.column)
        if "AGGREGATE" in kinds:  # maximum 5 s
            operators = {"maximum": "<=", "minimum": ">="}
            how = kinds["AGGREGATE"].value.how
            if how not in operators:
                raise _No
            return Compared(operators[how], (quantity,))
        return Compared(next(iter(kinds.values())).value, (quantity,))

    def comparison(self, children: list[Any]) -> Compared:
        compared = next((c for c in children if isinstance(c, Compared)), None)
        if compared is None and "NUMBER" in _kinds(children):  # of 800 ms
            kinds = _kinds(children)
            quantity = Quantity(kinds["NUMBER"].value, kinds["UNIT"].value)
            bounds = [kinds[kind].value for kind in ("OR_MORE", "OR_LESS") if kind in kinds]
            return Compared(bounds[0] if bounds else "in", (quantity,))
        if compared is None:
            numbers = [c for c in children if isinstance(c, Quantity)]
            if not numbers:
                raise _No  # a range of times
            compared = Compared("in", (numbers[0],))
        column = next((_column_of(c) for c in children if _column_of(c)), None)
        measures = next((c for c in children if isinstance(c, tuple)), ())
        kinds = _kinds(children)
        name = column.name if column else None
        if name is None and measures:
            if any(measure.how != "percentile" for measure in measures):
                raise _No
            name = "response_time_ms"
        if "STATUS" in kinds:
            name = "status_code"
        if "TOOK" in kinds:
            name = "took"
        if column and column.distinct and column.name == "distinct":
            raise _No
        if name is None:
            return compared
        operator = NEGATED[compared.operator] if "NOT" in kinds else compared.operator  # type: ignore[index]
        return Compared(operator, compared.quantities, name, measures)

    def codes(self, children: list[Any]) -> Codes:
        kinds = _kinds(children)
        found = tuple(dict.fromkeys(c.value for c in children if c.type == "CODES"))
        for kind in ("OR_MORE", "OR_LESS"):
            if kind in kinds:
                return Codes(Condition("status_code", kinds[kind].value, found))
        return Codes(Condition("status_code", "not in" if "NOT" in kinds else "in", found))

    def priority(self, children: list[Any]) -> Condition:
        negated = any(c.type == "NOT" for c in children)
        levels = tuple(dict.fromkeys(c.value for c in children if c.type == "LEVEL"))
        return Condition("priority", "not in" if negated else "in", levels)

    # what is asked for

    def percentile(self, children: list[Any]) -> Measure:
        if not float(children[0].value).is_integer() or not 1 <= children[0].value <= 99:
            raise _No
        return Measure("percentile", percentile=int(children[0].value))

    def aggregates(self, children: list[Any]) -> tuple[Measure, ...]:
        given = [c for c in children if not (isinstance(c, Token) and c.type in _LISTING)]
        return tuple(c if isinstance(c, Measure) else _aggregate(c) for c in given)

    def measures(self, children: list[Any]) -> Measures:
        column = next((_column_of(c) for c in children if _column_of(c)), None)
        found: tuple[Measure, ...] = next(c for c in children if isinstance(c, tuple))
        if column is None and any(m.how != "percentile" for m in found):
            raise _No
        return Measures(found, column)

    def highest(self, children: list[Any]) -> Any:
        of = children[-1]
        both = [c.value for c in children[:-1] if isinstance(c, Token) and c.type == "HIGHEST"]
        if len(both) == 2:  # lowest and highest
            found = tuple(Measure("maximum" if down else "minimum") for down in both)
            return Measures(found, _column_of(of))
        named = of if isinstance(of, Measures) else _column_of(of)
        if named is None:
            raise _No
        return Highest(children[0].value, named)

    def rank(self, children: list[Any]) -> Rank:
        kinds = _kinds(children)
        number = _whole_number(kinds["NUMBER"].value) if "NUMBER" in kinds else None
        return Rank(kinds["SUPERLATIVE"].value, number)

    def order(self, children: list[Any]) -> Ordered:
        kinds = _kinds(children)
        direction = kinds["DIRECTION"].value if "DIRECTION" in kinds else None
        if "HIGHEST" in kinds:
            direction = kinds["HIGHEST"].value
            if len(children) == 2:
                return Ordered(BY_MEASURE, direction)
        if "COUNT" in kinds:
            return Ordered(COUNT, direction)
        if "SUPERLATIVE" in kinds:
            return Ordered(kinds["SUPERLATIVE"].value, direction)
        measures = next((c for c in children if isinstance(c, Measures)), None)
        column = next((_column_of(c) for c in children if _column_of(c)), None)
        by: Any = measures or column
        if by is None:
            named = [k for k in ("SUPERLATIVE", "STATUS", "PRIORITY", "NOUN") if k in kinds]
            by = kinds[named[0]].value if named else None
        return Ordered(by, direction)

    def limit(self, children: list[Any]) -> Limited:
        kinds = _kinds(children)
        number = _whole_number(kinds["NUMBER"].value)
        if "TOP" in kinds and not kinds["TOP"].value:
            raise _No
        return Limited(number, top="TOP" in kinds)

    def group(self, children: list[Any]) -> Any:
        keys = [key for child in children if (key := _key(child)) is not None]
        if any(c.type == "EVERY" for c in children if isinstance(c, Token)):
            keys = [_bucket([c for c in children if c.type != "EVERY"])]
        if not keys:
            noun = next(c.value for c in children if isinstance(c, Token) and c.type == "NOUN")
            return ByMeasure(noun)  # by requests
        said_by = children[0].type == "BY"
        return Grouped(tuple(dict.fromkeys(keys)), said_by)

    def bucket(self, children: list[Any]) -> Key:
        return _bucket(children)

    def by_measure(self, children: list[Any]) -> ByMeasure:
        measures = next((c for c in children if isinstance(c, Measures)), None)
        column = next((_column_of(c) for c in children if _column_of(c)), None)
        noun = next((c.value for c in children if isinstance(c, Token) and c.type == "NOUN"), None)
        return ByMeasure(measures or column or noun or COUNT)

    def below(self, children: list[Any]) -> Below:
        return Below(str(children[1]).strip("\"'"))


def _hour(number: float) -> int:
    """A bare number as an hour of the day."""
    if not float(number).is_integer() or not 0 <= number <= 24:
        raise _No
    return int(number) * moments.HOUR_MS


def _bordered(children: list[Any]) -> Bordered:
    kinds = _kinds(children)
    border = _BORDERS[children[0].type]
    moment = next((c for c in children if isinstance(c, Moment | Calendar)), None)
    if "UNIT" in kinds:
        if kinds["UNIT"].value.name != "week":
            raise _No
        moment = Calendar("week", back=1)
    if moment is None:
        moment = Moment(clock=_hour(kinds["NUMBER"].value))
    return Bordered(border, moment)  # type: ignore[arg-type]


def _numbers_or_clocks(points: list[Quantity]) -> Any:
    """`between 9 and 11` is a range of hours unless a unit or a column says otherwise."""
    first, last = points
    unit = last.unit or first.unit
    return Compared("between", tuple(Quantity(p.number, p.unit or unit) for p in (first, last)))


def hours_of(compared: Compared) -> Between:
    """A range of bare numbers as times of day."""
    first, last = (Moment(clock=_clock_hour(q.number)) for q in compared.quantities)
    return Between(first, last)


def _clock_hour(number: float) -> int:
    try:
        return _hour(number)
    except _No:
        raise NotUnderstood(f"{number:g} is no hour of a day", f"{number:g}") from None


def _moment_of(point: Any, points: list[Any]) -> Moment | Calendar:
    """A bare number beside a time of day is an hour, am or pm as the other one."""
    if not isinstance(point, Quantity):
        return point  # type: ignore[no-any-return]
    if point.unit is not None:
        raise _No
    clock = _hour(point.number)
    other = next((p.clock for p in points if isinstance(p, Moment) and p.clock is not None), None)
    noon = 12 * moments.HOUR_MS
    if other is not None and other >= noon and clock < noon:
        is_first = point is points[0]
        later = clock + noon
        clock = later if (later <= other) == is_first else clock  # 2-4pm, from 2pm to 4
    return Moment(clock=clock)


def _column_of(child: Any) -> Column | None:
    if isinstance(child, Column):
        return child
    if isinstance(child, Token) and child.type in _COLUMN_TOKENS:
        return Column(_COLUMN_TOKENS[child.type] or child.value)
    return None


def _aggregate(token: Token) -> Measure:
    if token.type in ("PERCENTILE",):
        return Measure("percentile", percentile=token.value)
    return Measure("sum") if token.type == "TOTAL" else token.value


def _key(child: Any) -> Key | None:
    if isinstance(child, Key):
        return child
    if isinstance(child, Token) and child.type in ("NOUN", "STATUS", "PRIORITY"):
        noun: Noun = child.value
        if noun.kind == "calls":
            return None
        if noun.column is None:
            raise _No
        return Key(noun.column)
    return None


def _bucket(children: list[Any]) -> Key:
    unit: Size = children[-1].value
    number = children[0].value if len(children) > 1 else 1
    if unit.name not in _TIME_SIZES:
        raise _No
    if not float(number).is_integer() and unit.name in _SMALLER:  # every half hour
        smaller, factor = _SMALLER[unit.name]
        return Key("timestamp", smaller, _whole_number(number * factor))  # type: ignore[arg-type]
    return Key("timestamp", unit.name, _whole_number(number))  # type: ignore[arg-type]
