"""A data set at a glance: groups, histogram by group, rank correlation, a map of two axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_GROUPS: Final = 6
NO_VALUE: Final = "(none)"
OTHERS: Final = "(others)"
BINS: Final = 40
CORRELATED_ROWS: Final = 10_000  # of a larger set a sample, 12 ms
FITTED_ROWS: Final = 20_000  # of a larger set the axes of the map are those of a sample
SEED: Final = 1
_LONG_TAIL: Final = 10.0  # times the median; beyond it the scale is logarithmic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Groups(NamedTuple):
    """Rows by the value of a column; `codes` of shape (n_rows,) point into `names`."""

    names: tuple[str, ...]  # most common first, then `OTHERS` and `NO_VALUE`
    codes: Ints


class Histogram(NamedTuple):
    """Share of each group's rows in each bin; bins are the same for all groups."""

    edges: Floats  # n_bins + 1
    shares: dict[str, Floats]  # group -> n_bins, adding up to 1
    rows: dict[str, int]  # group -> rows that have a value
    logarithmic: bool  # bins are even on the scale of log(1 + value)


class Axes(NamedTuple):
    """A map of rows in two dimensions."""

    positions: NDArray[np.float32]  # n_rows, 2
    explained: tuple[float, ...]  # share of the variance along each axis
    weights: Floats  # 2, n_features; of each standardised log feature
    features: tuple[str, ...]
    fitted_on: int  # rows


def groups(column: pd.Series, most: int = MOST_GROUPS, order_of: Sequence[str] = ()) -> Groups:
    """The most common values of a column, the rest together.

    Parameters
    ----------
    column : Series
        Categories, texts or truth values; missing ones are a group of their own.
    most : int
        Values with a group of their own.
    order_of : sequence of str
        Values that stand in this order where they are all that there is.
    """
    texts = column.map({True: "yes", False: "no"}) if column.dtype == bool else column
    found, values = pd.factorize(texts)
    counts = np.bincount(found[found >= 0], minlength=len(values))
    order = np.argsort(-counts, kind="stable")
    kept = order[:most] if len(order) > most + 1 else order  # a single other keeps its name
    if {*values} <= {*order_of}:
        kept = np.array(sorted(kept, key=lambda n: order_of.index(values[n])), np.int64)
    names = [str(values[number]) for number in kept]
    place = np.full(len(values) + 1, len(names), np.int64)
    place[kept] = np.arange(len(kept))
    if len(kept) < len(order):
        names.append(OTHERS)
    place[-1] = len(names)  # factorize says -1 where there is no value
    if (found < 0).any():
        names.append(NO_VALUE)
    return Groups(tuple(names), place[found])


def histogram(values: Floats, by: Groups) -> Histogram:
    """Shares of each group's values in shared bins.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        NaN where not known.
    by : Groups
        Of the same rows.
    """
    known = np.isfinite(values)
    values, codes = values[known], by.codes[known]
    edges, logarithmic = _edges(values)
    shares, rows = {}, {}
    for number, name in enumerate(by.names):
        counts = np.histogram(values[codes == number], edges)[0]
        rows[name] = int(counts.sum())
        shares[name] = counts / max(rows[name], 1)
    return Histogram(edges, shares, rows, logarithmic)


def rank_correlation(rows: pd.DataFrame, features: Sequence[str]) -> Floats:
    """Spearman's correlation of each pair of features, NaN where one of them is constant.

    Of more than `CORRELATED_ROWS` rows a random sample of so many counts.
    """
    if len(rows) > CORRELATED_ROWS:
        rows = rows.iloc[_random(len(rows), CORRELATED_ROWS)]
    table = rows[list(features)].astype(float)
    return np.asarray(table.corr(method="spearman"), np.float64)


def axes(rows: pd.DataFrame, features: Sequence[str]) -> Axes | None:
    """The two directions in which the rows differ most: principal components of log(1 + value).

    Each feature is standardised, what is missing is the median. The directions are fitted on at
    most `FITTED_ROWS` random rows; all rows have a position. None: fewer than two features vary.

    Parameters
    ----------
    rows : DataFrame
        Has a numeric column for each feature.
    """
    table = np.log1p(np.clip(rows[list(features)].to_numpy(np.float64, na_value=np.nan), 0, None))
    sample = _random(len(rows), FITTED_ROWS) if len(rows) > FITTED_ROWS else slice(None)
    fitted = table[sample]
    varying = [n for n in range(len(features)) if _varies(fitted[:, n])]
    if len(varying) < 2:
        return None
    table, fitted = table[:, varying], fitted[:, varying]
    median, spread = np.nanmedian(fitted, axis=0), np.nanstd(fitted, axis=0)
    mean = np.nanmean(fitted, axis=0)
    filled = np.where(np.isnan(fitted), median, fitted)
    _, sizes, directions = np.linalg.svd((filled - mean) / spread, full_matrices=False)
    weights = directions[:2] * np.sign(directions[:2].sum(axis=1, keepdims=True) + 1e-12)
    variance = sizes**2 / (sizes**2).sum()
    standard = (np.where(np.isnan(table), median, table) - mean) / spread
    names = tuple(features[number] for number in varying)
    positions = (standard @ weights.T).astype(np.float32)
    return Axes(positions, tuple(map(float, variance[:2])), weights, names, len(fitted))


def standing(rows: pd.DataFrame, features: Sequence[str], place: int) -> dict[str, float]:
    """Share of the rows whose value is at most that of one row, of each feature that it has."""
    found = {}
    for name in features:
        values = rows[name].to_numpy(np.float64, na_value=np.nan)
        own = values[place]
        if np.isfinite(own):
            found[name] = float((values <= own).sum() / np.isfinite(values).sum())
    return found


def even_sample(codes: Ints, most: int) -> Ints:
    """Positions of at most `most` rows, in order: rare groups whole, of common ones equally many.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
        Group of each row.
    """
    if len(codes) <= most:
        return np.arange(len(codes))
    sizes = np.bincount(codes)
    left, chosen = most, []
    for rank, group in enumerate(order := np.argsort(sizes, kind="stable")):
        share = min(int(sizes[group]), left // (len(order) - rank))
        rows = np.flatnonzero(codes == group)
        chosen.append(rows[_random(len(rows), share)] if share < len(rows) else rows)
        left -= share
    return np.sort(np.concatenate(chosen))


def _random(rows: int, count: int) -> Ints:
    """`count` different positions below `rows`, the same at each call."""
    return np.random.default_rng(SEED).choice(rows, count, replace=False)


def _varies(column: Floats) -> bool:
    known = column[np.isfinite(column)]
    return len(known) > 1 and bool(known.std() > 1e-12)


def _edges(values: Floats) -> tuple[Floats, bool]:
    """Edges of the bins, and whether they are even on the scale of log(1 + value)."""
    if not len(values):
        return np.array([0.0, 1.0]), False
    low, middle, high = np.quantile(values, [0, 0.5, 0.995])
    top = float(values.max())
    logarithmic = bool(low >= 0 and high > _LONG_TAIL * max(middle, 1.0))
    whole = bool((values == np.floor(values)).all())
    if whole and top - low < BINS:
        return np.arange(low, top + 2) - 0.5, logarithmic
    edges: Any = (
        np.expm1(np.linspace(np.log1p(low), np.log1p(top), BINS + 1))
        if logarithmic
        else np.linspace(low, top if top > low else low + 1, BINS + 1)
    )
    if whole:  # a bin between two whole numbers would always be empty
        edges = np.unique(np.append(np.floor(edges[:-1]), top + 1)) - 0.5
    return edges, logarithmic
