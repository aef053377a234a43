"""Questions are answered as the SQL that they mean, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from ask.engine import Answer, answer
from ask.question import NotUnderstood
from store import Store, open_store
from tests import site
from tests.asked import Asked, questions, same_lines
from tests.site import NOW

ASKED = questions()
ANSWERED = [asked for asked in ASKED if asked["kind"] != "refuse"]
REFUSED = [asked for asked in ASKED if asked["kind"] == "refuse"]
EVERY = 10  # of the answered questions, so many are asked on PostgreSQL, too


def named(asked: Asked) -> str:
    return str(asked["id"])


@pytest.fixture(scope="module")
def sqlite_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The site on SQLite; nothing changes it."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('asked') / 'foresight.db'}")
    site.fill(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def postgres_site(postgres_url: str) -> Iterator[Store]:
    """The site on PostgreSQL; nothing changes it."""
    server = make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS asked")
        connection.exec_driver_sql("CREATE DATABASE asked")
    engine.dispose()
    opened = open_store(server.set(database="asked").render_as_string(hide_password=False))
    site.fill(opened)
    yield opened
    opened.close()


def meant(store: Store, asked: Asked) -> list[tuple[Any, ...]]:
    """The answer of the SQL that the question means."""
    with store.read() as connection:
        found = connection.exec_driver_sql(asked["sql"], {"now": NOW})
        return [tuple(row) for row in found]


def lines(found: Answer) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found.rows]


def ids(found: Answer) -> list[int]:
    return [row["id"] for row in found.rows]


@pytest.mark.parametrize("asked", ANSWERED, ids=named)
def test_an_answer_is_that_of_the_sql_it_means(sqlite_site: Store, asked: Asked) -> None:
    expected = meant(sqlite_site, asked)
    found = answer(sqlite_site, asked["query"], now=NOW)
    if asked["kind"] == "rows":
        assert ids(found) == [row_id for (row_id,) in expected], found.interpretation
    else:
        assert same_lines(lines(found), expected), (found.interpretation, lines(found), expected)


@pytest.mark.parametrize("asked", REFUSED, ids=named)
def test_what_has_no_meaning_is_refused_with_questions_that_have(
    sqlite_site: Store, asked: Asked
) -> None:
    with pytest.raises(NotUnderstood) as refused:
        answer(sqlite_site, asked["query"], now=NOW)
    assert refused.value.suggestions
    for suggestion in refused.value.suggestions:
        answer(sqlite_site, suggestion, now=NOW)


@pytest.mark.parametrize("asked", ANSWERED[::EVERY], ids=named)
def test_both_databases_give_the_same_answer(
    sqlite_site: Store, postgres_site: Store, asked: Asked
) -> None:
    on_sqlite = answer(sqlite_site, asked["query"], now=NOW)
    on_postgres = answer(postgres_site, asked["query"], now=NOW)
    assert on_postgres.columns == on_sqlite.columns
    if asked["kind"] == "rows":
        assert on_postgres.rows == on_sqlite.rows
    else:
        assert same_lines(lines(on_postgres), lines(on_sqlite))


def test_hardly_a_question_has_an_empty_answer(sqlite_site: Store) -> None:
    empty = [a["id"] for a in ANSWERED if not any(any(row) for row in meant(sqlite_site, a))]
    assert len(empty) < len(ANSWERED) / 20, empty
