"""Windows scored again: beside the same past and surroundings, or the risk would differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.synthetic import Run, labelled_windows
from jobs.runtime import FACTORY_MODELS
from ml.bundle import SCORES
from ml.features import FEATURES
from ml.past import feature_matrix
from ml.registry import Models
from ml.variants import own_past, scored_variants
from tests.rows import MINUTE

OPTIONS: Any = {"min_calls": 5, "window_ms": MINUTE}


def test_windows_that_are_not_changed_have_the_risk_that_they_had() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    every = labelled_windows([Run(7400, 30)])
    scored, site = bundle.score_with_site(every, every.iloc[:0], **OPTIONS)
    windows = scored[scored["timestamp"] >= every["timestamp"].quantile(0.8)]
    again = np.arange(len(windows))
    found = scored_variants(
        bundle,
        windows,
        np.concatenate([again, again]),  # each twice: variants are not each other's past
        np.vstack([feature_matrix(windows)] * 2),
        every,
        own_past(windows, every),
        site=site,
        **OPTIONS,
    )
    expected = np.tile(windows["risk_score"].to_numpy(), 2)
    assert found["risk_score"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert set(windows["subject"]) == {"endpoint", "client"}


def test_variants_of_one_window_do_not_see_each_other() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    every = labelled_windows([Run(7402, 30, episodes=False)])
    last = every["timestamp"] == every["timestamp"].max()
    scored, site = bundle.score_with_site(every, every.iloc[:0], **OPTIONS)
    windows = scored[last & (every["req_count"] > 20)].iloc[[0]]
    features = np.vstack([feature_matrix(windows)] * 3)
    features[1, FEATURES.index("avg_response_time")] = 700.0
    features[2, FEATURES.index("repeat_rate")] = 1.0
    past = own_past(windows, every)

    def scores(variants: list[int]) -> pd.DataFrame:
        owner = np.zeros(len(variants), np.int64)
        chosen = features[variants]
        return scored_variants(bundle, windows, owner, chosen, every, past, site=site, **OPTIONS)

    together = scores([0, 1, 2])[list(SCORES)]
    alone = pd.concat([scores([number]) for number in range(3)], ignore_index=True)[list(SCORES)]
    pd.testing.assert_frame_equal(together, alone)


def test_changed_features_change_the_risk_of_that_variant_alone() -> None:
    bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
    every = labelled_windows([Run(7401, 30, episodes=False)])
    busy = (every["req_count"] > 50) & (every["timestamp"] == every["timestamp"].max())
    scored, site = bundle.score_with_site(every, every.iloc[:0], **OPTIONS)
    windows = scored[busy]
    features = np.vstack([feature_matrix(windows.iloc[[0]])] * 2)
    features[1, FEATURES.index("error_rate")] = 0.9
    past = own_past(windows, every)
    risk = scored_variants(
        bundle, windows, np.zeros(2, np.int64), features, every, past, site=site, **OPTIONS
    )["risk_score"].to_numpy()
    assert risk[0] == pytest.approx(windows["risk_score"].iloc[0], abs=1e-9)
    assert risk[1] >= 0.75
