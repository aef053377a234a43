"""The sentence that says how a question was understood, asked again, means the same."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from ask import suggestions
from ask.lexicon import ABBREVIATIONS, COMMANDS, FILLER, METHODS, PHRASES
from ask.question import NotUnderstood
from ask.reading import Understood, understand
from ask.select import statement_of
from ask.sentence import sentence_of
from tests.asked import Asked, questions
from tests.site import NOW, ROUTES

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "2000"))
SAME_EVERY_TIME = "HYPOTHESIS_EXAMPLES" not in os.environ
ANSWERED = [asked for asked in questions() if asked["kind"] != "refuse"]
DIALECTS = (sqlite.dialect(), postgresql.dialect())
BERLIN = ZoneInfo("Europe/Berlin")


def asked_again(understood: Understood, zone: tzinfo = UTC) -> None:
    """The sentence, alone and with its notes, gives the same plan and no notes."""
    sentence = sentence_of(understood.question, zone)
    for text in (sentence, " ".join([sentence, *understood.notes])):
        again = understand(text, ROUTES, NOW, zone)
        assert again.question == understood.question, text
        assert again.notes == (), text


@pytest.mark.parametrize("asked", ANSWERED, ids=lambda asked: asked["id"])
def test_the_sentence_of_a_question_means_the_same(asked: Asked) -> None:
    asked_again(understand(asked["query"], ROUTES, NOW))


@pytest.mark.parametrize("asked", ANSWERED[::5], ids=lambda asked: asked["id"])
def test_the_sentence_means_the_same_in_another_zone(asked: Asked) -> None:
    asked_again(understand(asked["query"], ROUTES, NOW, BERLIN), BERLIN)


# made-up questions

_PHRASES = sorted(" ".join(phrase) for phrase in PHRASES)
_NAMES = (
    *ROUTES.stored, "/orders/17", "/users/42", "/admin", "/paymnt", "/basket", "/payment/*",
    "under /orders", "starting with /payment", "anything below /users", "login", "export",
    "payment endpoint", "users endpoint", "'refund'", '"basket"', "admin/export", "/", "//",
)  # fmt: skip
_CALLERS = (
    "u017", "user u017", "client u017", "u999", 'user "ana b"', "10.0.0.9", "IP 203.0.113.10",
    "client 10.0.0.9", "2001:db8::1", "who", "from u003", "by u004 or u005", "not u006",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "2", "10", "100", "401", "500", "800", "5xx", "404s", "0.5", "30%", "150%", "1,000",
    "1.5k", "2 s", "500 ms", "10 KB", "1.5 MB", "-3", "1e9", "9999999999999999", "more than 5",
    "at least 3 requests", "fewer than 2 errors", "between 2 and 4", "from 200 to 500 ms", "p95",
    "95th percentile", "top 3", "limit 7", "first 20", "a dozen", "or more", "over 0.7",
)  # fmt: skip
_TIMES = (
    "today", "yesterday", "in the last 10 minutes", "last hour", "since 14:00", "since Monday",
    "from 9 to 11", "2-4pm", "between 22:00 and 02:00", "this morning", "Sunday evening",
    "17 March", "2026-03-17", "17/03/2026", "30 February", "before yesterday", "until 9:30",
    "after 2pm", "last week", "this hour", "right now", "not today", "excluding Monday", "14h",
    "2026-03-17T10:00:30Z", "2026-03-17 10:00", "tomorrow", "last 5000 years", "noon", "per hour",
    "every 5 minutes", "over time", "the day before yesterday", "Monday 10:00-10:20",
)  # fmt: skip
_GLUE = (
    ",", "and", "or", "not", "but", "with", "per endpoint", "by client", "per user and method",
    "either", "except", "no", "requests", "calls", "clients", "windows", "anomalies", "high risk",
    "which", "how many", "GET", "DELETE calls", "sorted by", "ascending", "oldest first", ";", "-",
)  # fmt: skip
_NOISE = st.one_of(
    st.sampled_from(sorted({*FILLER, *ABBREVIATIONS, *COMMANDS, *METHODS})),
    st.text(max_size=6),
    st.text(alphabet="'\"/%_\\(){}.:;-0123456789", max_size=5),
)
_PIECES = st.one_of(
    st.sampled_from(_PHRASES),
    st.sampled_from(_PHRASES),
    *(st.sampled_from(words) for words in (_NAMES, _CALLERS, _NUMBERS, _TIMES, _GLUE)),
    _NOISE,
)


@st.composite
def made_up(draw: st.DrawFn) -> str:
    """Words that questions are made of in any order, now and then with a typing error."""
    text = " ".join(draw(st.lists(_PIECES, min_size=1, max_size=9)))
    if text and draw(st.integers(0, 5)) == 0:
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + draw(st.sampled_from("aeiost /'\"%-é0")) + text[place + 1 :]
    return text


def maybe(*words: str) -> st.SearchStrategy[str]:
    return st.just("") | st.sampled_from(words)


_ADJECTIVES = maybe(
    "slow", "failed", "401", "anonymous", "POST", "high risk", "anomalous", "bot", "5xx",
    "not found", "slow or failed", "401 and 403", "non-GET", "successful", "medium or low risk",
    "large payload", "either slow or unauthorized", "not slow", "failing", "heavy", "recent",
    "the 5 slowest", "riskiest", "average", "p95 latency of", "how many", "number of",
    "error rate of", "latest", "total payload of", "unique", "top 3", "all", "busiest",
    "max response time of", "most anomalous",
)  # fmt: skip
_NOUNS = st.sampled_from(
    ("requests", "calls", "errors", "windows", "anomalies", "alerts", "clients", "users", "IPs",
     "endpoints", "methods", "status codes", "payloads", "latency", "traffic", "bots", "")
)  # fmt: skip
_TAILS = maybe(
    "per endpoint", "by client", "by user and method", "per hour", "by priority",
    "by status code", "every 5 minutes", "over time", "with more than 5 requests",
    "with at least 2 errors", "limit 7", "slower than 2 s", "over 10 KB", "with risk above 0.7",
    "sorted by response time", "oldest first", "riskiest first",
    "with average latency over 300 ms", "with error rate between 10% and 50%",
    "excluding /health and /login", "except GET", "that are not bots", "lowest first",
    "ascending", "with more than 3 users", "that got 429 or 404",
    "with an error rate above 20%", "highest first",
)  # fmt: skip


@st.composite
def well_made(draw: st.DrawFn) -> str:
    """What people ask, in the order of a sentence."""
    parts = [draw(_ADJECTIVES), draw(_ADJECTIVES), draw(_NOUNS)]
    parts.append(draw(maybe(*_NAMES, *_CALLERS)))
    parts += [draw(_TAILS), draw(maybe(*_TIMES)), draw(_TAILS)]
    return " ".join(part for part in parts if part)


@given(made_up() | well_made() | well_made())
@example("requests \u0000")
@example("\ud800")
@example("average unique users")
@example("max distinct clients per hour")
@example("max response time of alerts slower than 2 s per hour, max response time over 2 s")
@example("max response time of windows per endpoint slower than 2 s")
@example("errors per user per hour with more than 5 requests, highest first")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=SAME_EVERY_TIME,
    suppress_health_check=list(HealthCheck),
)
def test_any_text_is_refused_or_means_what_its_sentence_says(text: str) -> None:
    note(repr(text))
    try:
        understood = understand(text, ROUTES, NOW)
    except NotUnderstood:
        return
    asked_again(understood)
    statement = statement_of(understood.question)
    for dialect in DIALECTS:
        assert str(statement.compile(dialect=dialect))
    assert statement_of(understood.question).selected_columns
    assert understood.question.as_json()["shape"] in ("rows", "value", "series", "groups")


@given(made_up() | well_made())
@example("sec")
@example("latency 14h")
@example("ê_ö / caller who who")
@example("u017 u017 requests not today min until 9:30 10 KB since Monday today")
@settings(
    max_examples=EXAMPLES // 20,
    deadline=None,
    derandomize=SAME_EVERY_TIME,
    suppress_health_check=list(HealthCheck),
)
def test_suggestions_are_understood_whatever_was_asked(text: str) -> None:
    note(repr(text))
    try:
        understand(text, ROUTES, NOW)
    except NotUnderstood as refused:
        for suggestion in suggestions.nearest_questions(text, refused, ROUTES, NOW, UTC):
            understand(suggestion, ROUTES, NOW)
