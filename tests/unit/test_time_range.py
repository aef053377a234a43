"""The time range of a page, as its address says it."""

from __future__ import annotations

import pytest

from components.shell import index_html
from pages._range import DEFAULT, TimeRange, reaches_back, time_range

NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z
HOUR = 3_600_000
DATA = (1_431_857_100_000, 1_432_156_000_001)  # 17 to 20 May 2015


@pytest.mark.parametrize(
    ("key", "hours"), [("15m", 0.25), ("1h", 1), ("3h", 3), ("12h", 12), ("24h", 24), ("7d", 168)]
)
def test_a_relative_range_ends_now(key: str, hours: float) -> None:
    shown = time_range({"range": key}, NOW, DATA)
    assert (shown.key, shown.start, shown.end) == (key, NOW - hours * HOUR, NOW)


def test_all_data_is_the_range_of_the_data() -> None:
    assert time_range({"range": "all"}, NOW, DATA) == TimeRange("all", "All data", *DATA)


@pytest.mark.parametrize(
    "chosen",
    [
        None,
        {},
        {"range": "99y"},
        {"from": "yesterday", "to": "2015-05-18"},
        {"from": "2015-05-18", "to": "2015-05-18"},
        {"from": "2015-05-19", "to": "2015-05-18"},
    ],
    ids=["none", "empty", "unknown", "unreadable", "of no length", "backwards"],
)
def test_what_cannot_be_read_gives_three_hours(chosen: dict[str, str] | None) -> None:
    assert time_range(chosen, NOW, DATA).key == "3h"


def test_all_of_no_data_gives_three_hours() -> None:
    assert time_range({"range": "all"}, NOW, None).key == "3h"


@pytest.mark.parametrize(
    "start", ["2015-05-17T10:05:00Z", "2015-05-17T12:05:00+02:00", "2015-05-17T10:05", str(DATA[0])]
)
def test_times_are_iso_8601_or_epoch_milliseconds_and_utc_unless_they_say_otherwise(
    start: str,
) -> None:
    shown = time_range({"from": start, "to": "2015-05-17T11:05:00Z"}, NOW, DATA)
    assert (shown.start, shown.end) == (DATA[0], DATA[0] + HOUR)
    assert shown.words == "Custom range"


def test_an_open_end_is_now_and_an_open_start_that_of_the_data() -> None:
    assert time_range({"from": "2015-05-17"}, NOW, DATA).end == NOW
    assert time_range({"to": "2015-05-18"}, NOW, DATA).start == DATA[0]


@pytest.mark.parametrize(
    ("first", "covered"),
    [(NOW - 6 * HOUR, True), (NOW - 6 * HOUR + 540_000, True), (NOW - 6 * HOUR + 540_001, False)],
    ids=["from its start", "a twentieth is missing", "more is missing"],
)
def test_the_period_before_counts_when_the_data_reach_back_to_its_start(
    first: int, covered: bool
) -> None:
    assert reaches_back(first, time_range({"range": "3h"}, NOW, None)) is covered


def test_no_data_reach_back_to_nothing() -> None:
    assert not reaches_back(None, time_range(None, NOW, None))


def test_an_end_before_all_data_shows_that_there_is_nothing() -> None:
    shown = time_range({"to": "1999-01-01"}, NOW, DATA)
    assert (shown.words, shown.end - shown.start) == ("Custom range", 3 * HOUR)
    assert shown.end < DATA[0]


def test_the_browser_is_told_the_default() -> None:
    page = index_html("/assets/", DEFAULT)
    assert f'data-default-range="{DEFAULT}"' in page
