"""The evaluation: what the models do on runs, sites, sessions and faults they have not learnt from.

Everything that is chosen, such as a threshold, is chosen on runs of its own and then left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd

from datasets import combined
from datasets.evaluation import ablation, anomaly, calm, detection, failure, usage, web_bots
from datasets.evaluation.failure import Sides
from datasets.evaluation.forecast import Truth, truth
from datasets.evaluation.importance import importance_figures
from datasets.evaluation.plan import (
    CALM_TEST_SITES,
    CALM_THRESHOLD_SITES,
    LeakError,
    Plan,
    refuse_leaks,
)
from datasets.evaluation.playing import (
    full,
    scenarios_played,
    scored,
    shop_runs_played,
    site_runs_played,
)
from datasets.evaluation.real_logs import real_logs_figures
from datasets.reference import access_logs, petshop, sockshop
from datasets.reference import web_bots as web_bots_copy
from ingest.shop.faults import GRADUAL
from ml.bundle import Bundle
from ml.features import CLIENT, ENDPOINT

__all__ = ["LeakError", "Plan", "evaluate"]

DIGITS: Final = 4

_Said = Callable[[str], None]
_T = TypeVar("_T")


def evaluate(
    bundle: Bundle,
    manifest: Mapping[str, Any],
    reference_dir: Path,
    *,
    plan: Plan | None = None,
    said: _Said = lambda _: None,
) -> dict[str, Any]:
    """All figures of the models.

    Parameters
    ----------
    bundle : Bundle
    manifest : mapping
        Of the version: which seeds it learnt from.
    reference_dir : Path
        The user's copies of public data; figures of what is not there are None.
    plan : Plan, optional
        How much is played.
    said : callable
        Told what is done and how long it took.

    Returns
    -------
    dict
        Parts of the evaluation by name, plain numbers with their 95 % intervals in `interval`.

    Raises
    ------
    LeakError
        Something stands in training and test.
    """
    plan = plan or Plan()
    refuse_leaks(plan, manifest)
    clock = _Clock(said)
    seed = int(manifest.get("seed", 1))
    learnt = clock("training runs", lambda: _training(plan, seed))
    shop = clock("mock shop", lambda: _shop_windows(bundle, plan))
    found: dict[str, Any] = {}
    found["anomaly"] = clock("anomaly", lambda: _anomaly(bundle, plan, shop, learnt))
    found["usage"] = clock("usage", lambda: _usage(plan, shop))
    found["web_bots"] = clock(
        "web bots", lambda: _web_bots(bundle, reference_dir, learnt, plan.draws)
    )
    found["failure"] = clock("failure", lambda: _failure(bundle, plan, shop.test, learnt))
    threshold = found["failure"]["threshold"]
    found["petshop"] = detection.petshop_figures(
        bundle, reference_dir / petshop.FOLDER, threshold, plan.draws
    )
    found["sockshop"] = detection.sockshop_figures(
        bundle, reference_dir / sockshop.FOLDER, threshold, plan.draws
    )
    found["calm"] = clock("calm day", lambda: _calm(bundle, plan))
    found["calm_day_high_windows"] = found["calm"]["shop"]["high_windows_a_day"]
    found["real_logs"] = clock(
        "real logs", lambda: real_logs_figures(bundle, reference_dir / access_logs.FOLDER)
    )
    interval = found["calm"]["shop"]["interval"]["high_windows_a_day"]
    found["interval"] = {"calm_day_high_windows": interval}
    found["seconds"] = clock.seconds
    return dict(_rounded(found))


class _Clock:
    """Runs parts one after another and says how long each took."""

    def __init__(self, said: _Said) -> None:
        self.said, self.start = said, time.perf_counter()

    def __call__(self, what: str, part: Callable[[], _T]) -> _T:
        begin = time.perf_counter()
        found = part()
        self.said(f"{what}: {time.perf_counter() - begin:.0f} s")
        return found

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start


def _training(plan: Plan, seed: int) -> pd.DataFrame:
    """Runs that the models learnt from: for baselines, and for models that are fitted again."""
    return combined.load(
        seed,
        shop=combined.shop_runs(seed)[: plan.learnt_shop_runs],
        sites=combined.site_runs(seed)[: plan.learnt_sites],
    )


def _shop_windows(bundle: Bundle, plan: Plan) -> Sides:
    runs = (plan.threshold_shop_hours(), plan.test_shop_runs())
    return Sides(*(scored(bundle, shop_runs_played(side)) for side in runs))


def _anomaly(bundle: Bundle, plan: Plan, shop: Sides, learnt: pd.DataFrame) -> dict[str, Any]:
    seeds = (plan.scenario_threshold_seeds(), plan.scenario_test_seeds())
    judged = [
        pd.concat(
            [
                anomaly.judged_scenarios(scored(bundle, scenarios_played(side), by="scenario")),
                anomaly.judged_shop(windows),
            ],
            ignore_index=True,
        )
        for side, windows in zip(seeds, shop, strict=True)
    ]
    normal = learnt[learnt["normal"].to_numpy(bool) & full(learnt)]
    return anomaly.anomaly_figures(*judged, normal, plan.draws)


def _usage(plan: Plan, shop: Sides) -> dict[str, Any]:
    return usage.usage_figures(*(usage.judged_clients(side) for side in shop), plan.draws)


def _web_bots(
    bundle: Bundle, reference_dir: Path, learnt: pd.DataFrame, draws: int
) -> dict[str, Any]:
    simulated = web_bots.known_clients(learnt[learnt["subject"] == CLIENT])
    folder = reference_dir / web_bots_copy.FOLDER
    return web_bots.web_bots_figures(bundle, folder, simulated, draws)


def _failure(
    bundle: Bundle, plan: Plan, shop: pd.DataFrame, learnt: pd.DataFrame
) -> dict[str, Any]:
    runs = (
        [*plan.threshold_site_runs(), *plan.calm_runs(CALM_THRESHOLD_SITES)],
        [*plan.test_site_runs(), *plan.calm_runs(CALM_TEST_SITES)],
    )
    sides = Sides(*(truth(scored(bundle, site_runs_played(side))) for side in runs))
    found = failure.failure_figures(sides, Sides(*(_given(side) for side in sides)), plan.draws)
    gradual = shop["episode"].isin(GRADUAL).to_numpy()
    second = truth(shop, gradual)
    again = ablation.forecasts(_learnt_truth(learnt), sides)
    return found | {
        "mock_shop": failure.second_site_figures(
            second, _given(second), found["threshold"], plan.draws
        ),
        "inputs": failure.compared(sides, again),
        "importance": importance_figures(bundle, sides.test),
    }


def _given(side: Truth) -> np.typing.NDArray[np.float64]:
    return side.windows["failure_probability"].to_numpy(np.float64)


def _learnt_truth(learnt: pd.DataFrame) -> Truth:
    sites = learnt[learnt["provenance"].str.startswith("sites ").to_numpy(bool)]
    sites = sites[sites["subject"] == ENDPOINT].assign(seed=lambda rows: rows["group"])
    return truth(sites.reset_index(drop=True), np.zeros(len(sites), np.bool_))


def _calm(bundle: Bundle, plan: Plan) -> dict[str, Any]:
    day = scored(bundle, shop_runs_played(plan.calm_day_runs()))
    sites = scored(bundle, site_runs_played(plan.calm_runs_with_clients(), clients=True))
    site_days = plan.calm_sites_with_clients * plan.calm_site_minutes / 1_440
    return {
        "shop": calm.calm_figures(day, plan.calm_day_minutes / 1_440),
        "sites": calm.calm_figures(sites, site_days),
        "reach": calm.reach_figures(bundle, plan.reach_run_seeds()),
    }


def _rounded(value: Any) -> Any:
    """Plain numbers of a few digits, None where there is none."""
    if isinstance(value, Mapping):
        return {str(name): _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
