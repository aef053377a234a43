"""How far ahead failures are seen, on families of faults that no model has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.evaluation import rules
from datasets.evaluation.alarms import (
    false_warnings,
    leads,
    near_misses_warned,
    warning_threshold,
)
from datasets.evaluation.forecast import Truth
from ml.metrics import (
    DRAWS,
    Ranking,
    Statistic,
    average_precision,
    brier,
    brier_skill,
    median,
    reliability,
    share_over,
    with_intervals,
)

RULES = ("closeness", "straight_line")

Floats = NDArray[np.float64]


class Sides(NamedTuple):
    """Something for the runs on which thresholds are chosen, and for those of the test."""

    threshold: Any
    test: Any


def failure_figures(
    truth: Sides, probability: Sides, draws: int = DRAWS, label: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """The part `failure` of the evaluation.

    Parameters
    ----------
    truth : Sides of Truth
    probability : Sides of ndarray
        Failure probability of each window of `truth`.
    label : ndarray of bool, optional
        What the windows of the test are taken for; what came true unless given.
    """
    test: Truth = truth.test
    rated = {name: Sides(*(rule_score(name, side) for side in truth)) for name in RULES}
    best = max(RULES, key=lambda name: _precision(test, rated[name].test, label) or 0.0)
    found = _figures(truth, probability, draws, label, calibrated=True)
    soon = (test.soon if label is None else label)[test.asked]
    baselines = {name: _figures(truth, rated[name], draws, label) for name in RULES}
    ratio = _ratio(found["pr_auc"], baselines[best]["pr_auc"])
    found["interval"]["pr_auc_best_baseline"] = baselines[best]["interval"]["pr_auc"]
    return found | {
        "pr_auc_best_baseline": baselines[best]["pr_auc"],
        "best_baseline": best,
        "pr_auc_over_best_baseline": ratio,
        "baselines": baselines,
        "reliability": [row._asdict() for row in reliability(soon, probability.test[test.asked])],
        "by_family": _by_family(test, leads(test, probability.test, found["threshold"])),
        "faults": len(test.faults),
        "windows": int(test.asked.sum()),
        "quiet_days": float(test.quiet_days.sum()),
        "threshold_quiet_days": float(truth.threshold.quiet_days.sum()),
    }


def rule_score(name: str, truth: Truth) -> Floats:
    """One of RULES for each window."""
    if name == "closeness":
        return rules.closeness(truth.windows)
    return rules.straight_line(truth.windows, truth.subject)


def second_site_figures(
    truth: Truth, probability: Floats, threshold: float, draws: int = DRAWS
) -> dict[str, Any]:
    """The same figures on another simulator, with the threshold as it is."""
    found = _window_figures(truth, probability, draws, None, calibrated=True)
    seen = _fault_figures(truth, leads(truth, probability, threshold), draws)
    baselines = {name: _precision(truth, rule_score(name, truth), None) for name in RULES}
    best = max(RULES, key=lambda name: baselines[name] or 0.0)
    return _merged(found, seen, _calm_figures(truth, probability, threshold, draws)) | {
        "pr_auc_best_baseline": baselines[best],
        "best_baseline": best,
        "faults": len(truth.faults),
        "quiet_days": float(truth.quiet_days.sum()),
    }


def compared(truth: Sides, scores: Mapping[str, Sides]) -> dict[str, dict[str, Any]]:
    """One row of figures for each of several forecasts, without intervals."""
    rows = {
        name: _figures(truth, score, 0, None, calibrated=True) for name, score in scores.items()
    }
    return {name: {k: v for k, v in row.items() if k != "interval"} for name, row in rows.items()}


def _figures(
    truth: Sides,
    score: Sides,
    draws: int,
    label: NDArray[np.bool_] | None,
    *,
    calibrated: bool = False,
) -> dict[str, Any]:
    test: Truth = truth.test
    threshold = warning_threshold(truth.threshold, score.threshold)
    found = _window_figures(test, score.test, draws, label, calibrated=calibrated)
    seen = _fault_figures(test, leads(test, score.test, threshold), draws)
    return _merged(found, seen, _calm_figures(test, score.test, threshold, draws)) | {
        "threshold": threshold,
        "near_misses_warned": near_misses_warned(test, score.test, threshold),
    }


def _window_figures(
    truth: Truth,
    score: Floats,
    draws: int,
    label: NDArray[np.bool_] | None,
    *,
    calibrated: bool = False,
) -> dict[str, Any]:
    soon = (truth.soon if label is None else label)[truth.asked]
    seen = score[truth.asked]
    ranking = Ranking(soon, seen)
    statistics: dict[str, Statistic] = {
        "pr_auc": ranking.average_precision,
        "roc_auc": ranking.roc_auc,
        "base_rate": lambda weight: float(np.average(soon, weights=weight)),
    }
    if calibrated:
        statistics["brier"] = lambda weight: brier(soon, seen, weight)
        statistics["brier_skill"] = lambda weight: brier_skill(soon, seen, weight)
    return with_intervals(truth.run[truth.asked], statistics, draws=draws)


def _fault_figures(truth: Truth, lead: Floats, draws: int) -> dict[str, Any]:
    statistics: dict[str, Statistic] = {
        "gradual_seen_ahead": lambda weight: share_over(lead, 1.0, weight),
        "seen_ahead_3_minutes": lambda weight: share_over(lead, 3.0, weight),
        "median_lead_minutes": lambda weight: median(lead[lead > 0], weight[lead > 0]),
    }
    return with_intervals(truth.faults["run"].to_numpy(), statistics, draws=draws)


def _calm_figures(truth: Truth, score: Floats, threshold: float, draws: int) -> dict[str, Any]:
    count, days = false_warnings(truth, score, threshold), truth.quiet_days
    statistics: dict[str, Statistic] = {
        "false_alarms_per_day": lambda weight: _ratio(
            float((weight * count).sum()), float((weight * days).sum())
        )
    }
    return with_intervals(np.arange(len(days)), statistics, draws=draws)


def _merged(*parts: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= {name: value for name, value in part.items() if name != "interval"}
    return merged | {"interval": {k: v for part in parts for k, v in part["interval"].items()}}


def _precision(truth: Truth, score: Floats, label: NDArray[np.bool_] | None) -> float | None:
    soon = truth.soon if label is None else label
    return average_precision(soon[truth.asked], score[truth.asked])


def _ratio(value: float | None, by: float | None) -> float | None:
    return None if value is None or not by else value / by


def _by_family(truth: Truth, lead: Floats) -> dict[str, dict[str, float]]:
    table = pd.DataFrame({"family": truth.faults["family"], "one": lead >= 1, "three": lead >= 3})
    return {
        str(family): {
            "faults": len(rows),
            "seen_ahead": float(rows["one"].mean()),
            "seen_ahead_3_minutes": float(rows["three"].mean()),
        }
        for family, rows in table.groupby("family")
    }
