"""Models of a little made-up traffic: enough to see how they behave, not how good they can be."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from datasets import combined
from datasets.sites import LEARNT, SiteRun
from datasets.synthetic import Run
from jobs.runtime import FACTORY_MODELS
from jobs.training import train_factory
from ml.bundle import Bundle
from ml.registry import Models


@pytest.fixture(scope="session")
def little_training_set() -> pd.DataFrame:
    """Two hours of shops and three hours of made-up sites."""
    shop = [Run(7500 + number, 40, 0.6, 20, episodes=number > 0) for number in range(3)]
    sites = [SiteRun(seed, 120, LEARNT) for seed in (35_001, 35_002)]
    return combined.load(1, shop=shop, sites=sites)


@pytest.fixture(scope="session")
def trained(little_training_set: pd.DataFrame) -> tuple[Bundle, dict[str, Any]]:
    """Models of that, and what is to be said about them."""
    return train_factory(seed=1, windows=little_training_set)


@pytest.fixture(scope="session")
def bundle(trained: tuple[Bundle, dict[str, Any]]) -> Bundle:
    """Models of that alone."""
    return trained[0]


@pytest.fixture(scope="session")
def factory() -> Bundle:
    """The models that are delivered."""
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]
