"""Logged requests of a public data set as calls, as the product would have stored them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ingest.call import clean_method, clean_path, fingerprint
from ingest.routes import route_template


def call_columns(
    *,
    timestamp: np.typing.NDArray[np.int64],
    method: Sequence[str],
    target: Sequence[str],
    status_code: np.typing.NDArray[np.int64],
    payload_size: np.typing.NDArray[np.int64],
    client: Sequence[str],
    endpoint: Callable[[str, int], str] = route_template,
) -> dict[str, Any]:
    """Columns as of `datasets.synthetic.call_columns`, by time; response times are not known.

    Parameters
    ----------
    timestamp : ndarray of shape (n_calls,)
        When the request came [epoch ms].
    target : sequence of str
        Path and query as sent.
    payload_size : ndarray of shape (n_calls,)
        Bytes of the answer.
    endpoint : callable
        Name of the endpoint of a path with a status.
    """
    parts = [text.partition("?") for text in target]
    columns = {
        "timestamp": np.asarray(timestamp, np.int64),
        "endpoint": _objects(
            [endpoint(text, int(status)) for text, status in zip(target, status_code, strict=True)]
        ),
        "method": _objects([clean_method(name) for name in method]),
        "client": _objects(client),
        "path": _objects([clean_path(path) for path, _, _ in parts]),
        "response_time_ms": np.full(len(parts), np.nan),
        "status_code": np.asarray(status_code, np.int64),
        "payload_size": np.asarray(payload_size, np.int64),
        "fingerprint": np.array(
            [
                fingerprint(who, name, path, query)
                for who, name, (path, _, query) in zip(client, method, parts, strict=True)
            ],
            np.int64,
        ),
        "simulated": np.zeros(len(parts), np.bool_),
    }
    order = np.argsort(columns["timestamp"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


def _objects(values: Sequence[str]) -> np.typing.NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
