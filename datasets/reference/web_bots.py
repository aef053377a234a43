"""Web Bot Detection: requests of people and of two kinds of bots to one web site, by session.

Bots and people were recorded on different days with different browsers. So only method, path,
status, bytes and times become calls: date, user agent and referrer would give the label away.

References
----------
C. Iliou, T. Kostoulas, T. Tsikrika, V. Katos, S. Vrochidis, I. Kompatsiaris, Detection of Advanced
Web Bots by Combining Web Logs with Mouse Behavioural Biometrics, Digital Threats 2(3), 2021.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from datasets.data_set import DataSet
from datasets.reference.calls import call_columns
from datasets.reference.files import existing, lines_in
from settings import Settings

FOLDER: Final = "web_bots"
REQUESTS_FILE: Final = "requests_shared.csv.gz"
SESSIONS_FILE: Final = "sessions_shared.csv.gz"
HUMAN: Final = "human"
_USED: Final = ["session", "timestamp", "method", "path", "status", "bytes"]


def load(folder: Path) -> dict[str, Any]:
    """The requests as calls, by time; the client is the session.

    Parameters
    ----------
    folder : Path
        `web_bots` in the folder of reference data.

    Returns
    -------
    dict of str to ndarray of shape (n_calls,)
        As of `datasets.synthetic.call_columns`; no response times are known (NaN), times are whole
        seconds.

    Raises
    ------
    Absent
        The file is not there.
    """
    rows = pd.read_csv(
        existing(folder / REQUESTS_FILE), usecols=_USED, keep_default_na=False, dtype={"path": str}
    )
    times = pd.to_datetime(rows["timestamp"], utc=True).dt.as_unit("ms").astype("int64")
    return call_columns(
        timestamp=np.asarray(times, np.int64),
        method=rows["method"].tolist(),
        target=rows["path"].tolist(),
        status_code=rows["status"].to_numpy(),
        payload_size=rows["bytes"].to_numpy(),
        client=rows["session"].tolist(),
    )


def sessions(folder: Path) -> pd.DataFrame:
    """What is known about each session.

    Returns
    -------
    DataFrame
        `session`, `label` (human, moderate_bot or advanced_bot), `is_bot` and `split`: train for
        the authors' own training sessions, unannotated for those labelled by their log file alone.

    Raises
    ------
    Absent
        The file is not there.
    """
    rows = pd.read_csv(existing(folder / SESSIONS_FILE))
    return pd.DataFrame(
        {
            "session": rows["session"],
            "label": rows["label"],
            "is_bot": rows["label"] != HUMAN,
            "split": rows["in_official_annotation"].map({1: "train", 0: "unannotated"}),
        }
    )


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    lines = lines_in(settings.reference_data_dir / FOLDER / REQUESTS_FILE)
    return DataSet(
        name="web_bots",
        title="Web Bot Detection, phase 1 web logs",
        kind="real",
        source="Iliou et al., Digital Threats 2(3), 2021; real requests by session",
        licence="none stated with the copy; the user's own copy, not part of the product",
        rows=None if lines is None else lines - 1,
        columns=tuple(_USED),
        labels="session: human, moderate_bot (browser fingerprint) or advanced_bot (human-like)",
        split="by session: the authors' training part; sessions they left out are marked",
        available=lines is not None,
        note="Date, user agent and referrer tell bots from people by how the set was recorded; they"
        " are not read.",
    )
