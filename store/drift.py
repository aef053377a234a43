"""Drift by the hour: features to measure it on, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, select

from store.columns import Selected, as_json, columns_of
from store.tables import FEATURE_COLUMNS, anomaly_log, drift

_W = anomaly_log.c
_FEATURES: Final[Selected] = {name: (_W[name], np.float64) for name in FEATURE_COLUMNS}
_FEATURES_AS_JSON: Final = as_json(
    _FEATURES,
    _W.timestamp,
    _W.subject == bindparam("subject"),
    _W.thin == 0,
    _W.timestamp % bindparam("window_ms") == 0,  # windows that do not overlap
)


@dataclass(frozen=True)
class DriftHour:
    """Drift of one hour against the models of that time."""

    timestamp: int  # start of the hour [epoch ms]
    windows: int
    model_version: str
    psi: Mapping[str, float]  # feature -> population stability index


def features_between(
    connection: Connection, subject: str, start: int, end: int, window_ms: int
) -> NDArray[np.float64]:
    """Features of the windows in `[start, end)` [epoch ms] that are not thin, shape (n, 8)."""
    statement = _FEATURES_AS_JSON[connection.dialect.name]
    values = {"subject": subject, "start": start, "end": end, "window_ms": window_ms}
    columns = columns_of(connection.execute(statement, values).one(), _FEATURES)
    return np.column_stack([columns[name] for name in FEATURE_COLUMNS])


def save_drift(connection: Connection, subject: str, hour: DriftHour) -> None:
    """Store the drift of an hour; what was stored of it goes."""
    d = drift.c
    connection.execute(delete(drift).where(d.subject == subject, d.timestamp == hour.timestamp))
    rows = [
        {
            "timestamp": hour.timestamp,
            "subject": subject,
            "feature": feature,
            "psi": psi,
            "windows": hour.windows,
            "model_version": hour.model_version,
        }
        for feature, psi in hour.psi.items()
    ]
    connection.execute(drift.insert(), rows)


def remove_drift(connection: Connection, before: int) -> None:
    """Remove hours that start before an instant [epoch ms]."""
    connection.execute(delete(drift).where(drift.c.timestamp < before))


def drift_between(connection: Connection, subject: str, start: int, end: int) -> list[DriftHour]:
    """Drift of the hours that start in `[start, end)` [epoch ms], oldest first."""
    d = drift.c
    rows = connection.execute(
        select(d.timestamp, d.windows, d.model_version, d.feature, d.psi)
        .where(d.subject == subject, d.timestamp >= start, d.timestamp < end)
        .order_by(d.timestamp)
    )
    hours: dict[int, tuple[int, str, dict[str, float]]] = {}
    for timestamp, windows, version, feature, psi in rows:
        hours.setdefault(timestamp, (windows, version, {}))[2][feature] = psi
    return [DriftHour(timestamp, *rest) for timestamp, rest in hours.items()]
