"""Questions in plain English: what each user asked lately, and those he saved under a name."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, tuple_
from sqlalchemy.exc import IntegrityError

from store.tables import question, saved_question

ANSWERED: Final = "answered"
REFUSED: Final = "refused"
OUTCOMES: Final = (ANSWERED, REFUSED)
MOST_REMEMBERED: Final = 1_000  # of a user
MOST_SAVED: Final = 200  # of a user
MOST_CHARACTERS: Final = 1_000  # of a text; the longest question that is read at all
MOST_OF_NAME: Final = 80
Row = dict[str, Any]


class NotSavedError(ValueError):
    """A question can't be saved as it is; says why."""


class UnknownQuestionError(LookupError):
    """There is no such saved question."""


def remember(
    connection: Connection,
    *,
    who: str,
    text: str,
    outcome: str,
    message: str,
    rows: int | None,
    took_ms: float,
    at: int,
) -> None:
    """Add a question to its user's history, of which the newest `MOST_REMEMBERED` are kept.

    Parameters
    ----------
    who, text : str
        The user and the question as typed; its first `MOST_CHARACTERS` are kept.
    outcome : str
        One of `OUTCOMES`.
    message : str
        How the question was understood, or what was not.
    rows : int or None
        Rows of the answer; None when refused.
    took_ms : float
        Until the answer [ms].
    at : int
        When [epoch ms].

    Raises
    ------
    ValueError
        The outcome is of no known kind.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome {outcome!r} is none of {', '.join(OUTCOMES)}")
    fields: Row = {"who": who, "text": _storable(text), "outcome": outcome, "rows": rows}
    fields |= {"message": _storable(message), "took_ms": took_ms, "at": at}
    connection.execute(question.insert().values(fields))
    c = question.c
    newest = select(c.at, c.id).where(c.who == who).order_by(c.at.desc(), c.id.desc())
    last = connection.execute(newest.offset(MOST_REMEMBERED).limit(1)).first()
    if last is not None:
        older = tuple_(c.at, c.id) <= tuple_(last.at, last.id)
        connection.execute(delete(question).where(c.who == who, older))


def history_page(
    connection: Connection, who: str, limit: int, after: tuple[int, int] | None = None
) -> list[Row]:
    """A user's questions, newest first, from the (`at`, `id`) of the last of the page before."""
    c = question.c
    statement = select(*(column for column in c if column is not c.who)).where(c.who == who)
    if after is not None:
        statement = statement.where(tuple_(c.at, c.id) < tuple_(*after))
    return _rows(connection, statement.order_by(c.at.desc(), c.id.desc()).limit(limit))


def latest_texts(connection: Connection, who: str, limit: int) -> list[Row]:
    """A user's questions without repetitions, newest first; each as it went the last time."""
    c = question.c
    place = func.row_number().over(partition_by=c.text, order_by=(c.at.desc(), c.id.desc()))
    ranked = select(c.id, c.at, c.text, c.outcome, c.rows, place.label("place"))
    found = ranked.where(c.who == who).subquery()
    names = (found.c[name] for name in ("id", "at", "text", "outcome", "rows"))
    newest = select(*names).where(found.c.place == 1)
    return _rows(connection, newest.order_by(found.c.at.desc(), found.c.id.desc()).limit(limit))


def save_question(connection: Connection, *, who: str, name: str, text: str, at: int) -> Row:
    """Keep a question under a name of its user's own.

    Returns
    -------
    dict
        The row, as of `saved_questions`.

    Raises
    ------
    NotSavedError
        Name or text is empty or too long, the name is taken, or there are `MOST_SAVED` already.
    """
    name, text = " ".join(name.split()), text.strip()
    for what, value, most in (("name", name, MOST_OF_NAME), ("question", text, MOST_CHARACTERS)):
        if not value or len(value) > most or value != _storable(value):
            raise NotSavedError(f"a {what} has 1 to {most} characters, this one: {value[:90]!r}")
    count = select(func.count()).select_from(saved_question).where(saved_question.c.who == who)
    if (connection.scalar(count) or 0) >= MOST_SAVED:
        raise NotSavedError(f"there are {MOST_SAVED} saved questions; delete one first")
    row = {"who": who, "name": name, "text": text, "at": at}
    try:
        with connection.begin_nested():
            connection.execute(saved_question.insert().values(row))
    except IntegrityError:
        raise NotSavedError(f"there is a saved question named {name!r}; choose another") from None
    return next(row for row in saved_questions(connection, who) if row["name"] == name)


def saved_questions(connection: Connection, who: str) -> list[Row]:
    """A user's saved questions by name."""
    c = saved_question.c
    found = select(c.id, c.name, c.text, c.at).where(c.who == who)
    return _rows(connection, found.order_by(func.lower(c.name), c.id))


def forget_saved(connection: Connection, who: str, question_id: int) -> None:
    """Delete a saved question of a user.

    Raises
    ------
    UnknownQuestionError
        He has none with this id.
    """
    c = saved_question.c
    gone = connection.execute(delete(saved_question).where(c.id == question_id, c.who == who))
    if not gone.rowcount:
        raise UnknownQuestionError(f"no saved question has the id {question_id!r}")


def remove_questions(connection: Connection, before: int) -> None:
    """Remove what was asked before an instant [epoch ms]; saved questions stay."""
    connection.execute(delete(question).where(question.c.at < before))


def _storable(text: str) -> str:
    """What both databases take: no NUL, no half characters; not longer than a question."""
    clean = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return clean[:MOST_CHARACTERS]


def _rows(connection: Connection, statement: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(statement).mappings()]
