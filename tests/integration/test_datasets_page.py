"""Data sets beside the requests: loading, keeping few, making files, and all of it over REST."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from flask.testing import FlaskClient

from datasets.explore import Axes
from datasets.samples import Sample
from jobs import dataset_shelf, training_files
from jobs.apart import Apart, ApartError
from jobs.dataset_shelf import Loaded, Shelf, own_windows
from jobs.runtime import Foresight
from jobs.training_files import TrainingFiles
from settings import Settings
from store import Store, window_table, writes
from tests.rows import MINUTE, T0, window
from tests.server import wait_until

LOAD_S = 60.0  # a process on a busy machine


def fill(store: Store) -> None:
    """A LOW and a HIGH endpoint window, and a client window of simulated calls."""
    of_client = {"subject": "client", "endpoint": "*", "method": "*", "client": "u1"}
    rows = [
        window(T0),
        window(T0 + MINUTE, risk_score=0.9, priority="HIGH", error_rate=0.8, req_count=40),
        window(T0 + MINUTE, **of_client, avg_response_time=None, simulated_count=10),
    ]
    with store.begin() as connection:
        writes.save_windows(connection, rows)


def loaded(megabytes: int) -> Callable[[], Loaded]:
    rows = pd.DataFrame({"x": np.zeros(megabytes * 125_000)})
    return lambda: Loaded(Sample(rows, ("x",), (), ""), None)


# --- the shelf ------------------------------------------------------------------------------------


def test_a_set_is_loaded_in_a_process_of_its_own(tmp_path: Path) -> None:
    settings, shelf = Settings(data_dir=tmp_path, _env_file=None), Shelf()
    found = shelf.ask("recorded", lambda: shelf.apart(settings, "recorded")).result(LOAD_S)
    assert len(found.sample.rows) > 1_000
    assert isinstance(found.axes, Axes)
    assert found.axes.positions.shape == (len(found.sample.rows), 2)


def test_what_can_not_be_loaded_says_why_and_is_tried_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, reference_data_dir=tmp_path, _env_file=None)
    shelf = Shelf()
    load = lambda: shelf.apart(settings, "petshop")  # noqa: E731
    first = shelf.ask("petshop", load)
    with pytest.raises(ApartError, match="FORESIGHT_REFERENCE_DATA_DIR"):
        first.result(LOAD_S)
    assert shelf.ask("petshop", load) is first, "whoever asks next is told"
    assert shelf.ask("petshop", loaded(1)).result(LOAD_S).sample.features == ("x",)


def test_two_who_ask_at_once_wait_for_one_load() -> None:
    shelf, begun, go = Shelf(), [], threading.Event()

    def load() -> Loaded:
        begun.append(1)
        go.wait(LOAD_S)
        return loaded(1)()

    futures = [shelf.ask("x", load) for _ in range(3)]
    go.set()
    assert len({id(future.result(LOAD_S)) for future in futures}) == 1
    assert begun == [1]


def test_the_shelf_keeps_what_was_looked_at_last_within_its_bound() -> None:
    shelf = Shelf()
    for name in ("one", "two"):
        shelf.ask(name, loaded(40)).result(LOAD_S)
    one = shelf.ask("one", loaded(40))
    assert shelf.ask("large", loaded(50)).result(LOAD_S)
    wait_until(lambda: len(shelf) == 2, what="the oldest is forgotten")
    assert shelf.ask("one", loaded(1)) is one
    assert len(shelf.ask("two", loaded(1)).result(LOAD_S).sample.rows) == 125_000, "loaded anew"


def test_own_windows_are_the_newest_of_the_range(store: Store) -> None:
    fill(store)
    rows = own_windows(store, T0, T0 + 2 * MINUTE).sample.rows
    assert rows["timestamp"].tolist() == [T0 + MINUTE, T0 + MINUTE, T0]
    by_subject = rows.set_index("subject")
    assert by_subject.loc["client", "simulated"]
    assert np.isnan(by_subject.loc["client", "avg_response_time"])
    assert own_windows(store, T0, T0 + 1).sample.rows["priority"].tolist() == ["LOW"]
    assert own_windows(store, T0 + 9 * MINUTE, T0 + 10 * MINUTE).sample.rows.empty
    newest = window_table.newest(store, ("timestamp", "client"), 0, T0 + 9 * MINUTE, 1)
    assert newest == {"timestamp": [T0 + MINUTE], "client": ["u1"]}


# --- files of the training set --------------------------------------------------------------------


def test_a_process_that_is_ended_says_by_whom(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, _env_file=None)
    with Apart(settings, "jobs.dataset_work", "files", str(tmp_path / "files")) as work:
        work.end("cancelled by ada")
        with pytest.raises(ApartError, match="cancelled by ada"):
            work.wait()


def test_two_who_make_the_files_share_a_run_and_either_may_cancel_it(tmp_path: Path) -> None:
    settings, files = Settings(data_dir=tmp_path, _env_file=None), TrainingFiles()
    files.start(settings, T0, "ada")
    first = files.run
    files.start(settings, T0 + 1, "bob")
    assert first is not None
    assert files.run is not None
    assert (files.run.began_at, files.run.who) == (T0, "ada")
    files.cancel("bob")
    wait_until(lambda: files.run is not None and files.run.state == "failed", what="the end")
    assert files.run.problem == "cancelled by bob"
    assert training_files.made(settings) == {}


def test_files_that_can_not_be_written_say_why(tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("in the way")
    settings, files = Settings(data_dir=tmp_path, _env_file=None), TrainingFiles()
    files.start(settings, T0, "ada")
    wait_until(
        lambda: files.run is not None and files.run.state == "failed",
        seconds=LOAD_S,
        what="the failure",
    )
    assert files.run is not None
    assert "File exists" in files.run.problem


# --- REST -----------------------------------------------------------------------------------------


def test_the_catalog_lists_what_is_there_and_what_is_not(client: FlaskClient) -> None:
    items = client.get("/api/datasets").get_json()["items"]
    kinds = {item["name"]: item["kind"] for item in items}
    assert {"synthetic", "recorded", "combined", "csic2010"} <= set(kinds)
    assert kinds["owasp"] == "simulated"


def test_rows_come_filtered_and_sorted_as_csv(client: FlaskClient, parts: Foresight) -> None:
    fill(parts.store)
    model = json.dumps({"priority": {"values": ["HIGH", "LOW"]}})
    answer = client.get(
        "/api/datasets/own/rows",
        query_string={"filter": model, "sort": "-risk_score", "search": "search"},
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="foresight-own.csv"'
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [(row["priority"], row["req_count"]) for row in rows] == [("HIGH", "40"), ("LOW", "10")]
    assert rows[0]["timestamp"] == "2026-03-18T15:31:00Z"


def test_rows_come_as_a_workbook(client: FlaskClient, parts: Foresight) -> None:
    fill(parts.store)
    query = {"format": "xlsx", "from": str(T0), "to": str(T0 + MINUTE)}
    answer = client.get("/api/datasets/own/rows", query_string=query)
    sheet = openpyxl.load_workbook(BytesIO(answer.data)).active
    assert sheet is not None
    assert sheet.max_row == 2


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"filter": "{"}, "filter='{'"),
        ({"filter": "[]"}, "not an object"),
        ({"filter": '{"colour": {"values": []}}'}, "'colour'"),
        ({"sort": "colour"}, "'colour'"),
        ({"format": "pdf"}, "'pdf'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_quoted(
    client: FlaskClient, parts: Foresight, query: dict[str, str], says: str
) -> None:
    fill(parts.store)
    answer = client.get("/api/datasets/own/rows", query_string=query)
    assert answer.status_code == 400
    assert says in answer.get_json()["error"]["message"]


def test_an_empty_range_is_a_file_without_rows(client: FlaskClient) -> None:
    answer = client.get("/api/datasets/own/rows")
    assert (answer.status_code, answer.text.count("\n")) == (200, 1)


def test_unknown_sets_and_files_are_not_found(client: FlaskClient) -> None:
    for path in ("nothing/rows", "files/secret_key", "files/TRAINING_DATASET.xlsx"):
        answer = client.get(f"/api/datasets/{path}")
        assert answer.status_code == 404
        assert path.removeprefix("files/").removesuffix("/rows") in answer.text


def test_a_file_that_is_made_can_be_downloaded(client: FlaskClient, parts: Foresight) -> None:
    folder = training_files.folder(parts.settings)
    folder.mkdir()
    (folder / "DATASET_SUMMARY.csv").write_text("feature,min\n")
    answer = client.get("/api/datasets/files/DATASET_SUMMARY.csv")
    assert answer.text == "feature,min\n"
    assert "attachment" in answer.headers["Content-Disposition"]
    answer.close()


def test_a_stranger_gets_nothing(stranger: FlaskClient) -> None:
    for path in ("", "/own/rows", "/files/DATASET_SUMMARY.csv"):
        assert stranger.get(f"/api/datasets{path}").status_code == 401


def test_twenty_thousand_windows_are_read_in_a_moment(sqlite_store: Store) -> None:
    count = dataset_shelf.MOST_WINDOWS + 10
    rows = [window(T0 + n * MINUTE, req_count=n % 50 + 1) for n in range(count)]
    with sqlite_store.begin() as connection:
        writes.save_windows(connection, rows)
    began = time.perf_counter()
    found = own_windows(sqlite_store, 0, T0 + count * MINUTE)
    took = time.perf_counter() - began
    assert len(found.sample.rows) == dataset_shelf.MOST_WINDOWS
    assert "newest 20,000" in found.sample.note
    assert took < 5
