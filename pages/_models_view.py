"""The Models page by parts: what each shows, and what of it would change the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dash import html

from components import (
    cards,
    format,
    model_drift,
    model_evaluation,
    model_figures,
    model_learnt,
    model_scorecard,
    model_versions,
    states,
)
from jobs.drift import LEAST_WINDOWS
from ml.drift import reading
from ml.features import FEATURES
from ml.usage import CLUSTERS
from pages import _models_evaluation, _models_versions
from pages._models_seen import Seen
from store.drift import DriftHour
from store.forecasts import HOUR_MS

FEWEST_HOURS: Final = 24
EVENTS_SHOWN: Final = 12


def subtitle(of: Seen) -> str:
    """Which version, and what is best known of it."""
    name = "No model" if of.current is None else of.current.name
    told = "no forecast was checked yet" if of.fullest is None else ""
    measured = of.evaluation
    if measured:
        told = model_evaluation.reached(measured.figures) + (f" · {told}" if told else "")
    return f"{name} · {told}" if told else name


def current(of: Seen) -> Any:
    """The version that scores."""
    facts = next((facts for facts in of.facts if facts.state == "current"), None)
    if facts is None:
        return states.empty("cpu", "There is no model", "Run “flask train” to make one.")
    since = _models_versions.became_current(facts.name, of.events)
    return model_versions.current(facts, since, of.back_to, of.now)


def origin(of: Seen) -> Any:
    """What the current version was trained on, and what people have told it."""
    sources = _models_versions.sources(of.manifest)
    base = of.manifest.get("base")
    kept = f"How failures come and what bots are like was learnt by {base}." if base else ""
    return [
        model_learnt.bars(sources, "Windows by source")
        if sources
        else html.P("Its manifest names no source.", className="card-sub"),
        html.P(kept, className="card-sub models-foot") if kept else None,
    ]


def people(of: Seen) -> Any:
    """Verdicts of people, and what came of those that were learnt."""
    rows = [
        cards.Metric("False alarms", format.number(of.verdicts["false_alarm"]), "marked by people"),
        cards.Metric("Confirmed", format.number(of.verdicts["confirmed"]), "marked by people"),
    ]
    learnt = of.manifest.get("alarms_on_feedback", {})
    words = {"false_alarm": "False alarms still alarming", "confirmed": "Confirmed still alarming"}
    for verdict, name in words.items():
        told = learnt.get(verdict, {})
        if told.get("windows"):
            text = f"{told['after']} of {told['windows']}"
            rows.append(cards.Metric(name, text, f"{told['before']} before it was learnt"))
    nightly = of.nightly or "The nightly training has not run yet; it learns from these verdicts."
    return [cards.metrics(rows), html.P(nightly, className="card-sub models-foot")]


def score(of: Seen) -> Any:
    """The scorecard."""
    if of.fullest is None:
        return states.empty(**model_scorecard.waiting())
    return [
        html.P(model_scorecard.sentence(of.fullest), className="models-said"),
        model_scorecard.scorecard(of.periods),
    ]


def reliability(of: Seen, theme: str | None) -> Any:
    """The reliability curve of the fullest period; live forecasts over those of the evaluation."""
    live = of.fullest.card.reliability if of.fullest else ()  # type: ignore[attr-defined]
    offline = of.evaluation.reliability if of.evaluation and of.subject == "endpoint" else ()
    return model_figures.reliability(live, offline, theme)


def reliability_state(of: Seen) -> Any:
    """What lies over the curve: nothing once there is a point."""
    if of.fullest or (of.evaluation and of.subject == "endpoint"):
        return []
    return states.empty(**model_scorecard.waiting())


def evaluated(of: Seen) -> Any:
    """Figures of the evaluation, and of which version they are."""
    if of.evaluation is None:
        text = of.evaluation_problem or "Run “flask evaluate”: it takes a few minutes."
        return states.empty("clipboard-data", "There is no evaluation", text)
    name = "no version" if of.current is None else of.current.name
    words, holds = _models_evaluation.whose(of.evaluation, name, of.manifest)
    return [
        html.P(words, className="models-said" if holds else "models-said models-warning"),
        model_evaluation.figures_table(of.evaluation.figures),
    ]


def rests_on(of: Seen) -> Any:
    """What the forecast rests on, by shuffling."""
    if of.evaluation is None:
        return states.empty("clipboard-data", "There is no evaluation", "Run “flask evaluate”.")
    return [
        model_learnt.bars(of.evaluation.parts, "Ranking lost by part of the inputs"),
        html.P(of.evaluation.parts_told, className="card-sub models-foot"),
    ]


def elbow(of: Seen, theme: str | None) -> Any:
    """Spread left by number of clusters."""
    curves = {
        kind: {int(number): inertia for number, inertia in curve.items()}
        for kind, curve in of.manifest.get("elbow", {}).items()
    }
    return model_figures.elbow(curves, of.subject, CLUSTERS, theme)


def elbow_key(of: Seen) -> Any:
    """Which line is which."""
    names = {"endpoint": "Endpoints", "client": "Clients"}
    ordered = sorted(names, key=lambda kind: kind != of.subject)
    return cards.key([(names[ordered[0]], "accent"), (names[ordered[1]], "quiet")])


def elbow_state(of: Seen) -> Any:
    """What lies over the elbow."""
    if of.manifest.get("elbow"):
        return []
    return states.empty("bounding-box", "Its manifest has no elbow", "Train a version anew.")


def drift(of: Seen) -> Any:
    """How far features have moved, by hours."""
    if not of.drift:
        return states.empty(
            "activity",
            "No hour was measured in the last 7 days",
            f"Each full hour is measured 7 minutes after its end, with {LEAST_WINDOWS} windows or "
            "more of the last day.",
        )
    newest = of.drift[-1]
    said = f"Newest hour: {format.moment(newest.timestamp, of.now)}, "
    said += f"{format.plural(newest.windows, 'window')}, against {newest.model_version}."
    of_product = {version.name for version in of.versions if version.is_factory}
    if newest.model_version in of_product:
        said += " The product's version knows many sites, and one site looks drifted beside them "
        said += "until the nightly training has learnt it."
    return [
        html.P(said, className="models-said"),
        model_drift.drift_table(_drift_rows(of.drift), of.now),
    ]


def _drift_rows(hours: Sequence[DriftHour]) -> list[model_drift.Drift]:
    newest = hours[-1]
    by_hour = {hour.timestamp: hour.psi for hour in hours}
    measured = (newest.timestamp - hours[0].timestamp) // HOUR_MS + 1
    shown = max(FEWEST_HOURS, measured)
    starts = [newest.timestamp - back * HOUR_MS for back in reversed(range(shown))]
    return [
        model_drift.Drift(
            feature,
            newest.psi[feature],
            reading(newest.psi[feature]),
            [_drift_hour(at, by_hour.get(at, {}).get(feature)) for at in starts],
        )
        for feature in FEATURES
        if feature in newest.psi
    ]


def _drift_hour(at: int, psi: float | None) -> model_drift.Hour:
    return model_drift.Hour(at, psi, reading(psi or 0.0))


def history(of: Seen) -> Any:
    """All versions."""
    return model_versions.versions_table(of.facts, of.now)


def happened(of: Seen) -> Any:
    """What became of versions."""
    return model_versions.events(of.events[:EVENTS_SHOWN], of.now)


PARTS: Final[dict[str, tuple[Callable[[Seen], Any], Callable[[Seen], Any]]]] = {
    # name -> how it is drawn, and what changes the drawing
    "subtitle": (subtitle, lambda of: (of.current, of.evaluation, of.fullest is None)),
    "current": (current, lambda of: (of.current, of.back_to, of.events)),
    "origin": (origin, lambda of: of.manifest),
    "people": (people, lambda of: (of.verdicts, of.nightly, of.manifest)),
    "score": (score, lambda of: of.periods),
    "reliability_state": (reliability_state, lambda of: (of.fullest, of.evaluation)),
    "evaluated": (evaluated, lambda of: (of.evaluation, of.evaluation_problem, of.current)),
    "rests_on": (rests_on, lambda of: of.evaluation),
    "elbow_key": (elbow_key, lambda _: None),
    "elbow_state": (elbow_state, lambda of: of.manifest),
    "drift": (drift, lambda of: of.drift),
    "history": (history, lambda of: (of.versions, of.events, of.back_to)),
    "happened": (happened, lambda of: of.events),
}
CHARTS: Final[dict[str, tuple[Callable[[Seen, str | None], Any], Callable[[Seen], Any]]]] = {
    "reliability": (reliability, lambda of: (of.fullest, of.evaluation)),
    "elbow": (elbow, lambda of: of.manifest),
}
