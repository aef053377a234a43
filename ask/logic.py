""" "and", "or" and "not" between the filters of a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ask.parts import Part
from ask.question import AnyOf, Condition


def conditions_of(parts: Sequence[Part]) -> list[Condition | AnyOf]:
    """The conditions that all hold; values of one column and what "or" joins are alternatives."""
    chains: list[list[Part]] = []
    for at, part in enumerate(parts):
        if not chains or not _is_alternative(parts, at):
            chains.append([part])
        else:
            _chain_for(part, chains).append(part)
    return [made for chain in chains for made in _alternatives(chain)]


def _is_alternative(parts: Sequence[Part], at: int) -> bool:
    part, before = parts[at], parts[at - 1]
    if part.joined in ("", "BUT", "EITHER", "WITH", "KEEPING"):
        return False
    same = _column(before) == _column(part)
    if same and before.value.valued and part.value.valued:
        return before.negated == part.negated
    if part.joined == "OR":
        return True
    return part.joined == "COMMA" and _ends_in_or(parts, at)


def _ends_in_or(parts: Sequence[Part], at: int) -> bool:
    """`A, B or C`: the list that began with a comma ends with "or"."""
    for part in parts[at + 1 :]:
        if part.joined != "COMMA":
            return part.joined == "OR"
    return False


_SCOPE: Final = frozenset({"endpoint", "method", "user_id", "ip_address"})


def _chain_for(part: Part, chains: list[list[Part]]) -> list[Part]:
    """`slow requests to /search or errors`: slow or errors; /search is for both."""
    last = chains[-1]
    if last[0].joined == "EITHER" or _column(part) in _SCOPE or _column(last[-1]) not in _SCOPE:
        return last
    if _column(last[-1]) == _column(part):
        return last
    others = [chain for chain in chains if _column(chain[-1]) not in _SCOPE]
    return others[-1] if others else last


def _column(part: Part) -> str:
    return str(part.value.condition.column)


def _alternatives(chain: Sequence[Part]) -> list[Condition | AnyOf]:
    given = [_condition(part) for part in chain]
    negated_list = all(part.negated for part in chain)
    merged = _merged(given, "not in" if negated_list else "in")
    same_column = len({condition.column for condition in given}) == 1
    if negated_list and same_column:
        return list(merged)  # none of them
    return [merged[0]] if len(merged) == 1 else [AnyOf(tuple(merged))]


def _condition(part: Part) -> Condition:
    condition: Condition = part.value.condition
    return condition.negated() if part.negated else condition


def _merged(conditions: Sequence[Condition], operator: str) -> list[Condition]:
    """Single values of a column become one list of values."""
    merged: dict[object, Condition] = {}
    for condition in conditions:
        key = condition.column if condition.operator == operator else condition
        known = merged.get(key)
        values = (*known.values, *condition.values) if known else condition.values
        merged[key] = replace(condition, values=tuple(dict.fromkeys(values)))
    return list(merged.values())
