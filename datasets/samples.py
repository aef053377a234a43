"""What can be looked at of each data set: its rows as a table, and which columns say what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from datasets import combined, owasp, payloads, recorded
from datasets.reference import access_logs, csic2010, petshop, sockshop, web_bots
from datasets.sites import SiteRun, site_windows
from datasets.synthetic import Run, labelled_windows
from ml.features import CLIENT, FEATURES, KEY, window_features
from ml.rhythm import RHYTHM

SEED: Final = 1
SHOP_HOURS: Final = 3
SITES: Final = 8
SITES_WITH_CLIENTS: Final = 2


@dataclass(frozen=True)
class Sample:
    """Rows of a data set to look at."""

    rows: pd.DataFrame  # texts are categories, what is missing is NaN
    features: tuple[str, ...]  # numeric columns that have values
    labels: tuple[str, ...]  # columns that divide the rows, the most telling first
    note: str  # which rows of the set these are


def load(name: str, reference_dir: Path) -> Sample:
    """Rows of the set called `name`.

    Parameters
    ----------
    reference_dir : Path
        Folder of the user's copies of public data.

    Raises
    ------
    LookupError
        No set is called so; `Absent` when its files are not there.
    ValueError
        A file is not the published one.
    """
    if name not in LOADERS:
        raise LookupError(f"no data set is called {name!r}; there are {', '.join(LOADERS)}")
    return LOADERS[name](reference_dir)


def sample(rows: pd.DataFrame, labels: tuple[str, ...], note: str) -> Sample:
    """A sample of windows: all of `FEATURES` that have values are its features."""
    rows = compact(rows)
    known = tuple(name for name in FEATURES if name in rows and rows[name].notna().any())
    return Sample(rows, known, tuple(name for name in labels if name in rows), note)


def compact(rows: pd.DataFrame) -> pd.DataFrame:
    """Texts as categories, without the columns that say nothing; a tenth of the memory."""
    columns = {}
    for name, column in rows.items():
        if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            texts = column.astype(object).where(column.notna() & (column != ""), None)
            columns[name] = texts.astype("category")
        else:
            columns[name] = column
    table = pd.DataFrame(columns).reset_index(drop=True)
    return table[[name for name in table if table[name].notna().any()]]


def _synthetic(_: Path) -> Sample:
    runs = [Run(SEED + number, 60, hour=9 + 5 * number) for number in range(SHOP_HOURS)]
    windows = labelled_windows(runs)[[*KEY, *FEATURES, "episode", "client_kind", "seed"]]
    note = f"{SHOP_HOURS} simulated hours, seeds {SEED} to {SEED + SHOP_HOURS - 1}."
    return sample(windows, ("client_kind", "episode", "subject"), note)


def _sites(_: Path) -> Sample:
    runs = [SiteRun(SEED + number) for number in range(SITES)]
    windows = pd.concat(
        [
            site_windows(runs[:SITES_WITH_CLIENTS], clients=True),
            site_windows(runs[SITES_WITH_CLIENTS:]),
        ]
    )
    labels = ("episode", "gradual", "near_miss", "client_kind")
    note = (
        f"{SITES} simulated sites, seeds {SEED} to {SEED + SITES - 1}; of the first"
        f" {SITES_WITH_CLIENTS} with the windows of clients."
    )
    return sample(windows[[*KEY, *FEATURES, *labels, "seed"]], (*labels, "subject"), note)


def _owasp(_: Path) -> Sample:
    windows = owasp.scenario_windows(seeds=(SEED,))
    windows["part"] = np.select(
        [windows["attack"], windows["attacked"], windows["normal"]],
        ["attack", "attacked", "normal"],
        "others meanwhile",
    )
    columns = [*KEY, *FEATURES, "scenario", "part"]
    note = f"Every scenario once, seed {SEED}."
    return sample(windows[columns], ("part", "scenario", "subject"), note)


def _recorded(_: Path) -> Sample:
    windows = recorded.load().drop(columns="provenance")
    return sample(windows, ("kind", "episode", "client_kind", "subject"), "All recorded windows.")


def _combined(_: Path) -> Sample:
    windows = combined.load().drop(columns=[*RHYTHM, "group", "end", "weight"])
    own = windows["provenance"].str.startswith(recorded.NAME)
    windows["data"] = np.where(own, "recorded", "simulated")
    note = "All windows, without rows of public sets; the workbook below has every column."
    labels = ("client_kind", "normal", "episode", "subject", "data")
    return sample(windows, labels, note)


def _payloads(_: Path) -> Sample:
    rows = payloads.load(SEED)
    return _texts(rows, rows["text"], ("attack", "rule", "split"), "All patterns, all disguises.")


def _csic2010(reference_dir: Path) -> Sample:
    rows = csic2010.load(reference_dir / csic2010.FOLDER).drop(columns="group")
    rows["label"] = rows["label"].map({0: "normal", 1: "anomalous"})
    texts = rows["query"] + rows["body"]
    return _texts(rows, texts, ("label", "method", "split"), "Each request once.")


def _texts(rows: pd.DataFrame, texts: pd.Series, labels: tuple[str, ...], note: str) -> Sample:
    """Rows that are no windows: the length of their text is all that can be measured."""
    return Sample(compact(rows.assign(length=texts.str.len())), ("length",), labels, note)


def _web_bots(reference_dir: Path) -> Sample:
    folder = reference_dir / web_bots.FOLDER
    windows = window_features(web_bots.load(folder))
    windows = windows.loc[windows["subject"] == CLIENT, [*KEY, *FEATURES]]
    known = web_bots.sessions(folder).rename(columns={"session": "client"})
    windows = windows.merge(known, on="client", how="left")
    note = "Its requests as windows of a minute, the client is the session."
    return sample(windows, ("label", "is_bot", "split"), note)


def _access_logs(reference_dir: Path) -> Sample:
    folder = reference_dir / access_logs.FOLDER
    logs = [
        window_features(access_logs.load(folder, name).calls)[[*KEY, *FEATURES]].assign(log=name)
        for name in access_logs.LOGS
    ]
    note = "Both logs as windows of a minute."
    return sample(pd.concat(logs), ("log", "subject", "method"), note)


def _petshop(reference_dir: Path) -> Sample:
    windows = petshop.load(reference_dir / petshop.FOLDER)
    labels = ("failing", "scenario", "target_metric", "episode")
    return sample(windows, labels, "All rows; each is of five minutes.")


def _sockshop(reference_dir: Path) -> Sample:
    windows = sockshop.load(reference_dir / sockshop.FOLDER)
    labels = ("failing", "service", "fault")
    return sample(windows, labels, "Its seconds as windows of a minute.")


LOADERS: Final[dict[str, Callable[[Path], Sample]]] = {
    "synthetic": _synthetic,
    "sites": _sites,
    "owasp": _owasp,
    "payloads": _payloads,
    "recorded": _recorded,
    combined.NAME: _combined,
    "csic2010": _csic2010,
    "web_bots": _web_bots,
    "access_logs": _access_logs,
    "petshop": _petshop,
    "sockshop": _sockshop,
}
