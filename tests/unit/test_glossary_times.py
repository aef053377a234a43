"""How conditions are combined, numbers, times and words by the glossary."""

from __future__ import annotations

from typing import Any

import pytest

from ask.question import Condition, Question, TimeRange
from ask.reading import understand
from tests.plans import (
    ANOMALY,
    BOT,
    ERRORS,
    HIGH,
    MS,
    SLOW,
    WELL,
    any_of,
    at,
    average,
    before,
    calls,
    cases,
    code,
    codes,
    compare,
    day,
    has,
    having,
    lacks,
    last,
    means,
    number,
    per,
    route,
    since,
    sized,
    took,
    under,
    windows,
)
from tests.site import DAY, HOUR, MINUTE, NOW, ROUTES

TODAY: Any = {"time": day(0)}
ERRORS_TODAY = calls(ERRORS, **TODAY)

COMBINED = (
    ("and", calls(SLOW, ERRORS), "slow and failed requests", "slow requests that failed",
     "failed requests with slow responses", "slow but failed requests", "slow failed requests"),
    ("same-column", calls(code(401, 403)), "401 and 403 responses", "401 or 403 errors",
     "status 401, 403"),
    ("routes", calls(route("/login", "/payment")), "requests to /login and /payment",
     "requests to /login or /payment", "requests to /login, /payment"),
    ("levels", windows(has("priority", "HIGH", "MEDIUM")), "high and medium risk windows"),
    ("or", calls(any_of(SLOW, ERRORS)), "slow or failed requests",
     "either slow or failed requests"),
    ("or-in-scope", calls(any_of(SLOW, ERRORS), route("/search"), **TODAY),
     "slow or failed requests to /search today", "today's slow or failed requests to /search"),
    ("or-method", calls(any_of(SLOW, ERRORS), has("method", "POST")),
     "slow or failed POST requests"),
    ("or-of-windows", windows(any_of(BOT, HIGH), subject="client"), "bots or high risk clients"),
)  # fmt: skip

NEGATED = (
    ("not", calls(WELL), "requests that are not errors", "not failed requests",
     "requests that didn't fail"),
    ("route", calls(lacks("endpoint", "/health")), "requests excluding /health",
     "requests except /health", "requests other than /health", "requests apart from /health",
     "requests not to /health", "requests ignoring /health", "requests minus /health",
     "requests but not /health", "requests without /health", "requests except for /health"),
    ("list", calls(lacks("endpoint", "/health", "/login")),
     "requests excluding /health and /login", "requests not to /health or /login"),
    ("method", calls(lacks("method", "GET")), "non-GET requests", "requests that aren't GET"),
    ("next-only", calls(ERRORS, lacks("status_code", 404)), "errors except 404",
     "errors that are not 404s"),
    ("user", calls(lacks("user_id", "u017")), "requests not from u017"),
    ("class", calls(ERRORS, codes(500).negated()), "errors but not 5xx"),
    ("below", calls(under("/payment").negated()), "requests not under /payment"),
    ("windows", windows(ANOMALY, lacks("usage_cluster", "bot")), "anomalies that aren't bots"),
    ("not-slow", calls(took("<=", 800)), "requests that are not slow"),
)  # fmt: skip

CONTRADICTORY = (
    ("times", None, "slower than 2 s and faster than 1 s"),
    ("itself", None, "bots that are not bots"),
    ("status", None, "successful requests with status 500", "failed requests with status 200"),
    ("share", None, "windows with risk score above 150%"),
)  # fmt: skip

COMPARED = tuple(
    (name, calls(took(operator, 500)), *(f"requests with latency {words}" for words in wordings))
    for name, operator, wordings in (
        ("more", ">", ("above 500", "over 500", "more than 500", "greater than 500",
                       "exceeding 500", "> 500")),
        ("less", "<", ("below 500", "under 500", "less than 500", "< 500")),
        ("at-least", ">=", ("at least 500", "500 or more", "no less than 500", ">= 500")),
        ("at-most", "<=", ("at most 500", "up to 500", "500 or less", "no more than 500")),
        ("exactly", "in", ("exactly 500", "equal to 500", "of 500", "= 500")),
    )
)  # fmt: skip

NUMBERS = (
    ("between", calls(took("between", 200, 500)), "latency between 200 and 500",
     "latency from 200 to 500 ms"),
    ("longer", calls(took(">", 1500)), "longer than 1.5 s", "longer than 1,500 ms"),
    ("units", calls(took(">", 120_000)), "slower than 2 minutes", "slower than 120 sec",
     "slower than 120000 milliseconds"),
    ("size", calls(sized("<", 1536)), "payload under 1.5 KB", "smaller than 1536 bytes"),
    ("percent", windows(compare("risk_score", ">=", 0.3)), "risk score of at least 30%",
     "risk score of at least 0.3", "risk score at least 30 percent"),
    ("thousands", having(per("client", calls()), ">", 1000), "clients with more than 1k requests",
     "clients with more than 1,000 requests"),
    ("words", calls(limit=12), "last dozen requests", "latest twelve requests"),
    ("vague", None, "requests in the last few minutes", "users with many requests"),
)  # fmt: skip


def when(name: str, time: TimeRange | None, *wordings: str) -> tuple[Any, ...]:
    """A case of requests in a time; None: refused."""
    meaning = calls(time=time) if time else None
    return (name, meaning, *(f"requests {words}" for words in wordings))


TIMES = (
    when("last-hour", last(HOUR), "in the last hour", "in the past hour", "within the last hour",
         "in the previous 60 minutes", "last 1 h", "in the last 3600 seconds", "last 60 min",
         "over the last hr"),
    when("half-hour", last(30 * MINUTE), "in the last half hour", "last 30 mins", "last 30m"),
    when("quarter", last(15 * MINUTE), "in the last quarter of an hour", "last 15 min"),
    when("couple", last(2 * HOUR), "in the last couple of hours", "in the last two hours"),
    when("day", last(DAY), "in the last day", "in the past 24 hours", "last 24h", "last 1 d"),
    when("week", last(7 * DAY), "in the past week", "in the last 7 days"),
    when("now", last(5 * MINUTE), "right now", "currently", "at the moment"),
    when("today", day(0), "today", "of today"),
    when("yesterday", day(1), "yesterday", "on Tuesday", "Tuesday", "on 2026-03-17", "17 March",
         "on March 17th", "on 17/03/2026", "yday"),
    when("before-that", day(2), "the day before yesterday", "on Monday", "last Monday"),
    when("weekday-today", day(0), "on Wednesday", "on 18 March"),
    when("weekday-past", day(7), "last Wednesday"),
    when("other-year", TimeRange(at(363), at(362)), "on 20 March"),
    when("this-week", TimeRange(at(2), at(-5)), "this week"),
    when("last-calendar-week", TimeRange(at(9), at(2)), "last week"),
    when("this-hour", day(0, 15, 16), "this hour"),
    when("night", day(1, 0, 6), "yesterday night", "on Tuesday night"),
    when("morning", day(0, 6, 12), "this morning"),
    when("afternoon", day(0, 12, 18), "this afternoon"),
    when("afternoon-then", day(1, 12, 18), "yesterday afternoon"),
    when("evening", day(3, 18, 24), "on Sunday evening"),
)  # fmt: skip

CLOCKS = (
    when("range", day(0, 14, 15), "between 14:00 and 15:00", "from 2pm to 3pm", "14:00-15:00",
         "from 14h to 15h", "2-3pm", "between 2 and 3 pm"),
    when("range-hours", day(0, 9, 11), "from 9 to 11", "between 9 and 11", "between 9am and 11am"),
    when("range-half", day(0, 14.5, 15), "from 2:30 pm to 3 pm"),
    when("range-later", day(1, 16, 17), "from 16:00 to 17:00", "between 4pm and 5pm"),
    when("range-night", TimeRange(at(1, 22), at(0, 2)), "from 22:00 to 02:00"),
    when("range-day", day(1, 9, 11), "yesterday between 9 and 11", "between 9 and 11 yesterday"),
    when("range-weekday", day(2, 10, 10.5), "Monday 10:00-10:30"),
    when("since", since(0, 14), "since 14:00", "since 2pm", "from 14:00 on", "since 2 pm today"),
    when("since-later", since(1, 16), "since 16:00", "since yesterday 16:00"),
    when("since-noon", since(0, 12), "since noon", "from noon on"),
    when("since-midnight", since(0), "since midnight"),
    when("since-yesterday", since(1), "since yesterday"),
    when("since-monday", since(2), "since Monday", "from Monday on"),
    when("after", day(0, 14, 24), "after 14:00", "after 2pm today"),
    when("after-day", day(1, 14, 24), "after 2pm yesterday", "yesterday after 14:00"),
    when("before", day(0, 0, 9), "before 9am", "until 9:00"),
    when("before-then", day(1, 0, 9.5), "yesterday before 9:30", "until 9:30 yesterday"),
    when("before-day", before(1), "before yesterday", "before Tuesday"),
    when("future", None, "tomorrow", "next week", "since 2027-01-01"),
)  # fmt: skip

WORDS = (
    ("polite", ERRORS_TODAY, "please show me today's errors", "could you list the errors today?",
     "hey, I would like to see today's errors, thanks", "TODAY'S ERRORS!!!", "errors - today",
     "were there any errors today?", "pls find errors recorded today", "today errors",
     "let me see the errors that happened today", "tell me which errors occurred today"),
    ("abbreviated", number(calls(**TODAY), average(MS)), "avg rt today", "average resp time today",
     "mean latency today"),
    ("reqs", calls(SLOW), "slow reqs", "slow req"),
    ("errs", calls(ERRORS, time=day(1)), "errs yday", "errs yest", "err yesterday"),
    ("eps", windows(HIGH, subject="endpoint"), "hi risk eps", "high prio endpoints"),
    ("med", windows(has("priority", "MEDIUM")), "med risk"),
    ("pct", windows(compare("error_rate", ">", 0.3)), "error rate over 30 pct"),
    ("variants", windows(ANOMALY), "suspicious behavior", "abnormal behaviour"),
    ("hyphens", windows(BOT), "bot like", "bot-like"),
    ("then", calls(took(">", 2000)), "slower then 2 s"),
    ("typos", ERRORS_TODAY, "erorrs today", "eror today", "errors toady"),
    ("typo-long", windows(ANOMALY), "anomolis", "anomalyies", "suspicios traffic"),
    ("typo-time", calls(time=day(1)), "requests yesteday", "requsts yesterday"),
)  # fmt: skip

REFUSED = (
    ("unknown", None, "errors by country", "requests from Berlin", "purple requests", "cpu usage",
     "requests with ttfb over 200 ms", "what is the weather?", "errors on android"),
    ("empty", None, "", "   ", "please", "show me", "?!"),
    ("commands", None, "delete all logs", "drop table api_log", "block user u017", "insert a row",
     "reset the error count", "update u017", "please delete the anomalies"),
    ("code", None, "SELECT * FROM api_log", "errors'; DROP TABLE api_log; --",
     "import os", "<script>alert(1)</script>"),
    ("method", calls(has("method", "DELETE")), "DELETE requests", "delete calls"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "meaning"),
    [
        *cases("3-combined", COMBINED),
        *cases("3-negated", NEGATED),
        *cases("3-contradictory", CONTRADICTORY),
        *cases("4-compared", COMPARED),
        *cases("4-numbers", NUMBERS),
        *cases("4-times", TIMES),
        *cases("4-clocks", CLOCKS),
        *cases("6-words", WORDS),
        *cases("6-refused", REFUSED),
    ],
)
def test_a_question_means_what_the_glossary_says(asked: str, meaning: Question | None) -> None:
    means(asked, meaning)


def test_only_words_that_never_restrict_are_ignored() -> None:
    assert set(understand("please show me the errors", ROUTES, NOW).ignored) <= {
        "please", "show", "me", "the",
    }  # fmt: skip


def test_a_correction_is_said() -> None:
    understood = understand("erorrs on /paymnt", ROUTES, NOW)
    assert understood.question.conditions == (
        Condition("endpoint", "in", ("/payment",)),
        Condition("status_code", ">=", (400,)),
    )
    assert any("erorrs" in note for note in understood.notes)
    assert any("/payment" in note for note in understood.notes)
