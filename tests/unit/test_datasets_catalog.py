"""The catalog: every data set with what a user must know before trusting it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from datasets import payloads, recorded
from datasets.catalog import catalog
from datasets.data_set import DataSet
from datasets.synthetic import Run, labelled_windows
from settings import Settings

NAMES = {
    "synthetic", "sites", "owasp", "payloads", "recorded", "combined", "csic2010", "web_bots",
    "access_logs", "petshop", "sockshop",
}  # fmt: skip


def listed(folder: Path) -> dict[str, DataSet]:
    return {one.name: one for one in catalog(Settings(reference_data_dir=folder))}


def test_every_data_set_is_listed_once() -> None:
    names = [data_set.name for data_set in catalog(Settings())]
    assert sorted(names) == sorted(NAMES)


def test_nothing_but_a_note_is_left_empty() -> None:
    for data_set in catalog(Settings()):
        values = {field.name: getattr(data_set, field.name) for field in fields(data_set)}
        empty = {name for name, value in values.items() if value in ("", ())}
        assert empty <= {"note"}, data_set.name


def test_public_sets_that_are_absent_are_listed_as_such(tmp_path: Path) -> None:
    for name in ("csic2010", "web_bots", "access_logs", "petshop", "sockshop"):
        data_set = listed(tmp_path)[name]
        assert (data_set.available, data_set.rows) == (False, None)


def test_what_comes_with_the_product_needs_no_reference_data(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert all(found[name].available for name in ("synthetic", "sites", "payloads", "recorded"))


def test_rows_are_what_loading_gives(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert found["payloads"].rows == len(payloads.load())
    assert found["recorded"].rows == len(recorded.load())


def test_columns_are_what_loading_gives(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert found["payloads"].columns == tuple(payloads.load())
    assert found["recorded"].columns == tuple(recorded.load())
    assert set(found["synthetic"].columns) <= set(labelled_windows([Run(8_100, 1)]))


def test_simulated_data_is_called_so() -> None:
    for data_set in catalog(Settings()):
        if data_set.kind == "simulated":
            assert data_set.title.startswith("Simulated")


def test_csic_warns_of_random_splits(tmp_path: Path) -> None:
    assert "Random splits of CSIC 2010 inflate results" in listed(tmp_path)["csic2010"].note


@pytest.mark.parametrize(
    ("name", "rows"),
    [("csic2010", 24_305), ("web_bots", 24_250), ("access_logs", 12_000), ("petshop", 688)],
)
def test_rows_of_the_users_copy_are_counted(name: str, rows: int) -> None:
    folder = Settings().reference_data_dir
    if not (folder / name).is_dir():
        pytest.skip(f"{name} is not in FORESIGHT_REFERENCE_DATA_DIR")
    assert listed(folder)[name].rows == rows
