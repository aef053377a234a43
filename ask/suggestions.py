"""Questions that would work, near one that did not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final

from rapidfuzz import fuzz

from ask.question import NotUnderstood
from ask.reading import understand
from ask.routes import Routes, closest

MOST: Final = 3
_CANDIDATES: Final = 12  # of the examples, the most similar ones are tried
_LEADING: Final = r"(?:\b(?:by|per|from|in|on|of|to|for|the|a|an)\s+)+$"
_HANGING: Final = (
    "not no non without except excluding than over under above below more less at most least and "
    "or but with by per from in on of to for between last past got that which is are was were "
    "outside besides aside isn't aren't don't didn't never first top since before after until the "
    "a an"
)
_LOOSE: Final = frozenset(_HANGING.split())  # words that a question can't end with

EXAMPLES: Final = (
    "high risk endpoints in the last hour",
    "high risk clients today",
    "anomalies on {route} today",
    "anomalies in the last 30 minutes",
    "critical alerts today",
    "which endpoints are likely to fail?",
    "riskiest endpoints right now",
    "riskiest clients today",
    "suspicious clients since yesterday",
    "bots in the last 24 hours",
    "bot clients with more than 20 requests",
    "heavy users yesterday",
    "windows with error rate above 30% today",
    "average risk score by endpoint today",
    "alerts per hour today",
    "failed requests in the last 30 minutes",
    "server errors on {route} today",
    "server errors by endpoint since yesterday",
    "401 errors in the last 3 hours",
    "which IPs got 401 today",
    "which clients got 403 or 429 today",
    "not found requests per IP today",
    "errors by hour today",
    "error rate by endpoint today",
    "error rate of {route} over the last 3 hours",
    "which endpoint has the most errors",
    "requests per minute over the last hour",
    "requests by status code today",
    "requests by method yesterday",
    "requests to {route} in the last 15 minutes",
    "requests by endpoint today",
    "requests over time",
    "how many requests today",
    "how many clients called {route} today",
    "how many errors in the last hour",
    "slow requests in the last hour",
    "slow or failed requests to {route} today",
    "requests slower than 2 s today",
    "the 10 slowest requests today",
    "top 5 slowest endpoints",
    "p95 latency of {route} today",
    "p95 latency by endpoint today",
    "average response time per endpoint yesterday",
    "trend of latency over the last 6 hours",
    "busiest clients in the last 24 hours",
    "busiest IPs today",
    "top 10 users by requests",
    "users with more than 200 requests today",
    "clients with more than 5 alerts",
    "POST requests that failed today",
    "GET requests to {route} today",
    "anonymous requests to {route} today",
    "large payloads today",
    "total payload per client today",
    "who sent the most data today",
    "unique clients per hour today",
    "traffic every 5 minutes since midnight",
    "latest 20 calls",
    "all calls in the last 5 minutes",
)


def nearest_questions(
    text: str, error: NotUnderstood, routes: Routes, now: int, zone: tzinfo
) -> tuple[str, ...]:
    """At most three questions that are understood, those first that repair this one."""
    found: list[str] = []
    for candidate in (*_repaired(text, error, routes), *_similar(text, routes)):
        is_new = candidate.lower() not in {known.lower() for known in [text, *found]}
        if is_new and _works(candidate, routes, now, zone):
            found.append(candidate)
        if len(found) == MOST:
            break
    return tuple(found)


def examples(routes: Routes) -> tuple[str, ...]:
    """Example questions about this site."""
    route = next((r for r in routes.stored if r.startswith("/") and "{" not in r), None)
    return tuple(e.format(route=route) for e in EXAMPLES if route or "{route}" not in e)


def _repaired(text: str, error: NotUnderstood, routes: Routes) -> Iterator[str]:
    """The question with the route that was meant, or without the word that is not known.

    Nothing is cut off that leaves half a comparison or turns the meaning around.
    """
    for word in error.unmatched:
        exact = re.escape(word)
        if word.startswith("/"):
            for route in closest(word, routes.stored):
                yield _clean(_with_route(text, exact, route))
        elif word.isalpha() and word.lower() not in _LOOSE:
            cut = re.split(rf"(?i)\b{exact}\b", text, maxsplit=1)
            if len(cut) != 2:
                continue  # it was read from something else, such as an abbreviation
            before, after = cut
            left = re.sub(_LEADING, "", before, flags=re.IGNORECASE)
            rest = _clean(f"{left} {after}")
            if not _is_loose(left, rest):
                yield rest


def _is_loose(before: str, rest: str) -> bool:
    """Whether a cut would leave something that hangs on nothing."""
    words = rest.lower().split()
    last = before.lower().split()[-1:]
    hangs = len(words) < 2 or words[0] in _LOOSE or words[-1] in _LOOSE
    return hangs or (bool(last) and (last[0] in _LOOSE or last[0].isdigit()))


def _with_route(text: str, exact: str, route: str) -> str:
    """The route is put in as it is, whatever signs it has."""
    return re.sub(exact, lambda _: route, text, count=1, flags=re.IGNORECASE)


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" ,;:")


def _similar(text: str, routes: Routes) -> Iterable[str]:
    known = examples(routes)
    ranked = sorted(known, key=lambda e: -fuzz.token_sort_ratio(text.lower(), e.lower()))
    return ranked[:_CANDIDATES]


def _works(text: str, routes: Routes, now: int, zone: tzinfo) -> bool:
    try:
        understand(text, routes, now, zone)
    except NotUnderstood:
        return False
    return True
