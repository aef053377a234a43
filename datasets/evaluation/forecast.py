"""What came true: of each endpoint window whether it fails soon, and of each fault when it hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import MIN_CALLS
from ml.failure import fails_soon, is_failing
from ml.features import ENDPOINT, UNMATCHED
from ml.past import feature_matrix, subject_codes

NEVER: Final = 1_000_000  # minutes
RECOVERY_MINUTES: Final = 15  # after a failure, in which a warning is neither right nor wrong
FOLLOWED_MINUTES: Final = 30  # a failure so soon after a warning makes it no false one
ONSET_MINUTES: Final = 10  # without a failure before the first one of a fault
SAME_FAULT_MINUTES: Final = 3  # windows of one fault lie no further apart

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """Endpoint windows of runs with what happened after each; arrays of shape (n_windows,)."""

    windows: pd.DataFrame  # as played, UNMATCHED left out
    run: Ints
    subject: Ints  # of endpoint and run
    minute: Ints
    failing: Bools  # not thin
    soon: Bools  # fails within five minutes
    asked: Bools  # not failing now, and known what came
    quiet: Bools  # a warning would be false: no fault, no failure around
    quiet_days: Floats  # of each run, shape (n_runs,)
    fault: Ints  # number of the gradual fault that hurts sooner or later, -1: none
    faults: pd.DataFrame  # one row each: run, family, onset [minute]
    near_miss: Ints  # number of the fault that was repaired in time, -1: none


def truth(windows: pd.DataFrame, gradual: NDArray[np.bool_] | None = None) -> Truth:
    """What happened in played runs.

    Parameters
    ----------
    windows : DataFrame
        Of `playing`: `seed`, `episode`, `end` and, of sites, `gradual` and `near_miss`.
    gradual : ndarray of bool of shape (n_windows,), optional
        Which windows lie in a gradual fault; the column of that name unless given.
    """
    in_gradual = windows["gradual"].to_numpy(bool) if gradual is None else gradual
    kept = ((windows["subject"] == ENDPOINT) & (windows["endpoint"] != UNMATCHED)).to_numpy()
    in_gradual, windows = in_gradual[kept], windows[kept].reset_index(drop=True)
    missed = np.asarray(windows.get("near_miss", pd.Series(False, windows.index)), bool)
    run, runs = _numbered(windows["seed"])
    subject = pd.factorize(subject_codes(windows) * runs + run)[0].astype(np.int64)
    timestamp, end = (windows[name].to_numpy(np.int64) for name in ("timestamp", "end"))
    minute = timestamp // 60_000
    raw = feature_matrix(windows)
    failing = is_failing(raw) & (windows["req_count"].to_numpy() >= MIN_CALLS)
    soon, known = fails_soon(subject, timestamp, failing, end)
    before, after = _distances(subject, minute, failing)
    calm = (windows["episode"] == "").to_numpy() & (minute + FOLLOWED_MINUTES < end // 60_000)
    fault, faults = _faults(windows, run, minute, in_gradual & ~missed, failing, before)
    return Truth(
        windows=windows, run=run, subject=subject, minute=minute, failing=failing, soon=soon,
        asked=known & ~failing,
        quiet=calm & ~failing & (before > RECOVERY_MINUTES) & (after > FOLLOWED_MINUTES),
        quiet_days=_days(run, minute, calm, runs),
        fault=fault, faults=faults,
        near_miss=_stretches(windows, run, minute, in_gradual & missed),
    )  # fmt: skip


def _numbered(values: Any) -> tuple[Ints, int]:
    number, names = pd.factorize(values)
    return number.astype(np.int64), len(names)


def _distances(subject: Ints, minute: Ints, failing: Bools) -> tuple[Ints, Ints]:
    """Minutes since the subject's failure before each window, and until the one after it."""
    first = int(minute.min())
    width = int(minute.max()) - first + 2
    instant = subject * width + minute - first
    failures = np.sort(instant[failing])
    padded = np.concatenate([[-NEVER * width], failures, [NEVER * width]])
    at = np.searchsorted(failures, instant)
    following = padded[np.searchsorted(failures, instant, side="right") + 1]
    preceding = padded[at]
    same_before, same_after = preceding // width == subject, following // width == subject
    return (
        np.where(same_before, instant - preceding, NEVER),
        np.where(same_after, following - instant, NEVER),
    )


def _days(run: Ints, minute: Ints, calm: Bools, runs: int) -> Floats:
    """Calm time of each run [days]."""
    minutes = pd.DataFrame({"run": run[calm], "minute": minute[calm]}).drop_duplicates()
    return np.bincount(minutes["run"], minlength=runs) / 1_440


def _stretches(windows: pd.DataFrame, run: Ints, minute: Ints, chosen: Bools) -> Ints:
    """Number of the stretch of one fault that each chosen window is from, -1 for the others."""
    number = np.full(len(run), -1, np.int64)
    rows = np.flatnonzero(chosen)
    rows = rows[np.lexsort((minute[rows], run[rows]))]
    name = windows["episode"].to_numpy(object)[rows]
    new = (run[rows][1:] != run[rows][:-1]) | (name[1:] != name[:-1])
    new |= np.diff(minute[rows]) > SAME_FAULT_MINUTES
    if len(rows):
        number[rows] = np.concatenate([[0], np.cumsum(new)])
    return number


def _faults(
    windows: pd.DataFrame, run: Ints, minute: Ints, chosen: Bools, failing: Bools, before: Ints
) -> tuple[Ints, pd.DataFrame]:
    """Gradual faults that led to a failing window; the others get no number."""
    number = _stretches(windows, run, minute, chosen)
    onset = failing & (number >= 0) & (before > ONSET_MINUTES)
    rows = pd.DataFrame(
        {
            "number": number[onset],
            "run": run[onset],
            "family": windows["episode"].to_numpy(object)[onset],
            "onset": minute[onset],
        }
    )
    faults = rows.sort_values("onset").groupby("number").first().reset_index()
    place = pd.Series(faults.index, faults["number"])
    renumbered = place.reindex(number).fillna(-1).to_numpy(np.int64)
    return renumbered, faults.drop(columns="number")
