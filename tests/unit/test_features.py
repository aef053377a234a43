"""The 8 features, worked out by hand, and properties of the windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.synthetic import call_columns
from ingest.call import Call
from ml.features import FEATURES, KEY, is_shared, window_features
from ml.histogram import latency_histogram
from tests.rows import MINUTE, T0, call


def windows(calls: Sequence[Call], **options: int) -> pd.DataFrame:
    return window_features(call_columns(calls), **options)


def endpoint_window(calls: Sequence[Call], endpoint: str = "/search") -> pd.Series[Any]:
    found = windows(calls)
    found = found[(found.subject == "endpoint") & (found.endpoint == endpoint)]
    assert len(found) == 1
    return found.iloc[0]


def client_window(calls: Sequence[Call], client: str = "10.0.0.1") -> pd.Series[Any]:
    found = windows(calls)
    found = found[found.client == client]
    assert len(found) == 1
    return found.iloc[0]


def test_req_count_is_the_number_of_calls() -> None:
    assert endpoint_window([call(), call(T0 + 1), call(T0 + 59_999)]).req_count == 3


@pytest.mark.parametrize(
    ("statuses", "share"),
    [((200, 399, 304), 0.0), ((200, 400), 0.5), ((200, 201, 404, 503), 0.5), ((500,), 1.0)],
)
def test_error_rate_is_the_share_with_status_400_and_above(
    statuses: tuple[int, ...], share: float
) -> None:
    assert endpoint_window([call(status_code=code) for code in statuses]).error_rate == share


def test_response_times_are_of_the_calls_that_have_one() -> None:
    row = endpoint_window([call(response_time_ms=ms) for ms in (10.0, None, 50.0, 30.0)])
    assert row.avg_response_time == 30.0  # (10 + 50 + 30) / 3
    assert row.max_response_time == 50.0


def test_without_any_response_time_both_are_nan_not_zero() -> None:
    row = endpoint_window([call(response_time_ms=None), call(response_time_ms=None)])
    assert np.isnan(row.avg_response_time)
    assert np.isnan(row.max_response_time)
    assert row.latency_histogram == b""


def test_payload_mean_is_bytes_a_call() -> None:
    assert endpoint_window([call(payload_size=n) for n in (0, 100, 500)]).payload_mean == 200.0


def test_unique_endpoints_of_a_client_are_the_endpoints_it_called() -> None:
    calls = [call(endpoint="/orders/{id}", path=f"/orders/{n}") for n in range(3)]
    calls += [call(endpoint="/search"), call(endpoint="/search", method="POST")]
    assert client_window(calls).unique_endpoints == 2


def test_unique_endpoints_of_an_endpoint_are_its_concrete_paths() -> None:
    calls = [call(endpoint="/orders/{id}", path=f"/orders/{n}") for n in (1, 2, 2, 3)]
    assert endpoint_window(calls, "/orders/{id}").unique_endpoints == 3
    unknown = [call(path=None), call(path=None)]
    assert endpoint_window(unknown).unique_endpoints == 1


def test_repeat_rate_is_one_less_the_share_of_distinct_fingerprints() -> None:
    row = endpoint_window([call(fingerprint=n) for n in (7, 7, 7, -8)])
    assert row.repeat_rate == 0.5  # 1 - 2 / 4


def test_without_fingerprint_client_method_and_path_make_a_request() -> None:
    calls = [
        call(path="/a"),
        call(path="/a"),  # the same
        call(path="/b"),
        call(path="/a", ip_address="10.0.0.2"),
        call(path="/a", fingerprint=5),
    ]
    assert endpoint_window(calls).repeat_rate == pytest.approx(0.2)  # 1 - 4 / 5
    by_method = [call(), call(method="POST"), call(method="POST")]
    assert client_window(by_method).repeat_rate == pytest.approx(1 / 3)  # 1 - 2 / 3


@pytest.mark.parametrize(
    ("statuses", "bits"),
    [
        ((200, 200), 0.0),
        ((200, 404), 1.0),
        ((200, 200, 404, 500), 1.5),  # 0.5 * 1 + 2 * 0.25 * 2
        ((200, 201, 404, 500), 2.0),
        ((200, 200, 200, 500), 0.8112781244591328),  # 0.75 * log2(4/3) + 0.25 * 2
    ],
)
def test_status_entropy_is_in_bits(statuses: tuple[int, ...], bits: float) -> None:
    row = endpoint_window([call(status_code=code) for code in statuses])
    assert row.status_entropy == pytest.approx(bits, abs=1e-12)


def test_a_window_counts_statuses_simulated_calls_and_latencies() -> None:
    calls = [call(status_code=200), call(status_code=404, source="simulated"), call()]
    row = endpoint_window(calls)
    assert json.loads(row.status_counts) == {"200": 2, "404": 1}
    assert row.simulated_count == 1
    assert row.latency_histogram == latency_histogram(np.array([100.0] * 3))
    assert client_window(calls).latency_histogram is None


def test_every_call_counts_for_its_endpoint_and_for_its_client() -> None:
    calls = [call(), call(user_id="u1"), call(method="POST"), call(endpoint="/pay")]
    keys = windows(calls)[list(KEY)].to_records(index=False).tolist()
    assert keys == [
        (T0, "endpoint", "/pay", "GET", None),
        (T0, "endpoint", "/search", "GET", None),
        (T0, "endpoint", "/search", "POST", None),
        (T0, "client", "*", "*", "10.0.0.1"),
        (T0, "client", "*", "*", "u1"),
    ]


def test_a_window_holds_its_start_but_not_its_end() -> None:
    calls = [call(T0 - 1), call(T0), call(T0 + MINUTE - 1), call(T0 + MINUTE)]
    found = windows(calls).query("subject == 'endpoint'")
    assert found.timestamp.tolist() == [T0 - MINUTE, T0, T0 + MINUTE]
    assert found.req_count.tolist() == [1, 2, 1]


def test_a_sliding_window_counts_a_call_in_each_window_that_holds_it() -> None:
    found = windows([call(T0 + 45_000), call(T0 + 60_000)], step_ms=20_000)
    found = found.query("subject == 'endpoint'").set_index("timestamp")
    starts = {T0: 1, T0 + 20_000: 2, T0 + 40_000: 2, T0 + 60_000: 1}
    assert found.req_count.to_dict() == starts


def test_a_step_that_does_not_divide_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="step_ms=25000"):
        windows([call()], step_ms=25_000)


def test_clients_beyond_the_busiest_share_one_window() -> None:
    calls = [call(user_id=f"u{n}") for n in range(6) for _ in range(1 + (n == 4) + (n == 5))]
    found = windows(calls, max_clients=3).query("subject == 'client'")
    counts = dict(zip(found.client, found.req_count, strict=True))
    assert counts == {"u4": 2, "u5": 2, "u0": 1, "(other)": 3}  # ties go by name
    assert found.req_count.sum() == len(calls)


def test_the_limit_holds_for_each_window_alone() -> None:
    calls = [call(T0, user_id="a"), call(T0, user_id="b"), call(T0 + MINUTE, user_id="b")]
    found = windows(calls, max_clients=1).query("subject == 'client'")
    assert found.client.tolist() == ["a", "(other)", "b"]


def test_a_client_that_calls_itself_other_shares_the_window_of_that_name() -> None:
    calls = [call(user_id=name) for name in ("a", "a", "(other)", "b", "c")]
    found = windows(calls, max_clients=1).query("subject == 'client'")
    assert dict(zip(found.client, found.req_count, strict=True)) == {"a": 2, "(other)": 3}


def test_endpoints_beyond_the_busiest_share_one_window_a_method() -> None:
    routes = [("/a", "GET", 3), ("/b", "POST", 2), ("/c", "GET", 1), ("/d", "POST", 1)]
    routes += [("/d", "GET", 1), ("(other)", "GET", 1)]
    calls = [call(endpoint=e, method=m, path=e) for e, m, n in routes for _ in range(n)]
    found = windows(calls, max_endpoints=2).query("subject == 'endpoint'")
    names = zip(found.endpoint, found.method, strict=True)
    assert dict(zip(names, found.req_count, strict=True)) == {
        ("/a", "GET"): 3,
        ("/b", "POST"): 2,
        ("(other)", "GET"): 3,  # with the calls that are stored under this name
        ("(other)", "POST"): 1,
    }
    shared = found[found.endpoint == "(other)"]
    assert shared.unique_endpoints.tolist() == [3, 1]
    assert is_shared(found).tolist() == (found.endpoint == "(other)").tolist()


def test_the_limit_of_endpoints_holds_for_each_window_alone() -> None:
    calls = [call(T0, endpoint="/a"), call(T0, endpoint="/b"), call(T0 + MINUTE, endpoint="/b")]
    found = windows(calls, max_endpoints=1).query("subject == 'endpoint'")
    assert found.endpoint.tolist() == ["/a", "(other)", "/b"]
    assert found.req_count.sum() == len(calls)


def test_no_call_gives_an_empty_frame_of_the_same_types() -> None:
    empty, full = windows([]), windows([call()])
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert set(FEATURES) < set(empty.columns)


def some_calls(seed: int, number: int) -> list[Call]:
    rng = np.random.default_rng(seed)
    return [
        call(
            T0 + int(rng.integers(3 * MINUTE)),
            endpoint=f"/r{rng.integers(4)}",
            method=str(rng.choice(["GET", "POST"])),
            path=None if rng.random() < 0.1 else f"/p{rng.integers(9)}",
            user_id=None if rng.random() < 0.3 else f"u{rng.integers(9)}",
            response_time_ms=None if rng.random() < 0.2 else float(rng.integers(1, 500)),
            status_code=int(rng.choice([200, 201, 404, 500])),
            payload_size=int(rng.integers(1000)),
            fingerprint=None if rng.random() < 0.3 else int(rng.integers(-5, 5)) or None,
        )
        for _ in range(number)
    ]


def test_the_order_of_calls_does_not_matter() -> None:
    calls = some_calls(1, 500)
    order = np.random.default_rng(2).permutation(len(calls))
    shuffled = windows([calls[n] for n in order], step_ms=30_000, max_clients=5)
    pd.testing.assert_frame_equal(shuffled, windows(calls, step_ms=30_000, max_clients=5))


@pytest.mark.parametrize("seed", range(3))
def test_features_agree_with_plain_python(seed: int) -> None:
    calls = some_calls(seed, 300)
    found = windows(calls).query("subject == 'client'")
    for row in found.itertuples():
        own = [
            one
            for one in calls
            if (one.user_id or one.ip_address) == row.client
            and row.timestamp <= one.timestamp < row.timestamp + MINUTE
        ]
        known = [one.response_time_ms or np.nan for one in own]
        requests = {(one.fingerprint or (one.endpoint, one.method, one.path)) for one in own}
        assert row.req_count == len(own)
        assert row.error_rate == pytest.approx(
            sum(one.status_code >= 400 for one in own) / len(own)
        )
        assert row.max_response_time == pytest.approx(np.fmax.reduce(known), nan_ok=True)
        assert row.unique_endpoints == len({one.endpoint for one in own})
        assert row.repeat_rate == pytest.approx(1 - len(requests) / len(own))


def test_a_sparse_day_of_many_names_takes_the_other_way_of_numbering() -> None:
    calls = [call(T0 + n * MINUTE, user_id=f"u{n}", status_code=200 + n % 300) for n in range(300)]
    found = windows(calls).query("subject == 'client'")
    assert found.client.tolist() == [f"u{n}" for n in range(300)]
    assert found.req_count.tolist() == [1] * 300
