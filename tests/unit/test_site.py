"""Levels of a site in each minute, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.features import FEATURES
from ml.site import OF_THE_SERVER, Site, site_levels
from tests.rows import MINUTE, T0
from tests.windows import CLIENT, NOTHING, frame, window

AVG_MS = FEATURES.index("avg_response_time")
START = np.array([T0])


def of(clients: int = 2) -> Site:
    """Two endpoints, usually at 9 and 99 ms with 1 and 3 calls a minute, and some clients."""
    endpoints = frame(window(), window(endpoint="/pay"))
    callers = frame(*(window(**(CLIENT | {"client": f"u{n}"})) for n in range(clients)))
    usual = np.full((2, len(FEATURES)), np.nan)
    usual[:, AVG_MS] = (9.0, 99.0)
    calls = {"endpoint": np.array([1.0, 3.0]), "client": np.full(clients, 7.0)}
    return site_levels({"endpoint": endpoints, "client": callers}, usual, calls)


def test_a_servers_level_is_the_geometric_mean_of_its_endpoints_weighted_by_calls() -> None:
    level = of().server_at(START)
    expected = 10 ** (7 / 4) - 1  # 1 + level: 10 once, 100 three times
    assert level[0, OF_THE_SERVER.index(AVG_MS)] == pytest.approx(expected)
    assert np.isnan(np.delete(level[0], OF_THE_SERVER.index(AVG_MS))).all(), "not known of any"


def test_calls_of_a_kind_are_drawn_to_the_typical_where_few_call() -> None:
    log_7 = np.log1p(7.0)
    for clients in (1, 2, 30):
        level = of(clients).log_calls_at("client", START, typical=1.0)
        assert level == pytest.approx((clients * log_7 + 3 * 1.0) / (clients + 3))


def test_kinds_of_subjects_do_not_mix() -> None:
    level = of().log_calls_at("endpoint", START, typical=0.0)
    assert level == pytest.approx((np.log(2) + np.log(4)) / 5)


def test_of_a_minute_without_a_call_nothing_is_known() -> None:
    later = np.array([T0 + MINUTE, T0 - MINUTE])
    assert np.isnan(of().server_at(later)).all()
    assert of().log_calls_at("client", later, typical=1.5).tolist() == [1.5, 1.5]


def test_minutes_are_measured_apart_in_any_order() -> None:
    rows = frame(window(), window(1, endpoint="/a"), window(endpoint="/b"), window(1))
    usual, calls = np.full((4, len(FEATURES)), 99.0), np.array([10.0, 20.0, 30.0, 40.0])
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        given = {"endpoint": rows.iloc[order], "client": NOTHING}
        of_kind = {"endpoint": calls[order], "client": np.empty(0)}
        site = site_levels(given, usual, of_kind)
        assert site.starts.tolist() == [T0 - MINUTE, T0]
        level = site.log_calls_at("endpoint", site.starts, typical=0.0)
        assert level == pytest.approx([np.log(21 * 41) / 5, np.log(11 * 31) / 5])
        assert site.server_at(site.starts) == pytest.approx(np.full((2, 3), 99.0))
