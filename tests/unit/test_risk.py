"""Risk score and priority, by hand."""

from __future__ import annotations

import pytest

from ml.risk import priority, risk_score


@pytest.mark.parametrize(
    ("anomaly", "failure", "is_bot", "risk"),
    [
        (0.0, 0.0, False, 0.0),
        (1.0, 0.0, False, 0.45),
        (0.0, 1.0, False, 0.35),
        (0.0, 0.0, True, 0.2),
        (1.0, 1.0, True, 1.0),
        (0.6, 0.4, True, 0.61),  # 0.27 + 0.14 + 0.20
        (0.123456, 0.654321, False, 0.2846),  # 0.0555552 + 0.22901235 = 0.28456755
    ],
)
def test_risk_is_045_anomaly_035_failure_020_bot(
    anomaly: float, failure: float, is_bot: bool, risk: float
) -> None:
    assert risk_score([anomaly], [failure], [is_bot]).tolist() == [risk]


def test_a_total_outage_by_no_bot_is_exactly_08_and_high() -> None:
    risk = risk_score([1.0], [1.0], [False])
    assert risk.tolist() == [0.8]
    assert priority(risk).tolist() == ["HIGH"]


def test_risk_is_rounded_before_it_is_judged() -> None:
    risk = risk_score([1.0 - 1e-9], [1.0], [False])
    assert priority(risk).tolist() == ["HIGH"]


@pytest.mark.parametrize(
    ("risk", "name"),
    [
        (1.0, "HIGH"),
        (0.8, "HIGH"),
        (0.7999, "MEDIUM"),
        (0.5, "MEDIUM"),
        (0.4999, "LOW"),
        (0.0, "LOW"),
    ],
)
def test_priority_changes_exactly_at_08_and_05(risk: float, name: str) -> None:
    assert priority([risk]).tolist() == [name]


def test_no_window_has_no_risk() -> None:
    assert risk_score([], [], []).tolist() == []
    assert priority([]).tolist() == []
