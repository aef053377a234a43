"""What there is to say about a data set, the same for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["simulated", "recorded", "written", "real", "generated", "mixed"]


@dataclass(frozen=True)
class DataSet:
    """One entry of the catalog."""

    name: str
    title: str
    kind: Kind  # where the data come from, as people are told
    source: str  # who made it, and how
    licence: str
    rows: int | None  # None: not there, or only known once it is made or loaded
    columns: tuple[str, ...]
    labels: str  # what they mean
    split: str  # how training and test parts are kept apart
    available: bool
    note: str = ""  # leaks, limits, what to do when it is absent
