"""Data sets over REST: the catalog, rows as files, and the files of the training set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotYet
from dataclasses import asdict
from io import BytesIO
from itertools import chain
from typing import Annotated, Final, Literal

import numpy as np
import pandas as pd
from flask import Blueprint, Response, jsonify, send_file
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from api import current, note_export
from api.described import described
from api.errors import ApiError, error_answer
from api.query import NO_NUL, Instant
from api.schemas import Answer, said
from api.streams import give_up_stuck_readers
from datasets import filters, row_files
from datasets.catalog import catalog
from jobs import dataset_shelf, training_files
from jobs.apart import ApartError
from jobs.dataset_shelf import Loaded
from store.times import LAST_MS

datasets = Blueprint("datasets", __name__, url_prefix="/api/datasets")

WAIT_S: Final = 8.0  # for a set that is being loaded; less than most clients wait
CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CONTENT_TYPES: Final = {"csv": f"{CSV}; charset=utf-8; header=present", "xlsx": XLSX}
_MIME_TYPES: Final = {".txt": "text/plain", ".csv": CSV, ".xlsx": XLSX}
_AGAIN_S: Final = 5
_UNKNOWN: Final = "no data set is called 'nothing'; there are own, synthetic, sites, ..."
_NOT_MADE: Final = "TRAINING_DATASET.xlsx is not made yet; the page Data sets makes it"
SetName = Annotated[
    str, Field(description="Name of a set of the catalog, or `own`: the windows of this server.")
]
FileName = Annotated[str, Field(description=f"One of {', '.join(training_files.NAMES)}.")]


class CatalogEntry(Answer):
    """What there is to say about a data set."""

    name: str = said("Its name.", "synthetic")
    title: str = said("The same for people.", "Simulated traffic of the mock shop")
    kind: Literal["simulated", "recorded", "written", "real", "generated", "mixed"] = said(
        "Where the data come from.", "simulated"
    )
    source: str = said("Who made it, and how.", "the mock shop on a virtual clock")
    licence: str = said("Under which it may be used.", "MIT, as the product")
    rows: int | None = said("Null: only known once it is made or loaded.", None)
    columns: list[str] = said("Its columns.", ["timestamp", "error_rate"])
    labels: str = said("What they mean.", "episode: misuse or fault")
    split: str = said("How training and test parts are kept apart.", "by run")
    available: bool = said("Whether it is on this machine.", True)
    note: str = said("Leaks, limits, what to do when it is absent.", "")


class Catalog(Answer):
    """All data sets, those first that come with the product."""

    items: list[CatalogEntry]


class RowsQuery(BaseModel):
    """Which rows of a set, in what order, as which kind of file."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["csv", "xlsx"] = Field("csv", description="Kind of the file.")
    filter: str | None = Field(
        None,
        max_length=4000,
        description='Filters as JSON, such as `{"error_rate": {"type": "greaterThan", "filter":'
        ' 0.3}, "client_kind": {"values": ["bot"]}}`, as in the address of the page.',
    )
    search: str | None = Field(
        None, max_length=300, pattern=NO_NUL, description="Words that stand in texts of the row."
    )
    sort: str | None = Field(
        None, max_length=300, description="Columns by commas; with - in front, largest first."
    )
    start: Instant | None = Field(None, alias="from", description="Of `own`: start of the range.")
    end: Instant | None = Field(None, alias="to", description="Of `own`: end of the range.")


@datasets.get("")
@described("Data sets", Catalog, needs_store=False)
def list_datasets() -> Response:
    """The catalog of data sets.

    Public sets that are not on this machine are in it, too, with how to get them.
    """
    return jsonify({"items": [asdict(entry) for entry in catalog(current().settings)]})


@datasets.get("/<name>/rows")
@described(
    "Data sets",
    also=(CSV, XLSX),
    errors={
        404: _UNKNOWN,
        409: "synthetic is still being loaded; ask again in a moment",
    },
)
def dataset_rows(name: SetName, query: RowsQuery) -> Response:
    """Rows of a data set as a file, filtered and sorted.

    A set that has to be made first takes up to a minute: until then it is a 409, ask again. A
    workbook has at most 25,000 rows; CSV has no limit.
    """
    found = _loaded(name, query)
    rows = found.sample.rows
    try:
        model = json.loads(query.filter or "{}")
        if not isinstance(model, dict):
            raise ValueError(f"it is {model!r}, not an object")
        matching = filters.matching(rows, filters.conditions(model), query.search or "")
        places = filters.ordered(rows, matching, _order(query.sort))
    except ValueError as error:
        raise ApiError(400, f"filter={query.filter!r}, sort={query.sort!r}: {error}") from None
    answer = (_csv if query.format == "csv" else _xlsx)(rows, places)
    if answer.status_code == 200:
        note_export(name, format=query.format)
        answer.headers["Content-Disposition"] = (
            f'attachment; filename="foresight-{name}.{query.format}"'
        )
    return answer


@datasets.get("/files/<file>")
@described("Data sets", also=(CSV, XLSX, "text/plain"), errors={404: _NOT_MADE}, needs_store=False)
def training_file(file: FileName) -> Response:
    """A file of the training set: workbook, summary or report.

    They are those of `flask export-datasets`; the page Data sets makes them.
    """
    if file not in training_files.NAMES:
        known = ", ".join(training_files.NAMES)
        raise ApiError(404, f"no file of the training set is called {file!r}; there are {known}")
    found = training_files.made(current().settings).get(file)
    if found is None:
        raise ApiError(404, f"{file} is not made yet; the page Data sets makes it")
    note_export(file)
    return send_file(
        found.path, mimetype=_MIME_TYPES[found.path.suffix], as_attachment=True, download_name=file
    )


def _loaded(name: str, query: RowsQuery) -> Loaded:
    parts = current()
    known = [dataset_shelf.OWN, *(entry.name for entry in catalog(parts.settings))]
    if name not in known:
        raise ApiError(404, f"no data set is called {name!r}; there are {', '.join(known)}")
    start, end = query.start or 0, LAST_MS if query.end is None else query.end
    asked = parts.shelf.ask_for(name, parts.settings, parts.store, start, end)
    try:
        return asked.result(WAIT_S)
    except NotYet:
        raise ApiError(409, f"{name} is still being loaded; ask again in a moment") from None
    except ApartError as error:
        raise ApiError(409, f"{name} can't be loaded: {error}") from None


def _order(sort: str | None) -> list[tuple[str, bool]]:
    names = [part.strip() for part in (sort or "").split(",") if part.strip()]
    return [(name.removeprefix("-"), name.startswith("-")) for name in names]


def _csv(rows: pd.DataFrame, places: NDArray[np.int64]) -> Response:
    """Sent while it is written, as the lists are: of those there are only so many at once."""
    slots = current().streams
    if not slots.acquire(blocking=False):
        answer = error_answer(503, "too many lists are being streamed now; ask again in a moment")
        answer.headers["Retry-After"] = str(_AGAIN_S)
        return answer
    give_up_stuck_readers()
    pieces: Iterator[bytes] = row_files.csv_pieces(rows, places)
    try:
        first = next(pieces)
    except BaseException:
        slots.release()
        raise
    answer = Response(chain((first,), pieces), content_type=_CONTENT_TYPES["csv"])
    answer.call_on_close(slots.release)
    return answer


def _xlsx(rows: pd.DataFrame, places: NDArray[np.int64]) -> Response:
    file = BytesIO()
    try:
        row_files.write_xlsx(rows, places, file)
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return Response(file.getvalue(), content_type=XLSX)
