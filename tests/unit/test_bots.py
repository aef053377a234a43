"""The bot score: a forest on the rhythm of clients whose kind is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.bots import SEEN, fitted_bots
from ml.bundle import Bundle
from ml.rhythm import RHYTHM
from tests.windows import CLIENT, NOTHING, frame, window


def clients(count: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Windows of people, with pauses of any length, and of programs on a beat."""
    rng = np.random.default_rng(seed)
    bot = np.arange(count) % 2 == 0
    windows = pd.DataFrame(dict.fromkeys(SEEN, rng.random(count)))
    windows["gap_evenness"] = np.where(bot, rng.uniform(0.8, 1, count), rng.uniform(0, 0.4, count))
    windows["pause_variation"] = np.where(bot, 0.05, rng.uniform(0.5, 2, count))
    return windows, bot


def test_a_program_scores_higher_than_a_person() -> None:
    windows, bot = clients(400)
    model = fitted_bots(windows, bot, np.ones(400), 0)
    others, is_bot = clients(100, seed=1)
    score = model.score(others)
    assert score[is_bot].min() > 0.8
    assert score[~is_bot].max() < 0.2
    assert ((score >= 0) & (score <= 1)).all()


def test_walking_the_forest_gives_what_scikit_learn_gives() -> None:
    windows, bot = clients(200)
    bot[:40] = ~bot[:40]  # leaves that are not pure
    model = fitted_bots(windows, bot, np.ones(200), 0)
    inputs = windows[list(SEEN)].to_numpy(np.float32)
    expected = model.forest.predict_proba(inputs)[:, 1]
    assert model.score(windows) == pytest.approx(expected, abs=1e-12)


def test_the_same_windows_give_the_same_model() -> None:
    windows, bot = clients(200)
    one, other = (fitted_bots(windows, bot, np.ones(200), 3).score(windows) for _ in range(2))
    assert one.tolist() == other.tolist()


def test_weight_decides_between_clients_that_look_alike() -> None:
    windows, bot = clients(200)
    windows[:] = 1.0
    for heavier, share in ((bot, 0.9), (~bot, 0.1)):  # 9 of 10 parts of the weight
        score = fitted_bots(windows, bot, np.where(heavier, 9.0, 1.0), 0).score(windows[:1])
        assert score[0] == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("bot", [True, False])
def test_without_clients_of_both_kinds_the_score_is_0(bot: bool) -> None:
    windows, _ = clients(20)
    model = fitted_bots(windows, np.full(20, bot), np.ones(20), 0)
    assert model.score(windows).tolist() == [0.0] * 20


def test_no_window_gets_no_score() -> None:
    windows, bot = clients(40)
    assert fitted_bots(windows, bot, np.ones(40), 0).score(windows[:0]).shape == (0,)


def test_only_clients_whose_rhythm_is_known_have_a_bot_score(bundle: Bundle) -> None:
    rows = frame(window(), window(**CLIENT))
    assert bundle.score(rows, NOTHING, min_calls=5)["bot_score"].isna().all()
    timed = rows.assign(**dict.fromkeys(RHYTHM, 0.5))
    score = bundle.score(timed, NOTHING, min_calls=5)["bot_score"]
    assert np.isnan(score[0])
    assert 0 <= score[1] <= 1
