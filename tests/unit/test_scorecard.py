"""The figures of the scorecard, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scorecard import Bin, Reliability, Share, card, share

MINUTE = 60_000
NOTHING = Share(None, None, None, 0)


def test_a_share_carries_its_wilson_interval() -> None:
    # By the formula with z = 1.96: (0.8 + 0.19207 +- 1.95996 * 0.16133) / 1.38415
    assert share(8, 10) == pytest.approx((0.8, 0.4902, 0.9433, 10), abs=1e-4)
    assert share(0, 10) == pytest.approx((0.0, 0.0, 0.2775, 10), abs=1e-4)


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share_and_lies_within_0_and_1(hits: int, more: int) -> None:
    value, low, high, _ = share(hits, hits + more)
    assert 0 <= low <= value <= high <= 1


def test_more_hits_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="hits=3 must lie between 0 and n=2"):
        share(3, 2)


def test_nothing_has_no_figures() -> None:
    empty = card([], {}, 0)
    assert (empty.base_rate, empty.precision, empty.recall) == (NOTHING, NOTHING, NOTHING)
    assert (empty.brier, empty.brier_skill, empty.median_lead_minutes) == (None, None, None)
    assert empty.reliability == ()


def test_a_card_of_two_bins() -> None:
    # 8 windows given 0.05, one of which failed; 2 given 0.95, one of which failed.
    rare = Bin(0, 8, 1, 0.4, 7 * 0.05**2 + 0.95**2)
    sure = Bin(9, 2, 1, 1.9, 0.05**2 + 0.95**2)
    found = card([rare, sure], {None: 1, 2 * MINUTE: 1, 5 * MINUTE: 2}, unforeseeable=4)
    assert found.base_rate == share(2, 10)
    assert found.brier == pytest.approx(0.1825)
    assert found.brier_skill == pytest.approx(1 - 0.1825 / 0.16)
    assert found.precision == share(1, 2)
    assert found.recall == share(3, 4)
    assert found.onsets_without_forecast == 4
    assert found.median_lead_minutes == 5
    assert found.reliability == (
        Reliability(0.0, 0.1, 0.05, share(1, 8)),
        Reliability(0.9, 1.0, 0.95, share(1, 2)),
    )


@pytest.mark.parametrize("failed", [0, 3], ids=["none failed", "all failed"])
def test_there_is_no_skill_where_all_came_out_alike(failed: int) -> None:
    assert card([Bin(0, 3, failed, 0.1, 0.1)], {}, 0).brier_skill is None


def test_perfect_forecasts_have_skill_1_and_the_base_rate_has_skill_0() -> None:
    perfect = [Bin(0, 3, 0, 0.0, 0.0), Bin(9, 1, 1, 1.0, 0.0)]
    assert card(perfect, {}, 0).brier_skill == 1
    base_rate = [Bin(2, 4, 1, 1.0, 3 * 0.25**2 + 0.75**2)]
    assert card(base_rate, {}, 0).brier_skill == 0
