"""Sock Shop: one-second metrics of a micro-service demo before and after a CPU or memory fault.

The onset is a step: good for detection and time to detect, not for seeing ahead. Both parts of a
run were recorded days apart under different load: carts is often slower before its fault than
during it. So a change is no proof that the fault was what changed.

References
----------
A. Ikram et al., Root Cause Analysis of Failures in Microservices through Causal Discovery,
NeurIPS 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from datasets.data_set import DataSet
from datasets.reference.files import existing, lines_in
from ml.features import ENDPOINT, FEATURES, KEY
from settings import Settings

FOLDER: Final = "sockshop"
FILE: Final = "sockshop_1s_shared.csv.gz"
SERVICES: Final = ("carts", "catalogue", "shipping")  # those with load and latency
LABELS: Final = ("fault", "run", "service", "failing")
_WINDOW_S: Final = 60
_RUN_MS: Final = 86_400_000  # each run gets a day of its own
_FIRST_DAY_MS: Final = 1_652_486_400_000  # 2022-05-14T00:00:00Z


def load(folder: Path) -> pd.DataFrame:
    """Each run as windows of whole minutes of each service, the fault right after the normal part.

    Both parts were recorded at different times; here they follow each other, in a day of its own
    for each run, and the fault begins with a window.

    Parameters
    ----------
    folder : Path
        `sockshop` in the folder of reference data.

    Returns
    -------
    DataFrame
        Key (`endpoint` is `/<service>`), the features that can be had, NaN for the others (fill in
        what is typical, as `Bundle.subjects["endpoint"].median`): `req_count` from the load;
        `avg_response_time` is the mean of the medians and `max_response_time` the greatest 99th
        percentile. Then `fault`, `run`, `service` and `failing` (the fault is on).

    Raises
    ------
    Absent
        The file is not there.
    """
    rows = pd.read_csv(existing(folder / FILE))
    runs = rows.groupby(["fault", "run"], sort=True)
    parts = [
        _run_windows(run, service, _FIRST_DAY_MS + number * _RUN_MS)
        for number, (_, run) in enumerate(runs)
        for service in SERVICES
    ]
    windows = pd.concat(parts, ignore_index=True)
    windows["client"] = pd.Series([None] * len(windows), dtype=object)
    return windows.reindex(columns=[*KEY, *FEATURES, *LABELS])


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    lines = lines_in(settings.reference_data_dir / FOLDER / FILE)
    return DataSet(
        name="sockshop",
        title="Sock Shop with CPU and memory faults",
        kind="real",
        source="Ikram et al., NeurIPS 2022; metrics of a real deployment",
        licence="none stated; the user's own copy, for evaluation only",
        rows=None if lines is None else lines - 1,
        columns=(*KEY, *FEATURES, *LABELS),
        labels="failing: the fault is on",
        split="by run: runs 1-3",
        available=lines is not None,
        note="Rows of a second become windows of a minute; errors, payload and paths are not known."
        " The normal part was recorded at another time under other load, and carts is often slower"
        " there: a change is no proof that the fault was seen.",
    )


def _run_windows(run: pd.DataFrame, service: str, start_ms: int) -> pd.DataFrame:
    """Whole minutes before the fault, counted back from it, and after it."""
    run = run.sort_values(["label", "time"])
    before = int((run["label"] == 0).sum())
    spare = before % _WINDOW_S
    run = run.iloc[spare:].reset_index(drop=True)
    run = run.iloc[: len(run) // _WINDOW_S * _WINDOW_S]
    minute = run.index // _WINDOW_S
    by_minute = run.groupby(minute)
    latency, load = f"{service}_lat", f"{service}_lod"
    return pd.DataFrame(
        {
            "timestamp": start_ms + by_minute["label"].first().index * _WINDOW_S * 1_000,
            "subject": ENDPOINT,
            "endpoint": f"/{service}",
            "method": "GET",
            "req_count": by_minute[load].sum().round().clip(lower=1).astype(int),
            "avg_response_time": by_minute[f"{latency}_50"].mean() * 1_000,
            "max_response_time": by_minute[f"{latency}_99"].max() * 1_000,
            "fault": by_minute["fault"].first(),
            "run": by_minute["run"].first(),
            "service": service,
            "failing": by_minute["label"].max() == 1,
        }
    )
