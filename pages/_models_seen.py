"""What the Models page reads: the store, the versions on disk, and the written evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from components.model_scorecard import Period
from components.model_versions import Event, VersionFacts
from jobs import scorecard, versions
from jobs.runtime import Foresight
from ml.registry import Version
from pages import _models_evaluation, _models_versions
from pages._models_evaluation import Evaluation
from store import feedback, forecasts, reads
from store.drift import DriftHour, drift_between
from store.forecasts import HOUR_MS
from store.model_events import newest_events

DRIFT_HOURS: Final = 7 * 24
MOST_EVENTS: Final = 50
_PERIODS: Final = {"day": "Last day", "week": "Last week"}


@dataclass(frozen=True)
class Seen:
    """What a poll reads, of one kind of subject."""

    subject: str
    now: int  # [epoch ms]
    versions: Sequence[Version]
    back_to: str | None
    events: Sequence[Event]
    verdicts: Mapping[str, int]
    nightly: str
    periods: Sequence[Period]
    drift: Sequence[DriftHour]
    evaluation: Evaluation | None
    evaluation_problem: str

    @cached_property
    def current(self) -> Version | None:
        """The version that scores."""
        return next((version for version in self.versions if version.is_current), None)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Of the current version."""
        return {} if self.current is None else self.current.manifest

    @cached_property
    def facts(self) -> list[VersionFacts]:
        """What is told of all versions, newest first."""
        told = self.events, self.back_to
        return [_models_versions.facts(version, *told) for version in self.versions]

    @cached_property
    def fullest(self) -> Period | None:
        """The last week if it has forecasts, else all that is stored; None: there are none."""
        recent, older = self.periods[:2], self.periods[2:]
        ordered = [*reversed(recent), *older]
        return next((period for period in ordered if period.card.base_rate.n), None)


def seen(parts: Foresight, subject: str, now: int) -> Seen:
    """Read the store, the manifests and the written evaluation."""
    with parts.store.read() as connection:
        events = _models_versions.events_of(newest_events(connection, MOST_EVENTS))
        verdicts = feedback.verdict_counts(connection)
        run = reads.job_runs(connection).get("retraining", {})
        first = forecasts.first_compared(connection, subject)
        drifted = drift_between(connection, subject, now - DRIFT_HOURS * HOUR_MS, now)
    try:
        measured, problem = _models_evaluation.evaluation(), ""
    except (ValueError, LookupError) as error:
        measured, problem = None, str(error)
    return Seen(
        subject=subject,
        now=now,
        versions=parts.models.versions(),
        back_to=versions.before(parts.models),
        events=events,
        verdicts=verdicts,
        nightly=str(run.get("error") or run.get("detail") or ""),
        periods=_periods(parts, subject, first, now),
        drift=drifted,
        evaluation=measured,
        evaluation_problem=problem,
    )


def _periods(parts: Foresight, subject: str, first: int | None, now: int) -> list[Period]:
    """The last day and week, and all that is stored where that reaches further back."""
    end = -(-now // HOUR_MS) * HOUR_MS
    starts = {
        _PERIODS[name]: (now - length) // HOUR_MS * HOUR_MS
        for name, length in scorecard.RANGES_MS.items()
    }
    if first is not None and first < min(starts.values()):
        starts["All stored"] = first
    periods = [
        Period(name, scorecard.card_of(parts.store, subject, start, end))
        for name, start in starts.items()
    ]
    day, week = (period.card.base_rate.n for period in periods[:2])
    return periods[:1] if day == week and len(periods) == 2 else periods
