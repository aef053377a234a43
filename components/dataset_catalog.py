"""The catalog of data sets, what there is to say about one, and the files of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import format
from components.icons import glyph
from components.quantities import size

CHOOSE: Final = "datasets-choose"
_KINDS: Final = {  # tag, icon, what it means
    "simulated": ("simulated", "Made by a simulator: no record of any real site"),
    "recorded": ("recorded", "A real server under load by simulated clients"),
    "written": ("written", "Written for this project"),
    "real": ("real", "Recorded from real traffic"),
    "generated": ("generated", "Made by a generator, published by others"),
    "mixed": ("mixed, mostly simulated", "Simulated and recorded rows; each says which it is"),
    "live": ("this server", "Windows that this server has stored"),
}
_DASHED: Final = frozenset({"simulated", "mixed"})


@dataclass(frozen=True)
class Entry:
    """One line of the catalog."""

    name: str
    title: str
    kind: str
    size: str  # 1,926 rows
    available: bool = True


@dataclass(frozen=True)
class File:
    """A file that can be downloaded."""

    title: str
    about: str
    href: str
    size_bytes: int | None = None  # None: not made yet


def kind_tag(kind: str) -> html.Span:
    """Where data come from, in a word; simulated ones have a dashed edge."""
    text, title = _KINDS[kind]
    tone = " tag-simulated" if kind in _DASHED else ""
    return html.Span(text, className=f"tag dataset-kind{tone}", title=title)


def catalog(entries: Sequence[Entry], chosen: str) -> html.Ul:
    """All sets as buttons; the chosen one is marked."""
    return html.Ul(
        [html.Li(_entry(e, e.name == chosen)) for e in entries], className="dataset-list"
    )


def _entry(entry: Entry, is_chosen: bool) -> html.Button:
    absent = "" if entry.available else " dataset-absent"
    return html.Button(
        [
            html.Span(entry.title, className="dataset-title"),
            kind_tag(entry.kind),
            html.Span(entry.size, className="dataset-size"),
        ],
        id={"type": CHOOSE, "set": entry.name},
        className=f"dataset-entry{absent}",
        type="button",
        **{"aria-pressed": "true" if is_chosen else "false"},
    )


def about(
    title: str, kind: str, facts: Sequence[tuple[str, Any]], beware: str = "", actions: Any = None
) -> html.Div:
    """What there is to say about one set; `beware` is what leaks, and other traps."""
    warning = html.P(
        [glyph("exclamation-triangle"), html.Span(_with_code(beware))], className="dataset-beware"
    )
    return html.Div(
        [
            html.Div(
                [html.H2(title, className="dataset-heading"), kind_tag(kind), actions],
                className="dataset-head",
            ),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value],
                className="dataset-facts",
            ),
            warning if beware else None,
        ]
    )


def _with_code(text: str) -> list[Any]:
    """What stands between back quotes as code."""
    parts = text.split("`")
    return [html.Code(part) if n % 2 else part for n, part in enumerate(parts) if part]


def absent(path: str, source: str) -> html.Div:
    """How to get a set that is not on this machine."""
    return html.Div(
        [
            html.P("This set is public and no part of the product. Put your own copy into"),
            html.Code(path),
            html.P(
                [
                    "and reload this page; ",
                    html.Code("FORESIGHT_REFERENCE_DATA_DIR"),
                    f" names another folder. It comes from: {source}.",
                ]
            ),
        ],
        className="dataset-get",
    )


def columns(names: Sequence[str]) -> html.Span:
    """Names of columns in one paragraph."""
    return html.Span([html.Code(name) for name in names], className="dataset-columns")


def files(found: Sequence[File]) -> html.Ul:
    """The files of the training set; those that are not made yet are no links."""
    return html.Ul([html.Li(_file(file)) for file in found], className="dataset-files")


def _file(file: File) -> list[Any]:
    words = html.Span(
        [html.Span(file.title, className="dataset-file-name"), html.Span(file.about)],
        className="dataset-file-words",
    )
    if file.size_bytes is None:
        return [glyph("file-earmark"), words, html.Span("not made yet", className="dataset-size")]
    link = html.A(
        [glyph("download"), size(file.size_bytes)],
        href=file.href,
        className="button",
        download=True,
        **{"aria-label": f"Download {file.title}, {size(file.size_bytes)}"},
    )
    return [glyph("file-earmark-text"), words, link]


def making(step: str, began_at: int, now: int, who: str) -> html.Div:
    """A run that goes on."""
    return html.Div(
        [
            html.Div(html.Span(), className="dataset-progress", **{"aria-hidden": "true"}),
            html.Span(
                f"{step} · {format.duration(now - began_at)} · started by {who};"
                " it goes on when you leave this page"
            ),
        ],
        className="dataset-making",
    )


def failed(problem: str) -> html.P:
    """Why a run made no files."""
    return html.P(
        [glyph("x-octagon"), html.Span(f"No files were made: {problem}")],
        className="dataset-failed",
    )
