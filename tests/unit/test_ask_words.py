"""Typing errors in words and paths, and what is suggested where a question is not understood."""

from __future__ import annotations

from datetime import UTC

import pytest

from ask.question import NotUnderstood
from ask.reading import understand
from ask.routes import Routes
from ask.spelling import edits_forgiven, nearest
from ask.suggestions import MOST, examples, nearest_questions
from tests.site import NOW, ROUTES


def refused(asked: str, routes: Routes = ROUTES) -> NotUnderstood:
    with pytest.raises(NotUnderstood) as error:
        understand(asked, routes, NOW)
    return error.value


def suggested(asked: str, routes: Routes = ROUTES) -> tuple[str, ...]:
    return nearest_questions(asked, refused(asked, routes), routes, NOW, UTC)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("slwo requests", "slow requests"),  # swapped
        ("eror today", "error today"),  # a letter is missing
        ("errrors today", "errors today"),  # one too many
        ("errprs today", "errors today"),  # another one
        ("rerors today", "errors today"),  # also the first letters
        ("requestt today", "requests today"),  # of the forms of a term any will do
        ("anonymus requests", "anonymous requests"),
        ("anonimus requests", "anonymous requests"),  # two in a long word
        ("unauthroised requets", "unauthorised requests"),
        ("average respnse time by endpont", "average response time by endpoint"),
        ("requests yestreday evning", "requests yesterday evening"),
        ("requests on wedensday", "requests on wednesday"),
        ("requests in the last 90 mintes", "requests in the last 90 minutes"),
        ("hihg-risk windows", "high-risk windows"),  # a word with a hyphen is tried as a whole
        ("paymnt requests", "payment requests"),  # names of routes
        ("serach requests", "search requests"),
        ("fialed requests", "failed requests"),
    ],
)
def test_a_typing_error_is_corrected_and_said(typed: str, meant: str) -> None:
    understood = understand(typed, ROUTES, NOW)
    assert understood.question == understand(meant, ROUTES, NOW).question
    assert understood.notes
    assert understand(meant, ROUTES, NOW).notes == ()


def test_the_note_quotes_both_words() -> None:
    (note,) = understand("eror today", ROUTES, NOW).notes
    assert note == "Read “eror” as “error”."


@pytest.mark.parametrize(
    "asked",
    [
        "erxxrs today",  # two edits in a short word
        "slo requests",  # three letters are too few
        "requests nast hour",  # last, past
        "flow requests",  # an English word of its own: not slow
        "terrors today",
        "boots today",
        "the last weak",
        "PSOT requests",  # methods
        "DELTE requests",
        "PTACH requests",
        "requests of us3r",  # digits
        "erro5s today",
        "status 40l",
        "requests from 10.0.0",
    ],
)
def test_what_may_be_something_else_is_not_corrected(asked: str) -> None:
    assert refused(asked).unmatched


def test_a_refusal_names_the_word_as_it_was_typed() -> None:
    assert refused("Errors by Country").unmatched == ("Country",)
    assert "'Country'" in str(refused("Errors by Country"))


def test_edits_are_forgiven_by_the_letters_of_a_word() -> None:
    assert [edits_forgiven("a" * letters) for letters in (3, 4, 7, 8, 20)] == [0, 1, 1, 2, 2]
    assert edits_forgiven("ab1234567") == 0


def test_the_nearest_words_are_those_with_the_fewest_edits() -> None:
    assert nearest("requets", ["request", "requests", "bucket"]) == ["request", "requests"]
    assert nearest("anonimus", ["anonymous", "anomalous"]) == ["anonymous"]
    assert nearest("nast", ["last", "past", "first"]) == ["last", "past"]
    assert nearest("endpiont", ["endpoints"], most=1) == []
    assert nearest("endpiont", ["endpoints"]) == ["endpoints"]
    assert nearest("xyz", ["xy"]) == []


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/paymnt", "/paymeent", "/paument", "/paymetn", "/Paymnt"])
def test_one_typing_error_in_a_path_is_corrected_and_said(path: str) -> None:
    understood = understand(f"requests to {path}", ROUTES, NOW)
    assert understood.question == understand("requests to /payment", ROUTES, NOW).question
    assert any(path in note and "/payment" in note for note in understood.notes)


def test_a_corrected_branch_is_said_too() -> None:
    understood = understand("requests under /paymnt", ROUTES, NOW)
    assert understood.question == understand("requests under /payment", ROUTES, NOW).question
    assert understood.notes


@pytest.mark.parametrize(
    "path", ["/pymnt", "/paym3nt", "/payment2", "/payment/refnud/x", "/basket", "/login/now"]
)
def test_any_other_path_is_refused_with_the_nearest_ones(path: str) -> None:
    error = refused(f"requests to {path}")
    assert error.unmatched == (path,)
    assert "/" in str(error).split("nearest are", 1)[1]


def test_a_path_that_could_be_two_routes_is_not_corrected() -> None:
    routes = Routes(("/cart", "/card"))
    assert refused("requests to /carx", routes).unmatched == ("/carx",)


def test_what_is_in_a_template_is_not_corrected() -> None:
    understood = understand("requests to /orders/l7", ROUTES, NOW)
    assert understood.question == understand("requests to /orders/{id}", ROUTES, NOW).question
    assert understood.notes == ()


# --- suggestions ----------------------------------------------------------------------------------


def test_the_route_that_was_meant_is_put_into_the_question() -> None:
    assert suggested("errors on /serch/items today")[0] == "errors on /search today"


def test_a_word_that_is_not_known_is_left_out() -> None:
    assert suggested("errors from Berlin today")[0] == "errors today"


@pytest.mark.parametrize(
    "asked",
    [
        "", "???", "please", "cpu load by endpoint", "delete all logs", "SELECT * FROM api_log",
        "requests tomorrow", "bots that are not bots", "high risk 404s", "x" * 2_000, "sec",
        "errors in the last few minutes", "what is the weather?", "more than 5", "a\\1\\g<0>",
    ],
)  # fmt: skip
def test_every_refusal_has_a_few_suggestions_that_work(asked: str) -> None:
    found = suggested(asked)
    assert 1 <= len(found) <= MOST
    assert len(set(found)) == len(found)
    assert asked not in found
    for suggestion in found:
        understand(suggestion, ROUTES, NOW)


@pytest.mark.parametrize("routes", [ROUTES, Routes(()), Routes(("/{tenant}/x", "(unmatched)"))])
def test_all_examples_are_understood_on_any_site(routes: Routes) -> None:
    for example in examples(routes):
        understand(example, routes, NOW)
    assert suggested("errors by country", routes)
