"""Figures that say how good scores are, each with the uncertainty that the data leave.

Windows of one run share clients, faults and queues, so an interval comes from drawing whole runs
again: from rows it would be far too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, fsum, lgamma, log
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS: Final = 200  # resamples for an interval
COVERAGE: Final = 0.95  # of an interval
BINS: Final = 10  # tenths of the probability

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Statistic = Callable[[Floats], float | None]  # weight of each row -> figure, None: not defined


class Ranking:
    """Rows by falling score, sorted once: figures for many weights cost a sum each.

    Parameters
    ----------
    label : ndarray of bool of shape (n_rows,)
    score : ndarray of shape (n_rows,)
        The higher, the more it should be True; ties are no order.
    """

    def __init__(self, label: Bools, score: Floats) -> None:
        self._order = np.argsort(-score, kind="stable")
        self._label = np.asarray(label, np.bool_)[self._order]
        last = np.append(np.diff(score[self._order]) != 0, True)[: len(score)]
        self._ends = np.flatnonzero(last)  # of rows with the same score

    def roc_auc(self, weight: Floats | None = None) -> float | None:
        """Chance that a row of label True scores above one of label False; ties count half."""
        true, false = self._counts(weight)
        if not len(true) or not true[-1] or not false[-1]:
            return None
        width = np.diff(false, prepend=0.0)
        height = (true + np.concatenate([[0.0], true[:-1]])) / 2
        return float((width * height).sum() / (true[-1] * false[-1]))

    def average_precision(self, weight: Floats | None = None) -> float | None:
        """Mean precision over recall; a score by chance has the share of True."""
        true, false = self._counts(weight)
        if not len(true) or not true[-1] or not false[-1]:
            return None
        seen = true + false
        precision = np.divide(true, seen, out=np.zeros_like(true), where=seen > 0)
        return float((np.diff(true, prepend=0.0) * precision).sum() / true[-1])

    def _counts(self, weight: Floats | None) -> tuple[Floats, Floats]:
        """Weight of True and of False down to each distinct score."""
        ordered = np.ones(len(self._label)) if weight is None else weight[self._order]
        every = np.cumsum(ordered)[self._ends]
        true = np.cumsum(np.where(self._label, ordered, 0.0))[self._ends]
        return true, every - true


def roc_auc(label: Bools, score: Floats, weight: Floats | None = None) -> float | None:
    """Chance that a row of label True scores above one of label False; None: one label alone."""
    return Ranking(label, score).roc_auc(weight)


def average_precision(label: Bools, score: Floats, weight: Floats | None = None) -> float | None:
    """Area under the curve of precision over recall; None where all rows have one label."""
    return Ranking(label, score).average_precision(weight)


def threshold_at(negatives: Floats, rate: float) -> float:
    """The lowest threshold that at most `rate` of the scores of negatives reach.

    Parameters
    ----------
    negatives : ndarray of shape (n_negatives,)
        Scores; at least one.
    rate : float
        Share of false positives that is allowed, 0 <= rate < 1.
    """
    if not len(negatives):
        raise ValueError("a threshold needs the scores of negatives, got none")
    if not 0 <= rate < 1:
        raise ValueError(f"rate={rate!r} must be at least 0 and below 1")
    highest = np.sort(negatives)[::-1]
    over = highest[int(rate * len(highest))]  # the first that must stay below
    return float(np.nextafter(over, np.inf))


def share_over(score: Floats, threshold: float, weight: Floats | None = None) -> float | None:
    """Share of the scores that reach a threshold; None of none."""
    weight = np.ones(len(score)) if weight is None else weight
    total = float(weight.sum())
    return float(weight[score >= threshold].sum()) / total if total else None


def recall_at_fpr(label: Bools, score: Floats, rate: float) -> float | None:
    """Share of the positives over the threshold that at most `rate` of the negatives reach."""
    if not _both(label, None):
        return None
    return share_over(score[label], threshold_at(score[~label], rate))


def brier(label: Bools, probability: Floats, weight: Floats | None = None) -> float:
    """Mean squared error of a probability, the lower the better."""
    return float(np.average((probability - label) ** 2, weights=weight))


def brier_skill(label: Bools, probability: Floats, weight: Floats | None = None) -> float | None:
    """1: perfect, 0: as good as always saying the base rate, below 0: worse; None: one label."""
    if not _both(label, weight):
        return None
    base = float(np.average(label, weights=weight))
    return 1 - brier(label, probability, weight) / (base * (1 - base))


class ReliabilityBin(NamedTuple):
    """What was said and what happened in one tenth of the probability."""

    low: float
    high: float
    windows: int
    given: float  # mean probability
    failed: float  # share of label True


def reliability(label: Bools, probability: Floats, bins: int = BINS) -> list[ReliabilityBin]:
    """What became of the probabilities, by equal parts of 0..1; empty parts are left out."""
    part = np.minimum((probability * bins).astype(np.int64), bins - 1)
    return [
        ReliabilityBin(
            number / bins,
            (number + 1) / bins,
            int((part == number).sum()),
            float(probability[part == number].mean()),
            float(label[part == number].mean()),
        )
        for number in np.unique(part).tolist()
    ]


def confusion(
    truth: NDArray[Any], said: NDArray[Any], names: Sequence[str], weight: Floats | None = None
) -> Floats:
    """Weight of the rows of each true class (row) that were said to be of each class (column)."""
    from sklearn.metrics import confusion_matrix

    table = confusion_matrix(
        truth.astype(str), said.astype(str), labels=list(names), sample_weight=weight
    )
    return np.asarray(table, np.float64)


def macro_f1(table: Floats) -> float | None:
    """Mean F1 of the classes of a confusion matrix; a class that does not occur is left out."""
    right, said, true = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    occurs = true > 0
    if not occurs.any():
        return None
    return float((2 * right[occurs] / (said[occurs] + true[occurs])).mean())


def median(values: Floats, weight: Floats) -> float | None:
    """Median of values that each occur as often as their weight says, a whole number."""
    repeated = np.repeat(values, weight.astype(np.int64))
    return float(np.median(repeated)) if len(repeated) else None


def with_intervals(
    group: ArrayLike,
    statistics: Mapping[str, Statistic],
    *,
    draws: int = DRAWS,
    random_state: int = 0,
) -> dict[str, Any]:
    """Figures with their 95 % intervals by bootstrap over groups.

    Parameters
    ----------
    group : array-like of shape (n_rows,)
        Run, site or session of each row: what is drawn again as a whole.
    statistics : mapping of str to callable
        Each gets the weight of each row, shape (n_rows,): how often its group was drawn.

    Returns
    -------
    dict
        Each figure by its name (None where it is not defined), and `interval`: name ->
        [low, high], None where there are fewer than two groups or too few draws define it.
    """
    number_of, groups = _numbers(group)
    ones = np.ones(len(number_of))
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    rng = np.random.default_rng(random_state)
    for _ in range(draws if groups > 1 else 0):
        times = np.bincount(rng.integers(0, groups, groups), minlength=groups)
        weight = times[number_of].astype(np.float64)
        for name, statistic in statistics.items():
            value = statistic(weight)
            if value is not None:
                drawn[name].append(value)
    return {
        **{name: statistic(ones) for name, statistic in statistics.items()},
        "interval": {name: _middle(values, draws) for name, values in drawn.items()},
    }


def poisson_interval(count: int, scale: float = 1.0) -> list[float]:
    """95 % interval of a rate of which `count` events were seen, times `scale`.

    References
    ----------
    F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 1936.
    """
    outside = (1 - COVERAGE) / 2
    low = _poisson_mean(count - 1, 1 - outside) if count else 0.0
    return [low * scale, _poisson_mean(count, outside) * scale]


def _poisson_mean(count: int, probability: float) -> float:
    """The mean with which at most `count` events have a probability, by halving a range."""
    low, high = 1e-9, 4.0 * count + 20.0
    for _ in range(60):
        mean = (low + high) / 2
        terms = (exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count + 1))
        low, high = (mean, high) if fsum(terms) > probability else (low, mean)
    return (low + high) / 2


def _both(label: Bools, weight: Floats | None) -> bool:
    seen = label if weight is None else label[weight > 0]
    return bool(len(seen)) and bool(seen.any()) and not bool(seen.all())


def _numbers(group: ArrayLike) -> tuple[NDArray[np.int64], int]:
    names, number = np.unique(np.asarray(group), return_inverse=True)
    return number.astype(np.int64), len(names)


def _middle(values: list[float], draws: int) -> list[float] | None:
    """The middle `COVERAGE` of draws; half of all draws must define it."""
    if len(values) < max(draws // 2, 1):
        return None
    outside = (1 - COVERAGE) / 2
    return [float(edge) for edge in np.quantile(values, [outside, 1 - outside])]
