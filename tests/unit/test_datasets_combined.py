"""The training set: where each row comes from, its labels, and whom it never meets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import combined, recorded
from datasets.evaluation.plan import Plan
from datasets.owasp import FIRST_SITE, SITES_A_SEED
from datasets.reference import web_bots
from datasets.sites import GRADUAL, LEARNT, SUDDEN, UNSEEN, SiteRun
from datasets.synthetic import Run
from ingest.traffic import FAULTS, MISUSE
from jobs.gate import FROZEN_SEEDS
from ml.features import FEATURES, KEY
from ml.rhythm import RHYTHM
from settings import Settings

FEWEST_WINDOWS = 10_000
SHOPS_OF_TESTS = range(7_000, 8_000)  # seeds
SITES_OF_TESTS = range(35_000, 37_000)


@pytest.fixture(scope="module")
def little() -> pd.DataFrame:
    """One run of each kind, calm and not, without anything of the user's."""
    shop = [Run(7510, 20, 0.5, 12), Run(7511, 20, 0.5, 12, episodes=False)]
    sites = [SiteRun(35_010, 90), SiteRun(35_011, 30, families=())]
    return combined.load(1, shop=shop, sites=sites)


def users_copy() -> Path:
    folder = Settings().reference_data_dir
    if not (folder / web_bots.FOLDER).is_dir():
        pytest.skip("web_bots is not in FORESIGHT_REFERENCE_DATA_DIR")
    return folder


def test_every_row_says_where_it_comes_from(little: pd.DataFrame) -> None:
    expected = {
        "synthetic seed 7510 (simulated)",
        "synthetic seed 7511 (simulated)",
        "sites seed 35010 (simulated)",
        "sites seed 35011 (simulated)",
    }
    if recorded.FILE.is_file():
        expected.add("recorded from the mock shop")
    assert set(little["provenance"]) == expected
    assert little.groupby("provenance")["group"].nunique().eq(1).all()
    assert little["group"].nunique() == len(expected), "no group on two sides"


def test_rows_have_a_key_features_rhythm_and_labels(little: pd.DataFrame) -> None:
    assert tuple(little.columns) == combined.COLUMNS
    assert {*KEY, *FEATURES, *RHYTHM, *combined.LABELS} == {*combined.COLUMNS}
    assert set(little["client_kind"].dropna()) == {"normal", "heavy", "bot"}
    assert little["client_kind"][little["subject"] == "endpoint"].isna().all()
    keys = little[["group", *KEY]].astype(str)
    assert not keys.duplicated().any()


def test_only_windows_outside_of_all_episodes_are_normal(little: pd.DataFrame) -> None:
    assert (little["normal"] == (little["episode"] == "")).all()
    names = set(little["episode"]) - {""}
    assert names
    assert names <= {*LEARNT, *SUDDEN, *FAULTS, *MISUSE}
    calm = little["provenance"].str.contains("7511|35011")
    assert little["normal"][calm].all()


def test_the_end_of_a_run_is_the_end_of_its_last_minute(little: pd.DataFrame) -> None:
    of_run = little.groupby("provenance")
    assert (of_run["end"].nunique() == 1).all()
    assert (of_run["end"].max() == of_run["timestamp"].max() + 60_000).all()


def test_only_windows_of_clients_whose_calls_are_known_have_a_rhythm(little: pd.DataFrame) -> None:
    known = little[RHYTHM[0]].notna()
    of_clients = (little["subject"] == "client") & ~little["provenance"].str.contains("recorded")
    assert (known == of_clients).all()


def test_the_same_seed_gives_the_same_set(little: pd.DataFrame) -> None:
    shop = [Run(7510, 20, 0.5, 12), Run(7511, 20, 0.5, 12, episodes=False)]
    sites = [SiteRun(35_010, 90), SiteRun(35_011, 30, families=())]
    again = combined.load(1, shop=shop, sites=sites)
    pd.testing.assert_frame_equal(again, little, check_exact=True)


def test_clients_of_the_first_sites_alone_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combined, "SITES_WITH_CLIENTS", 1)
    sites = [SiteRun(35_012, 20, families=()), SiteRun(35_013, 20, families=())]
    found = combined.load(1, shop=[], sites=sites).groupby("provenance")["subject"].unique()
    assert set(found["sites seed 35012 (simulated)"]) == {"endpoint", "client"}
    assert set(found["sites seed 35013 (simulated)"]) == {"endpoint"}


# Sessions of web_bots


def test_without_the_users_copy_there_are_no_sessions(little: pd.DataFrame, tmp_path: Path) -> None:
    sites = [SiteRun(35_011, 30, families=())]
    for folder in (None, tmp_path):
        found = combined.load(1, folder, shop=[], sites=sites)
        assert not found["provenance"].str.contains("web_bots").any()
    assert not little["provenance"].str.contains("web_bots").any()


def test_sessions_of_the_users_copy_say_who_is_a_program_and_nothing_else() -> None:
    folder = users_copy()
    windows = combined.session_windows(folder / web_bots.FOLDER)
    assert set(windows["subject"]) == {"client"}
    assert set(windows["provenance"]) == {"web_bots (the user's copy)"}
    assert not windows["normal"].any(), "nothing is known about the site they come from"
    assert windows[RHYTHM[0]].notna().all()
    is_bot = web_bots.sessions(folder / web_bots.FOLDER).set_index("session")["is_bot"]
    expected = np.where(windows["client"].map(is_bot).astype(bool), "bot", "normal")
    assert windows["client_kind"].tolist() == expected.tolist()
    assert windows.groupby("client")["group"].nunique().eq(1).all(), "a session is one group"


def test_sessions_are_added_to_the_rest_when_they_are_there() -> None:
    folder = users_copy()
    found = combined.load(1, folder, shop=[], sites=[SiteRun(35_011, 30, families=())])
    rows = found["provenance"] == "web_bots (the user's copy)"
    assert rows.sum() == len(combined.session_windows(folder / web_bots.FOLDER))
    assert set(found["group"][rows]).isdisjoint(found["group"][~rows])


# What is trained on, and what is not


def test_ten_thousand_windows_are_already_in_a_part_of_what_is_trained_on() -> None:
    few_shops, few_sites = combined.shop_runs(1)[:3], combined.site_runs(1)[:3]
    found = combined.load(1, shop=few_shops, sites=few_sites)
    assert len(found) >= FEWEST_WINDOWS
    assert found["provenance"].str.len().gt(0).all()


def test_the_training_set_has_busy_and_calm_runs_of_many_sites() -> None:
    shop, sites = combined.shop_runs(1), combined.site_runs(1)
    assert len({run.seed for run in shop}) == len(shop) == 15
    assert len({run.seed for run in sites}) == len(sites) == 66
    assert sum(not run.episodes for run in shop) == 3
    assert sum(not run.families for run in sites) == 6


def test_families_kept_unseen_are_not_trained_on() -> None:
    learnt = {name for run in combined.site_runs(1) for name in run.families}
    assert learnt == {*LEARNT}
    assert learnt.isdisjoint(UNSEEN)
    assert {*UNSEEN} < {*GRADUAL}


def test_training_thresholds_test_gate_and_these_tests_share_no_seed() -> None:
    plan = Plan()
    seeds = plan.seeds()["scenarios"] | plan.threshold_seeds()["scenarios"]
    shops = {
        "training": {run.seed for run in combined.shop_runs(1)},
        "thresholds": plan.threshold_seeds()["shop"],
        "test": plan.seeds()["shop"],
        "gate": {*FROZEN_SEEDS},
        "tests": {*SHOPS_OF_TESTS},
    }
    sites = {
        "training": {run.seed for run in combined.site_runs(1)},
        "thresholds": plan.threshold_seeds()["sites"],
        "test": plan.seeds()["sites"],
        "scenarios": {
            FIRST_SITE + SITES_A_SEED * seed + number
            for seed in seeds
            for number in range(SITES_A_SEED)
        },
        "tests": {*SITES_OF_TESTS},
    }
    for sides in (shops, sites):
        assert sum(map(len, sides.values())) == len(set().union(*sides.values())), sides.keys()
