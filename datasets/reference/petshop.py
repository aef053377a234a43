"""PetShop: five-minute metrics of a real micro-service demo with injected latency and faults.

The onset of each issue is a step: good for detection and time to detect, not for seeing ahead.

References
----------
M. Hardt et al., The PetShop Dataset: Finding Causes of Performance Issues across Microservices,
CLeaR 2024.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.data_set import DataSet
from datasets.reference.files import existing, lines_in
from ml.features import ENDPOINT, FEATURES, KEY
from settings import Settings

FOLDER: Final = "petshop"
FILE: Final = "petsite_5min_shared.csv.gz"
MINUTES_A_ROW: Final = 5
LABELS: Final = ("scenario", "episode", "failing", "target_metric")


def load(folder: Path) -> pd.DataFrame:
    """The rows of the front service as endpoint windows, by scenario, episode and time.

    Parameters
    ----------
    folder : Path
        `petshop` in the folder of reference data.

    Returns
    -------
    DataFrame
        Key (`endpoint` is `/petsite/<scenario>`), the features that can be had, NaN for the others
        (fill in what is typical, as `Bundle.subjects["endpoint"].median`): `req_count` is calls a
        minute, rounded; `error_rate` 1 - availability; `avg_response_time`; `max_response_time` is
        the 99th percentile; `status_entropy` as if one status failed. Then `scenario`, `episode`
        (noissue or the issue), `failing` (the row touches the incident) and `target_metric`
        (latency, availability or None).

    Raises
    ------
    Absent
        The file is not there.
    """
    rows = pd.read_csv(existing(folder / FILE))
    error_rate = (1 - rows["availability_pct"] / 100).clip(0, 1).round(6)
    columns: dict[str, Any] = {
        "timestamp": rows["unix_ts"] * 1_000,
        "subject": ENDPOINT,
        "endpoint": "/petsite/" + rows["scenario"],
        "method": "GET",
        "client": None,
        "req_count": (rows["requests"] / MINUTES_A_ROW).round().astype(int),
        "error_rate": error_rate,
        "avg_response_time": rows["latency_avg"] * 1_000,
        "max_response_time": rows["latency_p99"] * 1_000,
        "status_entropy": _binary_entropy(error_rate.to_numpy()),
        "scenario": rows["scenario"],
        "episode": rows["episode"],
        "failing": rows["incident"] == 1,
        "target_metric": rows["target_metric"]
        .astype(object)
        .where(rows["target_metric"].notna(), None),
    }
    windows = pd.DataFrame(columns)
    windows["client"] = windows["client"].astype(object)
    windows = windows.reindex(columns=[*KEY, *FEATURES, *LABELS])
    return windows.sort_values(["scenario", "episode", "timestamp"], ignore_index=True)


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    lines = lines_in(settings.reference_data_dir / FOLDER / FILE)
    return DataSet(
        name="petshop",
        title="PetShop, front service",
        kind="real",
        source="Hardt et al., CLeaR 2024 (amazon-science); metrics of a real deployment",
        licence="CC BY 4.0; the user's own copy, not part of the product",
        rows=None if lines is None else lines - 1,
        columns=(*KEY, *FEATURES, *LABELS),
        labels="failing: the five minutes touch the injected issue",
        split="official: training issues and the first half of the time without issues",
        available=lines is not None,
        note="Rows of five minutes, onsets are steps; payload, paths and repeats are not known.",
    )


def _binary_entropy(share: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    """Entropy [bit] of two outcomes."""
    both = np.clip(np.stack([share, 1 - share]), 1e-12, 1)
    return np.asarray(-(both * np.log2(both)).sum(axis=0).round(6) + 0.0)
