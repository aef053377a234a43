"""Log-histograms of latency that can be merged: the p50, p95 and p99 of any span of windows.

A histogram is a run of `(bucket, calls)` records. Bucket `b` has the times of `RATIO**(b - 0.5)`
to `RATIO**(b + 0.5)` ms and stands for `RATIO**b`, so a percentile is right to 1 %. Two histograms
written one after the other are again a histogram, which makes merging a concatenation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATIO: Final = 1.02
FASTEST_MS: Final = 1e-3  # below lies no clock that measures a request; a time of 0 counts here
SLOWEST_MS: Final = 1e9  # eleven days
_RECORD: Final = np.dtype([("bucket", "<i2"), ("calls", "<u4")])  # 6 bytes
_LOWEST: Final = round(math.log(FASTEST_MS, RATIO))
_BUCKETS: Final = round(math.log(SLOWEST_MS, RATIO)) - _LOWEST + 1


def latency_histogram(ms: NDArray[np.float64]) -> bytes:
    """Histogram of response times [ms]; times that are not known (NaN) are left out."""
    return latency_histograms(np.zeros(len(ms), np.int64), ms, 1)[0]


def latency_histograms(
    group: NDArray[np.int64], ms: NDArray[np.float64], groups: int
) -> list[bytes]:
    """One histogram for each of several groups of calls.

    Parameters
    ----------
    group : ndarray of shape (n_calls,)
        Number of the group of each call, 0 <= group < groups.
    ms : ndarray of shape (n_calls,)
        Response times [ms], NaN where not known.
    groups : int
        Number of groups.

    Returns
    -------
    list of bytes
        One a group; empty bytes for a group without a known time.
    """
    known = ~np.isnan(ms)
    clipped = np.clip(ms[known], FASTEST_MS, SLOWEST_MS)
    bucket = np.rint(np.log(clipped) / math.log(RATIO)).astype(np.int64) - _LOWEST
    filled, calls = np.unique(group[known] * _BUCKETS + bucket, return_counts=True)
    records = _records(filled % _BUCKETS, calls).tobytes()
    ends = np.searchsorted(filled, np.arange(1, groups + 1) * _BUCKETS) * _RECORD.itemsize
    starts = [0, *ends[:-1].tolist()]
    return [records[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]


def merged(blobs: Iterable[bytes]) -> bytes:
    """The histogram of all calls of several histograms."""
    calls = _calls_by_bucket(b"".join(blobs))
    filled = np.flatnonzero(calls)
    return _records(filled, calls[filled]).tobytes()


def percentile(blob: bytes, p: float) -> float | None:
    """The time [ms] that `p` percent of the calls do not exceed (nearest rank); None without calls.

    Raises
    ------
    ValueError
        `p` lies outside 0..100.
    """
    return percentiles(blob, (p,))[0]


def percentiles(blob: bytes, of: Sequence[float]) -> tuple[float | None, ...]:
    """Several percentiles of one histogram, each as `percentile` gives it."""
    for p in of:
        if not 0 <= p <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, got {p!r}")
    seen = np.cumsum(_calls_by_bucket(blob))
    if seen[-1] == 0:
        return (None,) * len(of)
    ranks = [max(1, math.ceil(p / 100 * int(seen[-1]))) for p in of]
    return tuple(float(RATIO ** (int(at) + _LOWEST)) for at in np.searchsorted(seen, ranks))


def percentile_of_each(blobs: Sequence[bytes], p: float) -> NDArray[np.float64]:
    """The same percentile of each of many histograms, NaN where one is empty.

    Each is what `percentile` gives; hundreds take a third of the time.
    """
    if not 0 <= p <= 100:
        raise ValueError(f"a percentile lies between 0 and 100, got {p!r}")
    lengths = np.array([len(blob) for blob in blobs], np.int64) // _RECORD.itemsize
    records = np.frombuffer(b"".join(blobs), _RECORD)
    place = np.repeat(np.arange(len(blobs)), lengths) * _BUCKETS
    place += records["bucket"].astype(np.int64) - _LOWEST
    order = np.argsort(place, kind="stable")
    seen = np.concatenate([[0], np.cumsum(records["calls"][order], dtype=np.int64)])
    ends = np.cumsum(lengths)
    before, after = seen[ends - lengths], seen[ends]
    found = np.full(len(blobs), np.nan)
    filled = after > before
    rank = np.maximum(1, np.ceil(p / 100 * (after - before)[filled]).astype(np.int64))
    at = order[np.searchsorted(seen[1:], before[filled] + rank)]
    found[filled] = RATIO ** (place[at] % _BUCKETS + _LOWEST).astype(np.float64)
    return found


def _records(bucket: NDArray[np.int64], calls: NDArray[np.int64]) -> NDArray[Any]:
    records = np.empty(len(bucket), _RECORD)
    records["bucket"] = bucket + _LOWEST
    records["calls"] = calls
    return records


def _calls_by_bucket(blob: bytes) -> NDArray[np.int64]:
    records = np.frombuffer(blob, _RECORD)
    bucket = records["bucket"].astype(np.int64) - _LOWEST
    return np.bincount(bucket, weights=records["calls"], minlength=_BUCKETS).astype(np.int64)
