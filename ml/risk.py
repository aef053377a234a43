"""Risk score and priority of a window."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RISK_DECIMALS: Final = 4


class RiskRule(NamedTuple):
    """How risk is made of the scores, and from where on it is HIGH or MEDIUM."""

    anomaly_weight: float = 0.45
    failure_weight: float = 0.35
    bot_weight: float = 0.20
    high: float = 0.8
    medium: float = 0.5

    @property
    def below_high(self) -> float:
        """The highest risk score of a thin window: never HIGH."""
        return round(self.high - 10.0**-RISK_DECIMALS, RISK_DECIMALS)


SPECIFIED: Final = RiskRule()


def risk_score(
    anomaly: ArrayLike, failure: ArrayLike, is_bot: ArrayLike, rule: RiskRule = SPECIFIED
) -> NDArray[np.float64]:
    """Risk score of windows, 0..1, the higher the worse.

    Parameters
    ----------
    anomaly : array-like of shape (n_windows,)
        Anomaly score, 0..1.
    failure : array-like of shape (n_windows,)
        Failure probability, 0..1.
    is_bot : array-like of shape (n_windows,)
        True (1) where the usage cluster is `bot`.
    rule : RiskRule
        The weights.

    Returns
    -------
    ndarray of shape (n_windows,)
        The weighted sum, rounded to 4 places, so that the sum of 0.45 and 0.35 is the 0.8 that it
        should be.
    """
    weighted = (
        rule.anomaly_weight * np.asarray(anomaly, np.float64)
        + rule.failure_weight * np.asarray(failure, np.float64)
        + rule.bot_weight * np.asarray(is_bot, np.float64)
    )
    return np.round(weighted, RISK_DECIMALS)


def priority(risk: ArrayLike, rule: RiskRule = SPECIFIED) -> NDArray[Any]:
    """HIGH, MEDIUM or LOW for each (rounded) risk score, as an array of str objects."""
    score = np.asarray(risk, np.float64)
    named = np.select([score >= rule.high, score >= rule.medium], ["HIGH", "MEDIUM"], "LOW")
    return named.astype(object)
