"""What stands out in hand-made traffic of one endpoint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components.insights import Bucket, Insight, Seen, can_tell, insights

MINUTE = 60_000
T0 = 1_773_846_000_000  # 2026-03-18T15:00:00Z


def traffic(minutes: int, make: Callable[[int], Bucket]) -> list[Bucket]:
    return [make(minute) for minute in range(minutes)]


def bucket(minute: int, calls: int = 60, errors: int = 0, p95_ms: float | None = 120.0) -> Bucket:
    return Bucket(T0 + minute * MINUTE, calls, errors, p95_ms)


def found(buckets: list[Bucket], minutes: int = 60, **options: int) -> list[Insight]:
    until = T0 + minutes * MINUTE
    return insights(buckets, Seen(T0, until, MINUTE), **options)


def texts(buckets: list[Bucket], minutes: int = 60) -> list[str]:
    said = found(buckets, minutes)
    return [": ".join(filter(None, (one.text, one.detail))).replace("\u00a0", " ") for one in said]


def test_ordinary_traffic_has_nothing_to_tell() -> None:
    steady = traffic(60, lambda m: bucket(m, 55 + m % 9, m % 7 == 0, 110 + 5 * (m % 5)))
    assert texts(steady) == []
    assert can_tell(steady)


def test_a_p95_that_doubled_is_told_with_its_minute_and_both_values() -> None:
    buckets = traffic(60, lambda m: bucket(m, p95_ms=240 if m >= 40 else 118))
    assert texts(buckets) == ["p95 doubled since 15:40: 240 ms instead of 118 ms"]


def test_a_change_that_came_early_is_compared_with_what_was_before() -> None:
    buckets = traffic(60, lambda m: bucket(m, p95_ms=360 if m >= 10 else 118))
    assert texts(buckets) == ["p95 tripled since 15:10: 360 ms instead of 118 ms"]


def test_an_outage_that_is_over_is_told_from_when_to_when() -> None:
    buckets = traffic(60, lambda m: bucket(m, 60, 60 if 20 <= m < 24 else m % 2))
    assert texts(buckets) == ["Error rate 100 % from 15:20 to 15:24, usually 0.8 %"]


def test_errors_that_go_on_come_first() -> None:
    def minute(m: int) -> Bucket:
        return bucket(m, 600 if 10 <= m < 20 else 60, 7 if m >= 50 else 0)

    first, second = texts(traffic(60, minute))
    assert first == "Error rate 12 % since 15:50, usually 0 %"
    assert (
        second
        == "10 times its usual calls from 15:10 to 15:20: 600 a minute instead of 60 a minute"
    )


def test_one_minute_is_told_as_at() -> None:
    buckets = traffic(60, lambda m: bucket(m, errors=30 if m == 33 else 0))
    assert texts(buckets) == ["Error rate 50 % at 15:33, usually 0 %"]


def test_a_good_minute_does_not_part_an_outage() -> None:
    buckets = traffic(60, lambda m: bucket(m, errors=40 if m in (30, 31, 33, 34) else 0))
    assert texts(buckets) == ["Error rate 53 % from 15:30 to 15:35, usually 0 %"]


def test_ten_times_the_calls_are_told() -> None:
    buckets = traffic(60, lambda m: bucket(m, 420 if m >= 45 else 42))
    assert texts(buckets) == [
        "10 times its usual calls since 15:45: 420 a minute instead of 42 a minute"
    ]


def test_a_flood_of_an_endpoint_that_is_called_now_and_then_is_told() -> None:
    sometimes = [bucket(minute, 2) for minute in range(0, 60, 3) if not 30 <= minute < 34]
    flood = [bucket(minute, 800) for minute in range(30, 34)]
    (said,) = texts(sorted(sometimes + flood, key=lambda one: one.start))
    assert said == (
        "1,200 times its usual calls from 15:30 to 15:34: 800 a minute instead of 40 an hour"
    )


def test_far_fewer_calls_are_told() -> None:
    buckets = traffic(60, lambda m: bucket(m, 5 if m >= 45 else 42))
    assert texts(buckets) == [
        "12 % of its usual calls since 15:45: 5.0 a minute instead of 42 a minute"
    ]


def test_silence_is_told_from_the_last_call_on() -> None:
    buckets = traffic(50, lambda m: bucket(m, 42))
    assert texts(buckets) == ["No calls since 15:50, usually 42 a minute"]
    (silence,) = found(buckets, last_call_at=T0 + 48 * MINUTE)
    assert "since 15:48" in silence.text


def test_the_pauses_of_an_endpoint_that_is_called_now_and_then_are_no_silence() -> None:
    buckets = [bucket(minute, 9) for minute in range(0, 50, 6)]
    assert texts(buckets) == []


@pytest.mark.parametrize("calls", [1, 2])
def test_too_few_calls_say_nothing(calls: int) -> None:
    buckets = traffic(12, lambda m: bucket(m, calls, calls if m > 8 else 0, 900.0 if m > 8 else 9))
    assert texts(buckets, 12) == []


def test_few_calls_can_not_tell_that_all_is_as_usual() -> None:
    assert not can_tell([bucket(0, 500)])
    assert not can_tell(traffic(10, lambda m: bucket(m, 1)))


def test_nothing_at_all_says_nothing() -> None:
    assert found([]) == []


def test_a_noisy_percentile_of_few_calls_is_no_news() -> None:
    noisy = traffic(60, lambda m: bucket(m, 12, p95_ms=[90.0, 300.0, 120.0, 700.0, 150.0][m % 5]))
    assert texts(noisy) == []


def test_a_bucket_that_lies_half_outside_the_range_is_no_fall() -> None:
    start = T0 + 9 * MINUTE
    buckets = [Bucket(T0 + n * 10 * MINUTE, 60 if n == 0 else 600, 0, 100.0) for n in range(7)]
    seen = Seen(start, T0 + 62 * MINUTE, 10 * MINUTE)
    buckets[-1] = Bucket(T0 + 60 * MINUTE, 120, 0, 100.0)
    assert insights(buckets, seen) == []


def test_a_day_other_than_that_of_the_end_is_named() -> None:
    noon = T0 - 3 * 60 * MINUTE
    seen = Seen(noon, noon + 15 * 60 * MINUTE, 10 * MINUTE)  # ends at three in the morning
    buckets = [
        Bucket(noon + n * 10 * MINUTE, 600, 400 if 12 <= n < 15 else 0, 100.0) for n in range(90)
    ]
    (one,) = insights(buckets, seen)
    assert "from 18 Mar 14:00 to 14:30" in one.text


def test_a_recovery_is_not_told_as_going_on() -> None:
    buckets = traffic(60, lambda m: bucket(m, errors=60 if 35 <= m < 57 else 0))
    (one,) = found(buckets)
    assert (one.since, one.until) == (T0 + 35 * MINUTE, T0 + 57 * MINUTE)


def test_a_huge_range_of_tiny_buckets_is_left_alone() -> None:
    far = Bucket(T0 + 10_000 * MINUTE, 100, 0, 1.0)
    assert found([bucket(0), far], minutes=10_001) == []
