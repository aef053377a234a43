"""Filters that contradict themselves: no row could satisfy them, so the question is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ask.columns import SHARES, label
from ask.question import AnyOf, Condition, NotUnderstood, Question, Value

_DOMAINS: Final[dict[str, frozenset[Value]]] = {
    "priority": frozenset({"HIGH", "MEDIUM", "LOW"}),
    "usage_cluster": frozenset({"normal", "heavy", "bot"}),
    "is_anomaly": frozenset({0, 1}),
}
_MEASURED: Final = frozenset(  # never negative
    {
        "response_time_ms",
        "payload_size",
        "avg_response_time",
        "max_response_time",
        "payload_mean",
        "req_count",
        "unique_endpoints",
        "status_entropy",
    }
)


def refuse_contradictions(question: Question) -> None:
    """Raise NotUnderstood when no row can satisfy the conditions."""
    plain = [c for c in question.conditions if isinstance(c, Condition)]
    for column in dict.fromkeys(c.column for c in plain):
        _refuse(column, [c for c in plain if c.column == column])
    for given in question.conditions:
        if isinstance(given, AnyOf) and not any(
            _possible([c for c in plain if c.column == one.column] + [one])
            for one in given.conditions
        ):
            raise NotUnderstood(
                "none of the alternatives is possible beside the rest, such as that of "
                f"{label(given.conditions[0].column)}"
            )
    _refuse_foreign_columns(question, plain)


def _refuse(column: str, conditions: Sequence[Condition]) -> None:
    if not _possible(conditions):
        raise NotUnderstood(f"no row can satisfy all conditions on {label(column)}")


def _refuse_foreign_columns(question: Question, plain: Iterable[Condition]) -> None:
    """Client windows span all endpoints and methods, endpoint windows have no client."""
    foreign = {"client": ("endpoint", "method"), "endpoint": ("client",)}
    for condition in plain:
        included = condition.operator in ("in", "under")
        if included and condition.column in foreign.get(str(question.subject), ()):
            raise NotUnderstood(
                f"windows of a {question.subject} have no {condition.column}: "
                "ask for endpoints or for clients"
            )


@dataclass
class _Left:
    """What the conditions on a column leave."""

    values: set[Value] | None = None
    without: set[Value] = field(default_factory=set)
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    null: bool | None = None

    def narrow(self, condition: Condition) -> None:
        values = condition.values
        match condition.operator:
            case "in":
                own = set(values)
                self.values = own if self.values is None else self.values & own
            case "not in":
                self.without |= set(values)
            case ">" | ">=":
                self._above(float(values[0]), condition.operator == ">")
            case "<" | "<=":
                self._below(float(values[0]), condition.operator == "<")
            case "between":
                self._above(float(values[0]), False)
                self._below(float(values[1]), False)

    def _above(self, value: float, is_open: bool) -> None:
        if (value, is_open) > (self.low, self.low_open):
            self.low, self.low_open = value, is_open

    def _below(self, value: float, is_open: bool) -> None:
        if (value, not is_open) < (self.high, not self.high_open):
            self.high, self.high_open = value, is_open

    def anything(self) -> bool:
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return False
        if self.values is None:
            return True
        return any(self._holds(value) for value in self.values - self.without)

    def _holds(self, value: Value) -> bool:
        if isinstance(value, str):
            return True
        above = value > self.low or (value == self.low and not self.low_open)
        below = value < self.high or (value == self.high and not self.high_open)
        return above and below


def _possible(conditions: Sequence[Condition]) -> bool:
    column = conditions[0].column
    nulls = {c.operator for c in conditions} & {"is null", "is not null"}
    if len(nulls) == 2 or ("is null" in nulls and any(c.operator == "in" for c in conditions)):
        return False
    left = _Left(values=set(_DOMAINS[column]) if column in _DOMAINS else None)
    if column in SHARES:
        left.low, left.high = 0, 1
    elif column in _MEASURED:
        left.low = 0
    for condition in conditions:
        left.narrow(condition)
    return left.anything() and _routes_possible(conditions)


def _routes_possible(conditions: Sequence[Condition]) -> bool:
    """Routes that are named and excluded by whole branches."""
    branches = [str(c.values[0]) for c in conditions if c.operator == "under"]
    excluded = [str(c.values[0]) for c in conditions if c.operator == "not under"]
    named = [set(map(str, c.values)) for c in conditions if c.operator == "in"]
    for routes in named:
        inside = [r for r in routes if all(_is_under(r, b) for b in branches)]
        if branches and not inside:
            return False
        if excluded and not [r for r in routes if not any(_is_under(r, b) for b in excluded)]:
            return False
    return not any(_is_under(b, e) for b in branches for e in excluded)


def _is_under(route: str, branch: str) -> bool:
    return route == branch or route.startswith(f"{branch.rstrip('/')}/")
