"""The 8 features of a window, for endpoints and for clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.histogram import latency_histograms
from ml.rhythm import READS, RHYTHM, rhythm

FEATURES: Final = (
    "req_count",  # calls
    "error_rate",  # share of calls with status >= 400
    "avg_response_time",  # ms, of the calls that have one; NaN: none has
    "max_response_time",  # ms
    "payload_mean",  # bytes
    "unique_endpoints",  # of a client: endpoints; of an endpoint: concrete paths
    "repeat_rate",  # 1 - distinct identical requests / calls
    "status_entropy",  # Shannon entropy of the status codes, bits
)
KEY: Final = ("timestamp", "subject", "endpoint", "method", "client")
ENDPOINT: Final = "endpoint"
CLIENT: Final = "client"
ANY: Final = "*"  # endpoint and method of a client window
UNMATCHED: Final = "(unmatched)"  # endpoint of calls that no route fits
OTHER: Final = "(other)"  # shares the clients, or endpoints, of a window beyond the busiest
FIRST_ERROR_STATUS: Final = 400
COUNTED_KEYS_A_ROW: Final = 8  # up to so many possible keys a row, counting beats sorting

_DTYPES: Final[dict[str, Any]] = {
    "timestamp": np.int64,
    "subject": object,
    "endpoint": object,
    "method": object,
    "client": object,
    "req_count": np.int64,
    "error_rate": np.float64,
    "avg_response_time": np.float64,
    "max_response_time": np.float64,
    "payload_mean": np.float64,
    "unique_endpoints": np.int64,
    "repeat_rate": np.float64,
    "status_entropy": np.float64,
    "simulated_count": np.int64,
    "status_counts": object,
    "latency_histogram": object,
    **dict.fromkeys(RHYTHM, np.float64),
}

Ints = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


def window_features(
    calls: Mapping[str, NDArray[Any]],
    *,
    window_ms: int = 60_000,
    step_ms: int = 60_000,
    max_clients: int = 5_000,
    max_endpoints: int = 1_000,
) -> pd.DataFrame:
    """Features of every window that has a call, for each endpoint + method and for each client.

    Parameters
    ----------
    calls : mapping of str to ndarray of shape (n_calls,)
        `timestamp` [epoch ms], `endpoint`, `method`, `client`, `path` (str or None),
        `response_time_ms` (NaN: not known), `status_code`, `payload_size` [bytes], `fingerprint`
        (0 or None: not known), `simulated` (bool); in any order of rows.
    window_ms, step_ms : int
        Length of a window and distance of window starts [ms]; starts are aligned to the epoch.
    max_clients : int
        The busiest so many clients of a window get a row of their own, the rest share `(other)`.
    max_endpoints : int
        The same of endpoints with their methods; the rest share `(other)`, one row a method.

    Returns
    -------
    DataFrame
        One row a window: the key (`timestamp` is the start; `client` is None in endpoint windows,
        `endpoint` and `method` are `*` in client windows), the 8 `FEATURES`, `simulated_count`
        [calls], `status_counts` (JSON object, status code -> calls), `latency_histogram` (bytes,
        see `ml.histogram`; None in client windows) and the measures of `ml.rhythm.RHYTHM` (NaN in
        endpoint windows). Sorted by subject (endpoints first), start and name. A window that
        reaches beyond the calls given is partial; of sliding windows those at both ends are.

    Raises
    ------
    ValueError
        `step_ms` does not divide `window_ms`.
    """
    if step_ms <= 0 or window_ms % step_ms:
        raise ValueError(f"step_ms={step_ms!r} must divide window_ms={window_ms!r} without rest")
    if len(calls["timestamp"]) == 0:
        return _frame({name: np.empty(0, dtype) for name, dtype in _DTYPES.items()})
    rows, names, clients = _coded(calls)
    rows = _in_every_window(rows, window_ms // step_ms, step_ms)
    both = (
        _endpoint_windows(rows, names, max_endpoints),
        _client_windows(rows, names, clients, max_clients),
    )
    columns = {name: np.concatenate([part[name] for part in both]) for name in _DTYPES}
    columns["timestamp"] *= step_ms
    return _frame(columns)


def is_shared(windows: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each window is that of the clients, or the endpoints, beyond the busiest."""
    names = windows[["endpoint", "client"]].to_numpy(object)
    found: NDArray[np.bool_] = (names == OTHER).any(axis=1)
    return found


def _frame(columns: Columns) -> pd.DataFrame:
    """Columns of objects stay such: pandas would turn None into NaN and text into another type."""
    return pd.DataFrame(
        {
            name: pd.Series(columns[name], dtype=object) if dtype is object else columns[name]
            for name, dtype in _DTYPES.items()
        }
    )


def _coded(calls: Mapping[str, NDArray[Any]]) -> tuple[Columns, Columns, NDArray[Any]]:
    """Calls as numbers (names become codes in the order of the names), the routes, the clients."""
    endpoint, endpoints = _codes(calls["endpoint"])
    method, methods = _codes(calls["method"])
    client, clients = _codes(calls["client"])
    path = pd.factorize(calls["path"])[0] + 1  # 0: not known, one path like any other
    route, used = _dense(endpoint * len(methods) + method)
    status, statuses = _dense(np.asarray(calls["status_code"], np.int64))
    timestamp = np.asarray(calls["timestamp"], np.int64)
    rows = {
        "timestamp": timestamp,
        "at_ms": timestamp,
        "endpoint": endpoint,
        "route": route,
        "client": client,
        "path": path,
        "identity": _identity(calls["fingerprint"], client, route, path),
        "status": status,
        "error": statuses[status] >= FIRST_ERROR_STATUS,
        "response_time_ms": np.asarray(calls["response_time_ms"], np.float64),
        "payload_size": np.asarray(calls["payload_size"], np.float64),
        "reads": np.isin(methods, READS)[method],
        "simulated": np.asarray(calls["simulated"], np.float64),
    }
    names = {
        "endpoint": endpoints[used // len(methods)],
        "method": methods[used % len(methods)],
        "status": statuses,
    }
    return rows, names, clients


def _codes(names: NDArray[Any]) -> tuple[Ints, NDArray[Any]]:
    """Code of each row and the name of each code, codes in the order of the names."""
    found, seen = pd.factorize(names)
    order = np.array(sorted(range(len(seen)), key=seen.tolist().__getitem__), np.int64)
    code_of = np.empty(len(seen), np.int64)
    code_of[order] = np.arange(len(seen))
    return code_of[found], np.asarray(seen[order], object)


def _dense(key: Ints) -> tuple[Ints, Ints]:
    """Number of each row's key among the distinct keys, and those in ascending order.

    Keys that are small are counted, which is ten times as fast as sorting them.
    """
    if key.min() >= 0 and key.max() < COUNTED_KEYS_A_ROW * len(key):
        present = np.bincount(key) > 0
        return (np.cumsum(present) - 1)[key], np.flatnonzero(present)
    distinct, number = np.unique(key, return_inverse=True)
    return number, distinct


def _identity(fingerprint: NDArray[Any], client: Ints, route: Ints, path: Ints) -> Ints:
    """Equal for identical requests: by fingerprint, without one by client, method and path."""
    if fingerprint.dtype == object:
        fingerprint = np.array([value or 0 for value in fingerprint], np.int64)
    same_print = pd.factorize(fingerprint)[0]
    unknown = fingerprint == 0
    if not unknown.any():
        return same_print
    same_path = _dense((client * (route.max() + 1) + route) * (path.max() + 1) + path)[0]
    return np.where(unknown, len(fingerprint) + same_path, same_print)


def _in_every_window(rows: Columns, windows_a_call: int, step_ms: int) -> Columns:
    """Each call once for each window that it falls into, with the window's number `start`."""
    last = rows.pop("timestamp") // step_ms
    if windows_a_call == 1:
        return {"start": last, **rows}
    start = np.concatenate([last - back for back in range(windows_a_call)])
    return {"start": start, **{name: np.tile(rows[name], windows_a_call) for name in rows}}


def _endpoint_windows(rows: Columns, names: Columns, max_endpoints: int) -> Columns:
    route, names = _busiest_routes(rows, names, max_endpoints)
    group, start, route = _groups(rows["start"], route)
    histograms = latency_histograms(group, rows["response_time_ms"], len(start))
    return {
        "timestamp": start,
        "subject": _filled(ENDPOINT, len(start)),
        "endpoint": names["endpoint"][route],
        "method": names["method"][route],
        "client": _filled(None, len(start)),
        **_features(rows, group, len(start), rows["path"], names["status"]),
        "latency_histogram": _objects(histograms),
        **dict.fromkeys(RHYTHM, np.full(len(start), np.nan)),
    }


def _client_windows(
    rows: Columns, names: Columns, clients: NDArray[Any], max_clients: int
) -> Columns:
    shared, clients = _shared(clients)
    busy = _is_busy(rows["start"], rows["client"], max_clients)
    group, start, own = _groups(rows["start"], np.where(busy, rows["client"], shared))
    return {
        "timestamp": start,
        "subject": _filled(CLIENT, len(start)),
        "endpoint": _filled(ANY, len(start)),
        "method": _filled(ANY, len(start)),
        "client": clients[own],
        **_features(rows, group, len(start), rows["endpoint"], names["status"]),
        "latency_histogram": _filled(None, len(start)),
        **_rhythm(rows, group, len(start)),
    }


def _rhythm(rows: Columns, group: Ints, groups: int) -> dict[str, NDArray[np.float64]]:
    size = rows["payload_size"].astype(np.int64)
    return rhythm(group, groups, rows["at_ms"], size, rows["path"], rows["reads"])


def _groups(start: Ints, code: Ints) -> tuple[Ints, Ints, Ints]:
    """Number of each row's window; start and code of each window."""
    first, width = start.min(), code.max() + 1
    group, key = _dense((start - first) * width + code)
    return group, key // width + first, key % width


def _busiest_routes(rows: Columns, names: Columns, most: int) -> tuple[Ints, Columns]:
    """Route of each row, `(other)` with its method beyond the busiest of its window; the names."""
    endpoint, method = names["endpoint"], names["method"]
    if len(endpoint) <= most:
        return rows["route"], names
    methods, of_route = np.unique(method.astype(str), return_inverse=True)
    shared = len(endpoint) + of_route
    for route in np.flatnonzero(endpoint == OTHER):  # calls can be stored under this name
        shared[of_route == of_route[route]] = route
    busy = _is_busy(rows["start"], rows["route"], most)
    every = {
        "endpoint": np.append(endpoint, _filled(OTHER, len(methods))),
        "method": np.append(method, methods.astype(object)),
        "status": names["status"],
    }
    return np.where(busy, rows["route"], shared[rows["route"]]), every


def _shared(clients: NDArray[Any]) -> tuple[int, NDArray[Any]]:
    """Code of `(other)` and the names with it; a client may call itself so."""
    found = np.flatnonzero(clients == OTHER)
    return (int(found[0]), clients) if len(found) else (len(clients), np.append(clients, OTHER))


def _is_busy(start: Ints, code: Ints, most: int) -> NDArray[np.bool_]:
    """Whether the code of each row is among the most frequent of its window (ties: the lowest)."""
    if code.max() < most:
        return np.ones(len(code), np.bool_)
    group, window, own = _groups(start, code)
    order = np.lexsort((own, -np.bincount(group), window))
    place = np.arange(len(order)) - np.searchsorted(window[order], window[order])
    busy = np.empty(len(order), np.bool_)
    busy[order] = place < most
    return busy[group]


def _features(rows: Columns, group: Ints, groups: int, visited: Ints, statuses: Ints) -> Columns:
    """The 8 features and the counts of each group; `visited` counts for unique_endpoints."""
    calls = np.bincount(group, minlength=groups)

    def total(of_call: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(group, of_call, groups), np.float64)

    ms = rows["response_time_ms"]
    known = ~np.isnan(ms)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no call has a response time: NaN, as stated
        average_ms = total(np.where(known, ms, 0.0)) / total(known)
    slowest_ms = np.full(groups, np.nan)
    np.fmax.at(slowest_ms, group, ms)
    entropy, status_counts = _statuses(rows["status"], group, calls, statuses)
    return {
        "req_count": calls,
        "error_rate": total(rows["error"]) / calls,
        "avg_response_time": average_ms,
        "max_response_time": slowest_ms,
        "payload_mean": total(rows["payload_size"]) / calls,
        "unique_endpoints": _distinct(group, visited, groups),
        "repeat_rate": 1 - _distinct(group, rows["identity"], groups) / calls,
        "status_entropy": entropy,
        "simulated_count": total(rows["simulated"]).astype(np.int64),
        "status_counts": status_counts,
    }


def _counted(key: Ints) -> tuple[Ints, Ints]:
    """The distinct keys in ascending order and how often each occurs."""
    key = np.sort(key)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    return key[first], np.diff(np.append(first, len(key)))


def _distinct(group: Ints, code: Ints, groups: int) -> Ints:
    """Distinct codes in each group."""
    width = code.max() + 1
    return np.bincount(_counted(group * width + code)[0] // width, minlength=groups)


def _statuses(
    status: Ints, group: Ints, calls: Ints, statuses: Ints
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Shannon entropy [bit] and JSON counts of the status codes of each group."""
    pair, count = _counted(group * len(statuses) + status)
    owner, kind = pair // len(statuses), pair % len(statuses)
    share = count / calls[owner]
    bits = np.bincount(owner, -share * np.log2(share), len(calls))
    number, said = _dense(count * len(statuses) + kind)
    texts = _objects([f'"{statuses[key % len(statuses)]}": {key // len(statuses)}' for key in said])
    ends = np.cumsum(np.bincount(owner, minlength=len(calls))).tolist()
    parts = texts[number].tolist()
    joined = [
        "{" + ", ".join(parts[start:end]) + "}"
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    return np.asarray(bits, np.float64), _objects(joined)


def _filled(value: str | None, length: int) -> NDArray[Any]:
    return np.full(length, value, object)


def _objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
