"""What a question means: a frozen `Question`, the same for every wording, and its JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

Table = Literal["calls", "windows"]
Operator = Literal[
    "in", "not in", "<", "<=", ">", ">=", "between", "not between", "is null", "is not null",
    "under", "not under",
]  # fmt: skip
Value = str | float | int
Bucket = Literal["second", "minute", "hour", "day", "week"]

ROW_LIMIT: Final = 100
HARD_LIMIT: Final = 1000  # rows and groups
BUCKET_MS: Final[dict[str, int]] = {
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
}
OPPOSITES: Final[dict[Operator, Operator]] = {
    "in": "not in",
    "<": ">=",
    "<=": ">",
    "between": "not between",
    "is null": "is not null",
    "under": "not under",
}
NEGATED: Final[dict[Operator, Operator]] = OPPOSITES | {b: a for a, b in OPPOSITES.items()}


@dataclass(frozen=True)
class Condition:
    """One condition on one column; `values` are parameters, never text of a statement.

    `between` includes both ends. `under` means a route and all below it. `client` of calls is the
    user where there is one, else the address.
    """

    column: str
    operator: Operator
    values: tuple[Value, ...] = ()

    def negated(self) -> Condition:
        """What holds where this does not."""
        return Condition(self.column, NEGATED[self.operator], self.values)


@dataclass(frozen=True)
class AnyOf:
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class TimeRange:
    """Instants [epoch ms] from `start` to `end`; `closed`: `end` itself is in it."""

    start: int | None
    end: int | None
    closed: bool = False

    def holds_any(self) -> bool:
        """Whether any instant is in it."""
        if self.start is None or self.end is None:
            return True
        return self.start <= self.end if self.closed else self.start < self.end

    def cut(self, other: TimeRange) -> TimeRange:
        """The instants that are in both."""
        starts = [start for start in (self.start, other.start) if start is not None]
        ends = [(r.end, r.closed) for r in (self, other) if r.end is not None]
        end, closed = min(ends) if ends else (None, False)
        return TimeRange(max(starts) if starts else None, end, closed)


@dataclass(frozen=True)
class Key:
    """What rows are grouped by: a column, or a time bucket of `every` units."""

    column: str
    bucket: Bucket | None = None
    every: int = 1

    @property
    def bucket_ms(self) -> int:
        """Length of the time bucket [ms]."""
        return self.every * BUCKET_MS[self.bucket] if self.bucket else 0


@dataclass(frozen=True)
class Measure:
    """One number of a group of rows.

    `how` is count, count distinct, sum, average, minimum, maximum, percentile (nearest rank, of
    `percentile` percent), or error rate (share of calls with status >= 400).
    """

    how: Literal[
        "count", "distinct", "sum", "average", "minimum", "maximum", "percentile", "error rate"
    ]
    column: str | None = None
    percentile: int | None = None


@dataclass(frozen=True)
class Having:
    """Groups are kept when this measure satisfies the comparison."""

    measure: Measure
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Order:
    """By a column (rows) or by the first measure (groups, `column` is None)."""

    column: str | None
    descending: bool = True


@dataclass(frozen=True)
class Question:
    """One question, understood. Rows where `measures` is empty, else one line a group.

    `count_groups`: the answer is the number of groups that are left, not the groups.
    """

    table: Table
    conditions: tuple[Condition | AnyOf, ...] = ()
    subject: Literal["endpoint", "client"] | None = None
    time: TimeRange | None = None
    excluded_times: tuple[TimeRange, ...] = ()
    measures: tuple[Measure, ...] = ()
    keys: tuple[Key, ...] = ()
    having: Having | None = None
    count_groups: bool = False
    order: Order = field(default=Order("timestamp"))
    limit: int = ROW_LIMIT

    @property
    def shape(self) -> Literal["rows", "value", "series", "groups"]:
        """What the answer looks like, for whoever draws it."""
        if not self.measures:
            return "rows"
        if not self.keys or self.count_groups:
            return "value"
        return "series" if self.keys[0].bucket else "groups"

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON: conditions that are alternatives stand in an `any_of`."""
        plan = asdict(self)
        plan["conditions"] = [
            {"any_of": [asdict(part) for part in given.conditions]}
            if isinstance(given, AnyOf)
            else asdict(given)
            for given in self.conditions
        ]
        return plan | {"shape": self.shape}


def in_order(question: Question) -> Question:
    """The question with its conditions in one order, whatever the wording; alternatives last."""
    conditions = [
        AnyOf(tuple(sorted(map(_in_order, given.conditions), key=repr)))
        if isinstance(given, AnyOf)
        else _in_order(given)
        for given in _without_repeats(question.conditions)
    ]
    unique = dict.fromkeys(conditions)
    return replace(
        question,
        conditions=tuple(sorted(unique, key=lambda c: (isinstance(c, AnyOf), repr(c)))),
    )


def _without_repeats(given: tuple[Condition | AnyOf, ...]) -> list[Condition | AnyOf]:
    """What is excluded of a column in several places is excluded at once."""
    excluded: dict[str, tuple[Value, ...]] = {}
    for condition in given:
        if isinstance(condition, Condition) and condition.operator == "not in":
            known = excluded.get(condition.column, ())
            excluded[condition.column] = (*known, *condition.values)
    others = [c for c in given if isinstance(c, AnyOf) or c.operator != "not in"]
    return [*others, *(Condition(name, "not in", values) for name, values in excluded.items())]


def _in_order(condition: Condition) -> Condition:
    if condition.operator not in ("in", "not in"):
        return condition
    return replace(
        condition, values=tuple(sorted(set(condition.values), key=lambda v: (str(type(v)), v)))
    )


class NotUnderstood(ValueError):
    """The question can't be answered as it stands.

    Parameters
    ----------
    message : str
        What was not understood and what would be.
    unmatched : tuple of str
        The words it is about, as typed.

    Attributes
    ----------
    suggestions : tuple of str
        Questions near this one that can be answered.
    """

    def __init__(self, message: str, *unmatched: str) -> None:
        super().__init__(message)
        self.unmatched = tuple(map(str, unmatched))
        self.suggestions: tuple[str, ...] = ()
