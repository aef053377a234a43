"""The quarter of an hour before a window: what a client was like, and how it has called since."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.features import FEATURES
from ml.past import CLIENT_CONTEXT_MS, client_past, feature_matrix, recent_use, subject_codes
from tests.rows import MINUTE, T0
from tests.windows import CLIENT, NOTHING, frame, minutes, window

CALLS, ERRORS, AVG_MS = (
    FEATURES.index(name) for name in ("req_count", "error_rate", "avg_response_time")
)


def test_the_mean_is_weighted_by_calls_and_reaches_back_15_minutes() -> None:
    past = frame(
        window(1, req_count=30, error_rate=0.1, **CLIENT),
        window(15, req_count=10, error_rate=0.3, **CLIENT),
        window(timestamp=T0 - CLIENT_CONTEXT_MS - 1, req_count=1000, **CLIENT),  # too old
        window(1, error_rate=1.0, **(CLIENT | {"client": "u2"})),
    )
    mean, windows = client_past(frame(window(**CLIENT)), past, MINUTE)
    assert mean[0, CALLS] == 25.0  # (30 * 30 + 10 * 10) / 40
    assert mean[0, ERRORS] == pytest.approx(0.15)  # (30 * 0.1 + 10 * 0.3) / 40
    assert windows.tolist() == [2]


def test_a_failing_window_is_no_past_so_that_a_call_after_an_outage_is_no_outage() -> None:
    past = frame(
        window(2, req_count=10, error_rate=0.1, **CLIENT),
        window(1, req_count=90, error_rate=1.0, **CLIENT),
    )
    assert client_past(frame(window(**CLIENT)), past, MINUTE).mean[0, ERRORS] == pytest.approx(0.1)


def test_the_past_of_unknown_times_is_unknown() -> None:
    unknown = window(1, avg_response_time=np.nan, **CLIENT)
    known = window(2, avg_response_time=40.0, **CLIENT)
    now = frame(window(**CLIENT))
    assert client_past(now, frame(unknown, known), MINUTE).mean[0, AVG_MS] == 40.0
    assert np.isnan(client_past(now, frame(unknown), MINUTE).mean[0, AVG_MS])


def test_what_the_store_gives_back_is_the_same_past_as_what_was_computed() -> None:
    computed = frame(*minutes(5, avg_response_time=np.nan, **CLIENT))
    stored = computed.astype(object).where(computed.notna(), None)
    now = frame(window(**CLIENT))
    for one, other in zip(
        client_past(now, computed, MINUTE), client_past(now, stored, MINUTE), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    use = [recent_use(now, past, MINUTE) for past in (computed, stored)]
    np.testing.assert_array_equal(use[0], use[1])


def test_windows_scored_together_are_each_others_past() -> None:
    two = frame(window(1, **CLIENT), window(0, error_rate=0.9, **CLIENT))
    mean, windows = client_past(two, NOTHING, MINUTE)
    assert np.isnan(mean[0]).all()
    assert mean[1].tolist() == feature_matrix(two)[0].tolist()
    assert windows.tolist() == [0, 1]


def test_windows_that_overlap_are_no_past_of_a_client() -> None:
    slid = frame(*(window(timestamp=T0 - n * 20_000, **CLIENT) for n in (1, 2)))
    found = client_past(frame(window(**CLIENT)), slid, MINUTE)
    assert found.windows.tolist() == [0]
    assert np.isnan(found.mean).all()


def test_use_counts_calls_a_window_since_the_client_was_first_seen() -> None:
    past = frame(
        window(3, req_count=30, unique_endpoints=4, repeat_rate=0.5, status_entropy=1, **CLIENT)
    )
    now = window(req_count=10, unique_endpoints=2, repeat_rate=0.1, status_entropy=0.0, **CLIENT)
    [use] = recent_use(frame(now), past, MINUTE)
    # 40 calls in 4 minutes, 6 endpoints in 2 windows, rates weighted by 30 and 10 calls
    assert use == pytest.approx([10.0, 3.0, 0.4, 0.75])


def test_use_forgets_after_a_quarter_of_an_hour_the_window_now_included() -> None:
    now = frame(window(req_count=10, **CLIENT))
    for back, calls in ((14, 160 / 15), (15, 10.0)):
        past = frame(window(back, req_count=150, **CLIENT))
        assert recent_use(now, past, MINUTE)[0, 0] == pytest.approx(calls)


def test_use_is_not_counted_twice_in_windows_that_overlap() -> None:
    slid = [window(timestamp=T0 - n * 20_000, req_count=10, **CLIENT) for n in range(1, 6)]
    alone = frame(window(req_count=10, **CLIENT), window(1, req_count=10, **CLIENT))
    [use] = recent_use(frame(window(req_count=10, **CLIENT)), frame(*slid), MINUTE)
    assert use.tolist() == recent_use(alone, NOTHING, MINUTE)[0].tolist()


def test_use_is_the_same_in_any_order_and_whatever_lies_around() -> None:
    rng = np.random.default_rng(4)
    rows = [
        window(int(back), req_count=int(rng.integers(1, 50)), **(CLIENT | {"client": f"u{user}"}))
        for user in range(5)
        for back in rng.permutation(30)[:20]
    ]
    every = frame(*rows)
    order = rng.permutation(len(every))
    use = recent_use(every, NOTHING, MINUTE)
    np.testing.assert_array_equal(recent_use(every.iloc[order], NOTHING, MINUTE), use[order])
    own = (every["client"] == "u2").to_numpy()
    np.testing.assert_array_equal(recent_use(every[own], NOTHING, MINUTE), use[own])


def test_no_window_has_no_past() -> None:
    past = frame(window(1, **CLIENT))
    assert client_past(NOTHING, past, MINUTE).mean.shape == (0, 8)
    assert recent_use(NOTHING, past, MINUTE).shape == (0, 4)


def test_a_subject_is_an_endpoint_with_its_method_or_a_client() -> None:
    rows = frame(
        window(),
        window(method="POST"),
        window(endpoint="/pay"),
        window(**CLIENT),
        window(5),
        window(**(CLIENT | {"client": "u2"})),
    )
    codes = subject_codes(rows)
    assert codes[4] == codes[0]
    assert len(set(codes)) == 5
    assert subject_codes(pd.concat([rows, rows]))[6:].tolist() == codes.tolist()
