"""Reasons: which features make a window risky, in words and numbers.

A feature is a reason by how much of the risk score goes when it is set back to its usual value: the
mean of its effect as the last and as the first of the unusual features (the Shapley value for
two of the orders). So what is said is true of the models, whatever they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.failure import MAX_AVG_RESPONSE_MS, MAX_ERROR_RATE
from ml.features import CLIENT, FEATURES, UNMATCHED
from ml.past import feature_matrix
from ml.risk import SPECIFIED, RiskRule
from ml.usage import BOT
from ml.usual import deviation, usual_features
from ml.variants import OwnPast, own_past, scored_variants

MOST_REASONS: Final = 3
MOST_RESCORED: Final = 500  # windows of one start; of the others only the deviation is measured
MATERIAL_SHARE: Final = 0.02  # of the risk score
_LIMITS: Final = {"error_rate": MAX_ERROR_RATE, "avg_response_time": MAX_AVG_RESPONSE_MS}
_BY_DEFINITION: Final = ("error_rate", "repeat_rate", "status_entropy")  # of unmatched calls
_UNITS: Final = {
    "req_count": " calls",
    "avg_response_time": " ms",
    "max_response_time": " ms",
    "status_entropy": " bits",
}
FEWEST_WHOLE_MS: Final = 10  # shorter times are shown with a decimal
_DIGITS: Final = 4

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Reason = dict[str, Any]


class _Found(NamedTuple):
    """What is known of each window and feature, shape (n_windows, 8) each."""

    value: Floats
    low: Floats  # of the usual range
    high: Floats
    outside: Floats  # distance from that range in its widths, 0 inside
    effect: Floats  # on the risk score, at least 0; NaN where it was not measured
    own: Bools  # whether the range is the subject's own


def reasons(
    bundle: Bundle, windows: pd.DataFrame, every: pd.DataFrame, **options: Any
) -> list[list[Reason]]:
    """Up to three reasons for the risk of each window, the weightiest first.

    Parameters
    ----------
    windows : DataFrame of n_windows rows
        Scored windows to explain, see `Bundle.score`. Each re-scoring costs: only risky ones.
    every : DataFrame
        Key and features of all windows that may be their past.
    options
        Of `Bundle.score`, as the windows were scored with; with the `site` they were seen in.

    Returns
    -------
    list of n_windows lists
        Reasons as plain values for JSON: `feature` (or `usage_cluster`, or `mix` where no feature
        alone is unusual), `value`, `low` and `high` of its usual range, `share` of the risk score
        that goes with it (None beyond `MOST_RESCORED` windows), and `text`.
    """
    if windows.empty:
        return []
    past = own_past(windows, every)
    value = feature_matrix(windows)
    usual = usual_features(bundle, windows, every, past)
    outside = deviation(value, usual)
    by_definition = [FEATURES.index(name) for name in _BY_DEFINITION]
    unmatched = windows["endpoint"].to_numpy(object) == UNMATCHED
    outside[np.ix_(unmatched, by_definition)] = 0.0
    chosen = _riskiest(windows)
    effect = np.full_like(value, np.nan)
    calm = np.where(outside != 0, usual.middle, value)
    effect[chosen] = _effects(bundle, windows, chosen, value, calm, every, past, options)
    bot_weight = options.get("rule", SPECIFIED).bot_weight
    found = _Found(value, usual.low, usual.high, outside, effect, usual.own)
    return [
        _reasons_of(row, found, number, bot_weight)
        for number, row in enumerate(windows.to_dict("records"))
    ]


def _riskiest(windows: pd.DataFrame) -> Ints:
    """Numbers of the `MOST_RESCORED` riskiest windows of each start."""
    keys = ["timestamp", "risk_score", "subject", "endpoint", "method", "client"]
    ranked = windows[keys].reset_index(drop=True)
    ranked = ranked.sort_values(keys[1:], ascending=[False, False, True, True, True])
    place = ranked.groupby("timestamp").cumcount().to_numpy()
    return np.sort(ranked.index.to_numpy(np.int64)[place < MOST_RESCORED])


def _effects(
    bundle: Bundle,
    windows: pd.DataFrame,
    chosen: Ints,
    value: Floats,
    calm: Floats,
    every: pd.DataFrame,
    past: OwnPast,
    options: Mapping[str, Any],
) -> Floats:
    """Part of the risk score by each feature of the chosen windows, shape (n_chosen, 8).

    `calm` has the usual value where a feature is unusual, else the same as `value`.
    """
    unusual = calm[chosen] != value[chosen]
    unusual &= ~np.isnan(value[chosen])
    place, feature = np.nonzero(unusual)
    effect = np.zeros(unusual.shape)
    if not len(place):
        return effect
    back = value[chosen[place]]
    alone = calm[chosen[place]]
    cells = np.arange(len(place)), feature
    back[cells], alone[cells] = alone[cells], back[cells]
    variants = np.vstack([back, alone, calm[chosen]])
    owner = np.concatenate([chosen[place], chosen[place], chosen])
    scored = scored_variants(bundle, windows, owner, variants, every, past, **options)
    rule = options.get("rule", SPECIFIED)
    without_back, with_alone, ordinary = np.split(
        _risk_but_for_bot(scored, rule), [len(place), 2 * len(place)]
    )
    risk = _risk_but_for_bot(windows, rule)[chosen]
    both = (risk[place] - without_back) + (with_alone - ordinary[place])
    effect[place, feature] = np.maximum(both / 2, 0.0)
    return effect


def _risk_but_for_bot(scored: pd.DataFrame, rule: RiskRule) -> Floats:
    """Risk score less what the usage cluster adds, which is a reason of its own."""
    is_bot = scored["usage_cluster"].to_numpy(object) == BOT
    return np.asarray(scored["risk_score"].to_numpy(np.float64) - rule.bot_weight * is_bot)


def _reasons_of(
    window: Mapping[Any, Any], found: _Found, number: int, bot_weight: float
) -> list[Reason]:
    risk = max(window["risk_score"], 10.0**-_DIGITS)
    effect = np.nan_to_num(found.effect[number])
    columns = _by_weight(effect, found.outside[number], found.own[number], risk)
    said = [
        (effect[column], _feature_reason(window, found, number, column, risk))
        for column in columns[:MOST_REASONS]
    ]
    bot = bot_weight if window["usage_cluster"] == BOT else 0.0
    if not said:
        said.append((risk - bot, _mix_reason(window, found, number, max(1 - bot / risk, 0.0))))
    if bot:
        said.append((bot, _bot_reason(window, bot / risk)))
    said.sort(key=lambda pair: -pair[0])
    return [reason for _, reason in said[:MOST_REASONS]]


def _by_weight(effect: Floats, outside: Floats, own: Bools, risk: float) -> list[int]:
    """Columns of what is to be said: by effect, and where that is equal by deviation.

    Without an effect only what is above the subject's own usual range is said: a fast answer is
    unusual, but no risk, and the range of the training may be another site's.
    """
    share = (effect / risk).round(_DIGITS - 2)
    said = ((outside > 0) & own) | (share >= MATERIAL_SHARE)
    if not said.any():
        said = outside > 0
    return [column for column in np.lexsort((-outside, -share)).tolist() if said[column]]


def _feature_reason(
    window: Mapping[Any, Any], found: _Found, number: int, column: int, risk: float
) -> Reason:
    name = FEATURES[column]
    value, low, high = (float(part[number, column]) for part in found[:3])
    text = f"{name} {_in_words(window, name, value)}, usually {_range_in_words(name, low, high)}"
    if value > _LIMITS.get(name, np.inf):
        text += f", above the limit of {_in_words(window, name, _LIMITS[name])}"
    effect = float(found.effect[number, column])
    share = None if np.isnan(effect) else min(effect / risk, 1.0)
    return _reason(name, value, low, high, share, text)


def _bot_reason(window: Mapping[Any, Any], share: float) -> Reason:
    verb = "calls like" if window["subject"] == CLIENT else "is called as by"
    text = (
        f"{verb} a program: {window['req_count']:,.0f} calls, "
        f"{window['repeat_rate']:.2f} of them repeated"
    )
    return _reason("usage_cluster", None, None, None, min(share, 1.0), text)


def _mix_reason(window: Mapping[Any, Any], found: _Found, number: int, share: float) -> Reason:
    """Nothing is outside its range: the three features nearest to an end of it, or beyond."""
    value, low, high = (part[number] for part in found[:3])
    with np.errstate(invalid="ignore", divide="ignore"):
        height = (value - low) / (high - low)
    height = np.where(np.isfinite(height), np.abs(height - 0.5), -np.inf)
    names = [FEATURES[column] for column in np.argsort(-height, kind="stable")[:MOST_REASONS]]
    mix = ", ".join(f"{name} {_in_words(window, name, window[name])}" for name in names)
    return _reason("mix", None, None, None, share, f"each as usual, but rarely together: {mix}")


def _reason(
    feature: str,
    value: float | None,
    low: float | None,
    high: float | None,
    share: float | None,
    text: str,
) -> Reason:
    numbers = {"value": value, "low": low, "high": high, "share": share}
    rounded = {name: None if x is None else round(x, _DIGITS) for name, x in numbers.items()}
    return {"feature": feature, **rounded, "text": text}


def _in_words(window: Mapping[Any, Any], name: str, value: float) -> str:
    """A value with its unit, as 1,240 ms, 5.1 KB or 0.62."""
    if name == "payload_mean":
        size, unit = _byte_unit(value)
        return f"{_number(name, value, size)} {unit}"
    if name == "unique_endpoints":
        noun = "endpoint" if window["subject"] == CLIENT else "path"
        return f"{_number(name, value)} {noun}" + ("" if round(value) == 1 else "s")
    return _number(name, value) + _UNITS.get(name, "")


def _range_in_words(name: str, low: float, high: float) -> str:
    """As 20-90; the unit is that of the value before it, but for bytes, which have several."""
    size, unit = _byte_unit(high) if name == "payload_mean" else (1, "")
    least, most = (_number(name, value, size) for value in (low, high))
    return f"{most if least == most else f'{least}-{most}'} {unit}".rstrip()


def _number(name: str, value: float, size: int = 1) -> str:
    if name in ("req_count", "unique_endpoints") or (name == "payload_mean" and size == 1):
        return f"{value:,.0f}"
    if name == "payload_mean":
        return f"{value / size:,.1f}"
    if name in ("avg_response_time", "max_response_time"):
        return f"{value:,.0f}" if value >= FEWEST_WHOLE_MS else f"{value:.1f}"
    return f"{value:.2f}"


def _byte_unit(value: float) -> tuple[int, str]:
    if value < 1_000:
        return 1, "bytes"
    return (1_000, "KB") if value < 1_000_000 else (1_000_000, "MB")
