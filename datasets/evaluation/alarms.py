"""Warnings: the threshold above which a probability is one, false ones a day, faults seen ahead."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.evaluation.forecast import Truth

PER_DAY: Final = 0.5  # false warnings on the runs of the choice; other runs have more, 1 is allowed
SPELL_MINUTES: Final = 5  # warnings about an endpoint no further apart are one
_CANDIDATES: Final = 120  # thresholds that are tried
_OFTEN: Final = 0.02  # share of quiet windows; a threshold that so many reach is too low

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def false_warnings(truth: Truth, score: Floats, threshold: float) -> Ints:
    """Spells of warnings that nothing followed, of each run: shape (n_runs,)."""
    rows = np.flatnonzero(truth.quiet & (score >= threshold))
    rows = rows[np.lexsort((truth.minute[rows], truth.subject[rows]))]
    subject, minute = truth.subject[rows], truth.minute[rows]
    goes_on = (subject[1:] == subject[:-1]) & (np.diff(minute) <= SPELL_MINUTES)
    begins = rows[np.concatenate([[True], ~goes_on])] if len(rows) else rows
    return np.bincount(truth.run[begins], minlength=len(truth.quiet_days)).astype(np.int64)


def warning_threshold(truth: Truth, score: Floats, per_day: float = PER_DAY) -> float:
    """The lowest threshold with at most `per_day` false warnings a day, on runs of its own.

    Infinite where even the highest score of a quiet window is given more often.
    """
    quiet = score[truth.quiet]
    shares = np.geomspace(max(_OFTEN / 1e4, 1 / len(quiet)), _OFTEN, _CANDIDATES)
    allowed = per_day * truth.quiet_days.sum()
    best = float(np.nextafter(quiet.max(), np.inf))
    for threshold in np.unique(np.quantile(quiet, 1 - shares))[::-1]:
        if false_warnings(truth, score, threshold).sum() > allowed:
            break
        best = float(threshold)
    return best


def leads(truth: Truth, score: Floats, threshold: float) -> Floats:
    """Minutes from the first warning under each fault to its first failing window; 0: none."""
    onset = truth.faults["onset"].to_numpy(np.int64)
    warned = (truth.fault >= 0) & ~truth.failing & (score >= threshold)
    fault, minute = truth.fault[warned], truth.minute[warned]
    first = np.full(len(onset), np.iinfo(np.int64).max)
    np.minimum.at(first, fault, minute)
    return np.where(first < onset, onset - np.minimum(first, onset), 0).astype(np.float64)


def near_misses_warned(truth: Truth, score: Floats, threshold: float) -> float | None:
    """Share of the faults repaired in time that were warned of; None of none."""
    rows = truth.near_miss >= 0
    if not rows.any():
        return None
    highest = pd.Series(score[rows]).groupby(truth.near_miss[rows]).max()
    return float((highest >= threshold).mean())
