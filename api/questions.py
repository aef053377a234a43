"""What a user asked in plain English, and the questions he saved, over REST."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal

from flask import Blueprint, Response, jsonify, make_response
from pydantic import BaseModel, ConfigDict, Field

from api import current, who
from api.described import described
from api.errors import ApiError
from api.query import Cursor, cursor_of
from api.schemas import A_TIME, Answer, Items, Time, said
from store import questions as stored
from store.times import iso

questions = Blueprint("questions", __name__, url_prefix="/api/questions")

_MAX_ID: Final = 2**63 - 1
_SAID: Final = r"^[^\s\x00-\x1f\x7f][^\x00]*$"  # begins with something that can be seen


class AskedQuestion(Answer):
    """A question and what came of it."""

    id: int = said("Number of the question.", 12)
    at: Time = said("When it was asked.", A_TIME)
    text: str = said("As it was typed.", "failed requests in the last hour")
    outcome: Literal["answered", "refused"] = said("What came of it.", "answered")
    message: str = said("How it was understood, or what was not.", "Calls with status ...")
    rows: int | None = said("Rows of the answer; null: refused.", 37)
    took_ms: float = said("Until the answer [ms].", 4.2)


class AskedList(Items[AskedQuestion]):
    """Questions, newest first."""


class SavedQuestion(Answer):
    """A question under a name."""

    id: int = said("Number of the saved question.", 3)
    name: str = said("Its name.", "Failed logins")
    text: str = said("The question.", "failed requests to /login in the last hour")
    at: Time = said("When it was saved.", A_TIME)


class SavedList(Answer):
    """Saved questions by name."""

    items: list[SavedQuestion]


class AskedQuery(BaseModel):
    """Parameters of `GET /api/questions`."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(100, ge=1, le=1000, description="Most items of one answer.")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before.")


class SaveBody(BaseModel):
    """A question to be saved."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(
        min_length=1,
        max_length=stored.MOST_OF_NAME,
        pattern=_SAID,
        description="Its name; each is used once.",
        examples=["Failed logins"],
    )
    text: str = Field(
        min_length=1,
        max_length=stored.MOST_CHARACTERS,
        pattern=_SAID,
        description="The question.",
        examples=["failed requests to /login in the last hour"],
    )


@questions.get("")
@described("Questions", AskedList)
def list_questions(query: AskedQuery) -> Response:
    """Your questions, newest first.

    The newest 1,000 of each user are kept; who comes with a token is one user.
    """
    with current().store.read() as connection:
        rows = stored.history_page(connection, who(), query.limit + 1, query.cursor)
    items, more = rows[: query.limit], len(rows) > query.limit
    after = (items[-1]["at"], items[-1]["id"]) if more else None
    return jsonify({"items": [_shown(row) for row in items], "next_cursor": cursor_of(after)})


@questions.get("/saved")
@described("Questions", SavedList)
def list_saved_questions() -> Response:
    """Your saved questions, by name.

    All of them: they are never many.
    """
    with current().store.read() as connection:
        rows = stored.saved_questions(connection, who())
    return jsonify({"items": [_shown(row) for row in rows]})


@questions.post("/saved")
@described(
    "Questions",
    SavedQuestion,
    status=201,
    errors={409: "there is a saved question named 'Failed logins'; choose another"},
)
def save_question(body: SaveBody) -> Response:
    """Save a question under a name: 201 with the row.

    409 when you have one of that name, or 200 already.
    """
    now = time.time_ns() // 1_000_000
    try:
        with current().store.begin() as connection:
            row = stored.save_question(
                connection, who=who(), name=body.name, text=body.text, at=now
            )
    except stored.NotSavedError as error:
        raise ApiError(409, str(error), name=body.name) from None
    return make_response(jsonify(_shown(row)), 201)


@questions.delete(f"/saved/<int(min=1,max={_MAX_ID}):question_id>")
@described("Questions", status=204, errors={404: "no saved question has the id 17"})
def delete_saved_question(
    question_id: Annotated[
        int, Field(ge=1, le=_MAX_ID, description="`id` of the saved question.", examples=[3])
    ],
) -> Response:
    """Delete a saved question of yours.

    404 also for one of somebody else.
    """
    try:
        with current().store.begin() as connection:
            stored.forget_saved(connection, who(), question_id)
    except stored.UnknownQuestionError as error:
        raise ApiError(404, str(error), id=question_id) from None
    return make_response("", 204)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"at": iso(row["at"])}
