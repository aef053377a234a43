"""`GET /metrics`: the state of the product in the text format of Prometheus.

Everything is read from the store when it is asked for, so that each server on a store says the
same; but for what is of one server: its journals, live sockets and refused logins.

No label is named after an endpoint, a client or a path, so that there are at most `MOST_SAMPLES`
samples, whatever is called by whom.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from api import current
from api.described import described
from jobs.backlog import backlog
from jobs.runtime import Foresight
from jobs.scorecard import HOUR_MS, RANGES_MS, cards
from ml.features import CLIENT, ENDPOINT
from ml.registry import ModelError
from store import gauges, reads
from store.call_counts import BOUNDS_MS, STATUS_CLASSES, call_counts
from store.drift import drift_between

MOST_SAMPLES: Final = 200
DAY_MS: Final = RANGES_MS["day"]
_BOUNDS: Final = (*(f"{ms / 1000}" for ms in BOUNDS_MS), "+Inf")
_CLASSES: Final = {n: f"{n}xx" if n else "other" for n in STATUS_CLASSES}

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@described("Operation", also=("text/plain",))
def scrape() -> Response:
    """All metrics, in the text format of Prometheus.

    They are read from the store: several servers on one say the same.
    """
    registry = CollectorRegistry()
    registry.register(_Foresight(current(), time.time_ns() // 1_000_000))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Foresight(Collector):
    """What the store says at one moment [epoch ms]."""

    def __init__(self, parts: Foresight, now: int) -> None:
        self._parts = parts
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing: a registry of one scrape need not look for names given twice."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics of the product."""
        with self._parts.store.read() as connection:
            yield from _calls(connection)
            yield from _losses(connection)
            yield from _windows(connection, self._now, self._parts.store.window_ms)
            yield from _jobs(connection)
            yield _drift(connection, self._now)
        yield from _journal(self._parts, self._now)
        yield from _server(self._parts)
        yield from _scorecard(self._parts, self._now)
        yield _model(self._parts)


def _calls(connection: Connection) -> Iterator[Metric]:
    counted = call_counts(connection)
    calls = CounterMetricFamily(
        "foresight_calls", "Calls stored, also those removed since.", labels=["source", "status"]
    )
    errors = CounterMetricFamily(
        "foresight_call_errors", "Of them with a status of 400 or more.", labels=["source"]
    )
    durations = HistogramMetricFamily(
        "foresight_call_duration_seconds", "Response times of calls.", labels=["source"]
    )
    for source, counts in counted.items():
        for status, number in counts.by_status.items():
            calls.add_metric((source, _CLASSES[status]), number)
        errors.add_metric((source,), counts.by_status[4] + counts.by_status[5])
        within = zip(_BOUNDS, accumulate(counts.by_duration), strict=True)
        durations.add_metric((source,), list(within), counts.seconds)
    return iter((calls, errors, durations))


def _losses(connection: Connection) -> Iterator[Metric]:
    counters = reads.counters(connection)
    for name, text in (
        ("calls_lost", "Calls that could not be written to a journal."),
        ("records_torn", "Journal records that could not be read."),
        ("records_refused", "Journal records that the database refused."),
    ):
        yield CounterMetricFamily(f"foresight_{name}", text, counters.get(name, 0))


def _windows(connection: Connection, now: int, window_ms: int) -> Iterator[Metric]:
    over = now - window_ms
    yield GaugeMetricFamily(
        "foresight_windows_waiting",
        "Closed window starts with calls not scored yet.",
        gauges.windows_waiting(connection, over),
    )
    oldest = gauges.oldest_waiting(connection, over - DAY_MS, over)
    yield GaugeMetricFamily(
        "foresight_scoring_lag_seconds",
        "Age of the oldest closed window of the last day that waits to be scored; 0: none.",
        0 if oldest is None else (over - oldest) / 1000,
    )
    yield _family(
        "foresight_windows_last_hour",
        "Windows that started in the last hour.",
        ["priority"],
        {(name,): n for name, n in gauges.windows_by_priority(connection, now - HOUR_MS).items()},
    )
    yield _family(
        "foresight_feedback_windows",
        "Windows that a person gave a verdict on.",
        ["verdict"],
        {(verdict,): n for verdict, n in gauges.feedback_by_verdict(connection).items()},
    )


def _journal(parts: Foresight, now: int) -> Iterator[Metric]:
    with parts.store.read() as connection:
        positions = reads.journal_positions(connection)
    waiting = backlog(parts.settings.journal_dir, positions)
    yield GaugeMetricFamily(
        "foresight_journal_bytes", "Bytes in the journals that are not stored yet.", waiting.bytes
    )
    yield GaugeMetricFamily(
        "foresight_journal_records",
        "Records in them; estimated beyond 64 MiB.",
        waiting.records,
    )
    age = 0 if waiting.oldest_at is None else max(now - waiting.oldest_at, 0) / 1000
    yield GaugeMetricFamily(
        "foresight_writer_lag_seconds", "Age of the oldest call not stored yet; 0: none.", age
    )


def _server(parts: Foresight) -> Iterator[Metric]:
    refused = CounterMetricFamily(
        "foresight_refused_logins", "Logins refused since this server started.", labels=["kind"]
    )
    for kind, number in parts.refused_logins.by_kind().items():
        refused.add_metric((kind,), number)
    yield refused
    yield GaugeMetricFamily(
        "foresight_live_sockets", "Open live streams of this server.", parts.tail.listeners
    )


def _jobs(connection: Connection) -> Iterator[Metric]:
    runs = reads.job_runs(connection)
    yield _family(
        "foresight_job_last_success_timestamp_seconds",
        "When the job succeeded last.",
        ["job"],
        {
            (name,): run["succeeded_at"] / 1000
            for name, run in runs.items()
            if run["succeeded_at"] is not None
        },
    )
    yield _family(
        "foresight_job_duration_seconds",
        "How long the last finished run of the job took.",
        ["job"],
        {
            (name,): (run["finished_at"] - run["started_at"]) / 1000
            for name, run in runs.items()
            if run["finished_at"] is not None and run["finished_at"] >= run["started_at"]
        },
    )
    yield _family(
        "foresight_job_failed",
        "1 when the last run of the job failed.",
        ["job"],
        {(name,): float(run["error"] is not None) for name, run in runs.items()},
    )


def _drift(connection: Connection, now: int) -> Metric:
    samples = {}
    for subject in (ENDPOINT, CLIENT):
        for hour in drift_between(connection, subject, now - DAY_MS, now)[-1:]:
            samples |= {(subject, feature): index for feature, index in hour.psi.items()}
    return _family(
        "foresight_drift_psi",
        "Population stability index against training, of the last hour measured.",
        ["subject", "feature"],
        samples,
    )


def _scorecard(parts: Foresight, now: int) -> Iterator[Metric]:
    start = (now - DAY_MS) // HOUR_MS * HOUR_MS
    found = cards(parts.store, start, now)
    figures = {
        "windows": (
            "Windows whose forecast is compared with what happened",
            lambda c: c.base_rate.n,
        ),
        "warnings": ("Warnings given", lambda c: c.precision.n),
        "onsets": (
            "Failures that began and that a forecast was possible for",
            lambda c: c.recall.n,
        ),
        "failure_ratio": (
            "Share of windows that fail within 5 minutes",
            lambda c: c.base_rate.value,
        ),
        "precision_ratio": ("Share of warnings that were right", lambda c: c.precision.value),
        "recall_ratio": ("Share of failures warned of", lambda c: c.recall.value),
        "brier_skill": ("Brier skill against the base rate", lambda c: c.brier_skill),
    }
    for name, (text, figure) in figures.items():
        values = {(subject,): figure(card) for subject, card in found.items()}
        known = {subject: value for subject, value in values.items() if value is not None}
        yield _family(f"foresight_forecast_{name}", f"{text}, last day.", ["subject"], known)


def _model(parts: Foresight) -> Metric:
    try:
        version = {(parts.models.version(),): 1.0}
    except ModelError:
        version = {}
    return _family("foresight_model_info", "The models in use.", ["version"], version)


def _family(
    name: str, text: str, labels: list[str], samples: dict[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family
