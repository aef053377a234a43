"""Walking a fitted scikit-learn forest once, without its cost of 80 us a tree and call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeafMeans:
    """The trees of a forest and the value of each of their nodes."""

    trees: tuple[Any, ...]  # sklearn.tree Tree objects
    values: tuple[Floats, ...]  # shape (n_nodes,) each

    def mean(self, inputs: NDArray[Any]) -> Floats:
        """Mean over the trees of the value of the leaf of each row, shape (n_rows,)."""
        rows = np.ascontiguousarray(inputs, np.float32)  # the type that trees compare
        total = np.zeros(len(rows))
        for tree, value in zip(self.trees, self.values, strict=True):
            total += value[tree.apply(rows)]
        return total / len(self.trees)


def class_shares(estimators: Sequence[Any]) -> LeafMeans:
    """Share of the second class in each leaf: the mean is `predict_proba(...)[:, 1]`."""
    trees = tuple(estimator.tree_ for estimator in estimators)
    return LeafMeans(trees, tuple(tree.value[:, 0, 1] / tree.value[:, 0].sum(1) for tree in trees))


def path_lengths(estimators: Sequence[Any]) -> LeafMeans:
    """Length of the path to each leaf: `score_samples` is -2 ** (-mean / expected_path_length)."""
    trees = tuple(estimator.tree_ for estimator in estimators)
    return LeafMeans(
        trees, tuple(_depths(tree) + expected_path_length(tree.n_node_samples) for tree in trees)
    )


def expected_path_length(samples: Any) -> Floats:
    """Mean path length of an unsuccessful search in a binary tree of so many samples.

    References
    ----------
    F. T. Liu, K. M. Ting, Z.-H. Zhou, Isolation Forest, ICDM 2008, equation 1.
    """
    n = np.asarray(samples, np.float64)
    many = np.maximum(n, 3.0)
    length = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(n > 2, length, np.where(n == 2, 1.0, 0.0))


def _depths(tree: Any) -> Floats:
    """Depth of each node, the root's is 0."""
    depths = np.zeros(tree.node_count)
    level = np.array([0])
    while len(level):
        inner = level[tree.children_left[level] >= 0]
        level = np.concatenate([tree.children_left[inner], tree.children_right[inner]])
        depths[level] = np.tile(depths[inner] + 1, 2)
    return depths
