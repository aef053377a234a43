"""Windows recorded from this project's own API: a real server under load, with injected faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.data_set import DataSet
from datasets.synthetic import episode_names
from ingest.traffic import FAULTS, History
from ml.features import FEATURES, KEY
from settings import Settings

FILE: Final = Path(__file__).parent / "recorded.csv.gz"
NAME: Final = "recorded"
LABELS: Final = ("episode", "kind", "client_kind")
_COLUMNS: Final = [*KEY, *FEATURES, *LABELS]


def labelled(windows: pd.DataFrame, truth: History) -> pd.DataFrame:
    """Windows of a recording with what is true about them: the columns of the shipped file."""
    windows = windows.copy()
    windows["episode"] = episode_names(windows, truth)
    windows["kind"] = np.select(
        [windows["episode"] == "", windows["episode"].isin(FAULTS)], ["none", "fault"], "misuse"
    )
    kinds = [truth.client_kind.get(client) for client in windows["client"]]
    windows["client_kind"] = pd.Series(kinds, windows.index, dtype=object)
    return windows[_COLUMNS]


def save(windows: pd.DataFrame, about: dict[str, Any], path: Path = FILE) -> None:
    """Write windows as gzip CSV, and what is to be known about them as JSON beside it."""
    packed = {"method": "gzip", "compresslevel": 9, "mtime": 1}  # the same windows, the same file
    windows.to_csv(path, index=False, float_format="%.6g", compression=packed)
    about_file(path).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def about_file(path: Path = FILE) -> Path:
    """Where the facts about a recording are."""
    return path.with_name(path.name.removesuffix(".csv.gz") + ".json")


def load(path: Path = FILE) -> pd.DataFrame:
    """The recorded windows.

    Returns
    -------
    DataFrame
        Key and 8 features of each window; `episode` (name, "" for none), `kind`
        (none, fault or misuse), `client_kind` (normal, heavy or bot; None for endpoint windows) and
        `provenance`.
    """
    windows = pd.read_csv(path, keep_default_na=False, na_values={name: [""] for name in FEATURES})
    for name in ("client", "client_kind"):
        windows[name] = windows[name].astype(object).where(windows[name] != "", None)
    windows["provenance"] = NAME
    return windows


def describe(_: Settings) -> DataSet:
    """Entry of the catalog."""
    about = json.loads(about_file().read_text(encoding="utf-8")) if FILE.is_file() else {}
    return DataSet(
        name=NAME,
        title="Windows recorded from this project's own API",
        kind="recorded",
        source="a real server process under real load by simulated clients, with injected faults"
        f" and misuse, on {about.get('recorded_at', 'no day yet')}",
        licence="MIT, as the product",
        rows=about.get("rows"),
        columns=(*_COLUMNS, "provenance"),
        labels="episode: misuse or fault, empty for none; kind: none, fault or misuse;"
        " client_kind: normal, heavy or bot",
        split="one run: all of it stands on one side",
        available=FILE.is_file(),
        note="`flask record-dataset` records it again; response times depend on the machine.",
    )
