"""Drift: how far the features of windows have moved from those that the models were fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.features import FEATURES

BINS: Final = 10  # tenths of the training windows, fewer where many of them have the same value
SMOOTHING: Final = 0.001  # share added to each bin: an empty one is no infinite distance
# The usual reading: N. Siddiqi, Credit Risk Scorecards, 2006; its sampling distribution:
# B. Yurdakul, Statistical properties of the population stability index, 2018.
STABLE_BELOW: Final = 0.1
DRIFTED_ABOVE: Final = 0.25

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """The distribution of each feature in training: bins `(-inf, e0], (e0, e1], ... (en, inf)`."""

    edges: tuple[Floats, ...]  # for each feature, ascending; at most 9
    counts: tuple[Floats, ...]  # windows in each bin, one more than edges


def reference(features: Floats) -> Reference:
    """The distribution of training windows.

    Parameters
    ----------
    features : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`; NaN where not known, which is left out.

    Raises
    ------
    ValueError
        There is no window, or not 8 features.
    """
    columns = _known(features)
    edges = tuple(_edges(column) for column in columns)
    return Reference(edges, tuple(map(_counts, edges, columns)))


def psi(reference: Reference, features: Floats) -> Floats:
    """Population stability index of each feature against training, the higher the further.

    `sum((p - q) * ln(p / q))` over the bins, p and q being the shares of the windows given and of
    those of training, each share with `SMOOTHING` more. Chance alone gives about
    `(bins - 1) * (1 / n_windows + 1 / n_training)`.

    Parameters
    ----------
    features : ndarray of shape (n_windows, 8)
        In the order of `FEATURES`; NaN where not known, which is left out.

    Returns
    -------
    ndarray of shape (8,)
        NaN where a feature is known of no window, here or in training.

    Raises
    ------
    ValueError
        There is no window, or not 8 features.
    """
    columns = _known(features)
    counts = map(_counts, reference.edges, columns)
    return np.array([_psi(*pair) for pair in zip(counts, reference.counts, strict=True)])


def reading(psi: float) -> str:
    """What an index is usually taken for: `stable`, `moving` or `drifted`."""
    if psi < STABLE_BELOW:
        return "stable"
    return "moving" if psi <= DRIFTED_ABOVE else "drifted"


def _known(features: Floats) -> list[Floats]:
    """The known values of each feature, to the 7 digits that a distribution is compared in.

    A store may give the last digits of a share like 11/12 back differently; it must not fall into
    the next bin for that.
    """
    if features.ndim != 2 or features.shape[1] != len(FEATURES) or not len(features):
        raise ValueError(
            f"features have the shape {features.shape!r}; it must be (n_windows, {len(FEATURES)}) "
            "with at least one window"
        )
    seven_digits = features.astype(np.float32).astype(np.float64)
    return [column[~np.isnan(column)] for column in seven_digits.T]


def _edges(values: Floats) -> Floats:
    """Tenths; equal ones are one edge, and a value that many windows share is in a bin with it."""
    if not len(values):
        return values
    return np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf"))


def _counts(edges: Floats, values: Floats) -> Floats:
    number = np.searchsorted(edges, values, side="left")
    return np.bincount(number, minlength=len(edges) + 1).astype(np.float64)


def _psi(now: Floats, training: Floats) -> float:
    if not now.sum() or not training.sum():
        return float("nan")
    p, q = (
        (counts / counts.sum() + SMOOTHING) / (1 + len(counts) * SMOOTHING)
        for counts in (now, training)
    )
    return float(((p - q) * np.log(p / q)).sum())
