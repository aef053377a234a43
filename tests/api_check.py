"""`make api-check`: schemathesis against a running server, with every check that it has.

The server has a data folder of its own that goes afterwards, so that nothing is spared: models are
promoted and rolled back, verdicts and calls stored. What no JSON Schema says is in
`schemathesis.toml`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ingest.simulator.episodes import Planned
from ingest.traffic import simulate
from jobs import scoring
from jobs.drift import measure_drift
from jobs.runtime import FACTORY_MODELS
from jobs.scorecard import compare_forecasts
from ml.registry import Models
from store import Store, feedback, lists, open_store, writes
from tests.rows import MINUTE
from tests.server import ROOT, TOKEN, running_server

HOURS = 3
ALL_EXAMPLES = 60  # for each operation; with the fixed ones some 2,500 cases


class Checked(NamedTuple):
    """How a run ended."""

    passed: bool
    cases: int
    output: str


def fill(store: Store, now: int) -> None:
    """Hours of scored history with an outage, drift, a scorecard and a verdict."""
    start = now - now % MINUTE - HOURS * 60 * MINUTE
    crash = Planned("crash", start=HOURS * 30, minutes=3)
    past = simulate(seed=3, start_ms=start, minutes=HOURS * 60, intensity=0.3, episodes=[crash])
    with store.begin() as connection:
        writes.add_calls(connection, past.calls, store.grid)
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    scoring.score_all(store, version, bundle, lambda: now + scoring.GRACE_MS, min_calls=5)
    references = {subject: models.reference for subject, models in bundle.subjects.items()}
    measure_drift(store, version, references, now)
    compare_forecasts(store, now)
    window = lists.windows_page(store, lists.Filters(priority="HIGH"), 1).items[0]
    with store.begin() as connection:
        key = feedback.window_key(connection, window["id"])
        feedback.save_verdict(connection, key, feedback.CONFIRMED, who="admin", at=now)


def check(folder: Path, *options: str) -> Checked:
    """Run schemathesis with these options against a server on a new folder."""
    with closing(open_store(f"sqlite:///{folder / 'foresight.db'}")) as store:
        fill(store, time.time_ns() // 1_000_000)
    program = Path(sys.executable).parent / "schemathesis"
    with running_server(folder, scheduler=0) as server:
        command = [
            str(program),
            f"--config-file={ROOT / 'schemathesis.toml'}",
            "run",
            f"{server.url}/api/openapi.json",
            f"--header=Authorization: Bearer {TOKEN}",
            "--checks=all",
            "--continue-on-failure",
            "--generation-database=none",
            *options,
        ]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=os.environ | {"NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
            check=False,
        )
    cases = re.search(r"(\d+) generated", done.stdout)
    return Checked(done.returncode == 0, int(cases[1]) if cases else 0, done.stdout)


def main() -> None:
    """Run with the options of the command line."""
    with tempfile.TemporaryDirectory() as folder:
        found = check(Path(folder), f"--max-examples={ALL_EXAMPLES}", *sys.argv[1:])
    print(found.output)
    sys.exit(not found.passed)


if __name__ == "__main__":
    main()
