"""What `show_set` answers: a set that is there, one that is being loaded, none and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dash import html, no_update

from components import dataset_catalog, dataset_table, states
from components import dataset_frame as frame
from components.icons import glyph
from jobs.dataset_shelf import OWN, Loaded
from pages import _datasets_address as address
from pages import _datasets_charts as charts
from pages import _datasets_sets as sets

ROWS: Final = "datasets-rows"
_TABLE_PX: Final = 520


def shown(
    key: str,
    found: Loaded,
    view: Mapping[str, str | None],
    model: Mapping[str, Any] | None,
    now: int,
) -> dict[str, Any]:
    """A set that is loaded: its controls and its table; what the address has wrong is said."""
    sample = found.sample
    name, features, labels = sets.parsed(key)[0], sample.features, sample.labels
    about = sets.about(key, found, now, frame.again_button("Refresh") if name == OWN else None)
    if sample.rows.empty:
        return without(name, frame.no_windows(), about=about)
    wrong: list[str] = []
    feature = address.known(view.get("feature"), features, "feature", wrong)
    colour = address.known(view.get("colour"), labels, "label", wrong)
    try:
        charts.matching(found, model, "")
    except ValueError as error:
        wrong.append(f"The filter of the address was left out: {error}.")
        model = None
    table = dataset_table.grid(
        {"type": ROWS, "of": key}, charts.fields(sample.rows), _TABLE_PX, model or {}
    )
    return _answer(
        name,
        about,
        table,
        key=key,
        defaults={"feature": features[0], "colour": labels[0]},
        problem=[html.P([glyph("exclamation-triangle"), text]) for text in wrong],
        controls=frame.selects(
            charts.options(features), feature, charts.options(labels), colour, sets.shown(name)
        ),
    )


def loading(name: str, key: str, now: int) -> dict[str, Any]:
    """A set that is being loaded: skeletons, and about how long it takes."""
    return _answer(
        name,
        sets.about(key, None, now, None),
        html.Div(states.skeleton("rows"), className="dataset-waiting"),
        wait=-1,
        cover=states.skeleton("chart"),
        problem=html.P([glyph("hourglass-split"), sets.loading_words(name)], className="is-news"),
    )


def without(name: str, state: Any, *, about: Any = ()) -> dict[str, Any]:
    """No set to show; `state` says why and what to do."""
    cover = states.empty("database-x", "No rows to draw")
    return _answer(name, about, html.Div(state, className="dataset-waiting"), cover=cover)


def _answer(
    name: str,
    about: Any,
    table: Any,
    *,
    key: str | None = None,
    defaults: Mapping[str, str] | None = None,
    problem: Any = (),
    controls: Any = None,
    wait: int = 0,
    cover: Any = no_update,
) -> dict[str, Any]:
    return {
        "key": key,
        "defaults": defaults,
        "catalog": dataset_catalog.catalog(sets.entries(), name),
        "about": about or states.empty("database-x", "Choose a set of the catalog"),
        "problem": list(problem) if isinstance(problem, tuple) else problem,
        "controls": frame.selects([], None, [], None) if controls is None else controls,
        "table": table,
        "wait": wait,
        "row": frame.no_row(),
        "place": None,
        "covers": dict.fromkeys(frame.CHARTS, cover),
    }
