"""What the Models page says of the insides of a version: its forests and its cluster centres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from components import format
from components.model_learnt import Bar, Profile
from components.model_words import of_input
from jobs.runtime import Foresight
from ml.bundle import Bundle
from ml.failure import View
from ml.features import ENDPOINT, FEATURES
from ml.history import INPUTS
from ml.usage import UsageModel

MOST_INPUTS: Final = 8  # of one forest that are shown
_ORDER: Final = ("normal", "heavy", "bot")


class Forest(NamedTuple):
    """A forest of the failure model: what it sees, and which inputs it splits by most."""

    sees: str
    inputs: list[Bar]
    others: int  # inputs that are not shown


class Learnt(NamedTuple):
    """What the models of one kind of subject have learnt."""

    forests: list[Forest]
    profiles: list[Profile]


def learnt(parts: Foresight, subject: str) -> Learnt:
    """What the current version has learnt; read once for each version.

    Raises
    ------
    ModelError
        The bundle can't be loaded.
    """
    version, bundle = parts.models.current()
    found = parts.learnt.get(version)
    if found is None:
        found = {kind: _learnt(bundle, kind) for kind in bundle.subjects}
        parts.learnt.clear()
        parts.learnt[version] = found
    shown: Learnt = found.get(subject, found[ENDPOINT])
    return shown


def _learnt(bundle: Bundle, kind: str) -> Learnt:
    models = bundle.subjects[kind]
    names = (*INPUTS, *FEATURES) if kind == ENDPOINT else FEATURES
    return Learnt([_forest(view, names) for view in models.failure.views], _profiles(models.usage))


def _forest(view: View, names: Sequence[str]) -> Forest:
    seen = names[view.columns]
    importance: Any = view.forest.feature_importances_
    order = np.argsort(-importance)[:MOST_INPUTS]
    top = float(importance[order[0]])
    bars = [
        Bar(of_input(seen[at]), float(importance[at]) / top, format.percent(float(importance[at])))
        for at in order.tolist()
    ]
    what = "the last hour of the subject" if len(seen) > len(FEATURES) else "this minute alone"
    return Forest(what, bars, len(seen) - len(bars))


def _profiles(usage: UsageModel) -> list[Profile]:
    """Centres in units of people, in the order of their names."""
    centres = usage.centres * usage.scale + usage.mean
    rows = [
        Profile(name, float(np.exp(calls)), float(np.expm1(variety)), float(repeats), float(bits))
        for name, (calls, variety, repeats, bits) in zip(usage.names, centres, strict=True)
    ]
    return sorted(rows, key=lambda row: _ORDER.index(row.cluster))
