"""Server time [ms] and size [bytes] of each page's poll with 10,000,000 calls and with 100,000.

Run as `python -m bench.pages`, perhaps with a number of calls instead of 10,000,000, or with
`BENCH_DIR=FOLDER` to keep both stores. They hold 7 days of windows. A poll is what a browser
sends first, when nothing is drawn yet; it goes through the whole server but the network, and is
made anew each time: answers that browsers share are left out. Rounds of both stores take turns.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from flask.testing import FlaskClient

from app import create_app
from bench.filled import MINUTE, fill
from jobs.runtime import EXTENSION
from settings import settings_from_environment
from store import views

CALLS: Final = 10_000_000
FEW_CALLS: Final = 100_000
ROUNDS: Final = 15
RANGES: Final = ("15m", "3h", "24h", "7d")
TOKEN: Final = "bench-token"
PREFIX: Final = "/dashboard/"
GIVEN: Final[dict[str, Any]] = {  # what the addresses of pages give
    "shell-theme.data": "dark",
    "endpoint-asked.data": {"endpoint": "/payment", "method": "POST"},
    "client-of.data": "u3",
    "alerts-shown.data": 50,
    "models-subject.value": "endpoint",
}
# The question is asked anew each time: a request with a query is no poll to be shared.
ADDRESS: Final = f"{PREFIX}_dash-update-component?anew=1"

AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}

Body = dict[str, Any]


def main() -> None:
    """Print a line for each page and range."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with _folder() as folder:
        many, few = _server(folder / f"{calls}", calls), _server(folder / "few", FEW_CALLS)
        print(f"{'page':<11}{'range':>6}{'p95 ms':>9}{'median':>9}{'few p95':>9}", end="")
        print(f"{'median':>9}{'ratio':>7}{'bytes':>9}")
        for page, body in _polls(many):
            for key in RANGES if _has_range(body) else ("-",):
                _report(page, key, many, few, _asked(body, key))


@contextmanager
def _folder() -> Iterator[Path]:
    if kept := os.environ.get("BENCH_DIR"):
        yield Path(kept)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def _server(folder: Path, calls: int) -> FlaskClient:
    os.environ |= {
        "FORESIGHT_DATA_DIR": str(folder),
        "FORESIGHT_API_TOKEN": TOKEN,
        "FORESIGHT_SCHEDULER": "0",
        "FORESIGHT_DEMO": "1",
    }
    server = create_app(settings_from_environment())
    store = server.extensions[EXTENSION].store
    if views.data_range(store) is None:
        now = time.time_ns() // 1_000_000
        fill(store, calls, now - now % MINUTE)
    return server.test_client()


def _polls(client: FlaskClient) -> Iterator[tuple[str, Body]]:
    """Each callback that a clock of the frame asks, by the name of the clock."""
    answer = client.get(f"{PREFIX}_dash-dependencies", headers=AUTHORIZED)
    for spec in answer.get_json():
        ticks = [json.loads(i["id"])["of"] for i in spec["inputs"] if "shell-tick" in i["id"]]
        if ticks and not spec["clientside_function"] and "ALL" not in ticks[0]:
            yield ticks[0], _body(spec)


def _body(spec: dict[str, Any]) -> Body:
    """What a browser sends for a callback, with the first values of everything."""
    names = spec["output"]
    multiple = names.startswith("..")
    outputs = [_named(name) for name in (names[2:-2].split("...") if multiple else [names])]
    return {
        "output": names,
        "outputs": outputs if multiple else outputs[0],
        "inputs": [_valued(part) for part in spec["inputs"]],
        "changedPropIds": [],
        "state": [_valued(part) for part in spec["state"]],
    }


def _named(name: str) -> Body:
    id, _, prop = name.rpartition(".")
    return {"id": _id(id), "property": prop.partition("@")[0]}


def _valued(part: dict[str, str]) -> Any:
    if '["ALL"]' in part["id"]:
        return []
    given = GIVEN.get(f"{part['id']}.{part['property']}")
    return {"id": _id(part["id"]), "property": part["property"], "value": given}


def _id(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def _has_range(body: Body) -> bool:
    return any(part and part["id"] == "shell-range" for part in body["inputs"])


def _asked(body: Body, key: str) -> Body:
    def asked(part: Any) -> Any:
        return {**part, "value": {"range": key}} if part and part["id"] == "shell-range" else part

    return body | {"inputs": [asked(part) for part in body["inputs"]]}


def _report(page: str, key: str, many: FlaskClient, few: FlaskClient, body: Body) -> None:
    size = _took(many, body)[1]
    _took(few, body)
    times = np.array([[_took(client, body)[0] for client in (many, few)] for _ in range(ROUNDS)])
    (p95, few_p95), (median, few_median) = np.percentile(times, 95, 0), np.median(times, 0)
    print(f"{page:<11}{key:>6}{p95:>9.1f}{median:>9.1f}{few_p95:>9.1f}{few_median:>9.1f}", end="")
    print(f"{median / few_median:>7.2f}{size:>9,}", flush=True)


def _took(client: FlaskClient, body: Body) -> tuple[float, int]:
    """How long the answer takes [ms] and how large it is on the wire [bytes]."""
    begin = time.perf_counter()
    answer = client.post(ADDRESS, json=body, headers=AUTHORIZED | {"Accept-Encoding": "gzip"})
    took = (time.perf_counter() - begin) * 1000
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{body['output'][:60]}: {answer.status_code} {answer.text[:300]}")
    return took, len(answer.get_data())


if __name__ == "__main__":
    main()
