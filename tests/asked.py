"""Questions with the SQL that they mean, and whether two answers are the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

SETS: Final = sorted((Path(__file__).parent / "questions").glob("*.jsonl"))
Asked = dict[str, Any]
Line = Sequence[Any]


def questions() -> list[Asked]:
    """All questions of all sets: `id`, `query`, `kind` (rows, aggregate, refuse), `sql`, ..."""
    return [json.loads(line) for file in SETS for line in file.read_text("utf-8").splitlines()]


def same_lines(one: Iterable[Line], other: Iterable[Line]) -> bool:
    """Whether these are the same lines in any order; numbers within 1e-6, integers exactly."""
    first, second = sorted(one, key=_exact_part), sorted(other, key=_exact_part)
    return len(first) == len(second) and all(map(_same_line, first, second))


def _exact_part(line: Line) -> str:
    """Keys of groups come first: they are exact, and no two lines have the same."""
    return repr([value for value in line if not isinstance(value, float | Decimal)])


def _same_line(one: Line, other: Line) -> bool:
    return len(one) == len(other) and all(map(_same_value, one, other))


def _same_value(one: Any, other: Any) -> bool:
    if isinstance(one, float | Decimal) or isinstance(other, float | Decimal):
        numbers = isinstance(one, int | float | Decimal) and isinstance(
            other, int | float | Decimal
        )
        return numbers and math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return bool(one == other)
