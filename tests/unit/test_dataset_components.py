"""Looking at a data set: groups, bins, map, filters, files of rows, and what is drawn of them."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO

import numpy as np
import openpyxl
import pandas as pd
import pytest

from components import dataset_catalog, dataset_figures, dataset_table
from components.dataset_catalog import Entry, File
from components.dataset_figures import Bins, Cloud
from components.dataset_table import Field, Standing
from components.quantities import column
from components.theme import DARK
from datasets import explore, filters, row_files, samples
from datasets.filters import Condition
from tests.rows import T0


@pytest.fixture
def rows() -> pd.DataFrame:
    """Four windows, as a sample has them."""
    return samples.compact(
        pd.DataFrame(
            {
                "timestamp": [T0, T0 + 60_000, T0 + 120_000, T0 + 180_000],
                "endpoint": ["/search", "/Payment", None, "/search"],
                "req_count": [1, 20, 300, 4],
                "avg_response_time": [10.0, np.nan, 30.0, 20.0],
                "thin": [True, False, False, True],
                "nothing": [None] * 4,
            }
        )
    )


def meets(rows: pd.DataFrame, model: dict[str, object], search: str = "") -> list[bool]:
    found: list[bool] = filters.matching(rows, filters.conditions(model), search).tolist()
    return found


# --- groups, bins, correlation, map ---------------------------------------------------------------


def test_rare_values_share_a_group_and_missing_ones_have_their_own() -> None:
    values = pd.Series(["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d", None]).astype("category")
    found = explore.groups(values, most=2)
    assert found.names == ("a", "b", explore.OTHERS, explore.NO_VALUE)
    assert np.bincount(found.codes).tolist() == [4, 3, 3, 1]


def test_a_single_other_value_keeps_its_name() -> None:
    assert explore.groups(pd.Series(["a", "a", "b", "c"]), most=2).names == ("a", "b", "c")


def test_truth_values_are_yes_and_no() -> None:
    assert explore.groups(pd.Series([True, False, True])).names == ("yes", "no")


def test_values_with_an_order_of_their_own_stand_in_it() -> None:
    values = pd.Series(["LOW", "LOW", "HIGH"])
    assert explore.groups(values, order_of=("HIGH", "MEDIUM", "LOW")).names == ("HIGH", "LOW")


def test_bins_are_shared_and_each_groups_shares_add_up_to_one() -> None:
    values = np.array([0.0, 0.5, 1.0, 0.5, np.nan])
    by = explore.groups(pd.Series(["a", "a", "b", "b", "b"]))
    found = explore.histogram(values, by)
    assert found.rows == {"b": 2, "a": 2}
    assert [shares.sum() for shares in found.shares.values()] == pytest.approx([1, 1])
    assert not found.logarithmic
    assert found.edges[[0, -1]].tolist() == [0, 1]


def test_whole_numbers_with_a_long_tail_get_bins_that_each_hold_one() -> None:
    values = np.array([1.0, 2, 3, 4, 5] * 200 + [5000.0] * 9)
    found = explore.histogram(values, explore.groups(pd.Series(["a"] * len(values))))
    assert found.logarithmic
    assert (np.diff(found.edges) >= 1).all()
    assert (found.edges % 1 == 0.5).all()


def test_nothing_gives_an_empty_histogram() -> None:
    found = explore.histogram(np.array([np.nan]), explore.groups(pd.Series(["a"])))
    assert found.rows == {"a": 0}


def test_the_map_finds_the_direction_in_which_features_go_together() -> None:
    rng = np.random.default_rng(3)
    size = np.exp(rng.normal(3, 1, 500))
    rows = pd.DataFrame(
        {"one": size, "two": size * 10, "apart": rng.uniform(0, 5, 500), "constant": 1.0}
    )
    found = explore.axes(rows, list(rows))
    assert found is not None
    assert found.features == ("one", "two", "apart")
    assert found.explained[0] == pytest.approx(2 / 3, abs=0.03)
    assert abs(found.weights[0, 2]) < 0.2 < abs(found.weights[0, 0])
    assert found.positions.shape == (500, 2)
    assert np.isfinite(found.positions).all()


def test_a_missing_feature_stands_at_its_median() -> None:
    rows = pd.DataFrame({"one": [1.0, 2, np.nan, 3, 2], "two": [4.0, 1, 2, 2, 3]})
    found = explore.axes(rows, ["one", "two"])
    assert found is not None
    assert np.isfinite(found.positions).all()


def test_one_feature_makes_no_map() -> None:
    assert explore.axes(pd.DataFrame({"one": [1.0, 2], "same": [1.0, 1]}), ["one", "same"]) is None


def test_points_of_rare_groups_are_kept_whole() -> None:
    codes = np.array([0] * 1000 + [1] * 5 + [2] * 200)
    chosen = explore.even_sample(codes, 105)
    assert len(chosen) == 105
    assert np.bincount(codes[chosen]).tolist() == [50, 5, 50]
    assert (np.diff(chosen) > 0).all()


def test_a_constant_feature_has_no_correlation() -> None:
    rows = pd.DataFrame({"one": [1.0, 2, 3], "two": [3.0, 4, 9], "same": [1.0, 1, 1]})
    matrix = explore.rank_correlation(rows, list(rows))
    assert matrix[0, 1] == pytest.approx(1)
    assert np.isnan(matrix[0, 2])


def test_a_rows_standing_is_the_share_of_rows_at_or_below_it(rows: pd.DataFrame) -> None:
    found = explore.standing(rows, ["req_count", "avg_response_time"], 3)
    assert found == {"req_count": 0.5, "avg_response_time": pytest.approx(2 / 3)}
    assert explore.standing(rows, ["avg_response_time"], 1) == {}


# --- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ({}, [1, 1, 1, 1]),
        ({"req_count": {"type": "greaterThan", "filter": 4}}, [0, 1, 1, 0]),
        ({"req_count": {"type": "inRange", "filter": 4, "filterTo": 20}}, [0, 1, 0, 1]),
        ({"avg_response_time": {"type": "notEqual", "filter": 10}}, [0, 0, 1, 1]),
        ({"avg_response_time": {"type": "blank"}}, [0, 1, 0, 0]),
        ({"endpoint": {"type": "contains", "filter": "PAY"}}, [0, 1, 0, 0]),
        ({"endpoint": {"type": "notContains", "filter": "pay"}}, [1, 0, 1, 1]),
        ({"endpoint": {"values": ["/search", ""]}}, [1, 0, 1, 1]),
        ({"thin": {"values": ["yes"]}}, [1, 0, 0, 1]),
        (
            {"timestamp": {"type": "lessThan", "dateFrom": "2026-03-18 15:31:00", "dateTo": None}},
            [1, 0, 0, 0],
        ),
        (
            {
                "req_count": {
                    "operator": "OR",
                    "conditions": [
                        {"type": "lessThan", "filter": 4},
                        {"type": "equals", "filter": 300},
                    ],
                }
            },
            [1, 0, 1, 0],
        ),
        (
            {"thin": {"values": ["no"]}, "req_count": {"type": "lessThan", "filter": 100}},
            [0, 1, 0, 0],
        ),
    ],
    ids=json.dumps,
)
def test_the_filters_of_the_grid(
    rows: pd.DataFrame, model: dict[str, object], found: list[int]
) -> None:
    assert meets(rows, model) == [bool(one) for one in found]


def test_each_word_of_a_search_stands_in_some_text(rows: pd.DataFrame) -> None:
    assert meets(rows, {}, "SEAR") == [True, False, False, True]
    assert meets(rows, {}, "search payment") == [False] * 4


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"colour": {"values": ["red"]}}, "'colour'"),
        ({"req_count": {"type": "contains", "filter": "1"}}, "req_count is a number"),
        ({"req_count": {"type": "equals", "filter": "many"}}, "'many'"),
        ({"endpoint": {"type": "lessThan", "filter": "a"}}, "endpoint is a text"),
        ({"endpoint": "x"}, "'x'"),
        ({"endpoint": {"filter": "x"}}, "type or values"),
        ({"thin": {"values": "yes"}}, "'yes'"),
        ({"timestamp": {"type": "lessThan", "dateFrom": "soon"}}, "'soon'"),
    ],
    ids=str,
)
def test_a_filter_that_does_not_fit_is_quoted(
    rows: pd.DataFrame, model: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        meets(rows, model)


def test_what_is_missing_is_sorted_last_both_ways(rows: pd.DataFrame) -> None:
    every = np.ones(len(rows), np.bool_)
    assert filters.ordered(rows, every, [("avg_response_time", False)]).tolist() == [0, 3, 2, 1]
    assert filters.ordered(rows, every, [("avg_response_time", True)]).tolist() == [2, 3, 0, 1]
    assert filters.ordered(rows, every, [("endpoint", False)]).tolist() == [1, 0, 3, 2]


def test_equal_values_are_sorted_by_the_next_column(rows: pd.DataFrame) -> None:
    found = filters.ordered(rows, np.ones(4, np.bool_), [("thin", True), ("req_count", True)])
    assert found.tolist() == [3, 0, 2, 1]
    with pytest.raises(ValueError, match="colour"):
        filters.ordered(rows, np.ones(4, np.bool_), [("colour", True)])


def test_a_condition_compares_by_value() -> None:
    assert filters.conditions({"a": {"values": ["x"]}}) == [Condition("a", "in", ["x"])]


# --- files ----------------------------------------------------------------------------------------


def test_a_csv_has_the_chosen_rows_in_order_and_nothing_that_would_be_calculated() -> None:
    rows = samples.compact(
        pd.DataFrame(
            {
                "timestamp": [T0, T0, T0],
                "text": ["=1+1", None, "plain"],
                "thin": [True, False, True],
            }
        )
    )
    text = b"".join(row_files.csv_pieces(rows, np.array([2, 0]))).decode()
    assert list(csv.reader(StringIO(text))) == [
        ["timestamp", "text", "thin"],
        ["2026-03-18T15:30:00Z", "plain", "true"],
        ["2026-03-18T15:30:00Z", "'=1+1", "true"],
    ]


def test_a_csv_of_no_rows_has_its_heading(rows: pd.DataFrame) -> None:
    text = b"".join(row_files.csv_pieces(rows, np.array([], np.int64)))
    assert text == b"timestamp,endpoint,req_count,avg_response_time,thin\r\n"


def test_a_workbook_has_numbers_dates_and_texts(rows: pd.DataFrame) -> None:
    file = BytesIO()
    row_files.write_xlsx(rows, np.array([1, 0]), file)
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    head, first, second = sheet.values
    assert head == ("timestamp", "endpoint", "req_count", "avg_response_time", "thin")
    assert first[1:] == ("/Payment", 20, None, False)
    assert str(second[0]) == "2026-03-18 15:30:00"
    assert sheet.freeze_panes == "A2"


def test_more_rows_than_a_workbook_takes_are_refused(rows: pd.DataFrame) -> None:
    many = np.zeros(row_files.MOST_XLSX_ROWS + 1, np.int64)
    with pytest.raises(ValueError, match="25,001 rows"):
        row_files.write_xlsx(rows, many, BytesIO())


# --- samples --------------------------------------------------------------------------------------


def test_texts_become_categories_and_columns_without_values_go(rows: pd.DataFrame) -> None:
    assert list(rows) == ["timestamp", "endpoint", "req_count", "avg_response_time", "thin"]
    assert isinstance(rows["endpoint"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize("name", ["recorded", "payloads"])
def test_a_set_of_the_product_can_be_looked_at(name: str, tmp_path: object) -> None:
    found = samples.load(name, tmp_path)  # type: ignore[arg-type]
    assert len(found.rows) > 1_000
    assert set(found.features) <= set(found.rows)
    assert set(found.labels) <= set(found.rows)
    assert found.labels


def test_a_set_that_is_not_there_is_quoted(tmp_path: object) -> None:
    with pytest.raises(LookupError, match="'nothing'"):
        samples.load("nothing", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="FORESIGHT_REFERENCE_DATA_DIR"):
        samples.load("petshop", tmp_path)  # type: ignore[arg-type]


# --- what is drawn --------------------------------------------------------------------------------


def test_a_tower_makes_the_shares_logarithmic_and_zeros_stand_on_the_ground() -> None:
    bins = Bins([0, 0.5, 1], {"a": [0.9, 0.1], "b": [0, 1.0]}, False, column("error_rate"))
    figure = dataset_figures.histogram(bins, "dark")
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert figure["data"][1]["y"][0] == pytest.approx(1e-4)
    spans, first, second = figure["data"][2:]
    assert spans["customdata"][0] == "0\u00a0% \u2013 50\u00a0%"
    assert first["customdata"] == ["90.0%", "10.0%"]
    assert (second["name"], second["customdata"][0], second["x"]) == ("b", "0.0%", [0.25, 0.75])


def test_a_group_without_rows_is_not_drawn() -> None:
    bins = Bins([0, 1], {"a": [1.0], "b": [0.0]}, False, column("error_rate"))
    assert [t["name"] for t in dataset_figures.histogram(bins, "dark")["data"]] == ["a", "", "a"]


def test_a_bin_of_one_whole_number_is_called_by_it() -> None:
    bins = Bins([0.5, 1.5, 4.5], {"a": [0.3, 0.4]}, False, column("req_count"))
    spans = dataset_figures.histogram(bins, "dark")["data"][1]["customdata"]
    assert spans == ["1", "2 \u2013 4"]


def test_priorities_clusters_and_what_has_no_value_keep_their_colours() -> None:
    colours = dataset_figures.group_colours(["HIGH", "LOW", "(none)"], "dark")
    assert colours == {"HIGH": DARK.high, "LOW": DARK.low, "(none)": DARK.text_3}
    assert dataset_figures.group_colours(["bot", "normal"], "dark")["bot"] == DARK.high
    many = [f"label {n}" for n in range(7)]
    assert len(set(dataset_figures.group_colours([*many, "(others)"], "light").values())) == 8


def test_the_correlation_shows_each_pair_once() -> None:
    matrix = [[1, 0.5, float("nan")], [0.5, 1, -0.2], [float("nan"), -0.2, 1]]
    heat = dataset_figures.correlation(["req_count", "error_rate", "length"], matrix, "dark")
    assert heat["data"][0]["z"] == [[0.5, None], [None, -0.2]]
    assert heat["data"][0]["y"] == ["Errors", "Length"]


def test_the_map_draws_common_groups_below_rare_ones_and_escapes_names() -> None:
    clouds = [
        Cloud("<b>", [1], [1], [7], ["GET <x>"]),
        Cloud("common", [1, 2], [1, 2], [8, 9], ["", ""]),
        Cloud("(none)", [1], [1], [1], [""]),
    ]
    traces = dataset_figures.map_of_rows(clouds, ("one", "two"), "dark")["data"]
    assert [trace.get("name") for trace in traces] == [None, "(none)", "common", "&lt;b&gt;"]
    assert traces[3]["customdata"] == [[7, "GET &lt;x&gt;"]]


def test_the_grid_asks_for_its_rows_and_offers_all_choices() -> None:
    model = {"thin": {"values": ["yes"]}}
    fields = [Field("timestamp", "time"), Field("thin", "choice", ("yes", "no"))]
    frame = dataset_table.grid({"type": "t", "of": "x"}, fields, 300, model)
    table = frame.children[1].children[0]
    assert table.rowModelType == "infinite"
    assert not hasattr(table, "rowData")
    assert table.filterModel == model
    assert table.columnDefs[1]["context"]["choices"] == ["yes", "no"]


def test_a_row_says_where_its_features_stand() -> None:
    shown = str(
        dataset_table.row("GET /x", ["a"], [Standing("error_rate", 0.5, 0.98)], [("Id", "7")], "/p")
    )
    assert "98\\xa0%" in shown
    assert "Open its page" in shown


def test_every_simulated_set_says_so_and_an_absent_one_is_dimmed() -> None:
    entries = [Entry("a", "A", "simulated", "made"), Entry("b", "B", "real", "none", False)]
    shown = str(dataset_catalog.catalog(entries, "b"))
    assert "simulated" in shown
    assert "dataset-absent" in shown
    assert shown.count("aria-pressed='true'") == 1


def test_a_file_that_is_not_made_is_no_link() -> None:
    shown = str(dataset_catalog.files([File("XLSX", "", "/x"), File("CSV", "", "/y", 2048)]))
    assert "/x" not in shown
    assert "not made yet" in shown
    assert "2.0\\xa0KB" in shown
