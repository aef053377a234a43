"""Windows scored again: beside the same past and surroundings, or the risk would differ."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.synthetic import Run, labelled_windows
from jobs.runtime import FACTORY_MODELS
from ml.features import FEATURES
from ml.past import feature_matrix
from ml.registry import Models
from ml.variants import own_past, scored_variants


def test_windows_that_are_not_changed_have_the_risk_that_they_had() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    every = labelled_windows([Run(7400, 30)])
    scored = bundle.score(every, every.iloc[:0], min_calls=5)
    windows = scored[scored["timestamp"] >= every["timestamp"].quantile(0.8)]
    again = np.arange(len(windows))
    found = scored_variants(
        bundle,
        windows,
        np.concatenate([again, again]),  # each twice: variants are not each other's past
        np.vstack([feature_matrix(windows)] * 2),
        every,
        own_past(windows, every),
        min_calls=5,
    )
    expected = np.tile(windows["risk_score"].to_numpy(), 2)
    assert found["risk_score"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert set(windows["subject"]) == {"endpoint", "client"}


def test_changed_features_change_the_risk_of_that_variant_alone() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    every = labelled_windows([Run(7401, 30, episodes=False)])
    busy = (every["req_count"] > 50) & (every["timestamp"] == every["timestamp"].max())
    windows = bundle.score(every, every.iloc[:0], min_calls=5)[busy]
    features = np.vstack([feature_matrix(windows.iloc[[0]])] * 2)
    features[1, FEATURES.index("error_rate")] = 0.9
    past = own_past(windows, every)
    risk = scored_variants(
        bundle, windows, np.zeros(2, np.int64), features, every, past, min_calls=5
    )["risk_score"].to_numpy()
    assert risk[0] == pytest.approx(windows["risk_score"].iloc[0], abs=1e-9)
    assert risk[1] >= 0.75
