"""How many alarms ordinary traffic raises: the real access logs, read and scored in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd

from datasets.reference import access_logs
from datasets.reference.files import Absent
from ml.bundle import MIN_CALLS, Bundle
from ml.features import CLIENT, ENDPOINT, window_features

_KINDS: Final = (ENDPOINT, CLIENT)
TOP: Final = 5  # of each log are listed for a person to judge
_SHOWN: Final = (
    "req_count", "error_rate", "payload_mean", "unique_endpoints", "repeat_rate", "status_entropy",
    "anomaly_score", "failure_probability", "usage_cluster", "risk_score", "priority",
)  # fmt: skip


def real_logs_figures(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Of each log, HIGH and MEDIUM windows an hour; a `reason` alone where there is no log.

    Parameters
    ----------
    folder : Path
        `access_logs` in the folder of reference data.
    """
    return {name: _of_log(bundle, folder, name) for name in access_logs.LOGS}


def _of_log(bundle: Bundle, folder: Path, name: str) -> dict[str, Any]:
    try:
        log = access_logs.load(folder, name)
    except Absent as absent:
        return {"reason": str(absent)}
    windows = window_features(log.calls)
    scored = bundle.score(windows, windows.iloc[:0], min_calls=MIN_CALLS)
    hours = float(log.calls["timestamp"].max() - log.calls["timestamp"].min()) / 3_600_000
    risky = scored[scored["priority"] != "LOW"]
    return {
        "calls": len(log.calls["timestamp"]),
        "lines_rejected": log.rejected,
        "hours": hours,
        **{f"{kind}s": _counts(scored[scored["subject"] == kind], hours) for kind in _KINDS},
        "top": [_shown(row) for row in risky.nlargest(TOP, "risk_score").to_dict("records")],
    }


def _counts(scored: pd.DataFrame, hours: float) -> dict[str, Any]:
    high, medium = (int((scored["priority"] == level).sum()) for level in ("HIGH", "MEDIUM"))
    return {
        "windows": len(scored),
        "high": high,
        "medium": medium,
        "high_an_hour": high / hours,
        "medium_an_hour": medium / hours,
        "high_subjects": int(
            scored.loc[scored["priority"] == "HIGH", ["endpoint", "method", "client"]]
            .astype(str)
            .drop_duplicates()
            .shape[0]
        ),
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    client = row["subject"] == CLIENT
    at = pd.Timestamp(row["timestamp"], unit="ms", tz="UTC").strftime("%Y-%m-%dT%H:%MZ")
    name = row["client"] if client else f"{row['method']} {row['endpoint']}"
    return {"at": at, "subject": row["subject"], "name": name} | {k: row[k] for k in _SHOWN}
