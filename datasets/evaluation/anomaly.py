"""How well attacks and faults stand out: OWASP scenarios on made-up sites, misuse of the shop."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.evaluation.playing import full
from ingest.traffic import FAULTS, MISUSE
from ml.failure import is_failing
from ml.features import CLIENT, ENDPOINT
from ml.metrics import (
    DRAWS,
    Ranking,
    recall_at_fpr,
    roc_auc,
    share_over,
    threshold_at,
    with_intervals,
)
from ml.past import feature_matrix

FALSE_POSITIVES: Final = 0.01
_LEAST_SPREAD: Final = 0.1  # of the standard deviation, where most windows are alike
_TREES: Final = 100

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def judged_scenarios(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Windows of OWASP scenarios that are not thin: `group`, `name` ("" if normal), `strange`."""
    strange = (scenarios["attack"] | scenarios["attacked"]).to_numpy(bool)
    told = full(scenarios) & (strange | scenarios["normal"].to_numpy(bool))
    name = scenarios["risk"] + " " + scenarios["scenario"]
    group = name + " " + scenarios["seed"].astype(str)
    return _judged(scenarios, told, strange, name, group)


def judged_shop(shop: pd.DataFrame) -> pd.DataFrame:
    """The same of the mock shop; of a fault, endpoint windows count that fail."""
    episode = shop["episode"]
    failing = is_failing(feature_matrix(shop)) & (shop["subject"] == ENDPOINT).to_numpy()
    strange = episode.isin(MISUSE).to_numpy() | (episode.isin(FAULTS).to_numpy() & failing)
    told = full(shop) & (strange | (episode == "").to_numpy())
    return _judged(shop, told, strange, "shop " + episode, "shop " + shop["seed"].astype(str))


def _judged(
    windows: pd.DataFrame, told: Bools, strange: Bools, name: pd.Series, group: pd.Series
) -> pd.DataFrame:
    labelled = windows.assign(strange=strange, name=name.where(strange, ""), group=group)
    return labelled[told].reset_index(drop=True)


class Baselines:
    """What finds strange windows without our models, fitted on normal windows of the training."""

    def __init__(self, normal: pd.DataFrame, random_state: int = 0) -> None:
        from sklearn.ensemble import IsolationForest

        raw = feature_matrix(normal)
        self.typical = np.nan_to_num(np.nanmedian(raw, axis=0))
        raw = self._known(raw)
        spread = 1.4826 * np.median(np.abs(raw - self.typical), axis=0)
        self.spread = np.maximum(spread, _LEAST_SPREAD * raw.std(axis=0) + 1e-9)
        self.forest = IsolationForest(n_estimators=_TREES, random_state=random_state).fit(raw)

    def scores(self, windows: pd.DataFrame) -> dict[str, Floats]:
        """Score of each window by each rule, the higher the stranger."""
        raw = self._known(feature_matrix(windows))
        z = (np.abs(raw - self.typical) / self.spread).max(axis=1)
        return {"largest_robust_z": z, "isolation_forest_on_8": -self.forest.score_samples(raw)}

    def _known(self, raw: Floats) -> Floats:
        return np.where(np.isnan(raw), self.typical, raw)


def anomaly_figures(
    threshold: pd.DataFrame, test: pd.DataFrame, normal: pd.DataFrame, draws: int = DRAWS
) -> dict[str, Any]:
    """The part `anomaly` of the evaluation: of clients, and of endpoints beside it.

    Parameters
    ----------
    threshold, test : DataFrame
        Judged and scored windows; the threshold is chosen on normal ones of the first.
    normal : DataFrame
        Normal windows of the training, for the baselines.
    """
    found = {kind: _of_subject(kind, threshold, test, normal, draws) for kind in (CLIENT, ENDPOINT)}
    return found[CLIENT] | {"endpoints": found[ENDPOINT]}


def _of_subject(
    kind: str, threshold: pd.DataFrame, test: pd.DataFrame, normal: pd.DataFrame, draws: int
) -> dict[str, Any]:
    threshold, test, normal = (x[x["subject"] == kind] for x in (threshold, test, normal))
    ordinary = threshold[~threshold["strange"]]
    rules = Baselines(normal)
    baselines = {
        name: figures(test, score, threshold_at(known, FALSE_POSITIVES), 0)
        for (name, score), known in zip(
            rules.scores(test).items(), rules.scores(ordinary).values(), strict=True
        )
    }
    chosen = threshold_at(ordinary["anomaly_score"].to_numpy(), FALSE_POSITIVES)
    score = test["anomaly_score"].to_numpy()
    return figures(test, score, chosen, draws) | {
        "threshold": chosen,
        "strange_windows": int(test["strange"].sum()),
        "normal_windows": int((~test["strange"]).sum()),
        "baselines": {name: _without_interval(row) for name, row in baselines.items()},
        "by_scenario": _by_scenario(test, score, chosen),
    }


def figures(test: pd.DataFrame, score: Floats, threshold: float, draws: int) -> dict[str, Any]:
    """How well a score tells `strange` windows from the others."""
    strange = test["strange"].to_numpy(bool)
    ranking = Ranking(strange, score)
    found = with_intervals(
        test["group"].to_numpy(),
        {
            "roc_auc": ranking.roc_auc,
            "average_precision": ranking.average_precision,
            "recall_at_1pct_fpr": lambda w: share_over(score[strange], threshold, w[strange]),
            "false_positive_rate": lambda w: share_over(score[~strange], threshold, w[~strange]),
        },
        draws=draws,
    )
    return found | {"recall_at_1pct_fpr_of_test": recall_at_fpr(strange, score, FALSE_POSITIVES)}


def _by_scenario(test: pd.DataFrame, score: Floats, threshold: float) -> dict[str, dict[str, Any]]:
    strange = test["strange"].to_numpy(bool)
    rows = {}
    for name in sorted(test.loc[strange, "name"].unique()):
        mine = (test["name"] == name).to_numpy()
        told = mine | ~strange
        rows[name] = {
            "windows": int(mine.sum()),
            "roc_auc": roc_auc(mine[told], score[told]),
            "recall_at_1pct_fpr": share_over(score[mine], threshold),
        }
    return rows


def _without_interval(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "interval"}
