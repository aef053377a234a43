"""Charts, legend, columns and rows of a loaded data set, as filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from dash import html

from components import dataset_figures, dataset_table, figures, format, states
from components.dataset_figures import Bins, Cloud
from components.dataset_table import Field, Standing
from components.icons import HIDDEN
from components.quantities import column, instant
from components.theme import PRIORITIES
from datasets import explore, filters
from datasets.explore import Groups
from jobs.dataset_shelf import Loaded
from pages import subject_href
from store.times import iso

MOST_POINTS: Final = 2_000
MOST_CHOICES: Final = 30
_AROUND_MS: Final = 15 * 60_000  # of a row, on the page of its subject
_NAME_CHARACTERS: Final = 60
_STRONG_WEIGHTS: Final = 3
_MINUS: Final = "\u2212"


class Drawn(NamedTuple):
    """What is drawn of the rows that match."""

    histogram: figures.Figure
    correlation: figures.Figure
    map: figures.Figure
    covers: tuple[Any, Any, Any]
    subtitles: tuple[str, str, str]
    legend: Any


def draw(
    found: Loaded, matching: explore.Bools, feature: str, colour: str, theme: str | None
) -> Drawn:
    """All charts of the rows that match; groups and axes are those of the whole set."""
    rows = found.sample.rows
    by = explore.groups(rows[colour], order_of=PRIORITIES)
    some = bool(matching.any())
    nothing = states.empty("funnel", "No row matches", "Clear or change the filters of the table.")
    chosen = Groups(by.names, by.codes[matching])
    bins = _bins(rows.loc[matching, feature], chosen, feature)
    both = len(found.sample.features) > 1
    texts = states.empty("type", "No features to compare", "The rows of this set are no windows.")
    return Drawn(
        dataset_figures.histogram(bins, theme),
        _correlation(found, matching, theme) if both else _blank(),
        _map(found, matching, by, theme) if found.axes else _blank(),
        (
            [] if some else nothing,
            ([] if some else nothing) if both else texts,
            ([] if some else nothing) if found.axes else texts,
        ),
        (_about_bins(bins), _about_correlation(found, int(matching.sum())), _about_map(found)),
        legend(by, chosen, theme),
    )


def _bins(values: pd.Series, by: Groups, feature: str) -> Bins:
    found = explore.histogram(values.to_numpy(np.float64, na_value=np.nan), by)
    shares = {name: share.tolist() for name, share in found.shares.items() if found.rows[name]}
    return Bins(found.edges.tolist(), shares, found.logarithmic, column(feature))


def _correlation(found: Loaded, matching: explore.Bools, theme: str | None) -> figures.Figure:
    names = found.sample.features
    matrix = explore.rank_correlation(found.sample.rows.loc[matching], names)
    return dataset_figures.correlation(names, matrix.tolist(), theme or "dark")


def _map(found: Loaded, matching: explore.Bools, by: Groups, theme: str | None) -> figures.Figure:
    assert found.axes is not None
    places = np.flatnonzero(matching)
    places = places[explore.even_sample(by.codes[places], MOST_POINTS)]
    at = np.round(found.axes.positions[places], 3).astype(float)
    words = _words(found.sample.rows.iloc[places])
    codes = by.codes[places]
    clouds = [
        Cloud(
            name,
            at[codes == number, 0].tolist(),
            at[codes == number, 1].tolist(),
            places[codes == number].tolist(),
            [words[n] for n in np.flatnonzero(codes == number)],
        )
        for number, name in enumerate(by.names)
        if (codes == number).any()
    ]
    titles = (_axis_title(found.axes, 0), _axis_title(found.axes, 1))
    return dataset_figures.map_of_rows(clouds, titles, theme)


def _axis_title(axes: explore.Axes, axis: int) -> str:
    """The features that weigh most along an axis: `44 % of the variance: Calls +, Errors -`."""
    weights = axes.weights[axis]
    strongest = np.argsort(-np.abs(weights))[:_STRONG_WEIGHTS]
    parts = [
        f"{dataset_figures.short_name(axes.features[n])} {'+' if weights[n] > 0 else _MINUS}"
        for n in strongest
    ]
    return f"{format.percent(round(axes.explained[axis], 2))} of the variance: {', '.join(parts)}"


def _about_bins(bins: Bins) -> str:
    scale = ", on a logarithmic scale" if bins.logarithmic else ""
    return f"{bins.feature.name}: share of each label's rows, shared bins{scale}"


def _about_correlation(found: Loaded, rows: int) -> str:
    if len(found.sample.features) < 2:
        return ""
    sample = (
        f" of {explore.CORRELATED_ROWS:,} random rows" if rows > explore.CORRELATED_ROWS else ""
    )
    return f"Rank correlation{sample}: blue together, orange opposite"


def _about_map(found: Loaded) -> str:
    if found.axes is None:
        return ""
    fitted = f"fitted on {found.axes.fitted_on:,} rows"
    return (
        f"Principal components of the standardised log features, {fitted}; at most"
        f" {MOST_POINTS:,} points, rare labels whole"
    )


def legend(by: Groups, chosen: Groups, theme: str | None) -> html.Ul:
    """Label, colour, and rows that match."""
    colours = dataset_figures.group_colours(by.names, theme)
    counts = np.bincount(chosen.codes, minlength=len(by.names))
    return html.Ul(
        [
            html.Li(
                [
                    html.Span(className="dot", style={"background": colours[name]}, **HIDDEN),
                    html.Span(name, className="legend-name"),
                    html.Span(format.number(count), className="legend-share"),
                ],
                className="" if count else "dataset-none",
            )
            for name, count in zip(by.names, counts.tolist(), strict=True)
        ],
        className="dataset-legend",
    )


def fields(rows: pd.DataFrame) -> list[Field]:
    """Columns of the table; of what has few values the filter is a list."""
    return [_field(str(name), rows[name]) for name in rows]


def _field(name: str, values: pd.Series) -> Field:
    if name == "timestamp":
        return Field(name, "time")
    if values.dtype == bool:
        return Field(name, "choice", ("yes", "no"))
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return Field(name, "number")
    if len(values.cat.categories) > MOST_CHOICES:
        return Field(name, "text")
    return Field(name, "choice", [str(value) for value in values.cat.categories])


def matching(found: Loaded, model: Mapping[str, Any] | None, search: str | None) -> explore.Bools:
    """Rows that the filters of the grid and its search leave.

    Raises
    ------
    ValueError
        A filter does not fit the set.
    """
    return filters.matching(found.sample.rows, filters.conditions(model or {}), search or "")


def options(names: Sequence[str]) -> list[dict[str, str]]:
    """Columns as the options of a select."""
    return [{"label": column(name).name, "value": name} for name in names]


def position(found: Loaded, place: int) -> dict[str, list[float]]:
    """Where a row is on the map."""
    if found.axes is None:
        return {"x": [], "y": []}
    x, y = found.axes.positions[place].tolist()
    return {"x": [round(x, 3)], "y": [round(y, 3)]}


def block(rows: pd.DataFrame, places: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of the grid; the id is the place in the set."""
    chosen = rows.iloc[list(places)]
    columns = {str(name): _shown(chosen[name]) for name in chosen}
    columns["id"] = [str(place) for place in places]
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _shown(values: pd.Series) -> list[Any]:
    """Values as JSON has them: None for what is missing."""
    if values.dtype == bool:
        return ["yes" if value else "no" for value in values]
    return [None if pd.isna(value) else value for value in values.astype(object).tolist()]


def row(found: Loaded, place: int, *, own: bool) -> html.Div:
    """One row in full."""
    rows, features = found.sample.rows, found.sample.features
    values = {str(name): rows[name].iloc[place] for name in rows}
    shares = explore.standing(rows, features, place)
    standings = [Standing(name, float(values[name]), share) for name, share in shares.items()]
    known = {name: value for name, value in values.items() if not pd.isna(value)}
    tags = [
        f"{column(label).name}: {_told(label, known[label])}"
        for label in found.sample.labels
        if label in known
    ]
    others = [
        (column(name).name, _told(name, value))
        for name, value in known.items()
        if name not in (*features, *found.sample.labels)
    ]
    href = _page_of(values) if own else None
    return dataset_table.row(_words(rows.iloc[[place]])[0], tags, standings, others, href)


def _page_of(values: Mapping[str, Any]) -> str:
    at = int(values["timestamp"])
    around = {"from": str(iso(at - _AROUND_MS)), "to": str(iso(at + _AROUND_MS))}
    return subject_href(
        {
            name: values[name]
            for name in ("subject", "endpoint", "method", "client")
            if name in values
        },
        **around,
    )


def _told(name: str, value: Any) -> str:
    if name == "timestamp":
        return f"{instant(int(value))} UTC"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return dataset_table.number(value, column(name).kind) if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating)


def _words(rows: pd.DataFrame) -> list[str]:
    """What each row is: subject and time of a window, the text of others."""
    if "subject" not in rows:
        name = "text" if "text" in rows else "path"
        return [format.shortened(str(text), _NAME_CHARACTERS) for text in rows[name]]
    found = []
    clients = rows["client"] if "client" in rows else pd.Series([None] * len(rows))
    for subject, endpoint, method, client, at in zip(
        rows["subject"], rows["endpoint"], rows["method"], clients, rows["timestamp"], strict=True
    ):
        name = str(client) if subject == "client" else f"{method} {endpoint}"
        found.append(f"{format.shortened(name, _NAME_CHARACTERS)} · {instant(int(at))} UTC")
    return found


def _blank() -> figures.Figure:
    return {"data": [], "layout": {}}
