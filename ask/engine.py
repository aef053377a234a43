"""Ask the store: a question in, rows and a sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final

from sqlalchemy import Connection

from ask import suggestions
from ask.question import NotUnderstood, Question
from ask.reading import understand
from ask.routes import Routes
from ask.select import distinct_endpoints, statement_of
from ask.sentence import sentence_of
from store import Store
from store.tables import anomaly_log, api_log

SECONDS: Final = 10.0  # an answer may take so long
MOST_ROUTES: Final = 5_000
_NOT_NAMED: Final = frozenset({"*"})  # of client windows


@dataclass(frozen=True)
class Answer:
    """The answer to a question, and how it was understood.

    `interpretation` is the whole question as it was read; `notes` are corrections and assumptions.
    `rows` have the columns in the order of `columns`: all columns of the table, or keys and then
    measures; times are epoch milliseconds. `ignored` are words that never restrict an answer.
    """

    question: Question
    interpretation: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def answer(
    store: Store, text: str, *, now: int, zone: tzinfo = UTC, seconds: float = SECONDS
) -> Answer:
    """Understand a question and read its answer, in one read-only transaction.

    Parameters
    ----------
    store : Store
        Where calls and windows are.
    text : str
        The question in plain English.
    now : int
        The clock [epoch ms].
    zone : tzinfo
        Zone of days and times of day.
    seconds : float
        The longest that a query may take [s].

    Raises
    ------
    NotUnderstood
        With what was not understood, and `suggestions` that would work.
    TooSlow
        The query was given up.
    """
    with store.read_within(seconds) as connection:
        routes = known_routes(connection)
        try:
            understood = understand(text, routes, now, zone)
        except NotUnderstood as error:
            error.suggestions = suggestions.nearest_questions(text, error, routes, now, zone)
            raise
        result = connection.execute(statement_of(understood.question))
        columns = tuple(result.keys())
        rows = [dict(row) for row in result.mappings()]
    sentence = sentence_of(understood.question, zone)
    return Answer(
        understood.question, sentence, columns, rows, understood.notes, understood.ignored
    )


def prepare() -> None:
    """Build the grammar now, which takes a tenth of a second, and not with the first question."""
    understand("requests", Routes(()), now=0)


def known_routes(connection: Connection) -> Routes:
    """The endpoints of all calls and windows, found by leaping through their indexes."""
    found = {
        name
        for table in (api_log, anomaly_log)
        for name in connection.scalars(distinct_endpoints(table).limit(MOST_ROUTES))
    }
    return Routes(tuple(sorted(found - _NOT_NAMED)))
