"""How well clients are told apart: normal, heavy or bot, by the usage cluster of their windows."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.evaluation.playing import full
from ml.metrics import DRAWS, confusion, macro_f1, with_intervals
from ml.usage import BOT, HEAVY, NORMAL

KINDS: Final = (NORMAL, HEAVY, BOT)


def judged_clients(shop: pd.DataFrame) -> pd.DataFrame:
    """Windows of clients of a known kind outside of episodes, not thin."""
    known = shop["client_kind"].isin(KINDS) & (shop["episode"] == "")
    return shop[known.to_numpy() & full(shop)].reset_index(drop=True)


def usage_figures(
    threshold: pd.DataFrame, test: pd.DataFrame, draws: int = DRAWS
) -> dict[str, Any]:
    """The part `usage` of the evaluation.

    Parameters
    ----------
    threshold, test : DataFrame
        Of `judged_clients`, scored; the rule on calls alone is chosen on the first.
    """
    truth = test["client_kind"].to_numpy(object)
    said = test["usage_cluster"].to_numpy(object)
    found = with_intervals(
        test["seed"].to_numpy(),
        {"macro_f1": lambda weight: macro_f1(confusion(truth, said, KINDS, weight))},
        draws=draws,
    )
    rules = {
        "majority": _most_common(threshold, test),
        "req_count_alone": _by_calls(threshold, test),
    }
    return found | {
        "kinds": list(KINDS),
        "confusion": confusion(truth, said, KINDS).astype(int).tolist(),
        "windows": len(test),
        "baselines": {
            name: {"macro_f1": macro_f1(confusion(truth, guess, KINDS))}
            for name, guess in rules.items()
        },
    }


def _most_common(threshold: pd.DataFrame, test: pd.DataFrame) -> NDArray[Any]:
    return np.full(len(test), threshold["client_kind"].mode().iloc[0], object)


def _by_calls(threshold: pd.DataFrame, test: pd.DataFrame) -> NDArray[Any]:
    """Three ranges of calls a minute, with the kind that each stands for."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=3, class_weight="balanced", random_state=0)
    tree.fit(threshold[["req_count"]].to_numpy(), threshold["client_kind"].astype(str))
    return np.asarray(tree.predict(test[["req_count"]].to_numpy()), object)
