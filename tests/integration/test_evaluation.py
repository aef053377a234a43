"""The evaluation as a whole, small; and that labels without a meaning score at chance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask

from datasets.evaluation import LeakError, Plan, anomaly, evaluate
from datasets.evaluation.ablation import BEFORE, NOW, fitted, inputs
from datasets.evaluation.failure import Sides, failure_figures
from datasets.evaluation.forecast import Truth, truth
from datasets.evaluation.importance import columns_of
from datasets.evaluation.playing import scored, shop_runs_played, site_runs_played
from datasets.evaluation.report import TARGETS, write_page, written_figures
from datasets.evaluation.web_bots import known_clients, out_of_fold, web_bots_figures
from datasets.reference import web_bots
from jobs.runtime import FACTORY_MODELS
from ml.bundle import Bundle
from ml.features import CLIENT, FEATURES
from ml.history import INPUTS
from ml.metrics import roc_auc
from ml.registry import Models
from settings import Settings

SMALL = Plan(
    test_sites=3, threshold_sites=2, site_minutes=150, calm_sites=1, calm_site_minutes=120,
    calm_sites_with_clients=1, shop_runs=2, threshold_shop_runs=2, shop_minutes=45,
    scenario_seeds=1, calm_day_parts=2, calm_day_minutes=120, reach_seeds=1, learnt_sites=2,
    learnt_shop_runs=2, draws=20,
)  # fmt: skip
CHANCE = pytest.approx(0.5, abs=0.1)
NAMED = {
    "anomaly": ["roc_auc", "average_precision", "recall_at_1pct_fpr"],
    "usage": ["macro_f1"],
    "web_bots": ["roc_auc"],
    "failure": [
        "pr_auc", "pr_auc_best_baseline", "base_rate", "gradual_seen_ahead", "median_lead_minutes",
        "false_alarms_per_day", "brier_skill",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def current_bundle() -> Bundle:
    return Models(FACTORY_MODELS, FACTORY_MODELS).current()[1]


@pytest.fixture(scope="module")
def found(current_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    nothing = tmp_path_factory.mktemp("no-reference-data")
    return evaluate(current_bundle, {"seed": 1}, nothing, plan=SMALL)


@pytest.fixture(scope="module")
def shop(current_bundle: Bundle) -> pd.DataFrame:
    return scored(current_bundle, shop_runs_played(SMALL.test_shop_runs()))


@pytest.fixture(scope="module")
def sites(current_bundle: Bundle) -> Iterator[Truth]:
    runs = Plan(test_sites=6, site_minutes=240).test_site_runs()
    return truth(scored(current_bundle, site_runs_played(runs)))


def shuffled(values: Any, seed: int = 3) -> Any:
    return np.random.default_rng(seed).permutation(np.asarray(values))


def test_every_promised_figure_is_there_with_its_interval(found: dict[str, Any]) -> None:
    for part, names in NAMED.items():
        for name in names:
            assert found[part][name] is None or isinstance(found[part][name], float), name
            edges = found[part]["interval"][name]
            assert edges is None or edges[0] <= edges[1], name
    assert isinstance(found["calm_day_high_windows"], float)
    assert len(found["interval"]["calm_day_high_windows"]) == 2


def test_what_needs_absent_data_is_none_with_the_reason(found: dict[str, Any]) -> None:
    assert found["web_bots"]["roc_auc"] is None
    assert "is not in" in found["web_bots"]["reason"]
    assert found["petshop"]["windows"] is found["sockshop"]["windows"] is None
    assert all("is not in" in log["reason"] for log in found["real_logs"].values())


def test_all_of_it_is_json(found: dict[str, Any]) -> None:
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_page_says_each_figure_and_what_is_simulated(
    found: dict[str, Any], tmp_path: Path
) -> None:
    manifest = {"seed": 7, "sha256": "ab"}
    page, curve, figures = write_page(found, "v-7", tmp_path / "evaluation.md", manifest)
    text = page.read_text()
    assert all(target.text in text for target in TARGETS)
    assert "**Everything below is simulated** unless" in text
    assert f"]({curve.name})" in text
    assert "`v-7`" in text
    told = written_figures(figures)
    assert told is not None
    assert told["version"] == "v-7"
    assert told["trained"]["seed"] == 7
    assert told["figures"] == found


def test_a_file_of_figures_that_is_none_is_refused(tmp_path: Path) -> None:
    assert written_figures(tmp_path / "evaluation.json") is None
    for text in ("{}", "[1]", "{"):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(ValueError, match="is not of `flask evaluate`"):
            written_figures(tmp_path / "evaluation.json")


def test_each_input_of_the_forecast_belongs_to_a_part_that_is_measured(
    found: dict[str, Any],
) -> None:
    parts = found["failure"]["importance"]["parts"]
    belonging = {column for part in parts for column in columns_of(part)}
    assert belonging == set(range(len(INPUTS) + len(FEATURES)))
    assert all(of["least"] <= of["lost"] <= of["most"] for of in parts.values())
    assert max(parts, key=lambda part: parts[part]["lost"]) == "response times"


def test_models_that_learnt_from_the_test_are_refused(
    current_bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(LeakError, match="seeds of sites"):
        evaluate(current_bundle, {"seed": 30}, tmp_path, plan=SMALL)


def test_the_command_prints_the_figures_alone_and_writes_no_file(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    # All of it takes minutes.
    monkeypatch.setattr("cli.models.evaluate", partial(_said_before, found))
    page = tmp_path / "page.md"
    with app.app_context():
        result, written = (
            app.test_cli_runner().invoke(args=["evaluate", "--out", str(out), *more])
            for out, more in ((tmp_path / "none.md", ["--json"]), (page, []))
        )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["failure"] == found["failure"]
    assert not (tmp_path / "none.md").exists()
    assert json.loads(written.stdout)["files"][0] == str(page)
    assert page.exists()


def _said_before(found: dict[str, Any], *_: Any, said: Any) -> dict[str, Any]:
    said("anomaly: 0 s")
    return found


def test_shuffled_labels_of_attacks_score_at_chance(shop: pd.DataFrame) -> None:
    judged = anomaly.judged_shop(shop)
    clients = judged[judged["subject"] == CLIENT]
    score = clients["anomaly_score"].to_numpy()
    assert anomaly.figures(clients, score, 0.5, 0)["roc_auc"] > 0.8
    wrong = clients.assign(strange=shuffled(clients["strange"]))
    assert anomaly.figures(wrong, score, 0.5, 0)["roc_auc"] == CHANCE


def test_shuffled_labels_of_failures_score_at_chance(sites: Truth) -> None:
    given = sites.windows["failure_probability"].to_numpy()
    both = Sides(sites, sites), Sides(given, given)
    assert failure_figures(*both, draws=0)["roc_auc"] > 0.7
    wrong = np.array(sites.soon)
    wrong[sites.asked] = shuffled(wrong[sites.asked])
    assert failure_figures(*both, draws=0, label=wrong)["roc_auc"] == CHANCE


@pytest.mark.parametrize("name", [NOW, BEFORE])
def test_a_forecast_learnt_from_shuffled_labels_scores_at_chance(sites: Truth, name: str) -> None:
    learnt = truth(site_runs_played(SMALL.threshold_site_runs()))
    wrong = np.array(learnt.soon)
    wrong[learnt.asked] = shuffled(wrong[learnt.asked])
    given = fitted(name, learnt, 1, wrong).probability(inputs(name, sites))
    assert roc_auc(sites.soon[sites.asked], given[sites.asked]) == pytest.approx(0.5, abs=0.2)


def _sessions(shop: pd.DataFrame) -> pd.DataFrame:
    """Clients of the shop as sessions, whose windows are much alike."""
    clients = known_clients(shop[shop["subject"] == CLIENT])
    client = clients["client"].astype(str) + " " + clients["seed"].astype(str)
    return clients.assign(client=client, group=client)


def _auc_of_sessions(windows: pd.DataFrame, score: Any) -> float | None:
    by_session = windows.assign(score=score).groupby("client")
    bot = (by_session["client_kind"].first() == "bot").to_numpy()
    return roc_auc(bot, by_session["score"].mean().to_numpy())


def _with_shuffled_kinds(windows: pd.DataFrame, seed: int) -> pd.DataFrame:
    kind = windows.groupby("client")["client_kind"].first()
    wrong = pd.Series(shuffled(kind, seed), kind.index)
    return windows.assign(client_kind=windows["client"].map(wrong))


def test_shuffled_kinds_of_sessions_score_at_chance_and_a_leak_would_not(
    shop: pd.DataFrame,
) -> None:
    windows = _sessions(shop)
    nothing = windows.iloc[:0]
    assert _auc_of_sessions(windows, out_of_fold(windows, nothing)) > 0.9
    wrong = [_with_shuffled_kinds(windows, seed) for seed in range(2)]
    honest = [_auc_of_sessions(one, out_of_fold(one, nothing)) for one in wrong]
    assert np.mean(honest) == CHANCE
    by_row = wrong[0].assign(client=wrong[0].index.astype(str))  # a session on both sides
    assert _auc_of_sessions(wrong[0], out_of_fold(by_row, nothing)) > 0.6


def test_real_sessions_are_scored_by_models_that_have_not_seen_them(
    current_bundle: Bundle, shop: pd.DataFrame
) -> None:
    folder = Settings().reference_data_dir / web_bots.FOLDER
    if not folder.is_dir():
        pytest.skip("web_bots is not in FORESIGHT_REFERENCE_DATA_DIR")
    found = web_bots_figures(current_bundle, folder, _sessions(shop), draws=20)
    assert found["sessions"] > 100
    assert found["roc_auc"] > 0.7
    assert found["roc_auc"] > max(rule["roc_auc"] for rule in found["baselines"].values())
