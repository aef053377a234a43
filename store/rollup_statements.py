"""The statements that sum windows up, from roll-ups and from the windows themselves.

They are made once, with parameters, since making one takes longer than running many. Each row is a
key (endpoint, method, subject, start of the bucket), the numbers in the order of `rollup`, and, of
single endpoints, status codes and a histogram.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    text,
)

from store.tables import anomaly_log, rollup

ALL: Final = "*"  # endpoint and method of the sums of all windows of a subject
_W = anomaly_log.c
_R = rollup.c
_HIGHEST: Final = ("risk", "failure_probability", "anomaly_score", "slowest_ms")
_NEWEST: Final = ("newest", "newest_risk", "newest_failure_probability", "newest_anomaly_score")

_TIMED: Final = _W.avg_response_time.is_not(None)
_STORED: Final[dict[str, ColumnElement[Any]]] = {
    column.name: column for column in tuple(rollup.c)[5:-2]
}
_OF_WINDOW: Final[dict[str, ColumnElement[Any]]] = {  # what one window adds to each of these
    "windows": literal_column("1"),
    "anomalies": _W.is_anomaly,
    "high": cast(_W.priority == "HIGH", Integer),
    "medium": cast(_W.priority == "MEDIUM", Integer),
    "bots": cast(_W.usage_cluster == "bot", Integer),
    "risk_sum": _W.risk_score,
    "risk": _W.risk_score,
    "failure_probability": _W.failure_probability,
    "anomaly_score": _W.anomaly_score,
    "calls": _W.req_count,
    "errors": func.round(_W.error_rate * _W.req_count),
    "simulated": _W.simulated_count,
    "timed": case((_TIMED, _W.req_count), else_=literal_column("0")),
    "spent_ms": func.coalesce(_W.avg_response_time * _W.req_count, literal_column("0.0")),
    "slowest_ms": _W.max_response_time,
    "newest": _W.timestamp,
    "newest_risk": _W.risk_score,
    "newest_failure_probability": _W.failure_probability,
    "newest_anomaly_score": _W.anomaly_score,
}


def _aggregated(values: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [
        null() if name in _NEWEST else (func.max if name in _HIGHEST else func.sum)(value)
        for name, value in values.items()
    ]


def _bucket(at: ColumnElement[int]) -> ColumnElement[int]:
    return at - at % bindparam("bucket", type_=BigInteger)


_STAR: Final[ColumnElement[str]] = literal_column(f"'{ALL}'")
_ENDPOINT: Final[ColumnElement[str]] = literal_column("'endpoint'")
_GROUPS: Final = text("1, 2, 3, 4")
_START, _END = bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger)
_SPAN: Final = _R.span_ms == bindparam("span", type_=BigInteger)
_WITHIN: Final = (_SPAN, _R.timestamp >= _START, _R.timestamp < _END)
_ALIGNED: Final = _W.timestamp % bindparam("window", type_=BigInteger) == 0
_INSIDE: Final = (_ALIGNED, _W.timestamp >= _START, _W.timestamp < _END)
_STORED_KEY: Final = (_R.endpoint, _R.method, _R.subject, _bucket(_R.timestamp))
_WINDOW_KEY: Final = (_W.endpoint, _W.method, _W.subject, _bucket(_W.timestamp))


def _stored_totals(which: ColumnElement[bool]) -> Select[Any]:
    sums = select(*_STORED_KEY, *_aggregated(_STORED))
    return sums.where(*_WITHIN, which).group_by(_GROUPS)


def _window_totals(*key: ColumnElement[Any]) -> Select[Any]:
    sums = select(*key, *_WINDOW_KEY[len(key) :], *_aggregated(_OF_WINDOW))
    return sums.where(*_INSIDE).group_by(_GROUPS)


def _stored_details(*which: ColumnElement[bool]) -> Select[Any]:
    every = select(*_STORED_KEY, *_STORED.values(), _R.status_counts, _R.latency_histogram)
    return every.where(*_WITHIN, *which)


def _window_details(*which: ColumnElement[bool]) -> Select[Any]:
    every = select(*_WINDOW_KEY, *_OF_WINDOW.values(), _W.status_counts, _W.latency_histogram)
    return every.where(*_INSIDE, _W.subject == _ENDPOINT, *which)


def _named(table: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.endpoint == bindparam("endpoint"), table.method == bindparam("method")


# Parameters: `span`, `start` and `end` [epoch ms], the last one included.
STORED_SPANS: Final = (
    select(_R.timestamp)
    .where(_SPAN, _R.endpoint == _STAR, _R.method == _STAR, _R.subject == _ENDPOINT)
    .where(_R.timestamp >= _START, _R.timestamp <= _END)
    .order_by(_R.timestamp)
)
# `bucket` [ms], `start` and `end`, the last one not included; of roll-ups `span`, of windows
# `window`, the length [ms] that they are aligned to.
STORED_TOTALS: Final = _stored_totals(_R.endpoint == _STAR)
STORED_TOTALS_BY_ENDPOINT: Final = _stored_totals(_R.endpoint != _STAR)
WINDOW_TOTALS: Final = _window_totals(_STAR, _STAR)
WINDOW_TOTALS_BY_ENDPOINT: Final = _window_totals().where(_W.subject == _ENDPOINT)
# The same, of all endpoints, of the one `endpoint`, of its one `method`.
STORED_DETAILS: Final = (
    _stored_details(_R.endpoint != _STAR),
    _stored_details(*_named(_R)[:1]),
    _stored_details(*_named(_R)),
)
WINDOW_DETAILS: Final = (
    _window_details(),
    _window_details(*_named(_W)[:1]),
    _window_details(*_named(_W)),
)
