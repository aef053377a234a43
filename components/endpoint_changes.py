"""Where a row of values stands out from the rest of it: for good, or for a while."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, NamedTuple, TypeVar

FEWEST_USUAL: Final = 4  # values that tell what is usual
_SEPARATE: Final = 1.25  # times what nine in ten of the other values stay below
_LASTING_SHARE: Final = 0.8  # of the values after a change for good
_SMALL: Final = 1e-3  # keeps the logarithm of nothing finite
_ADJACENT: Final = 2  # one ordinary value between two raised ones does not part them

T = TypeVar("T")
Raised = Callable[[int], bool]  # whether the value of that number is above what is usual


class Run(NamedTuple):
    """Values `[first, last]` that stand out."""

    first: int
    last: int


def standing_out(
    values: Sequence[float],
    raised_over: Callable[[float], Raised],
    fits: Callable[[Run], bool],
) -> Run | None:
    """The values above the usual: the last ones where they go on, else the worst.

    A change for good may have come early, so that most values lie after it; then the usual is what
    was before. Without one it is the median of all.

    Parameters
    ----------
    values : sequence of float
        By time, none below 0.
    raised_over : callable
        Gives for a usual value what tells which values are above it.
    fits : callable
        Whether a run is long enough to be told of.
    """
    if len(values) <= FEWEST_USUAL:
        return None
    lasting = _change_for_good(values, raised_over)
    runs = [lasting] if lasting else _runs(values, raised_over(median(values)))
    last = len(values) - 1

    def importance(run: Run) -> tuple[bool, float]:
        return run.last == last, sum(values[run.first : run.last + 1])

    return max(filter(fits, runs), key=importance, default=None)


def falling_off(values: Sequence[float], share: float) -> Run | None:
    """The last values, where each is at most a share of the median of all."""
    first = len(values)
    usual = median(values) if values else 0.0
    while first and values[first - 1] <= share * usual:
        first -= 1
    lasts = FEWEST_USUAL <= first < len(values)
    return Run(first, len(values) - 1) if lasts else None


def inside_and_outside(values: Sequence[float], run: Run) -> tuple[float, float]:
    """Medians of a run and of the rest."""
    return median(values[run.first : run.last + 1]), median(rest(values, run))


def rest(values: Sequence[T], run: Run) -> list[T]:
    """What is not in a run."""
    return [*values[: run.first], *values[run.last + 1 :]]


def is_separate(values: Sequence[float], run: Run) -> bool:
    """Whether a run lies clearly above nearly all of the rest."""
    others = sorted(rest(values, run))
    now = median(values[run.first : run.last + 1])
    return now >= _SEPARATE * others[len(others) * 9 // 10]


def _change_for_good(values: Sequence[float], raised_over: Callable[[float], Raised]) -> Run | None:
    """From where on the values are of another level, where nearly all of them are raised."""
    first = _best_split(values)
    raised = raised_over(median(values[:first]))
    if not raised(first):  # noise before the change may have moved the split
        first += 1
    after = [raised(number) for number in range(first, len(values))]
    lasts = len(after) > 1 and all(after[-2:]) and sum(after) >= _LASTING_SHARE * len(after)
    return Run(first, len(values) - 1) if lasts else None


def _best_split(values: Sequence[float]) -> int:
    """Where two levels fit best, by least squares of logarithms."""
    logs = [math.log(value + _SMALL) for value in values]
    total, left = sum(logs), sum(logs[: FEWEST_USUAL - 1])
    gains = {}
    for number in range(FEWEST_USUAL, len(logs)):
        left += logs[number - 1]
        right = total - left
        gains[number] = left * left / number + right * right / (len(logs) - number)
    return max(gains, key=gains.__getitem__)


def _runs(values: Sequence[float], raised: Raised) -> list[Run]:
    runs: list[Run] = []
    for number in filter(raised, range(len(values))):
        if runs and number - runs[-1].last <= _ADJACENT:
            runs[-1] = Run(runs[-1].first, number)
        else:
            runs.append(Run(number, number))
    return runs
