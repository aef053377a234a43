"""How a client calls within a window: pauses, bursts, sizes; programs give themselves away by it.

None of it is stored: it only feeds the bot score.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RHYTHM: Final = (
    "gap_mean_s",  # between two calls that follow one another
    "gap_spread_s",  # standard deviation
    "gap_longest_s",
    "gap_evenness",  # share of gaps within a tenth of their median
    "pauses",  # gaps of more than half a second
    "pause_variation",  # standard deviation / mean of these
    "long_gap_share",  # of more than 2.5 s
    "payload_spread",  # standard deviation of the logarithm
    "payload_largest",  # logarithm
    "payload_top_share",  # of calls whose answer has the commonest size
    "payload_variety",  # distinct sizes / calls
    "path_entropy",  # bits
    "path_variety",  # distinct paths / calls
    "read_share",  # of calls that only read
)
PAUSE_S: Final = 0.5
LONG_GAP_S: Final = 2.5
READS: Final = ("GET", "HEAD")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def rhythm(
    group: Ints, groups: int, at_ms: Ints, payload: Ints, path: Ints, reads: NDArray[np.bool_]
) -> dict[str, Floats]:
    """The measures of `RHYTHM` for each group of calls.

    Parameters
    ----------
    group : ndarray of shape (n_calls,)
        Number of the window of each call, 0 <= group < groups.
    at_ms, payload, path, reads : ndarray of shape (n_calls,)
        Time [epoch ms], size of the answer [bytes], number of the path (0 and up), whether the
        method only reads.

    Returns
    -------
    dict of str to ndarray of shape (groups,)
        Measures of gaps are 0 for a single call.
    """
    calls = np.bincount(group, minlength=groups).astype(np.float64)
    size = np.log1p(payload)
    mean_size = np.bincount(group, size, groups) / calls
    largest = np.zeros(groups)
    np.maximum.at(largest, group, size)
    variance = np.bincount(group, (size - mean_size[group]) ** 2, groups) / calls
    size_top, size_distinct, _ = _counts(group, groups, payload)
    _, path_distinct, entropy = _counts(group, groups, path)
    return _gaps(group, groups, at_ms) | {
        "payload_spread": np.sqrt(variance),
        "payload_largest": largest,
        "payload_top_share": size_top / calls,
        "payload_variety": size_distinct / calls,
        "path_entropy": entropy,
        "path_variety": path_distinct / calls,
        "read_share": np.bincount(group, reads, groups) / calls,
    }


def _gaps(group: Ints, groups: int, at_ms: Ints) -> dict[str, Floats]:
    order = np.lexsort((at_ms, group))
    gap_s, owner = np.diff(at_ms[order]) / 1000, group[order][1:]
    same = owner == group[order][:-1]
    gap_s, owner = gap_s[same], owner[same]
    gaps = np.bincount(owner, minlength=groups)
    mean, spread = _mean_and_spread(gap_s, owner, groups)
    longest = np.zeros(groups)
    np.maximum.at(longest, owner, gap_s)
    median = _medians(gap_s, owner, gaps)[owner]
    even = np.abs(gap_s - median) <= 0.1 * median + 0.05
    pause = gap_s > PAUSE_S
    pause_mean, pause_spread = _mean_and_spread(gap_s[pause], owner[pause], groups)
    share = 1.0 / np.maximum(gaps, 1)
    return {
        "gap_mean_s": mean,
        "gap_spread_s": spread,
        "gap_longest_s": longest,
        "gap_evenness": np.bincount(owner, even, groups) * share,
        "pauses": np.bincount(owner, pause, groups).astype(np.float64),
        "pause_variation": pause_spread / np.maximum(pause_mean, PAUSE_S),
        "long_gap_share": np.bincount(owner, gap_s > LONG_GAP_S, groups) * share,
    }


def _mean_and_spread(values: Floats, owner: Ints, groups: int) -> tuple[Floats, Floats]:
    number = np.maximum(np.bincount(owner, minlength=groups), 1)
    mean = np.bincount(owner, values, groups) / number
    variance = np.bincount(owner, (values - mean[owner]) ** 2, groups) / number
    return np.asarray(mean), np.sqrt(variance)


def _medians(values: Floats, owner: Ints, sizes: NDArray[Any]) -> Floats:
    """Median (the lower of two) of the values of each owner; owners are in ascending order."""
    ordered = values[np.lexsort((values, owner))]
    first = np.cumsum(sizes) - sizes
    middle = first + np.maximum(sizes - 1, 0) // 2
    padded = np.append(ordered, 0.0)
    return np.where(sizes > 0, padded[np.minimum(middle, len(ordered))], 0.0)


def _counts(group: Ints, groups: int, value: Ints) -> tuple[Floats, Floats, Floats]:
    """Of each group: calls with the commonest value, distinct values, entropy of the values."""
    order = np.lexsort((value, group))
    owner, seen = group[order], value[order]
    new = np.append(True, (owner[1:] != owner[:-1]) | (seen[1:] != seen[:-1]))
    starts = np.flatnonzero(new)
    count = np.diff(np.append(starts, len(order))).astype(np.float64)
    of = owner[starts]
    most = np.zeros(groups)
    np.maximum.at(most, of, count)
    share = count / np.bincount(of, count, groups)[of]
    entropy = np.bincount(of, -share * np.log2(share), groups)
    return most, np.bincount(of, minlength=groups).astype(np.float64), np.asarray(entropy)
