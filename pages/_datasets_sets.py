"""Which data sets there are, which one an address names, and what is said about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from dash import html
from flask import abort

from components import dataset_catalog, format
from components.dataset_catalog import Entry
from datasets import combined
from datasets.catalog import catalog
from datasets.data_set import DataSet
from jobs.dataset_shelf import MOST_WINDOWS, OWN, Loaded
from pages import _range, current
from store import views

_MINUTE_MS: Final = 60_000
_OWN_TITLE: Final = "Windows of this server"
_SHOWN: Final = "Shown here"
_TIME: Final = re.compile(r"[0-9]{1,15}")  # epoch ms


def entries() -> list[Entry]:
    """The catalog; this server's own windows come first."""
    own = Entry(OWN, _OWN_TITLE, "live", "of the time range above")
    found = catalog(current().settings)
    return [own, *(Entry(s.name, s.title, s.kind, _size(s), s.available) for s in found)]


def find(name: str) -> DataSet | None:
    """The entry of the catalog called `name`; None for the server's own windows.

    Raises
    ------
    LookupError
        No set is called so; the text quotes it and names those that there are.
    """
    if name == OWN:
        return None
    known = {one.name: one for one in catalog(current().settings)}
    if name not in known:
        raise LookupError(f"No data set is called “{name}”; there are {OWN}, {', '.join(known)}.")
    return known[name]


def key_of(name: str, chosen: Mapping[str, str] | None, now: int) -> str:
    """What a loaded set is known by: its name, of own windows with the range in whole minutes."""
    if name != OWN:
        return name
    shown = _range.time_range(chosen, now, views.data_range(current().store))
    start = shown.start - shown.start % _MINUTE_MS
    return f"{OWN} {start} {shown.end + -shown.end % _MINUTE_MS}"


def ask(key: str) -> Future[Loaded]:
    """The set of a key of `key_of`; it is being loaded when it is not there."""
    name, start, end = parsed(key)
    parts = current()
    return parts.shelf.ask_for(name, parts.settings, parts.store, start, end)


def parsed(key: str) -> tuple[str, int, int]:
    """Name, and of own windows start and end of the range [epoch ms].

    Raises
    ------
    BadRequest
        It is no key of `key_of`, as one that a browser has made up.
    """
    name, *times = key.split(" ")
    if name == OWN:
        if len(times) != 2 or not all(_TIME.fullmatch(text) for text in times):
            abort(400, f"{key!r} names no windows")
        return OWN, int(times[0]), int(times[1])
    try:
        find(name)
    except LookupError as error:
        abort(400, str(error))
    return name, 0, 0


def about(key: str, found: Loaded | None, now: int, refresh: Any) -> Any:
    """The panel about a set; `found` once it is loaded."""
    name, start, end = parsed(key)
    data_set = find(name)
    if data_set is None:
        return _about_own(found, start, end, now, refresh)
    shown = f"{format.plural(len(found.sample.rows), 'row')}. {found.sample.note}" if found else ""
    facts = [
        ("Source", _sentence(data_set.source)),
        ("Licence", _sentence(data_set.licence)),
        ("Size", _size(data_set)),
        (_SHOWN, shown),
        ("Labels", _sentence(data_set.labels)),
        ("Split", _sentence(data_set.split)),
        ("Columns", dataset_catalog.columns(_columns(data_set, found))),
    ]
    return dataset_catalog.about(data_set.title, data_set.kind, facts, data_set.note)


def shown(name: str) -> html.Span:
    """Name and kind of a set, beside its charts."""
    data_set = find(name)
    title, kind = (data_set.title, data_set.kind) if data_set else (_OWN_TITLE, "live")
    return html.Span([title, dataset_catalog.kind_tag(kind)], className="dataset-shown")


def loading_words(name: str) -> str:
    """What a person who waits is told."""
    if name == OWN:
        return "Reading the windows of the range."
    if name == combined.NAME:
        return (
            "The training set is being made from its seeds, in a process of its own: half a minute."
        )
    return "This set is being made or read, in a process of its own: some seconds."


def how_to_get(data_set: DataSet) -> html.Div:
    """Where a set that is not there is looked for."""
    folder = Path(current().settings.reference_data_dir).absolute() / data_set.name
    return dataset_catalog.absent(str(folder), data_set.source)


def _about_own(found: Loaded | None, start: int, end: int, now: int, refresh: Any) -> Any:
    facts = [
        ("Source", "What this server has scored: every endpoint and every client, each minute"),
        ("Range", format.span(start, end, now)),
        (_SHOWN, _own_shown(found)),
        ("Labels", "Priority and usage cluster are those of the scores, no truth from outside"),
        ("Kept", _retention()),
        ("Columns", dataset_catalog.columns(list(map(str, found.sample.rows))) if found else ""),
    ]
    beware = (
        f"At most {MOST_WINDOWS:,} windows are read, the newest. LOW windows of clients are kept"
        " for a day, so an older range shows more of the risky ones."
    )
    return dataset_catalog.about(_OWN_TITLE, "live", facts, beware, refresh)


def _own_shown(found: Loaded | None) -> str:
    if found is None:
        return ""
    rows = found.sample.rows
    if rows.empty:
        return "No windows"
    simulated = float(rows["simulated"].mean())
    share = f" {format.percent(simulated)} with simulated calls." if simulated else ""
    return f"{format.plural(len(rows), 'window')}. {found.sample.note}{share}"


def _retention() -> str:
    days = current().settings.windows_retention_days
    return f"{format.plural(days, 'day')}, by FORESIGHT_WINDOWS_RETENTION_DAYS"


def _columns(data_set: DataSet, found: Loaded | None) -> list[str]:
    return [*map(str, found.sample.rows)] if found else [*data_set.columns]


def _size(data_set: DataSet) -> str:
    if not data_set.available:
        return "not on this machine"
    if data_set.rows is None:
        return "made on demand"
    return format.plural(data_set.rows, "row")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
