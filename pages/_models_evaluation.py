"""What the Models page says of the written evaluation: figures, and of which version they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from components import format
from components.model_evaluation import Figure
from components.model_learnt import Bar
from components.model_words import of_part
from datasets.evaluation.report import PAGE, TARGETS, Target, trained_on, written_figures

_NAMES: Final = {  # of baselines
    "largest_robust_z": "largest robust z",
    "isolation_forest_on_8": "plain isolation forest",
    "majority": "always the majority",
    "req_count_alone": "calls alone",
    "req_count": "calls alone",
    "closeness": "closeness to a limit",
    "straight_line": "straight line",
}


class _Asked(NamedTuple):
    """A figure that is shown: where it stands and what it means."""

    path: tuple[str, ...]
    name: str
    meaning: str
    baseline: str = ""  # name of the same figure of the baselines, if they have it
    top: float = 1.0
    digits: int = 2
    real: bool = False


_ASKED: Final = (
    _Asked(
        ("anomaly", "roc_auc"), "Attackers told from clients",
        "ROC-AUC of the anomaly score: 1 is perfect, 0.5 is chance", "roc_auc", digits=3,
    ),
    _Asked(
        ("anomaly", "recall_at_1pct_fpr"), "Attacks found",
        "share of attackers' minutes above what 1 % of normal ones reach",
        "recall_at_1pct_fpr", digits=3,
    ),
    _Asked(
        ("usage", "macro_f1"), "Usage clusters right",
        "macro-F1 of normal, heavy and bot", "macro_f1", digits=3,
    ),
    _Asked(
        ("web_bots", "roc_auc"), "Programs told from people",
        "ROC-AUC of the bot score, by sessions that were held back", "roc_auc", real=True,
    ),
    _Asked(
        ("failure", "pr_auc_over_best_baseline"), "Failures ranked",
        "PR-AUC {pr_auc:.2f} over the {pr_auc_best_baseline:.2f} of the best simple rule",
        top=3.0,
    ),
    _Asked(
        ("failure", "gradual_seen_ahead"), "Faults seen 1 min ahead",
        "gradual faults of kinds that no model has learnt", "gradual_seen_ahead",
    ),
    _Asked(
        ("failure", "seen_ahead_3_minutes"), "Faults seen 3 min ahead",
        "the same, at least three minutes", "seen_ahead_3_minutes",
    ),
    _Asked(
        ("failure", "false_alarms_per_day"), "False warnings a day",
        "of a whole site on calm days", "false_alarms_per_day", top=3.0,
    ),
    _Asked(
        ("failure", "brier_skill"), "Brier skill",
        "how good the probabilities are: 1 is perfect, 0 the base rate",
    ),
    _Asked(
        ("calm_day_high_windows",), "HIGH windows on a calm day",
        "of about 58,000 windows; each is a false alarm", top=6.0, digits=1,
    ),
    _Asked(
        ("calm", "reach", "credential_stuffing"), "Credential stuffing is HIGH",
        "share of runs in which it is so within two minutes",
    ),
    _Asked(
        ("calm", "reach", "total_outage"), "Total outage is HIGH",
        "share of runs in which it is so within two minutes",
    ),
)  # fmt: skip


class Evaluation(NamedTuple):
    """The evaluation that lies beside the product."""

    version: str
    trained: Mapping[str, Any]
    figures: list[Figure]
    reliability: list[tuple[float, float]]  # given, failed
    parts: list[Bar]  # what the forecast rests on
    parts_told: str  # how that was measured


def evaluation() -> Evaluation | None:
    """The written evaluation; None: there is none.

    Raises
    ------
    ValueError
        Its file can't be read.
    """
    told = written_figures(PAGE.with_suffix(".json"))
    if told is None:
        return None
    found = told["figures"]
    failure = found["failure"]
    importance = failure["importance"]
    return Evaluation(
        version=told["version"],
        trained=told["trained"],
        figures=[_figure(found, asked) for asked in _ASKED],
        reliability=[(row["given"], row["failed"]) for row in failure["reliability"]],
        parts=_parts(importance),
        parts_told=_told(importance),
    )


def whose(measured: Evaluation, current: str, manifest: Mapping[str, Any]) -> tuple[str, bool]:
    """Of which version the figures are, in words; and whether they hold for the current one."""
    if measured.version == current:
        return f"Measured on {current}, the current version.", True
    if measured.trained == trained_on(manifest) and measured.trained.get("seed") is not None:
        return (
            f"Measured on {measured.version}, which was trained on the same windows with the same "
            f"seed as the current version.",
            True,
        )
    base = manifest.get("base")
    adapted = f" The current version, {current}, was adapted from {base}." if base else ""
    return (
        f"Measured on {measured.version}, not on the current version.{adapted} "
        "Run “flask evaluate” to measure it.",
        False,
    )


def _figure(found: Mapping[str, Any], asked: _Asked) -> Figure:
    part: Mapping[str, Any] = found
    for name in asked.path[:-1]:
        part = part[name]
    name = asked.path[-1]
    edges = part.get("interval", {}).get(name)
    target = _target(asked.path)
    return Figure(
        name=asked.name,
        meaning=_meaning(asked.meaning, part),
        value=part[name],
        interval=None if edges is None else (edges[0], edges[1]),
        target=None if target is None else _wanted(target),
        at_least=target is None or target.least is not None,
        baselines=_baselines(part, asked),
        top=asked.top,
        digits=asked.digits,
        real=asked.real,
        missing=str(part.get("reason", "")),
    )


def _meaning(text: str, part: Mapping[str, Any]) -> str:
    """The text with figures of its part filled in; without them where there is none."""
    try:
        return text.format_map(part)
    except (TypeError, KeyError):
        return ""


def _target(path: tuple[str, ...]) -> Target | None:
    return next((target for target in TARGETS if target.path == path), None)


def _wanted(target: Target) -> float | None:
    return target.most if target.least is None else target.least


def _baselines(part: Mapping[str, Any], asked: _Asked) -> tuple[tuple[str, float], ...]:
    if asked.path == ("failure", "pr_auc_over_best_baseline"):
        return ((_name(part["best_baseline"]), 1.0),)
    rows = part.get("baselines", {}) if asked.baseline else {}
    values = ((_name(name), row.get(asked.baseline)) for name, row in rows.items())
    return tuple((name, value) for name, value in values if value is not None)


def _name(baseline: str) -> str:
    return _NAMES.get(baseline, baseline.replace("_", " "))


def _parts(importance: Mapping[str, Any]) -> list[Bar]:
    """Bars of the ranking that is lost, longest first; chance may put one just below nothing."""
    whole = importance["pr_auc"] or 1.0
    parts = sorted(importance["parts"].items(), key=lambda item: -(item[1]["lost"] or 0.0))
    return [
        Bar(of_part(name), max(of["lost"] or 0.0, 0.0) / whole, _lost(of["lost"], whole))
        for name, of in parts
    ]


def _told(importance: Mapping[str, Any]) -> str:
    whole = importance["pr_auc"]
    at_all = "not known" if whole is None else f"{whole:.2f}"
    return (
        f"Each part was shuffled {importance['shuffles']} times among "
        f"{format.number(importance['windows'])} windows with faults that no model has learnt. "
        f"With all parts in place the ranking (PR-AUC) is {at_all}; shares are of that."
    )


def _lost(lost: float | None, whole: float) -> str:
    return format.MISSING if lost is None else format.percent(max(lost, 0.0) / whole)
