"""The files of the training set: what is there, what is being made, what went wrong."""

from __future__ import annotations

from typing import Any, Final

from dash import html

from components import cards, dataset_catalog, format
from components.dataset_catalog import File
from components.icons import glyph
from datasets.export import REPORT, SUMMARY, WORKBOOK
from jobs import training_files
from pages import current, now_ms

_ADDRESS: Final = "/api/datasets/files/"
_FILES: Final = {
    WORKBOOK: ("Workbook (XLSX)", "All windows with every column, statistics, sample, correlation"),
    SUMMARY: ("Summary (CSV)", "Per feature minimum, maximum, mean, deviation, quantiles"),
    REPORT: ("Full report (text)", "Sources with licences, class balance, features, models"),
}


def panel() -> html.Section:
    """The panel with its two buttons; `content` fills it."""
    return cards.card(
        "Files of the training set",
        html.Div(id="datasets-files", **{"aria-live": "polite"}),
        subtitle="As of flask export-datasets; simulated and recorded windows, each row says which",
        aside=html.Div(
            [
                html.Button(
                    [glyph("arrow-repeat"), html.Span("Make the files", id="datasets-make-word")],
                    id="datasets-make",
                    className="button",
                    type="button",
                ),
                html.Button(
                    "Cancel", id="datasets-cancel", className="button", type="button", hidden=True
                ),
            ],
            className="dataset-actions",
        ),
        id="datasets-files-card",
    )


def content() -> list[Any]:
    """The state of the last run, and the files."""
    parts = current()
    run, now = parts.training_files.run, now_ms()
    made = training_files.made(parts.settings)
    listed = [
        File(title, about, _ADDRESS + name, made[name].size_bytes if name in made else None)
        for name, (title, about) in _FILES.items()
    ]
    shown: list[Any] = [dataset_catalog.files(listed)]
    if run is not None and run.state == "running":
        shown.append(dataset_catalog.making(run.step, run.began_at, now, run.who))
    elif run is not None and run.state == "failed":
        shown.append(dataset_catalog.failed(run.problem))
    elif made:
        newest = max(file.made_at for file in made.values())
        shown.append(html.P(f"Made {format.moment(newest, now)}.", className="card-sub"))
    else:
        shown.append(html.P("Making them takes one or two minutes.", className="card-sub"))
    return shown


def is_running() -> bool:
    """Whether the files are being made now."""
    run = current().training_files.run
    return run is not None and run.state == "running"
