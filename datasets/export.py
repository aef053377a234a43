"""The training set as files for people: a workbook, a report in plain text, a summary as CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from datasets.data_set import DataSet
from datasets.report import report
from datasets.workbook import write_workbook
from ml.features import FEATURES

WORKBOOK: Final = "TRAINING_DATASET.xlsx"
REPORT: Final = "COMPLETE_DATASET_REPORT.txt"
SUMMARY: Final = "DATASET_SUMMARY.csv"
FOLDER: Final = Path(__file__).parent / "EXPORT_FOR_MENTORS"
UNITS: Final = {
    "req_count": "calls",
    "error_rate": "share of calls with status >= 400",
    "avg_response_time": "ms",
    "max_response_time": "ms",
    "payload_mean": "bytes",
    "unique_endpoints": "endpoints of a client, concrete paths of an endpoint",
    "repeat_rate": "1 - distinct identical requests / calls",
    "status_entropy": "bits",
}
_NAME: Final = re.compile(r"\w+")


def export(
    windows: pd.DataFrame,
    sets: Sequence[DataSet],
    folder: Path,
    models: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the three files; the folder is made, files that are there are replaced.

    Parameters
    ----------
    windows : DataFrame
        Key, features and labels; `provenance` of each row begins with the name of its data set.
    sets : sequence of DataSet
        The catalog.
    models : mapping, optional
        Manifest of the current models.

    Raises
    ------
    ValueError
        There is no row, or one of a set that the catalog does not have.
    """
    if windows.empty:
        raise ValueError("the training set has no windows to export")
    windows = windows.assign(data=kinds(windows["provenance"], sets))
    statistics = summary(windows)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in (WORKBOOK, REPORT, SUMMARY)]
    write_workbook(windows, statistics, UNITS, files[0])
    files[1].write_text(report(windows, statistics, sets, models or {}), encoding="utf-8")
    statistics.to_csv(files[2], float_format="%.6g", index_label="feature")
    return files


def kinds(provenance: pd.Series, sets: Sequence[DataSet]) -> pd.Series:
    """Of what kind the data of each row are: simulated, recorded ...

    Raises
    ------
    ValueError
        A provenance does not begin with the name of a data set.
    """
    kind_of = {data_set.name: data_set.kind for data_set in sets}
    found = {}
    for text in provenance.unique():
        name = _NAME.match(str(text))
        if name is None or name[0] not in kind_of:
            raise ValueError(f"provenance {text!r} begins with none of {', '.join(kind_of)}")
        found[text] = kind_of[name[0]]
    return provenance.map(found)


def summary(windows: pd.DataFrame) -> pd.DataFrame:
    """Each feature: unit, windows that have it, min, quantiles, max, mean and standard deviation.

    Returns
    -------
    DataFrame
        One row a feature, its name is the index; `missing` counts windows without a value.
    """
    features = windows[list(FEATURES)].astype(float)
    table = pd.DataFrame(
        {
            "unit": pd.Series(UNITS),
            "count": features.count(),
            "missing": features.isna().sum(),
            "min": features.min(),
            "max": features.max(),
            "mean": features.mean(),
            "std": features.std(),
            "p5": features.quantile(0.05),
            "median": features.median(),
            "p95": features.quantile(0.95),
        }
    )
    return table.loc[list(FEATURES)]
