"""The training set: the mock shop, made-up sites, a recording and the user's copy of web sessions.

Every row says where it comes from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from datasets import recorded
from datasets.data_set import DataSet
from datasets.reference import web_bots
from datasets.reference.files import Absent
from datasets.sites import SiteRun, site_windows
from datasets.synthetic import Run, labelled_windows
from ml.features import CLIENT, FEATURES, KEY, window_features
from ml.rhythm import RHYTHM
from settings import Settings

NAME: Final = "combined"
LABELS: Final = ("provenance", "group", "episode", "client_kind", "normal", "end", "weight")
COLUMNS: Final = (*KEY, *FEATURES, *RHYTHM, *LABELS)
_MINUTE_MS: Final = 60_000
_POPULATIONS: Final = (  # intensity, clients: from a quiet to a busy shop
    (0.25, 40),
    (1.0, 40),
    (0.5, 24),
    (1.5, 12),
    (0.4, 50),
)
SHOP_RUNS: Final = 12
CALM_SHOP_RUNS: Final = 3
SITE_RUNS: Final = 60
CALM_SITE_RUNS: Final = 6
SITES_WITH_CLIENTS: Final = 10  # of the runs; windows of clients are many
CORES: Final = 2
REAL_WEIGHT: Final = 4.0  # of a real client among simulated ones, when bots are learnt


def shop_runs(seed: int) -> list[Run]:
    """Simulated hours of quiet and busy shops at all times of the day; the last three are calm."""
    busy = [
        Run(100 * seed + number, 60, *_POPULATIONS[number % 5], hour=(7 + 5 * number) % 24)
        for number in range(SHOP_RUNS)
    ]
    calm = [
        Run(
            100 * seed + 50 + number, 60, *_POPULATIONS[number], episodes=False, hour=9 + 6 * number
        )
        for number in range(CALM_SHOP_RUNS)
    ]
    return busy + calm


def site_runs(seed: int) -> list[SiteRun]:
    """Runs of made-up sites with the faults that may be learnt from; the last are calm."""
    first = 1000 * seed
    return [
        *(SiteRun(first + number) for number in range(SITE_RUNS)),
        *(SiteRun(first + 500 + number, families=()) for number in range(CALM_SITE_RUNS)),
    ]


def load(
    seed: int = 1,
    reference_dir: Path | None = None,
    *,
    shop: list[Run] | None = None,
    sites: list[SiteRun] | None = None,
) -> pd.DataFrame:
    """The training set.

    Parameters
    ----------
    seed : int
        Of everything that is simulated.
    reference_dir : Path, optional
        The user's copies of public data; sessions of `web_bots` are added when they are there.
    shop, sites : list, optional
        What to simulate; `shop_runs(seed)` and `site_runs(seed)` unless given.

    Returns
    -------
    DataFrame
        Key, `FEATURES`, the measures of `RHYTHM` (NaN where not known), and labels: `provenance`,
        `group` (run or session; never on two sides of a split), `episode` ("" for none),
        `client_kind` (normal, heavy, bot; None: not known), `normal` (outside of all episodes),
        `end` (where the data ends that the window is from, epoch ms) and `weight` (of its client).
    """
    from joblib import Parallel, delayed

    shop = shop_runs(seed) if shop is None else shop
    sites = site_runs(seed) if sites is None else sites
    parts = Parallel(n_jobs=CORES)(
        [delayed(_of_shop)(run) for run in shop]
        + [delayed(_of_site)(run, number < SITES_WITH_CLIENTS) for number, run in enumerate(sites)]
    )
    parts += [*_recorded(), *_web_bots(reference_dir)]
    windows = pd.concat([part[list(COLUMNS)] for part in parts], ignore_index=True)
    windows["group"] = pd.factorize(windows["group"])[0]
    kind = windows["client_kind"].astype(object)
    windows["client_kind"] = kind.where(kind.notna(), None)
    return windows


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    del settings
    return DataSet(
        name=NAME,
        title="Training set",
        kind="mixed",
        source="simulated: shop and made-up sites; recorded: the mock shop; and the user's copy of"
        " web_bots, if there is one",
        licence="MIT, as the product; rows of web_bots are the user's own",
        rows=None,
        columns=COLUMNS,
        labels="normal: outside of all known misuse and faults; episode: its name; client_kind",
        split="by run and session (group): the models are calibrated on groups held back",
        available=True,
        note="Generated anew from the seed in about half a minute.",
    )


def _of_shop(run: Run) -> pd.DataFrame:
    windows = labelled_windows([run])
    return _labelled(windows, f"synthetic seed {run.seed} (simulated)")


def _of_site(run: SiteRun, clients: bool) -> pd.DataFrame:
    windows = site_windows([run], clients=clients)
    return _labelled(windows, f"sites seed {run.seed} (simulated)")


def _labelled(windows: pd.DataFrame, provenance: str) -> pd.DataFrame:
    return windows.assign(
        provenance=provenance,
        group=provenance,
        normal=windows["episode"] == "",
        end=windows["timestamp"].max() + _MINUTE_MS,
        weight=1.0,
    )


def _recorded() -> list[pd.DataFrame]:
    if not recorded.FILE.is_file():
        return []
    windows = recorded.load().assign(**dict.fromkeys(RHYTHM, np.nan))
    return [_labelled(windows, "recorded from the mock shop")]


def _web_bots(reference_dir: Path | None) -> list[pd.DataFrame]:
    """Client windows of the user's own copy; nothing is known about the site they come from."""
    if reference_dir is None:
        return []
    try:
        folder = reference_dir / web_bots.FOLDER
        return [session_windows(folder)]
    except Absent:
        return []


def session_windows(folder: Path) -> pd.DataFrame:
    """Client windows of web_bots; they say who is a program, and nothing else about normal traffic.

    Raises
    ------
    Absent
        The files are not in `folder`.
    """
    windows = window_features(web_bots.load(folder))
    windows = windows[windows["subject"] == CLIENT].reset_index(drop=True)
    is_bot = web_bots.sessions(folder).set_index("session")["is_bot"]
    kind = np.where(windows["client"].map(is_bot).astype(bool), "bot", "normal")
    return windows.assign(
        provenance="web_bots (the user's copy)",
        group="web_bots " + windows["client"].astype(str),
        episode="",
        client_kind=pd.Series(kind, windows.index, dtype=object),
        normal=False,
        end=windows["timestamp"],
        weight=REAL_WEIGHT,
    )
