"""What the Models page says of versions: from their manifests and the events of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from components.model_learnt import Bar
from components.model_versions import Event, VersionFacts
from components.model_words import of_source
from ml.registry import Version
from store.times import epoch_ms

_GATE: Final = (  # figures of the frozen scenarios that are shown
    ("anomaly_roc_auc", "AUC"),
    ("attack_recall_medium", "recall"),
    ("calm_high_windows", "false HIGH"),
)
_REAL: Final = "the user's copy"  # in the name of a source


def events_of(rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Rows of `store.model_events.newest_events`."""
    names = ("at", "version", "event", "who", "reason")
    return [Event(**{name: row[name] for name in names}) for row in rows]


def facts(version: Version, events: Sequence[Event], back_to: str | None) -> VersionFacts:
    """What is told of one version; `events` are newest first, `back_to` was current before."""
    manifest = version.manifest
    return VersionFacts(
        name=version.name,
        state=_state(version, events, back_to),
        origin=_origin(version),
        base=str(version.manifest.get("base", "")),
        trained_at=_trained_at(manifest),
        windows=sum(manifest.get("windows", {}).values()) or None,
        training=_training(manifest),
        figures=_gate_figures(manifest.get("gate", {})),
        problem=version.problem or "",
    )


def became_current(version: str, events: Sequence[Event]) -> Event | None:
    """The event that made a version current last; `events` are newest first."""
    changes = (event for event in events if event.event in ("promoted", "rolled_back"))
    return next((event for event in changes if event.version == version), None)


def sources(manifest: Mapping[str, Any]) -> list[Bar]:
    """What a version was trained on, most windows first; simulated data are named so."""
    found = manifest.get("sources", {})
    if not isinstance(found, Mapping):  # adapted to a site: windows of its store
        windows = manifest.get("windows", {})
        tag = "simulated" if "simulated" in found else ""
        found = {f"stored {kind} windows": count for kind, count in windows.items()}
    else:
        tag = "simulated"
    most = max(found.values(), default=1)
    return [
        Bar(of_source(name), count / most, f"{count:,}", "real" if _REAL in name else tag)
        for name, count in sorted(found.items(), key=lambda item: -item[1])
    ]


def _state(version: Version, events: Sequence[Event], back_to: str | None) -> str:
    if version.problem:
        return "broken"
    if version.is_current:
        return "current"
    if version.name == back_to or became_current(version.name, events):
        return "earlier"
    refused = {event.version for event in events if event.event == "refused"}
    return "refused" if version.name in refused else "waiting"


def _origin(version: Version) -> str:
    if version.is_factory:
        return "the product"
    if version.manifest.get("base"):
        return "this site's windows"
    return str(version.manifest.get("source", "\u2013"))


def _trained_at(manifest: Mapping[str, Any]) -> int | None:
    made = manifest.get("created_at")
    return epoch_ms(made) if isinstance(made, str) else None


def _training(manifest: Mapping[str, Any]) -> str:
    parts = []
    if "seconds" in manifest:
        parts.append(f"{manifest['seconds']:.0f} s")
    if "seed" in manifest:
        parts.append(f"seed {manifest['seed']}")
    if library := manifest.get("libraries", {}).get("scikit-learn"):
        parts.append(f"scikit-learn {library}")
    return ", ".join(parts)


def _gate_figures(gate: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    before, after = gate.get("before", {}), gate.get("after", {})
    return tuple(
        (words, f"{before[name]:.3g}", f"{after[name]:.3g}")
        for name, words in _GATE
        if name in before and name in after
    )
