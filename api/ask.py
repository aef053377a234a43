"""`POST /api/admin/query`: plain-English questions about calls and windows."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError

from api import current, doer, schemas, who
from api.described import described
from api.errors import ApiError
from api.query import Instant
from api.rows import shown as shown_row
from ask.engine import Answer, answer
from ask.question import NotUnderstood
from jobs.access import audited
from store import TooSlow, questions
from store.times import iso

ask = Blueprint("ask", __name__, url_prefix="/api/admin")

_log: Final = logging.getLogger(__name__)
_BUCKETS: Final = frozenset({"second", "minute", "hour", "day", "week"})


class QueryBody(BaseModel):
    """A question, and the instant that it is asked at."""

    model_config = ConfigDict(extra="forbid")
    query: str = Field(
        description="The question.", examples=["high risk endpoints in the last hour"]
    )
    now: Instant | None = Field(None, description="The clock; without it that of the server.")


class QueryAnswer(schemas.Answer):
    """An answer, and how the question was understood."""

    interpretation: str = schemas.said(
        "What was understood, with absolute times, corrections and assumptions.",
        "Endpoint windows with priority HIGH, from 2026-03-18 14:30 UTC to 2026-03-18 15:30 UTC "
        "inclusive, newest first, at most 100 rows.",
    )
    columns: list[str] = schemas.said("Columns of the rows, in their order.", ["endpoint", "count"])
    rows: list[dict[str, Any]] = schemas.said(
        "The answer; times in ISO 8601 UTC.", [{"endpoint": "/payment", "count": 17}]
    )
    count: int = schemas.said("Number of rows.", 1)
    unmatched: list[str] = schemas.said("Words that never restrict, and were ignored.", ["please"])
    plan: dict[str, Any] = schemas.said(
        "The question as it was understood, for programs.", {"table": "windows", "shape": "rows"}
    )


@ask.post("/query")
@described(
    "Questions",
    QueryAnswer,
    errors={
        422: "the word 'country' is not known here",
        504: "the query was given up after 10 s; ask for a shorter time",
    },
)
def ask_in_plain_english(body: QueryBody) -> Response:
    """Ask about calls and windows in plain English.

    Nothing is guessed: what is not understood is a 422 with the words it is about (`unmatched`) and
    up to three questions that work (`suggestions`) in its details. Questions only read.
    """
    now = time.time_ns() // 1_000_000
    asked_at = now if body.now is None else body.now
    began = time.perf_counter()
    try:
        found = answer(current().store, body.query, now=asked_at, zone=current().settings.zone)
    except NotUnderstood as error:
        _remember(body.query, questions.REFUSED, str(error), None, now, began)
        raise ApiError(
            422, str(error), unmatched=list(error.unmatched), suggestions=list(error.suggestions)
        ) from None
    except TooSlow as error:
        _remember(body.query, questions.REFUSED, str(error), None, now, began)
        raise ApiError(504, f"{error}; ask for a shorter time") from None
    shown = _answer(found)
    answered = questions.ANSWERED
    _remember(body.query, answered, shown["interpretation"], shown["count"], now, began)
    return jsonify(shown)


def _remember(
    text: str, outcome: str, message: str, rows: int | None, now: int, began: float
) -> None:
    """Keep a question in its user's history; an answer is no worse when that can't be written."""
    took_ms = (time.perf_counter() - began) * 1000
    try:
        with current().store.begin() as connection:
            questions.remember(
                connection,
                who=who(),
                text=text,
                outcome=outcome,
                message=message,
                rows=rows,
                took_ms=took_ms,
                at=now,
            )
            audited.note(current(), connection, doer(), "question", text, outcome=outcome)
    except OperationalError as error:
        _log.warning("a question was not kept in the history: %s", error.orig)


def _answer(found: Answer) -> dict[str, Any]:
    return {
        "interpretation": " ".join([found.interpretation, *found.notes]),
        "columns": list(found.columns),
        "rows": [_row(row) for row in found.rows],
        "count": len(found.rows),
        "unmatched": list(found.ignored),
        "plan": found.question.as_json(),
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Times of rows and of buckets as ISO 8601."""
    return {name: iso(v) if name in _BUCKETS else v for name, v in shown_row(row).items()}
