"""Usage clusters: their names, and that a site's own level is the measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.usage import UsageModel, cluster_names, fitted_usage

Floats = np.ndarray[Any, Any]
SITE = np.log1p(8.0)  # mean logarithm of the calls of all subjects


def callers() -> tuple[Floats, list[str]]:
    """Fifty of each kind: calls, endpoints, repeat rate, entropy."""
    rng = np.random.default_rng(0)
    kinds = {
        "normal": (4, 2, 0.05, 0.2),
        "heavy": (60, 5, 0.1, 0.6),
        "bot": (30, 1, 0.95, 0.0),
    }
    names = [name for name in kinds for _ in range(50)]
    return np.array([np.array(kinds[name]) * rng.normal(1, 0.05) for name in names]), names


@pytest.fixture(scope="module")
def model() -> UsageModel:
    use, _ = callers()
    return fitted_usage(use, np.full(len(use), SITE), SITE, 0)


def test_clusters_are_named_by_their_centres() -> None:
    centres = np.array(
        [  # log calls beside the site, log endpoints, repeat rate, status entropy
            [3.6, 1.2, 0.1, 0.6],
            [3.0, 0.7, 0.8, 0.0],
            [1.5, 0.9, 0.0, 0.2],
        ]
    )
    assert cluster_names(centres) == ("heavy", "bot", "normal")
    assert cluster_names(centres[::-1]) == ("normal", "bot", "heavy")


def test_three_kinds_of_clients_fall_into_their_clusters(model: UsageModel) -> None:
    use, names = callers()
    assert model.cluster(use, np.full(len(use), SITE)).tolist() == names


def test_many_calls_are_heavy_use_only_beside_the_sites_others(model: UsageModel) -> None:
    sixty = np.array([[60.0, 3.0, 0.05, 0.4]])
    assert model.cluster(sixty, np.array([SITE])).tolist() == ["heavy"]
    assert model.cluster(sixty, np.array([np.log1p(150.0)])).tolist() == ["normal"]
    use, names = callers()
    busier = use.copy()
    busier[:, 0] = 10 * (1 + use[:, 0]) - 1  # all call ten times as much
    site = np.full(len(use), SITE + np.log(10))
    assert model.cluster(busier, site).tolist() == names


def test_the_elbow_falls_with_each_cluster(model: UsageModel) -> None:
    inertia = list(model.elbow.values())
    assert list(model.elbow) == list(range(1, 9))
    assert inertia == sorted(inertia, reverse=True)
    assert inertia[2] < 0.1 * inertia[0], "three kinds were made"


def test_a_feature_that_never_changes_decides_nothing() -> None:
    use, names = callers()
    use[:, 1] = 3.0
    model = fitted_usage(use, np.full(len(use), SITE), SITE, 0)
    assert model.cluster(use, np.full(len(use), SITE)).tolist() == names


def test_no_window_falls_into_no_cluster(model: UsageModel) -> None:
    assert model.cluster(np.empty((0, 4)), np.empty(0)).tolist() == []
