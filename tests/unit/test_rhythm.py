"""How a client calls within a minute, measured by hand."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.synthetic import call_columns
from ml.features import window_features
from ml.rhythm import RHYTHM, rhythm
from tests.rows import T0, call


def measured(
    at_ms: list[int],
    payload: list[int] | None = None,
    path: list[int] | None = None,
    reads: list[bool] | None = None,
) -> dict[str, float]:
    """Measures of a single group of calls."""
    calls = len(at_ms)
    found = rhythm(
        np.zeros(calls, np.int64),
        1,
        np.array(at_ms),
        np.array(payload or [1000] * calls),
        np.array(path or [0] * calls),
        np.array(reads or [True] * calls),
    )
    return {name: float(values[0]) for name, values in found.items()}


def test_gaps_are_measured_between_calls_that_follow_one_another() -> None:
    found = measured([0, 1_000, 2_000, 6_000])  # gaps of 1, 1 and 4 s
    assert found["gap_mean_s"] == 2.0
    assert found["gap_spread_s"] == pytest.approx(2**0.5)  # (1 + 1 + 4) / 3 squared distances
    assert found["gap_longest_s"] == 4.0
    assert found["gap_evenness"] == pytest.approx(2 / 3)
    assert found["long_gap_share"] == pytest.approx(1 / 3)
    assert found["pauses"] == 3.0
    assert found["pause_variation"] == pytest.approx(2**0.5 / 2)


def test_a_burst_has_no_pauses() -> None:
    found = measured([0, 100, 200, 600])  # the last after 0.4 s
    assert (found["pauses"], found["pause_variation"]) == (0.0, 0.0)


def test_a_program_on_a_beat_is_even() -> None:
    beat = measured([n * 5_000 + 30 * (n % 2) for n in range(12)])
    assert beat["gap_evenness"] == 1.0
    assert beat["pause_variation"] < 0.02
    assert beat["long_gap_share"] == 1.0


def test_a_single_call_has_no_gap() -> None:
    found = measured([0], payload=[99])
    gaps = [name for name in RHYTHM if name.startswith(("gap", "pause", "long"))]
    assert [found[name] for name in gaps] == [0.0] * len(gaps)
    assert found["payload_largest"] == pytest.approx(np.log(100))
    assert (found["payload_top_share"], found["path_entropy"], found["path_variety"]) == (1, 0, 1)


def test_sizes_are_measured_by_their_logarithm_and_how_few_there_are() -> None:
    found = measured([0, 1, 2, 3], payload=[0, 0, 0, 99])
    assert found["payload_spread"] == pytest.approx(np.std([0, 0, 0, np.log(100)]))
    assert found["payload_largest"] == pytest.approx(np.log(100))
    assert (found["payload_top_share"], found["payload_variety"]) == (0.75, 0.5)


def test_paths_have_an_entropy_in_bits_and_calls_a_share_that_only_reads() -> None:
    found = measured([0, 1, 2, 3], path=[5, 9, 5, 9], reads=[True, False, False, False])
    assert (found["path_entropy"], found["path_variety"]) == (1.0, 0.5)
    assert found["read_share"] == 0.25


def test_groups_are_measured_apart_in_any_order_of_calls() -> None:
    rng = np.random.default_rng(2)
    group = rng.integers(0, 4, 60)
    calls = [rng.integers(0, 60_000, 60), rng.integers(0, 5, 60), rng.integers(0, 9, 60)]
    reads = rng.random(60) < 0.5
    together = rhythm(group, 4, *calls, reads)
    order = rng.permutation(60)
    turned = rhythm(group[order], 4, *(values[order] for values in calls), reads[order])
    for number in range(4):
        mine = group == number
        zeros = np.zeros(mine.sum(), np.int64)
        alone = rhythm(zeros, 1, *(values[mine] for values in calls), reads[mine])
        for name in RHYTHM:
            assert together[name][number] == pytest.approx(alone[name][0], abs=1e-12)
            assert turned[name][number] == pytest.approx(together[name][number], abs=1e-12)


def test_only_windows_of_clients_have_a_rhythm() -> None:
    calls = [call(T0 + at, path=f"/search/{at % 2}") for at in (0, 1_000, 2_000, 6_000)]
    windows = window_features(call_columns(calls)).set_index("subject")
    assert windows.loc["client", "gap_longest_s"] == 4.0
    assert windows.loc["client", "read_share"] == 1.0
    assert windows.loc["endpoint", list(RHYTHM)].isna().all()
