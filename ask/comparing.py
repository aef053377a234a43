"""Comparisons with numbers: of which column they are, and in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from lark import Token

from ask import lexicon
from ask.columns import SHARES
from ask.lexicon import PAYLOAD, RESPONSE_TIME, Noun
from ask.parts import Part, kind_of
from ask.phrases import Codes, Column, Compared, Quantity
from ask.question import Condition, NotUnderstood


def complete(parts: list[Part]) -> list[Part]:
    """`above 0.3 and below 0.6`: a comparison without a column is of the one before it."""
    made: list[Part] = []
    for at, part in enumerate(parts):
        connective = bool(made) and kind_of(made[-1].value) in ("AND", "BUT", "COMMA")
        before = made[-2] if connective and len(made) > 1 else None
        if before is not None and (both := _both_counts(before.value, part.value)) is not None:
            made[-2:] = [Part(both, f"{before.text} and {part.text}")]
            continue
        if (
            before is not None
            and isinstance(part.value, Compared)
            and isinstance(before.value, Compared)
            and part.value.column is None
            and part.value.implied is None
            and not thing_follows(parts, at)
            and (before.value.column is not None or before.value.implied is not None)
        ):
            column = before.value.column or before.value.implied
            unit = part.value.quantities[0].unit
            given = tuple(Quantity(q.number, q.unit or unit) for q in before.value.quantities)
            made[-2] = replace(before, value=replace(before.value, quantities=given))
            part = replace(part, value=replace(part.value, column=column))
        made.append(part)
    return made


def _both_counts(first: Any, second: Any) -> Compared | None:
    """`more than 5 and fewer than 20`: whole numbers between two others."""
    pair = [first, second]
    if not all(isinstance(c, Compared) and c.column is None and c.implied is None for c in pair):
        return None
    numbers = [quantity for compared in pair for quantity in compared.quantities]
    if any(q.unit is not None or not float(q.number).is_integer() for q in numbers):
        return None
    steps = {">": ("low", 1), ">=": ("low", 0), "<": ("high", -1), "<=": ("high", 0)}
    found = {
        steps[compared.operator][0]: int(number.number) + steps[compared.operator][1]
        for compared, number in zip(pair, numbers, strict=False)
        if compared.operator in steps
    }
    if len(found) != 2:
        return None
    return Compared("between", (Quantity(found["low"]), Quantity(found["high"])))


def bound_numbers(parts: list[Part]) -> list[Part]:
    """`more than 5 requests` counts, `payload over 5 KB` compares: by what stands around it."""
    bound: list[Part] = []
    for part in parts:
        before = bound[-1].value if bound else None
        compared = part.value
        if (
            isinstance(compared, Compared)
            and compared.column is None
            and isinstance(before, Noun)
            and before.kind == "payloads"
        ):
            bound[-1] = Part(replace(compared, column=PAYLOAD), f"{bound[-1].text} {part.text}")
            continue
        bound.append(part)
    return bound


def thing_follows(parts: Sequence[Part], at: int) -> bool:
    """Whether what stands at a place is a number of what comes next."""
    for part in parts[at + 1 :]:
        kind = kind_of(part.value)
        if isinstance(part.value, Noun | Codes) or kind in ("CONDITION", "FAILING"):
            return True
        if kind not in ("METHOD", "OF", "CLUSTER", "LEVEL", "NUMBER", "UNIQUE", "NOT"):
            return isinstance(part.value, Condition | Column)
    return False


def whole_number(token: Token) -> int:
    """How many lines; NotUnderstood if that is no whole number from 1 on."""
    if float(token.value).is_integer() and token.value >= 1:
        return int(token.value)
    raise NotUnderstood(f"{str(token)!r} can't be a number of lines; 1 or more can", token)


def column_by_unit(compared: Compared, unit: lexicon.Size | None) -> str | None:
    """The column of `over 5 KB`, `slower than 2`; None where neither unit nor words say it."""
    if unit is not None and unit.kind == "size":
        return PAYLOAD
    if compared.implied is not None:
        return compared.implied
    if unit is not None and unit.kind == "time":
        return RESPONSE_TIME
    return None


LONG_UNITS: Final = frozenset({"hour", "day", "week"})  # no response takes so long


def values_of(
    quantities: Sequence[Quantity], column: str, unit: lexicon.Size | None
) -> tuple[float, ...]:
    """`between 1 and 2 s`: the unit is of both, where the first is not the larger one by it."""
    values = tuple(_quantity(q, column, unit) for q in quantities)
    if len(values) == 2 and quantities[0].unit is None:
        plain = quantities[0].value
        is_share = column in SHARES and plain < 1
        if values[0] > values[1] >= plain or is_share:
            return plain, values[1]
    return values


def _quantity(quantity: Quantity, column: str, unit: lexicon.Size | None) -> float:
    """The number in the unit of its column; one unit may stand for both ends of a range."""
    given = quantity.unit or unit
    kinds = {RESPONSE_TIME: "time", PAYLOAD: "size"} | dict.fromkeys(SHARES, "share")
    if given is not None and given.kind != kinds.get(column):
        raise NotUnderstood(f"{column} is not measured in that unit", f"{quantity.number:g}")
    return Quantity(quantity.number, given).value
