"""Answers as components: what is said, drawn and listed of them."""

from __future__ import annotations

from typing import Any

import pytest

from components import answer_figures, answer_tables, answers, asking, quantities
from components.answers import Bar
from components.quantities import Quantity
from components.theme import Limits, palette
from tests.rows import MINUTE, T0, call, window

LIMITS = Limits()
CALL_COLUMNS = ("id", "timestamp", "endpoint", "method", "response_time_ms", "status_code")


def address(text: str) -> str:
    return f"/ask?q={text}"


def nowhere(_: Any) -> None:
    return None


def texts(component: Any) -> str:
    """All words of a component, in order."""
    if component is None or isinstance(component, (int, float)):
        return ""
    if isinstance(component, str):
        return component
    if isinstance(component, (list, tuple)):
        return " ".join(texts(part) for part in component)
    return texts(getattr(component, "children", None))


def found(component: Any, name: str) -> list[Any]:
    """All components of a type, in order."""
    if isinstance(component, (list, tuple)):
        return [hit for part in component for hit in found(part, name)]
    own = [component] if type(component).__name__ == name else []
    inner = getattr(component, "children", None)
    return own + (found(inner, name) if inner is not None else [])


def window_row(**fields: Any) -> dict[str, Any]:
    from store.tables import WINDOW_COLUMNS

    return {"id": 7, **dict(zip(WINDOW_COLUMNS, window(**fields), strict=True))}


# --- quantities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "ms", "\u2013"),
        (1284, "count", "1,284"),
        (12.5, "count", "12.50"),
        (412.3, "ms", "412\u00a0ms"),
        (0.0284, "share", "2.8\u00a0%"),
        (0.7999, "risk", "0.79"),
        (812, "bytes", "812\u00a0B"),
        (10_000, "bytes", "9.8\u00a0KB"),
        (2**40, "bytes", "1.0\u00a0TB"),
        (0.954, "bits", "0.95\u00a0bit"),
        (1, "flag", "yes"),
        (T0, "time", "18 Mar 2026 15:30"),
        (T0 + 1_500, "time", "18 Mar 2026 15:30:01"),
        ("/a", "text", "/a"),
    ],
)
def test_a_value_reads_with_its_unit(value: Any, kind: Any, text: str) -> None:
    assert quantities.shown(value, kind) == text


@pytest.mark.parametrize(
    ("how", "of", "percentile", "expected"),
    [
        ("count", None, None, Quantity("Calls", "count")),
        ("distinct", "client", None, Quantity("Distinct clients", "count")),
        ("sum", "payload_size", None, Quantity("Total payload", "bytes")),
        ("average", "response_time_ms", None, Quantity("Average response time", "ms")),
        ("average", "avg_response_time", None, Quantity("Average response time", "ms")),
        ("percentile", "response_time_ms", 95, Quantity("p95 response time", "ms")),
        ("maximum", "risk_score", None, Quantity("Highest risk score", "risk")),
        ("error rate", None, None, Quantity("Error rate", "share")),
    ],
)
def test_a_measure_has_a_name_and_a_kind(
    how: str, of: str | None, percentile: int | None, expected: Quantity
) -> None:
    assert quantities.measure(how, of, percentile, "calls") == expected


def test_a_column_that_nobody_knows_is_text_under_its_own_name() -> None:
    assert quantities.column("new_column") == Quantity("New column", "text")


# --- series ---------------------------------------------------------------------------------------


def drawn(
    rows: list[tuple[int, str, float | None]], *, additive: bool, minutes: int = 10
) -> answer_figures.Series:
    span = (T0, T0 + minutes * MINUTE)
    return answer_figures.series(rows, "count", MINUTE, span, additive=additive)


def test_a_few_counts_are_bars_over_their_buckets() -> None:
    (trace,) = answer_figures.over_time(drawn([(T0, "", 3)], additive=True), "dark")["data"]
    assert (trace["type"], trace["x"], trace["y"]) == ("bar", [T0], [3])
    assert 2 * trace["offset"] + trace["width"] == pytest.approx(MINUTE)


def test_missing_buckets_of_many_counts_are_zeros() -> None:
    rows = [(T0 + 2 * MINUTE, "", 5.0), (T0 + 6 * MINUTE, "", 7.0)]
    series = drawn(rows, additive=True, minutes=300)
    (trace,) = answer_figures.over_time(series, "dark")["data"]
    minutes = [(at - T0) // MINUTE for at in trace["x"]]
    assert list(zip(minutes, trace["y"], strict=True)) == [
        (0, 0), (1, 0), (2, 5), (3, 0), (5, 0), (6, 7), (7, 0), (299, 0),
    ]  # fmt: skip


def test_missing_buckets_of_an_average_are_gaps() -> None:
    rows = [(T0, "", 5.0), (T0 + MINUTE, "", 6.0), (T0 + 5 * MINUTE, "", 7.0)]
    (trace,) = answer_figures.over_time(drawn(rows, additive=False), "dark")["data"]
    assert trace["y"] == [5.0, 6.0, None, 7.0]
    assert trace["connectgaps"] is False


def test_an_open_range_is_that_of_the_rows_and_a_first_bucket_is_never_cut() -> None:
    rows = [(T0, "", 1.0), (T0 + 3 * MINUTE, "", 1.0)]
    series = answer_figures.series(rows, "count", MINUTE, (None, None), additive=True)
    assert (series.start, series.end) == (T0, T0 + 4 * MINUTE)
    later = answer_figures.series(rows, "count", MINUTE, (T0 + 20_000, None), additive=True)
    assert later.start == T0


def test_the_largest_lines_are_drawn_and_the_rest_counted() -> None:
    series = drawn([(T0, f"/{n}", float(n)) for n in range(9)], additive=True)
    assert [name for name, _ in series.lines] == ["/8", "/7", "/6", "/5", "/4", "/3"]
    assert series.hidden == 3
    figure = answer_figures.over_time(series, "light")
    colours = [trace["line"]["color"] for trace in figure["data"]]
    assert len(set(colours)) == answer_figures.MOST_LINES
    assert figure["layout"]["showlegend"] is True


def test_lines_of_priorities_keep_their_colours_and_names_are_no_markup() -> None:
    series = drawn([(T0, "LOW", 3.0), (T0, "HIGH", 2.0)], additive=True)
    figure = answer_figures.over_time(series, "dark")
    colours = palette("dark")
    assert [t["line"]["color"] for t in figure["data"]] == [colours.low, colours.high]
    tricky = drawn([(T0, "<b>a</b>", 3.0), (T0, "b", 2.0)], additive=True)
    assert answer_figures.over_time(tricky, "dark")["data"][0]["name"] == "&lt;b&gt;a&lt;/b&gt;"


def test_a_series_without_a_value_can_be_drawn() -> None:
    series = drawn([(T0, "", None)], additive=False)
    figure = answer_figures.over_time(series, None)
    assert figure["layout"]["yaxis"]["range"] == [0, 1]


# --- grids ----------------------------------------------------------------------------------------


def columns_of(component: Any) -> list[str]:
    (table,) = found(component, "AgGrid")
    return [column["headerName"] for column in table.columnDefs]


def call_row(**fields: Any) -> dict[str, Any]:
    made = call(**fields)
    return {"id": 3} | {name: getattr(made, name) for name in CALL_COLUMNS if name != "id"}


def test_columns_that_are_empty_throughout_are_hidden() -> None:
    rows = [call_row() | {"user_id": None}, call_row() | {"user_id": ""}]
    assert "User" not in columns_of(answer_tables.call_grid(rows, nowhere))
    rows[0]["user_id"] = "u1"
    assert "User" in columns_of(answer_tables.call_grid(rows, nowhere))


def test_what_rows_are_ordered_by_stands_beside_the_time() -> None:
    rows = [call_row()]
    assert columns_of(answer_tables.call_grid(rows, nowhere))[:2] == ["Time (UTC)", "Method"]
    ordered = answer_tables.call_grid(rows, nowhere, "response_time_ms")
    assert columns_of(ordered)[:3] == ["Time (UTC)", "Response time", "Method"]


def test_a_window_is_named_explained_and_linked() -> None:
    row = window_row(
        subject="client", client="u1", endpoint="*", method="*", status_counts='{"200": 1200}'
    )
    grid = answer_tables.window_grid([row], lambda _: "/client")
    (table,) = found(grid, "AgGrid")
    (data,) = table.rowData
    assert (data["name"], data["href"], data["statuses"]) == ("u1", "/client", "200: 1,200")
    assert data["id"] == "7"
    assert "Endpoint" not in columns_of(grid)
    assert all("sortable" not in column for column in table.columnDefs)
    assert table.defaultColDef["sortable"] is True


def test_an_unknown_column_of_the_store_is_shown_too() -> None:
    assert "New" in columns_of(answer_tables.call_grid([call_row() | {"new": "x"}], nowhere))
    assert "New" in columns_of(answer_tables.window_grid([window_row() | {"new": "x"}], nowhere))


def test_groups_are_linked_by_their_key_alone() -> None:
    keys = [("client", Quantity("Client", "text")), ("count", Quantity("Calls", "count"))]
    rows = [{"client": "u1", "count": 3}]
    (table,) = found(
        answer_tables.group_grid(keys, rows, lambda row: f"/{row['client']}", "client"), "AgGrid"
    )
    assert table.rowData == [
        {"client": "u1", "count": 3, "href": "/u1", "linked": "client", "id": "0"}
    ]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "marks"),
    [
        ("calls by country", ["country"], ["country"]),
        ("Calls by COUNTRY.", ["country"], ["COUNTRY"]),
        ("hot hotter", ["hot"], ["hot"]),
        ("to /paymnt now", ["/paymnt"], ["/paymnt"]),
        ("a (b) c", ["(b)"], ["(b)"]),
        ("nothing", [], []),
        ("nothing", [""], []),
    ],
)
def test_what_was_not_understood_is_marked(text: str, words: list[str], marks: list[str]) -> None:
    parts = answers.marked(text, words)
    assert [texts(part) for part in parts if not isinstance(part, str)] == marks
    assert "".join(texts(part) for part in parts) == text


def test_a_refusal_has_the_message_and_links_that_ask() -> None:
    shown = answers.refused("by country", ["country"], "the word is unknown", ["a", "b"], address)
    assert "The word is unknown." in texts(shown)
    assert [link.href for link in found(shown, "Link")] == ["/ask?q=a", "/ask?q=b"]
    alone = answers.refused("by country", [], "no", [], address)
    assert "would work" not in texts(alone)


def test_corrections_are_set_apart_from_the_sentence() -> None:
    shown = answers.understood("Calls.", ["Read “cals” as “calls”."], ["3 rows"])
    notes = [p for p in found(shown, "P") if p.className == "ask-note"]
    assert [texts(note).strip() for note in notes] == ["Read “cals” as “calls”."]


def test_a_time_is_kept_on_one_line_and_the_sentence_stays_as_it_is() -> None:
    sentence = "Calls, from 2026-03-18 15:30 UTC to 2026-03-18 15:31:00.250 UTC inclusive."
    shown = answers.understood(sentence, [], [])
    times = [s for s in found(shown, "Span") if s.className == "ask-time"]
    assert [texts(t) for t in times] == ["2026-03-18 15:30 UTC", "2026-03-18 15:31:00.250 UTC"]
    (line,) = [p for p in found(shown, "P") if p.className == "ask-sentence"]
    assert "".join(texts(part) for part in line.children) == sentence


def test_a_query_that_was_given_up_says_what_to_do() -> None:
    assert "“in the last hour”" in texts(answers.too_slow("the query was given up after 10 s"))


def test_a_ranking_draws_twenty_and_says_so() -> None:
    bars = [Bar(f"/{n}", float(100 - n)) for n in range(25)]
    shown = answers.ranking("Calls by endpoint", bars, "count", LIMITS)
    assert len(found(shown, "Li")) == answers.MOST_BARS
    assert "The first 20 of 25" in texts(shown)
    few = answers.ranking("Calls by endpoint", bars[:20], "count", LIMITS)
    assert "The first" not in texts(few)


def lengths(component: Any) -> list[str]:
    return [div.style["width"] for div in found(component, "Div") if getattr(div, "style", None)]


def test_bars_are_as_long_as_their_share_of_the_largest_and_risks_of_one() -> None:
    bars = [Bar("a", 4.0), Bar("b", 1.0), Bar("c", 0.0), Bar("d", None)]
    assert lengths(answers.ranking("", bars, "count", LIMITS)) == [
        "100.00%", "25.00%", "0.00%", "0.00%",
    ]  # fmt: skip
    risks = answers.ranking("", [Bar("a", 0.8), Bar("b", 0.5)], "risk", LIMITS)
    assert lengths(risks) == ["80.00%", "50.00%"]
    tones = [div.className for div in found(risks, "Div") if getattr(div, "style", None)]
    assert tones == ["meter-high", "meter-medium"]


def test_a_number_that_does_not_exist_is_a_dash_with_a_reason() -> None:
    shown = texts(answers.numbers([(Quantity("p95 response time", "ms"), None)], ""))
    assert "\u2013" in shown
    assert "nothing to take it of" in shown


def test_history_says_what_came_of_each_question() -> None:
    rows = [
        {"text": "a", "rows": 1, "outcome": "answered", "at": T0},
        {"text": "b", "rows": None, "outcome": "refused", "at": T0},
    ]
    shown = asking.history(rows, address, T0 + MINUTE)
    assert "1 row" in texts(shown)
    assert "refused" in texts(shown)
    assert [link.href for link in found(shown, "Link")] == ["/ask?q=a", "/ask?q=b"]
    assert "listed here" in texts(asking.history([], address, T0))


def test_saved_questions_are_links_with_a_button_each_that_deletes() -> None:
    shown = asking.saved([{"id": 4, "name": "Mine", "text": "errors"}], address)
    (link,) = found(shown, "Link")
    (button,) = found(shown, "Button")
    assert (texts(link), link.href) == ("Mine", "/ask?q=errors")
    assert button.id == {"type": "ask-forget", "id": 4}
    assert getattr(button, "aria-label") == "Delete “Mine”"
