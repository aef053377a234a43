"""Ask the store: a question in, rows and a sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select

from ask import suggestions
from ask.question import NotUnderstood, Question
from ask.reading import understand
from ask.routes import Routes
from ask.select import statement_of
from ask.sentence import sentence_of
from store import Store
from store.tables import anomaly_log, api_log

SECONDS: Final = 10.0  # an answer may take so long
MOST_ROUTES: Final = 5_000
_NOT_NAMED: Final = frozenset({"*"})  # of client windows


@dataclass(frozen=True)
class Answer:
    """The answer to a question, and how it was understood.

    `rows` have the columns in the order of `columns`: all columns of the table, or keys and then
    measures; times are epoch milliseconds. `ignored` are words that never restrict an answer.
    """

    question: Question
    interpretation: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
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
    sentence = " ".join([sentence_of(understood.question, zone), *understood.notes])
    return Answer(understood.question, sentence, columns, rows, understood.ignored)


def known_routes(connection: Connection) -> Routes:
    """The endpoints of all calls and windows, found by leaping through their indexes."""
    found = {
        name
        for table in (api_log, anomaly_log)
        for name in connection.scalars(_distinct_endpoints(table))
    }
    return Routes(tuple(sorted(found - _NOT_NAMED)))


def _distinct_endpoints(table: Table) -> Select[Any]:
    """One index seek for each distinct value, however many rows there are."""
    first = select(func.min(table.c.endpoint).label("endpoint")).cte("leap", recursive=True)
    following = (
        select(func.min(table.c.endpoint))
        .where(table.c.endpoint > first.c.endpoint)
        .correlate(first)
        .scalar_subquery()
    )
    leap = first.union_all(select(following).where(first.c.endpoint.is_not(None)))
    return select(leap.c.endpoint).where(leap.c.endpoint.is_not(None)).limit(MOST_ROUTES)
