"""Causes: the clients without whose calls a risky endpoint window would not be risky.

Leaving out clients is only tried where some stand out: each of them brought at least `STANDS_OUT`
times as much as any other client. In an outage nobody does, or the calls of the rest fail as well.
Several that stand out together are left out together: where five try passwords, the absence of one
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle
from ml.features import ENDPOINT, FEATURES, FIRST_ERROR_STATUS, window_features
from ml.past import CONTEXT_MS, feature_matrix
from ml.risk import SPECIFIED, RiskRule
from ml.site import Site
from ml.variants import OwnPast, own_past, scored_variants

MOST_NAMED: Final = 3
MOST_TOGETHER: Final = 8  # clients left out at once
MOST_WINDOWS: Final = 100  # of one start, the riskiest ones
STANDS_OUT: Final = 2.0  # times as much as any client that is not left out
LEAST_DROP: Final = 0.1  # of the risk score, absolute
LEAST_SHARE: Final = 0.5  # of the risk score that must go
NEAR_BEST: Final = 0.5  # of the largest drop is enough to name fewer clients
FLOOD: Final = 5.0  # times the usual calls: then the rest may be too few calls to judge by
GREAT_FLOOD: Final = 15.0  # then there may be no rest at all
FEWEST_PAST: Final = 5  # minutes that tell how many calls are usual
QUANTITIES: Final = ("calls", "errors", "ms", "bytes")
_DIGITS: Final = 4

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Calls = Mapping[str, NDArray[Any]]
Cause = dict[str, Any]


class _Absence(NamedTuple):
    """A window without some of its clients."""

    window: int
    clients: tuple[str, ...]  # most calls first
    calls: tuple[int, ...]  # of each
    rest: Ints  # numbers of the calls that are left


def causes(
    bundle: Bundle,
    windows: pd.DataFrame,
    calls: Calls,
    every: pd.DataFrame,
    *,
    min_calls: int,
    window_ms: int = 60_000,
    site: Site | None = None,
    rule: RiskRule = SPECIFIED,
) -> list[list[Cause]]:
    """Up to three clients without whose calls the risk of each window would fall most.

    Parameters
    ----------
    windows : DataFrame of n_windows rows
        Scored endpoint windows to explain, see `Bundle.score`.
    calls : mapping of str to ndarray of shape (n_calls,)
        All calls of these windows, see `window_features`; others do no harm.
    every : DataFrame
        Key and features of all windows that may be their past.
    min_calls, window_ms, site, rule
        As they were scored with.

    Returns
    -------
    list of n_windows lists
        Plain values for JSON: `client`, its `calls`, `together` (how many clients were left out at
        once), `risk_without` them, and `drop`, by how much the risk score is lower then. Most calls
        first; empty where nobody in particular is the cause.
    """
    found: list[list[Cause]] = [[] for _ in range(len(windows))]
    chosen = _riskiest(windows)
    absences = list(_absences(windows, chosen, calls, window_ms, min_calls))
    if not absences:
        return found
    past = own_past(windows, every)
    risk = windows["risk_score"].to_numpy(np.float64)
    options = {"min_calls": min_calls, "window_ms": window_ms, "site": site, "rule": rule}
    without = _risk_without(bundle, windows, absences, calls, every, past, options)
    floods = _floods(windows, every, past, min_calls)
    for number in chosen.tolist():
        mine = [
            (float(risk[number] - left), absence)
            for left, absence in zip(without, absences, strict=True)
            if absence.window == number and floods[number] >= _least_flood(absence, min_calls)
        ]
        found[number] = _named(float(risk[number]), mine)
    return found


def _least_flood(absence: _Absence, min_calls: int) -> float:
    """How flooded a window must be for an absence to tell: a few calls may be fine by chance."""
    if len(absence.rest) >= min_calls:
        return 0.0
    return FLOOD if len(absence.rest) else GREAT_FLOOD


def _named(risk: float, absences: list[tuple[float, _Absence]]) -> list[Cause]:
    """The fewest clients whose absence has most of the largest effect, if that is material."""
    largest = max((drop for drop, _ in absences), default=0.0)
    if largest < max(LEAST_DROP, LEAST_SHARE * risk):
        return []
    near = [pair for pair in absences if pair[0] >= NEAR_BEST * largest]
    drop, absence = min(near, key=lambda pair: (len(pair[1].clients), -pair[0]))
    return [
        {
            "client": client,
            "drop": round(drop, _DIGITS),
            "risk_without": round(risk - drop, _DIGITS),
            "calls": calls,
            "together": len(absence.clients),
        }
        for client, calls in [*zip(absence.clients, absence.calls, strict=True)][:MOST_NAMED]
    ]


def _riskiest(windows: pd.DataFrame) -> Ints:
    """Numbers of the `MOST_WINDOWS` riskiest windows of each start."""
    keys = ["timestamp", "risk_score", "endpoint", "method"]
    ranked = windows[keys].reset_index(drop=True)
    ranked = ranked.sort_values(keys[1:], ascending=[False, True, True])
    place = ranked.groupby("timestamp").cumcount().to_numpy()
    return np.sort(ranked.index.to_numpy(np.int64)[place < MOST_WINDOWS])


def _absences(
    windows: pd.DataFrame, chosen: Ints, calls: Calls, window_ms: int, min_calls: int
) -> Iterator[_Absence]:
    """Each window without those who stand out in it, by each quantity."""
    for number, rows in zip(chosen, _calls_of(windows.iloc[chosen], calls, window_ms), strict=True):
        client, names = pd.factorize(calls["client"][rows])
        counts = np.bincount(client, minlength=len(names))
        for gone in sorted(_standing_out(client, counts, calls, rows, min_calls)):
            yield _Absence(
                int(number),
                tuple(str(names[one]) for one in gone),
                tuple(int(counts[one]) for one in gone),
                rows[~np.isin(client, gone)],
            )


def _calls_of(windows: pd.DataFrame, calls: Calls, window_ms: int) -> Iterator[Ints]:
    """Numbers of the calls of each endpoint window."""
    endpoint, endpoints = pd.factorize(calls["endpoint"])
    method, methods = pd.factorize(calls["method"])
    at = np.asarray(calls["timestamp"], np.int64)
    order = np.lexsort((at, method, endpoint))
    first = at.min(initial=np.iinfo(np.int64).max)
    width = int(at.max(initial=0)) - int(first) + 2 * window_ms + 1
    instant = ((endpoint * len(methods) + method) * width + at - first)[order]
    routes = zip(
        pd.Index(endpoints).get_indexer(windows["endpoint"]),
        pd.Index(methods).get_indexer(windows["method"]),
        windows["timestamp"].to_numpy(np.int64) - first,
        strict=True,
    )
    for one_endpoint, one_method, start in routes:
        begin = (one_endpoint * len(methods) + one_method) * width + start
        yield order[slice(*np.searchsorted(instant, (begin, begin + window_ms)))]


def _standing_out(
    client: Ints, counts: Ints, calls: Calls, rows: Ints, min_calls: int
) -> set[tuple[int, ...]]:
    """Sets of clients, most calls first, each of whom brought far more than all others."""
    brought = {
        "calls": np.ones(len(rows)),
        "errors": calls["status_code"][rows] >= FIRST_ERROR_STATUS,
        "ms": np.nan_to_num(np.asarray(calls["response_time_ms"][rows], np.float64)),
        "bytes": np.asarray(calls["payload_size"][rows], np.float64),
    }
    found = set()
    for name in QUANTITIES:
        total = np.asarray(np.bincount(client, brought[name], len(counts)), np.float64)
        order = np.argsort(-total, kind="stable")[: MOST_TOGETHER + 1]
        following = np.append(total[order], 0.0)[1:]
        for size in range(1, min(MOST_TOGETHER, len(order)) + 1):
            ahead = order[:size]
            far = total[ahead[-1]] >= STANDS_OUT * following[size - 1]
            if far and counts[ahead].min() >= min_calls and _differ(name, ahead, total, counts):
                found.add(tuple(sorted(ahead.tolist(), key=lambda one: (-counts[one], one))))
    return found


def _differ(name: str, ahead: Ints, total: Floats, counts: Ints) -> bool:
    """Whether each call of theirs brings more than one of the others, not just all together."""
    if name == "calls":
        return True
    others = np.ones(len(counts), np.bool_)
    others[ahead] = False
    usual = total[others].sum() / max(counts[others].sum(), 1)
    return bool((total[ahead] >= STANDS_OUT * usual * counts[ahead]).all())


def _risk_without(
    bundle: Bundle,
    windows: pd.DataFrame,
    absences: list[_Absence],
    calls: Calls,
    every: pd.DataFrame,
    past: OwnPast,
    options: Mapping[str, Any],
) -> Floats:
    """Risk score of what is left in each absence; 0 where nothing is."""
    risk = np.zeros(len(absences))
    left = [number for number, absence in enumerate(absences) if len(absence.rest)]
    if not left:
        return risk
    features = _features_of([absences[number].rest for number in left], calls)
    owner = np.array([absences[number].window for number in left], np.int64)
    scored = scored_variants(bundle, windows, owner, features, every, past, **options)
    risk[left] = scored["risk_score"].to_numpy(np.float64)
    return risk


def _features_of(parts: list[Ints], calls: Calls) -> Floats:
    """The 8 features of endpoint windows with the given calls each, shape (n_parts, 8)."""
    rows = np.concatenate(parts)
    chosen = {name: column[rows] for name, column in calls.items()}
    part = np.repeat(np.arange(len(parts)), [len(rows) for rows in parts])
    chosen["timestamp"] = np.zeros(len(rows), np.int64)  # one window each, whatever its length
    chosen["endpoint"] = part.astype(object)
    chosen["method"] = np.full(len(rows), "", object)
    windows = window_features(chosen)
    windows = windows[windows["subject"] == ENDPOINT]
    features = np.empty((len(parts), len(FEATURES)))
    features[windows["endpoint"].to_numpy(np.int64)] = feature_matrix(windows)
    return features


def _floods(windows: pd.DataFrame, every: pd.DataFrame, past: OwnPast, min_calls: int) -> Floats:
    """Calls of each window as a multiple of the usual ones; 0 where no past tells these.

    A minute of the past without calls is no window: it counts as none when others have one then.
    """
    calls = every["req_count"].to_numpy(np.float64)[past.row]
    starts = np.unique(every["timestamp"].to_numpy(np.int64))
    now = windows["timestamp"].to_numpy(np.int64)
    known = np.searchsorted(starts, now) - np.searchsorted(starts, now - CONTEXT_MS)
    bounds = np.searchsorted(past.owner, np.arange(len(windows) + 1))
    usual = np.full(len(windows), np.inf)
    for number in np.flatnonzero(known >= FEWEST_PAST).tolist():
        own = np.zeros(known[number])
        own[: bounds[number + 1] - bounds[number]] = calls[bounds[number] : bounds[number + 1]]
        usual[number] = max(np.median(own), min_calls)
    return np.asarray(windows["req_count"].to_numpy(np.float64) / usual)
