"""Texts of attackers, and what must not have become of a store that was given them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import MetaData, Table, func, inspect, select

from store import Store, writes
from store.tables import metadata
from tests.rows import MINUTE, T0, call, window

PRODUCT: Final = 7331 * 7919  # in no answer, unless somebody calculates it
SQL: Final = (
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "') OR ('a'='a",
    "x' UNION SELECT name, password_hash FROM account --",
    "'; DROP TABLE api_log; --",
    "'; DELETE FROM audit; COMMIT; --",
    "\\'; UPDATE account SET role='admin'; --",
    "' || (SELECT pg_sleep(9)) || '",
    "' AND 1=randomblob(900000000) --",
    "1; ATTACH DATABASE 'x.db' AS x",
    "%' OR '%'='",
    "\u2019 OR 1=1 \u2013\u2013",
    "\uff07 OR 1=1 --",
    "/**/OR/**/1=1#",
    "$$; DROP TABLE api_log; $$",
    "0x27204f5220313d31",
)
TEMPLATES: Final = (
    "{{7331*7919}}",
    "${7331*7919}",
    "<%= 7331*7919 %>",
    "#{7331*7919}",
    "{{config.items()}}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
    "{0.__class__.__init__.__globals__}",
    "%(session_key)s",
    "%s%s%n%x",
    "__import__('os').getpid()",
    "=7331*7919",
)
POLYGLOTS: Final = (  # of everything, where each text would take too long
    "'\"`)};--{{7331*7919}}${7331*7919}<%=7331*7919%>{0.__class__}%s%n' OR 1=1 --",
    "x' UNION SELECT name, password_hash FROM account; DROP TABLE api_log; --",
    "') OR ('{{config}}'='{{config}}",
)
ENDPOINT, CLIENT = "/search", "u1"


def texts(store: Store) -> tuple[str, ...]:
    """Those for a store; PostgreSQL, which takes longer to set up, has a share of them."""
    return (*SQL, *TEMPLATES) if store.engine.dialect.name == "sqlite" else (*SQL[:6], SQL[8])


def fill(store: Store) -> None:
    """Calls of two clients and risky windows of an endpoint and a client."""
    key = {"subject": "client", "endpoint": "*", "method": "*", "client": CLIENT}
    risky = {"risk_score": 0.9, "priority": "HIGH", "is_anomaly": 1}
    with store.begin() as connection:
        calls = [call(T0 + at, user_id=CLIENT if at % 2 else None) for at in range(6)]
        writes.add_calls(connection, calls, store.grid)
        minutes = [T0 + at * MINUTE for at in range(3)]
        rows = [window(at, **risky) for at in minutes]
        rows += [window(at, **risky, **key, usage_cluster="bot") for at in minutes]
        writes.save_windows(connection, rows)


def census(store: Store) -> dict[str, int]:
    """Number of rows of every table that is there."""
    with store.read() as connection:
        names = inspect(connection).get_table_names()
        tables = [Table(name, MetaData(), autoload_with=connection) for name in names]
        counts = [select(func.count()).select_from(table) for table in tables]
        return {
            table.name: connection.execute(count).scalar_one()
            for table, count in zip(tables, counts, strict=True)
        }


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Tables with another number of rows, and by how much; all tables are there."""
    assert before.keys() == after.keys()
    assert set(metadata.tables) <= set(after)
    return {name: after[name] - rows for name, rows in before.items() if after[name] != rows}


def evaluated(text: str, secrets: Iterable[str] = ()) -> list[str]:
    """What of an answer only somebody who calculates, or tells too much, can have written."""
    told = (str(PRODUCT), f"{PRODUCT:,}", "<class '", "<function ", "$argon2", *secrets)
    return [one for one in told if one and one in text]


def replaced(value: Any, by: str) -> list[Any]:
    """Copies of a JSON value, each with one of its texts replaced; names of fields stay."""
    if isinstance(value, str) or value is None:
        return [by]
    found: list[Any] = []
    if isinstance(value, dict):
        for name, part in value.items():
            found += [value | {name: other} for other in replaced(part, by)]
    if isinstance(value, list):
        for place, part in enumerate(value):
            found += [[*value[:place], other, *value[place + 1 :]] for other in replaced(part, by)]
    return found
