"""What people say of alarms: false ones grow quiet after the next training, real ones do not."""

from __future__ import annotations

import pandas as pd
import pytest

from datasets import combined
from ingest.traffic import simulate
from jobs import scoring, training
from jobs.gate import FROZEN_SEEDS, frozen_figures, frozen_windows
from jobs.retention import DAY_MS
from jobs.training_data import judged_windows, stored_windows
from ml.bundle import Bundle
from ml.normal import CONFIRMED as LEFT_OUT_AS_CONFIRMED
from ml.normal import NORMAL, left_out
from store import Store, writes
from store.feedback import CONFIRMED, FALSE_ALARM, save_verdict
from tests.nightly_site import (
    FIRST_NIGHT,
    JOB,
    JOB_MINUTES,
    NEW_NIGHTS,
    SEED,
    TRAINED_NIGHTS,
    end_of,
    score,
)

MARKED = 20


def alarms_of_job(store: Store, nights: range) -> pd.DataFrame:
    """Its stored windows of MEDIUM and above: with the key, by time."""
    windows = stored_windows(store, end_of(nights), 30, allow_simulated=False)[1]
    own = windows[(windows.client == JOB.client) & (windows.priority != "LOW")]
    begin = FIRST_NIGHT + nights[0] * DAY_MS
    return own[own.timestamp >= begin].sort_values("timestamp")


def mark(store: Store, alarms: pd.DataFrame, verdict: str) -> None:
    with store.begin() as connection:
        for timestamp in alarms.timestamp:
            save_verdict(
                connection,
                JOB._replace(timestamp=int(timestamp)),
                verdict,
                who="admin",
                at=end_of(TRAINED_NIGHTS),
            )


def alarms_after_training(store: Store, factory: Bundle) -> tuple[int, Bundle]:
    """Train on what is stored, score new nights, count the job's alarms in them."""
    bundle = training.train_stored(store, factory, end_of(TRAINED_NIGHTS))[0]
    score(store, bundle, NEW_NIGHTS)
    return len(alarms_of_job(store, NEW_NIGHTS)), bundle


def test_the_job_raises_alarms_each_night(site: Store) -> None:
    alarms = alarms_of_job(site, TRAINED_NIGHTS)
    assert len(alarms) == JOB_MINUTES * len(TRAINED_NIGHTS) >= MARKED


def test_marked_as_false_such_alarms_fall_and_attacks_are_found_as_before(
    site: Store, factory: Bundle
) -> None:
    mark(site, alarms_of_job(site, TRAINED_NIGHTS)[:MARKED], FALSE_ALARM)
    left, bundle = alarms_after_training(site, factory)
    assert left <= 0.2 * JOB_MINUTES * len(NEW_NIGHTS)
    before, after = frozen_figures(factory), frozen_figures(bundle)
    assert after["attack_recall_medium"] >= before["attack_recall_medium"]
    assert after["attack_recall_high"] >= before["attack_recall_high"]
    assert after["fault_recall_high"] >= before["fault_recall_high"]


def test_without_a_mark_such_alarms_stay(site: Store, factory: Bundle) -> None:
    left, _ = alarms_after_training(site, factory)
    assert left >= 0.9 * JOB_MINUTES * len(NEW_NIGHTS)


def test_the_summary_has_the_alarms_before_and_after(site: Store, factory: Bundle) -> None:
    alarms = alarms_of_job(site, TRAINED_NIGHTS)
    mark(site, alarms[:MARKED], FALSE_ALARM)
    mark(site, alarms[MARKED:], CONFIRMED)
    summary = training.train_stored(site, factory, end_of(TRAINED_NIGHTS))[1]
    kept = len(alarms) - MARKED
    assert summary["feedback"] == {FALSE_ALARM: MARKED, CONFIRMED: kept}
    told = summary["alarms_on_feedback"]
    assert told[FALSE_ALARM]["windows"] == told[FALSE_ALARM]["before"] == MARKED
    assert told[FALSE_ALARM]["after"] <= 0.2 * MARKED
    assert told[CONFIRMED]["before"] == kept


def test_what_is_confirmed_and_five_minutes_around_it_is_not_normal(site: Store) -> None:
    alarms = alarms_of_job(site, TRAINED_NIGHTS)
    mark(site, alarms, CONFIRMED)
    _, windows, risky = stored_windows(site, end_of(TRAINED_NIGHTS), 30, allow_simulated=False)
    judged = judged_windows(site, allow_simulated=False)
    why = left_out(windows, risky, judged[:0], judged)
    own = (windows.client == JOB.client).to_numpy()
    assert set(why[own]) == {LEFT_OUT_AS_CONFIRMED}
    assert (why[~own] == NORMAL).mean() > 0.9


def test_simulated_windows_never_train_unless_asked_for(
    sqlite_store: Store, factory: Bundle
) -> None:
    calls = simulate(seed=SEED, start_ms=FIRST_NIGHT, minutes=30, episodes=False).calls
    with sqlite_store.begin() as connection:
        writes.add_calls(connection, calls, sqlite_store.grid)
    now = FIRST_NIGHT + DAY_MS
    scoring.score_all(sqlite_store, "test", factory, lambda: now, min_calls=5)
    with pytest.raises(training.TooFewWindowsError, match=r"^0 normal endpoint windows .* 200 are"):
        training.train_stored(sqlite_store, factory, now)
    with pytest.raises(training.TooFewWindowsError, match=r"^[1-9][0-9]* normal endpoint windows"):
        training.train_stored(sqlite_store, factory, now, allow_simulated=True)


def test_the_frozen_scenarios_share_no_seed_with_training_or_tests() -> None:
    trained = {run.seed for run in combined.shop_runs(1)}
    assert trained.isdisjoint(FROZEN_SEEDS)
    assert max(FROZEN_SEEDS) < 7000
    assert len(set(FROZEN_SEEDS)) == len(FROZEN_SEEDS)
    assert set(frozen_windows()["role"]) == {"attack", "fault", "calm", ""}
