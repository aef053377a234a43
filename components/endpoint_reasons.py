"""Why an endpoint is at risk, by feature, and who causes it: from what its windows have stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from components import quantities
from components.series_figures import Part

OTHERS: Final = "Others together"  # lesser features, and risk that no feature has alone
MOST_FEATURES: Final = 5
_NAMES: Final = {"usage_cluster": "Used like a bot", "mix": "Rare combination"}
_LEAST_REST: Final = 0.05  # of the risk score
Row = Mapping[str, Any]


class Reason(NamedTuple):
    """One feature that makes a window risky; `share` of its risk is None where not measured."""

    name: str
    text: str
    share: float | None


@dataclass(frozen=True)
class Cause:
    """A client without whose calls the risk would be lower; `together` clients are left out."""

    client: str
    calls: int
    risk_without: float
    together: int


class Weight(NamedTuple):
    """What one feature brought to the risk of several windows."""

    name: str
    share: float  # of their risk
    windows: int


def reasons(window: Row) -> list[Reason]:
    """Reasons of a window, the weightiest first; none of a LOW one."""
    found = []
    for reason in json.loads(window.get("reasons") or "[]"):
        feature = str(reason["feature"])
        text = str(reason["text"]).removeprefix(f"{feature} ")
        found.append(Reason(feature_name(feature), text, reason.get("share")))
    return found


def causes(window: Row) -> list[Cause]:
    """Who causes the risk of a window, most calls first; nobody in most."""
    return [
        Cause(str(c["client"]), int(c["calls"]), float(c["risk_without"]), int(c["together"]))
        for c in json.loads(window.get("causes") or "[]")
    ]


def feature_name(feature: str) -> str:
    """What people call a feature."""
    return _NAMES.get(feature) or quantities.column(feature).name


def risk_parts(windows: Sequence[Row], bucket_ms: int) -> list[Part]:
    """The risk of the riskiest window of each bucket by feature, oldest first."""
    worst: dict[int, Row] = {}
    for window in windows:
        start = window["timestamp"] - window["timestamp"] % bucket_ms
        if start not in worst or window["risk_score"] > worst[start]["risk_score"]:
            worst[start] = window
    parts = [part for start in sorted(worst) for part in _parts(start, worst[start])]
    named = {one.name for one in weights(parts)[:MOST_FEATURES]}
    lesser: dict[int, float] = {}
    for part in parts:
        if part.feature not in named:
            lesser[part.start] = lesser.get(part.start, 0.0) + part.risk
    kept = [part for part in parts if part.feature in named]
    return [*kept, *(Part(start, OTHERS, risk) for start, risk in lesser.items())]


def weights(parts: Sequence[Part]) -> list[Weight]:
    """Features by their part of the risk, the weightiest first."""
    whole = sum(part.risk for part in parts)
    names = dict.fromkeys(part.feature for part in parts)
    found = []
    for name in names:
        own = [part.risk for part in parts if part.feature == name]
        found.append(Weight(name, sum(own) / whole if whole else 0.0, len(own)))
    return sorted(found, key=lambda one: (one.name == OTHERS, -one.share))


def _parts(start: int, window: Row) -> list[Part]:
    """What goes with one feature may go with another, too: more than all of it is scaled down."""
    risk = float(window["risk_score"])
    found = [(one.name, one.share) for one in reasons(window) if one.share]
    whole = max(1.0, sum(share for _, share in found))
    own = [Part(start, name, risk * share / whole) for name, share in found]
    rest = risk - sum(part.risk for part in own)
    if rest >= _LEAST_REST * risk:
        own.append(Part(start, OTHERS, rest))
    return own
