"""All benchmarks in turn: `python -m bench`."""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    "bench.capture",
    "bench.load",
    "bench.posted",
    "bench.streams",
    "bench.features",
    "bench.scoring",
    "bench.explain",
    "bench.causes",
    "bench.minute",
    "bench.ask",
    "bench.first_paint",
    "bench.polls",
)


def main() -> None:
    """Each part in a process of its own, so that none warms up another."""
    for part in PARTS:
        print(f"\n== {part} ==", flush=True)
        subprocess.run([sys.executable, "-m", part], check=True)


if __name__ == "__main__":
    main()
