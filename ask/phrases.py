"""Phrases of a question, as the grammar finds them: numbers, columns, orders, groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ask.lexicon import Size
from ask.question import Condition, Key, Measure


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, if it has one."""

    number: float
    unit: Size | None = None

    @property
    def value(self) -> float:
        """The number in ms, bytes or as a share."""
        found = round(self.number * self.unit.factor, 12) if self.unit else self.number
        return int(found) if float(found).is_integer() else found


@dataclass(frozen=True)
class Compared:
    """A comparison, of a column that it may not name."""

    operator: str
    quantities: tuple[Quantity, ...]
    column: str | None = None  # also "status_code", or "took" for a response time
    measures: tuple[Measure, ...] = ()  # average ..., p95 ...
    implied: str | None = None  # the column of `slower than`


@dataclass(frozen=True)
class Codes:
    """Status codes."""

    condition: Condition


@dataclass(frozen=True)
class Column:
    """A column that stands alone; `distinct` names the entity of `unique users`."""

    name: str
    distinct: str | None = None


@dataclass(frozen=True)
class Measures:
    """What is to be computed; `column` None: of what else the question says."""

    measures: tuple[Measure, ...]
    column: Column | None


@dataclass(frozen=True)
class Highest:
    """The highest or lowest of a column or measure."""

    descending: bool
    of: Column | Measures


@dataclass(frozen=True)
class Rank:
    """A superlative, with the number of things it is asked of."""

    superlative: Any
    number: int | None


@dataclass(frozen=True)
class Ordered:
    """An order that was asked for; `by` None: turns the direction only."""

    by: Any
    descending: bool | None = None


@dataclass(frozen=True)
class Limited:
    """How many lines."""

    number: int
    top: bool = False


@dataclass(frozen=True)
class Grouped:
    """Keys; `said_by`: introduced by `by`, which may also name a measure."""

    keys: tuple[Key, ...]
    said_by: bool = False


@dataclass(frozen=True)
class ByMeasure:
    """`top clients by requests`: what they are compared by: a column, measure or noun."""

    by: Any


@dataclass(frozen=True)
class Below:
    """Everything under a path or a name."""

    path: str


BY_MEASURE: Final = "measure"  # highest first
