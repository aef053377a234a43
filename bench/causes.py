"""Which clients are named as causes, in simulated episodes whose culprits are known.

Run as `python -m bench.causes`. Right: at least one client is named and all who are took part.
Where clients are the cause, the risky windows of the endpoint that they misuse count; where a fault
is, those of all endpoints. Floods of a busy or a new endpoint may stay LOW: for these every window
is explained that has at least `LOOKED_AT` of risk, and they count apart.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from datasets.synthetic import call_columns
from ingest.shop.faults import GRADUAL
from ingest.simulator.episodes import NAMES, Planned, strong_enough
from ingest.simulator.misuse import MISUSE
from ingest.traffic import Episode, simulate
from jobs.runtime import FACTORY_MODELS
from ml.bundle import MIN_CALLS, Bundle
from ml.causes import causes
from ml.features import ENDPOINT, window_features
from ml.registry import Models

SEEDS = range(8500, 8508)  # thresholds were chosen on 8000 to 8011
POPULATIONS = ((1.0, 40), (0.4, 40), (0.25, 24), (1.5, 12))  # intensity, clients
START, MINUTE_MS = 26.3, 60_000  # of an episode [minutes]; what is usual must be known
FLOODS = ("burst", "scraping", "enumeration")
LOOKED_AT = 0.2  # risk score


def episode_of(name: str, seed: int, intensity: float, clients: int) -> Planned:
    """A gradual fault that hurts in time; misuse and sudden faults of varying strength."""
    if name in GRADUAL:
        return strong_enough(name, START, 10, 10 * intensity * clients / 40)
    strength = np.random.default_rng(seed).uniform(0.5, 1.6)
    return Planned(name, START, 3, 5.0 * strength if name == "burst" else strength)


def outcomes(bundle: Bundle, name: str, seed: int) -> Iterator[tuple[str, str]]:
    """(what was looked at, what came of it) for each explained window of one episode."""
    intensity, clients = POPULATIONS[seed % len(POPULATIONS)]
    planned = episode_of(name, seed, intensity, clients)
    minutes = planned.end + 1
    history = simulate(
        seed=seed, start_ms=0, minutes=minutes, intensity=intensity, clients=clients,
        episodes=[planned],
    )  # fmt: skip
    calls = call_columns(history.calls)
    every = window_features(calls)
    scored = bundle.score(every, every.iloc[:0], min_calls=MIN_CALLS)
    windows = during(scored, history.episodes[0])
    for low, looked_at in windows.groupby(windows["priority"] == "LOW"):
        title = f"{name}, LOW" if low else name
        for found in causes(bundle, looked_at, calls, every, min_calls=MIN_CALLS):
            named = {cause["client"] for cause in found}
            guilty = named <= set(history.episodes[0].clients)
            yield title, "silent" if not named else "right" if guilty else "wrong"


def during(scored: pd.DataFrame, episode: Episode) -> pd.DataFrame:
    """The endpoint windows of an episode that are to be explained."""
    start = scored["timestamp"]
    inside = (start + MINUTE_MS > episode.start) & (start < episode.end)
    inside &= scored["subject"] == ENDPOINT
    if episode.kind == "misuse":
        inside &= scored["endpoint"] == episode.endpoint
    risky = scored["priority"] != "LOW"
    if episode.name in FLOODS:
        risky |= scored["risk_score"] >= LOOKED_AT
    return scored[inside & risky]


def main() -> None:
    begin = time.perf_counter()
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    counts: dict[str, Counter[str]] = {}
    for name in NAMES:
        for seed in SEEDS:
            for title, outcome in outcomes(bundle, name, seed):
                counts.setdefault(title, Counter())[outcome] += 1
    print(f"{'episode':22s} {'windows':>8s} {'right':>6s} {'wrong':>6s} {'silent':>7s}")
    for title, count in counts.items():
        print(
            f"{title:22s} {count.total():8d} {count['right']:6d} {count['wrong']:6d} "
            f"{count['silent']:7d}"
        )
    misuse = sum((count for title, count in counts.items() if title in MISUSE), Counter())
    faults = sum((count for title, count in counts.items() if "LOW" not in title), Counter())
    faults -= misuse
    print(
        f"\nright where clients are the cause: {misuse['right'] / misuse.total():.1%}; "
        f"silent where none is: {faults['silent'] / faults.total():.1%} "
        f"({time.perf_counter() - begin:.0f} s)"
    )


if __name__ == "__main__":
    main()
