"""How the models hold up: the scorecard of their forecasts and the drift of their inputs."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response, jsonify

from api import current, model_schemas
from api.described import described
from api.query import RangeQuery
from jobs.drift import LEAST_WINDOWS
from jobs.scorecard import HOUR_MS, RANGES_MS, cards
from ml.drift import DRIFTED_ABOVE, STABLE_BELOW, reading
from ml.failure import HORIZON_MS
from ml.features import CLIENT, ENDPOINT
from ml.scorecard import WARNING, Card, Share
from store.drift import DriftHour, drift_between
from store.times import LAST_MS, iso

forecasts = Blueprint("forecasts", __name__, url_prefix="/api/models")

MINUTE_MS: Final = 60_000


@forecasts.get("/scorecard")
@described("Models", model_schemas.Scorecard)
def scorecard(query: RangeQuery) -> Response:
    """Failure probabilities that were given, compared with what happened.

    Without parameters of the last day and week; with `from` or `to` of that range (open ends: a
    week before `to`, and now), in whole hours. Windows that fail already are left out, their
    probability is 1 by rule; so are windows whose next 5 minutes are not over and scored, and the
    endpoint `(unmatched)`, which consists of errors by definition.
    """
    now = time.time_ns() // 1_000_000
    if query.start is None and query.end is None:
        ranges = {name: (now - length, now) for name, length in RANGES_MS.items()}
    else:
        ranges = {"range": _range(query, now)}
    answer = {name: _scorecard_range(*asked) for name, asked in ranges.items()}
    return jsonify(answer | {"warning": WARNING, "horizon_minutes": HORIZON_MS // MINUTE_MS})


@forecasts.get("/drift")
@described("Models", model_schemas.Drift)
def drift(query: RangeQuery) -> Response:
    """Population stability index of each feature against training, by hours.

    The reading is the usual one: `stable` below 0.1, `moving` up to 0.25, `drifted` above it
    (N. Siddiqi, Credit Risk Scorecards, 2006). Thin windows are left out; an hour with fewer than
    `least_windows` others is measured with the day up to its end. Without `from` the range is the
    week before `to`, without `to` it ends now.
    """
    start, end = _range(query, time.time_ns() // 1_000_000)
    with current().store.read() as connection:
        hours = {
            subject: [_drift_hour(hour) for hour in drift_between(connection, subject, start, end)]
            for subject in (ENDPOINT, CLIENT)
        }
    limits = {"stable_below": STABLE_BELOW, "drifted_above": DRIFTED_ABOVE}
    found = {
        subject: {"latest": own[-1] if own else None, "hours": own}
        for subject, own in hours.items()
    }
    return jsonify(
        {"from": iso(start), "to": iso(end), "least_windows": LEAST_WINDOWS, **limits, **found}
    )


def _range(query: RangeQuery, now: int) -> tuple[int, int]:
    end = now if query.end is None else query.end
    start = max(0, end - RANGES_MS["week"]) if query.start is None else query.start
    return min(start, end), end


def _scorecard_range(start: int, end: int) -> dict[str, Any]:
    first, last = start // HOUR_MS * HOUR_MS, min(-(-end // HOUR_MS) * HOUR_MS, LAST_MS)
    found = {subject: _card(card) for subject, card in cards(current().store, first, last).items()}
    return {"from": iso(first), "to": iso(last), **found}


def _card(card: Card) -> dict[str, Any]:
    values = asdict(card)
    shares = {name: share._asdict() for name, share in values.items() if isinstance(share, Share)}
    tenths = [
        {"from": r.low, "to": r.high, "given": r.given, "failed": r.failed._asdict()}
        for r in card.reliability
    ]
    return {"forecasts": card.base_rate.n, **values, **shares, "reliability": tenths}


def _drift_hour(hour: DriftHour) -> dict[str, Any]:
    return {
        "timestamp": iso(hour.timestamp),
        "windows": hour.windows,
        "model_version": hour.model_version,
        "features": {
            feature: {"psi": index, "reading": reading(index)}
            for feature, index in hour.psi.items()
        },
    }
