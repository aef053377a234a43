"""When misuse and faults happen: a seeded plan of episodes with calm between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from ingest.shop.faults import FAULTS, GRADUAL, severity_for
from ingest.simulator.misuse import MISUSE

NAMES: Final = MISUSE + FAULTS
NEAR_MISS_SHARE: Final = 0.3  # of gradual faults that heal before they hurt


@dataclass(frozen=True, slots=True)
class Planned:
    """An episode to come, in minutes since the start.

    `severity` is the strength of a misuse or the severity of a fault; a near miss is repaired too
    early to hurt.
    """

    name: str
    start: float
    minutes: float
    severity: float = 1.0
    near_miss: bool = False

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"episode {self.name!r} is none of {', '.join(NAMES)}")
        if not (self.start >= 0 and self.minutes > 0 and self.severity > 0):
            raise ValueError(f"{self} must start at 0 or later, last and have a severity above 0")

    @property
    def end(self) -> float:
        """When it is over [minutes since the start]."""
        return self.start + self.minutes

    @property
    def kind(self) -> str:
        """`misuse` or `fault`."""
        return "misuse" if self.name in MISUSE else "fault"


def planned_episodes(
    seed: int,
    names: Sequence[str] = NAMES,
    *,
    calm: tuple[float, float] = (6.0, 12.0),
    calls_per_s: float = 10.0,
    longest: float = 20.0,
) -> Iterator[Planned]:
    """An endless plan that takes the names in turn, each round in another order.

    Parameters
    ----------
    calm : (float, float)
        Shortest and longest time without an episode [minutes].
    calls_per_s : float
        Usual traffic; gradual faults are as severe as they must be to hurt in time.
    longest : float
        Longest episode [minutes]; gradual faults take at least half of it, others up to 5 minutes.
    """
    rng = Random(f"episodes {seed}")
    start = rng.uniform(*calm)
    while True:
        for name in rng.sample(list(names), len(names)):
            episode = _planned(name, start, calls_per_s, longest, rng)
            yield episode
            start += episode.minutes + rng.uniform(*calm)


def strong_enough(name: str, start: float, minutes: float, calls_per_s: float = 10.0) -> Planned:
    """An episode of usual strength; a gradual fault that hurts well before its end."""
    severity = 1.0 if name in MISUSE else severity_for(name, 60.0 * minutes, calls_per_s)
    return Planned(name, start, minutes, severity)


def _planned(name: str, start: float, calls_per_s: float, longest: float, rng: Random) -> Planned:
    if name in MISUSE:
        minutes = rng.uniform(2.0, min(5.0, longest))
        return Planned(name, start, minutes, rng.uniform(0.7, 1.6))
    if name not in GRADUAL:
        return Planned(name, start, rng.uniform(2.0, min(5.0, longest)), rng.uniform(0.5, 1.5))
    minutes = rng.uniform(longest / 2, longest)
    severity = severity_for(name, 60.0 * minutes, calls_per_s) * rng.uniform(0.8, 1.25)
    if rng.random() < NEAR_MISS_SHARE:  # repaired, or not bad enough to go all the way
        return Planned(name, start, minutes * 0.45, severity * rng.uniform(0.6, 1.0), True)
    return Planned(name, start, minutes, severity)
