"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from components import format

MINUTE = 60_000
DAY = 86_400_000
NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z
NB = format.NO_BREAK


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1284, "1,284"),
        (99_999, "99,999"),
        (100_000, "100k"),
        (128_400, "128k"),
        (999_600, "1M"),
        (1_284_112, "1.28M"),
        (12_840_000, "12.8M"),
        (2_500_000_000, "2.5B"),
    ],
)
def test_counts_are_shortened_from_a_hundred_thousand(value: int, text: str) -> None:
    assert format.compact(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "\u2013"),
        (0, "0 %"),
        (0.0004, "< 0.1 %"),
        (0.0284, "2.8 %"),
        (0.5, "50 %"),
        (1, "100 %"),
    ],
)
def test_a_share_that_is_not_nothing_is_never_0_percent(share: float | None, text: str) -> None:
    assert format.percent(share) == text.replace(" ", NB)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\u2013"), (4.25, "4.2 ms"), (412.3, "412 ms"), (1135, "1,135 ms"), (12_400, "12.4 s")],
)
def test_times_in_milliseconds(value: float | None, text: str) -> None:
    assert format.milliseconds(value) == text.replace(" ", NB)


@pytest.mark.parametrize(
    ("value", "text"), [(0.7999, "0.79"), (0.8, "0.80"), (0.29, "0.29"), (1, "1.00"), (0, "0.00")]
)
def test_a_score_below_a_threshold_is_not_rounded_onto_it(value: float, text: str) -> None:
    assert format.score(value) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (-5_000, "just now"),
        (4_999, "just now"),
        (34_000, "34 s ago"),
        (60_000, "1 min ago"),
        (119 * MINUTE, "119 min ago"),
        (120 * MINUTE, "2 h ago"),
        (3 * DAY, "3 d ago"),
        (11 * 365 * DAY, "11 y ago"),
    ],
)
def test_how_long_ago(age: int, text: str) -> None:
    assert format.ago(NOW - age, NOW).replace(NB, " ") == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW, "15:30 UTC"),
        (NOW - DAY, "17 Mar 15:30 UTC"),
        (1_431_857_100_000, "17 May 2015 10:05 UTC"),
    ],
)
def test_a_moment_has_its_date_when_that_is_not_today(at: int, text: str) -> None:
    assert format.moment(at, NOW) == text


def test_a_span_of_today_needs_no_date() -> None:
    assert format.span(NOW - 180 * MINUTE, NOW, NOW) == "12:30 \u2013 15:30 UTC"


def test_a_span_of_years_ago_has_its_date_once_when_it_is_one_day() -> None:
    start = 1_431_857_100_000
    text = "17 May 2015 10:05 \u2013 11:05 UTC"
    assert format.span(start, start + 60 * MINUTE, NOW) == text
    assert format.span(start, start + DAY, NOW) == "17 May 2015 10:05 \u2013 18 May 10:05 UTC"


def test_a_long_name_loses_its_middle() -> None:
    short = format.shortened("PUT /customers/{customer_id}/addresses/{id}/verification", 20)
    assert len(short) == 20
    assert short == "PUT /custo\u2026ification"
    assert format.shortened("GET /search", 20) == "GET /search"
