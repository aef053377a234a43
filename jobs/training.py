"""Training: labelled windows in, a bundle and what is to be said about it out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets import combined
from jobs.training_data import judged_windows, stored_windows
from ml.bundle import MIN_CALLS, Bundle
from ml.failure import is_failing
from ml.features import CLIENT, ENDPOINT, FEATURES, KEY
from ml.normal import NORMAL, left_out, near
from ml.past import feature_matrix
from store import Store
from store.feedback import CONFIRMED, FALSE_ALARM
from store.times import iso

FEWEST_NORMAL: Final = 200  # normal windows of each subject that are not thin; less is no pattern


class TooFewWindowsError(ValueError):
    """There is not enough stored traffic to learn from."""


def train_factory(
    seed: int = 1, reference_dir: Path | None = None, windows: pd.DataFrame | None = None
) -> tuple[Bundle, dict[str, Any]]:
    """Fit all models on the training set.

    Parameters
    ----------
    seed : int
        Of the simulations and of the fits.
    reference_dir : Path, optional
        The user's copies of public data, see `datasets.combined.load`.
    windows : DataFrame, optional
        The training set, when it is not the one of `seed`.

    Returns
    -------
    (Bundle, dict)
        The bundle, and its summary for the manifest.
    """
    started_at, clock = datetime.now(UTC), time.perf_counter()
    windows = combined.load(seed, reference_dir) if windows is None else windows
    bundle = Bundle.fit(
        windows,
        normal=windows["normal"].to_numpy(np.bool_),
        group=windows["group"].to_numpy(np.int64),
        end=windows["end"].to_numpy(np.int64),
        random_state=seed,
    )
    return bundle, {
        "created_at": started_at.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 1),
        "seed": seed,
        "sources": _counts(windows["provenance"].str.replace(r" seed \d+", "", regex=True)),
        "elbow": bundle.elbow,
        **_label_counts(windows),
    }


def _label_counts(windows: pd.DataFrame) -> dict[str, Any]:
    raw = feature_matrix(windows)
    thin = windows["req_count"].to_numpy() < MIN_CALLS
    return {
        "windows": {str(kind): int(n) for kind, n in windows["subject"].value_counts().items()},
        "thin_windows": int(thin.sum()),
        "failing_windows": int((is_failing(raw) & ~thin).sum()),
        "windows_by_episode": {
            str(name) or "none": int(n) for name, n in windows["episode"].value_counts().items()
        },
    }


def train_stored(
    store: Store,
    base: Bundle,
    now: int,
    *,
    days: int = 30,
    allow_simulated: bool = False,
    random_state: int = 1,
) -> tuple[Bundle, dict[str, Any]]:
    """Adapt models to a site: its stored normal windows, and what people said of others.

    Parameters
    ----------
    base : Bundle
        Its failure model stays; the others are fitted anew.
    now : int
        The clock [epoch ms]. The data may end earlier, as that of an old log does.
    days : int
        How much of the data counts, from its end; of clients, what was scored in the last day.
    allow_simulated : bool
        Whether windows with calls of the simulator count, too.

    Returns
    -------
    (Bundle, dict)
        The bundle, and its summary for the manifest.

    Raises
    ------
    TooFewWindowsError
        Says how many windows there are of a subject and how many are needed.
    """
    started_at, clock = datetime.now(UTC), time.perf_counter()
    span, windows, risky = stored_windows(store, now, days, allow_simulated)
    judged = judged_windows(store, allow_simulated)
    harmless, confirmed = (judged[judged["verdict"] == v] for v in (FALSE_ALARM, CONFIRMED))
    why = left_out(windows, risky, harmless, confirmed)
    normal = why == NORMAL
    _refuse_too_few(windows, normal, days)
    bundle = base.adapted(
        windows,
        normal=normal,
        harmless=harmless[[*KEY, *FEATURES]].reset_index(drop=True),
        random_state=random_state,
    )
    return bundle, {
        "created_at": started_at.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 1),
        "seed": random_state,
        "sources": ["stored", "simulated"] if allow_simulated else ["stored"],
        "from": iso(span.start),
        "to": iso(span.end),
        "elbow": bundle.elbow,
        "windows": _counts(windows["subject"]),
        "normal_windows": _counts(windows["subject"][normal]),
        "left_out": _counts(pd.Series(why[~normal], dtype=object)),
        "feedback": {FALSE_ALARM: len(harmless), CONFIRMED: len(confirmed)},
        "alarms_on_feedback": {
            verdict: {
                "windows": len(of),
                "before": _alarms(base, of, windows),
                "after": _alarms(bundle, of, windows),
            }
            for verdict, of in ((FALSE_ALARM, harmless), (CONFIRMED, confirmed))
        },
    }


def _refuse_too_few(windows: pd.DataFrame, normal: np.typing.NDArray[np.bool_], days: int) -> None:
    full = normal & (windows["thin"] == 0).to_numpy()
    for kind in (ENDPOINT, CLIENT):
        found = int((full & (windows["subject"] == kind).to_numpy()).sum())
        if found < FEWEST_NORMAL:
            raise TooFewWindowsError(
                f"{found} normal {kind} windows of the last {days} days are not enough: "
                f"{FEWEST_NORMAL} are needed (thin and simulated ones don't count)"
            )


def _alarms(bundle: Bundle, judged: pd.DataFrame, others: pd.DataFrame) -> int:
    """How many of the judged windows are MEDIUM or above, with the others as their past."""
    if not len(judged):
        return 0
    columns = [*KEY, *FEATURES]
    past = others.loc[~near(others, judged, 0), columns]
    scored = bundle.score(judged[columns].reset_index(drop=True), past, min_calls=MIN_CALLS)
    return int((scored["priority"] != "LOW").sum())


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
