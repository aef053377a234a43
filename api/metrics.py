"""`GET /metrics`: the state of the product in the text format of Prometheus.

Everything is read from the store when it is asked for, so each server on a store says the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from api import current
from jobs.runtime import Foresight
from jobs.scorecard import HOUR_MS, RANGES_MS, cards
from ml.features import CLIENT, ENDPOINT
from ml.registry import ModelError
from store import gauges, reads
from store.drift import drift_between

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def scrape() -> Response:
    """All metrics; needs a token or session like every other route."""
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
            yield from _counts(connection, self._now, self._parts.store.window_ms)
            yield from _jobs(connection)
            yield _drift(connection, self._now)
        yield from _scorecard(self._parts, self._now)
        yield _model(self._parts)


def _counts(connection: Connection, now: int, window_ms: int) -> Iterator[Metric]:
    counters = reads.counters(connection) | {"calls_stored": gauges.calls_stored(connection)}
    for name, text in (
        ("calls_stored", "Calls stored since the database was made."),
        ("calls_lost", "Calls that could not be written to a journal."),
        ("records_torn", "Journal records that could not be read."),
        ("records_refused", "Journal records that the database refused."),
    ):
        yield CounterMetricFamily(f"foresight_{name}", text, counters.get(name, 0))
    waiting = gauges.windows_waiting(connection, now - window_ms)
    yield GaugeMetricFamily(
        "foresight_windows_waiting", "Closed window starts with calls not scored yet.", waiting
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
        "foresight_job_failed",
        "1 when the last run of the job failed.",
        ["job"],
        {(name,): float(run["error"] is not None) for name, run in runs.items()},
    )


def _drift(connection: Connection, now: int) -> Metric:
    samples = {}
    for subject in (ENDPOINT, CLIENT):
        for hour in drift_between(connection, subject, now - RANGES_MS["day"], now)[-1:]:
            samples |= {(subject, feature): index for feature, index in hour.psi.items()}
    return _family(
        "foresight_drift_psi",
        "Population stability index against training, of the last hour measured.",
        ["subject", "feature"],
        samples,
    )


def _scorecard(parts: Foresight, now: int) -> Iterator[Metric]:
    start = (now - RANGES_MS["day"]) // HOUR_MS * HOUR_MS
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
