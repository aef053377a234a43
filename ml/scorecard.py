"""The scorecard: how failure probabilities held up, in figures that carry their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

import numpy as np

WARNING: Final = 0.5  # from this failure probability on a window is a warning
BINS: Final = 10  # tenths of the probability
FIRST_WARNING_BIN: Final = round(WARNING * BINS)
_Z: Final = 1.959964  # of the normal distribution: 95 % lie within


class Bin(NamedTuple):
    """Forecasts of one tenth of the probability and what came of them."""

    bin: int  # 0..9; the last one has probability 1, too
    windows: int
    failed: int  # of the windows, within the next 5 minutes
    probability_sum: float
    squared_error_sum: float


class Share(NamedTuple):
    """A share with its 95 % interval; None where there is nothing to take a share of."""

    value: float | None
    low: float | None
    high: float | None
    n: int  # of so many


def share(hits: int, n: int) -> Share:
    """Share with its Wilson 95 % interval.

    The interval takes the windows as independent, which neighbours are not: it is too narrow
    rather than too wide.

    Raises
    ------
    ValueError
        More hits than there are.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22, 1927.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits={hits!r} must lie between 0 and n={n!r}")
    if n == 0:
        return Share(None, None, None, 0)
    value, weight = hits / n, _Z**2 / n
    centre = (value + weight / 2) / (1 + weight)
    half = sqrt(value * (1 - value) * weight + weight**2 / 4) / (1 + weight)
    # Rounding must not push an end past 0, 1 or the share itself.
    low, high = max(0.0, min(centre - half, value)), min(1.0, max(centre + half, value))
    return Share(value, low, high, n)


class Reliability(NamedTuple):
    """What was said and what happened in one tenth of the probability."""

    low: float  # of the tenth
    high: float
    given: float  # mean probability
    failed: Share


@dataclass(frozen=True)
class Card:
    """How forecasts held up; None where nothing says so yet."""

    base_rate: Share  # of windows that fail within 5 minutes, of all forecasts
    brier: float | None  # mean squared error, the lower the better
    brier_skill: float | None  # 1: perfect, 0: as good as always saying the base rate
    precision: Share  # of warnings that were right
    recall: Share  # of failures that were warned of, of those that a forecast was possible for
    onsets_without_forecast: int  # no window of the subject in the 15 minutes before
    median_lead_minutes: float | None  # from the first warning to the failure
    reliability: tuple[Reliability, ...]


def card(bins: Sequence[Bin], leads_ms: Mapping[int | None, int], unforeseeable: int) -> Card:
    """The figures of a stretch of time.

    Parameters
    ----------
    bins : sequence of Bin
        At most one of each number.
    leads_ms : mapping
        Time between warning and failure [ms], None: there was no warning -> onsets, without
        the unforeseeable ones.
    unforeseeable : int
        Onsets that no forecast was possible for.
    """
    windows, failed = sum(b.windows for b in bins), sum(b.failed for b in bins)
    warnings = [b for b in bins if b.bin >= FIRST_WARNING_BIN]
    warned = {lead: count for lead, count in leads_ms.items() if lead is not None}
    brier = sum(b.squared_error_sum for b in bins) / windows if windows else None
    return Card(
        base_rate=share(failed, windows),
        brier=brier,
        brier_skill=_skill(brier, failed, windows),
        precision=share(sum(b.failed for b in warnings), sum(b.windows for b in warnings)),
        recall=share(sum(warned.values()), sum(leads_ms.values())),
        onsets_without_forecast=unforeseeable,
        median_lead_minutes=_median_minutes(warned),
        reliability=tuple(
            Reliability(
                b.bin / BINS,
                (b.bin + 1) / BINS,
                b.probability_sum / b.windows,
                share(b.failed, b.windows),
            )
            for b in bins
        ),
    )


def _skill(brier: float | None, failed: int, windows: int) -> float | None:
    """None while all windows came out alike: saying so always can't be beaten."""
    if brier is None or failed in (0, windows):
        return None
    base = failed / windows
    return 1 - brier / (base * (1 - base))


def _median_minutes(leads_ms: Mapping[int, int]) -> float | None:
    if not leads_ms:
        return None
    leads = np.repeat(list(leads_ms.keys()), list(leads_ms.values()))
    return float(np.median(leads)) / 60_000
