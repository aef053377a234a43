"""What was asked and what was saved: in the store on both databases, and over REST."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs.runtime import Foresight
from store import Store, questions
from store.questions import NotSavedError, UnknownQuestionError
from tests.rows import T0

T0_ISO = "2026-03-18T15:30:00.000Z"


def ask(store: Store, text: str, at: int = T0, who: str = "admin", **fields: Any) -> None:
    ordinary = {"outcome": "answered", "message": "Calls.", "rows": 3, "took_ms": 4.5}
    with store.begin() as connection:
        questions.remember(connection, who=who, text=text, at=at, **(ordinary | fields))


def history(store: Store, who: str = "admin", **page: Any) -> list[str]:
    with store.read() as connection:
        found = questions.history_page(connection, who, **({"limit": 5_000} | page))
        return [row["text"] for row in found]


def save(store: Store, name: str, text: str = "errors today", who: str = "admin") -> Any:
    with store.begin() as connection:
        return questions.save_question(connection, who=who, name=name, text=text, at=T0)


def saved(store: Store, who: str = "admin") -> list[str]:
    with store.read() as connection:
        return [row["name"] for row in questions.saved_questions(connection, who)]


# --- history --------------------------------------------------------------------------------------


def test_a_history_is_newest_first_and_its_user_s_own(store: Store) -> None:
    for at, text in ((T0, "first"), (T0 + 1, "second"), (T0 + 1, "third")):
        ask(store, text, at)
    ask(store, "of another", who="b")
    assert history(store) == ["third", "second", "first"]
    assert history(store, "b") == ["of another"]
    assert history(store, "nobody") == []


def test_a_page_of_history_goes_on_where_the_last_one_ended(store: Store) -> None:
    for number in range(5):
        ask(store, str(number), T0)  # equal times: the id decides
    with store.read() as connection:
        first = questions.history_page(connection, "admin", 2)
    ask(store, "new", T0 + 1)
    after = (first[-1]["at"], first[-1]["id"])
    assert [row["text"] for row in first] == ["4", "3"]
    assert history(store, after=after) == ["2", "1", "0"]


def test_only_the_newest_of_a_user_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_REMEMBERED", 3)
    ask(store, "of another", T0 - 1, who="b")
    for number in range(6):
        ask(store, str(number), T0 + number)
    assert history(store) == ["5", "4", "3"]
    assert history(store, "b") == ["of another"]


def test_latest_texts_come_once_each_as_they_went_the_last_time(store: Store) -> None:
    ask(store, "a", T0, outcome="refused", rows=None)
    ask(store, "b", T0 + 1)
    ask(store, "a", T0 + 2, rows=7)
    with store.read() as connection:
        found = questions.latest_texts(connection, "admin", 20)
        assert [(row["text"], row["outcome"], row["rows"]) for row in found] == [
            ("a", "answered", 7),
            ("b", "answered", 3),
        ]
        assert len(questions.latest_texts(connection, "admin", 1)) == 1


def test_what_a_database_does_not_take_is_replaced_and_a_long_text_cut(store: Store) -> None:
    ask(store, "a\0b\ud800" + "x" * 2_000)
    (text,) = history(store)
    assert text[:5] == "a\ufffdb?x"
    assert len(text) == 1_000


def test_an_unknown_outcome_is_an_error(sqlite_store: Store) -> None:
    with pytest.raises(ValueError, match="'maybe' is none of answered, refused"):
        ask(sqlite_store, "a", outcome="maybe")


# --- saved ----------------------------------------------------------------------------------------


def test_saved_questions_are_sorted_by_name_and_their_user_s_own(store: Store) -> None:
    for name in ("beta", " Alpha  one ", "gamma"):
        save(store, name)
    save(store, "beta", who="b")
    assert saved(store) == ["Alpha one", "beta", "gamma"]
    assert saved(store, "b") == ["beta"]


def test_a_name_is_taken_once_and_the_first_question_stays(store: Store) -> None:
    save(store, "mine", "errors today")
    with pytest.raises(NotSavedError, match="'mine'; choose another"):
        save(store, "mine", "errors yesterday")
    with store.read() as connection:
        (row,) = questions.saved_questions(connection, "admin")
    assert (row["text"], row["at"]) == ("errors today", T0)


@pytest.mark.parametrize(
    ("name", "text"),
    [("", "a"), (" \t", "a"), ("n" * 81, "a"), ("n", ""), ("n", "x" * 1_001), ("n\0", "a")],
    ids=["no name", "blank", "long name", "no question", "long question", "NUL"],
)
def test_what_can_not_be_saved_is_refused(sqlite_store: Store, name: str, text: str) -> None:
    with pytest.raises(NotSavedError, match="characters"):
        save(sqlite_store, name, text)
    assert saved(sqlite_store) == []


def test_the_number_of_saved_questions_is_limited(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST_SAVED", 2)
    save(sqlite_store, "a")
    save(sqlite_store, "b")
    with pytest.raises(NotSavedError, match="delete one first"):
        save(sqlite_store, "c")
    save(sqlite_store, "c", who="b")


def test_a_saved_question_is_deleted_by_its_user_alone(store: Store) -> None:
    row = save(store, "mine")
    with store.begin() as connection:
        with pytest.raises(UnknownQuestionError):
            questions.forget_saved(connection, "b", row["id"])
        questions.forget_saved(connection, "admin", row["id"])
        with pytest.raises(UnknownQuestionError, match=f"the id {row['id']}"):
            questions.forget_saved(connection, "admin", row["id"])
    assert saved(store) == []


# --- REST -----------------------------------------------------------------------------------------

BODY = {"name": "Failed logins", "text": "failed requests to /login"}


def test_the_history_is_a_list_with_a_cursor(client: FlaskClient, parts: Foresight) -> None:
    for at, text in ((T0, "first"), (T0 + 1, "second")):
        ask(parts.store, text, at, who="API token")
    ask(parts.store, "of another")
    page = client.get("/api/questions?limit=1").get_json()
    (item,) = page["items"]
    assert item == {
        "id": 2,
        "at": "2026-03-18T15:30:00.001Z",
        "text": "second",
        "outcome": "answered",
        "message": "Calls.",
        "rows": 3,
        "took_ms": 4.5,
    }
    rest = client.get(f"/api/questions?cursor={page['next_cursor']}").get_json()
    assert [row["text"] for row in rest["items"]] == ["first"]
    assert rest["next_cursor"] is None


def test_a_question_is_saved_listed_and_deleted(client: FlaskClient) -> None:
    made = client.post("/api/questions/saved", json=BODY)
    assert made.status_code == 201
    row = made.get_json()
    assert row["name"] == "Failed logins"
    assert client.get("/api/questions/saved").get_json() == {"items": [row]}
    again = client.post("/api/questions/saved", json=BODY)
    assert again.status_code == 409
    assert "Failed logins" in again.get_json()["error"]["message"]
    gone = client.delete(f"/api/questions/saved/{row['id']}")
    assert (gone.status_code, gone.data) == (204, b"")
    assert client.delete(f"/api/questions/saved/{row['id']}").status_code == 404
    assert client.get("/api/questions/saved").get_json() == {"items": []}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"text": "x" * 1_001}, "text"),
        ({"text": "a\0"}, "text"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_body_that_is_wrong_is_a_400_that_names_the_field(
    client: FlaskClient, change: dict[str, str], named: str
) -> None:
    answer = client.post("/api/questions/saved", json=BODY | change)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["details"]["parameter"] == named


def test_strangers_see_and_change_nothing(stranger: FlaskClient) -> None:
    assert stranger.get("/api/questions").status_code == 401
    assert stranger.get("/api/questions/saved").status_code == 401
    assert stranger.post("/api/questions/saved", json=BODY).status_code == 401
    assert stranger.delete("/api/questions/saved/1").status_code == 401


def test_the_routes_are_in_the_description_of_the_api(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").get_json()["paths"]
    assert set(paths["/api/questions/saved"]) == {"get", "post"}
    assert "204" in paths["/api/questions/saved/{question_id}"]["delete"]["responses"]
    assert [p for p in paths if p.startswith("/api/questions")] != []
