"""Texts of attackers, and what must not have become of a store that was given them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import func, inspect, select, table
from werkzeug.test import TestResponse

from jobs.access.audited import audit_key
from jobs.runtime import Foresight
from store import Store, audit, writes
from store.tables import metadata
from tests.people import PASSWORD
from tests.rows import MINUTE, T0, call, window
from tests.server import TOKEN

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
    "' || (SELECT pg_sleep(99)) || '",
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
FEW: Final = (SQL[0], SQL[4], TEMPLATES[0], TEMPLATES[6])  # where each takes half a second
CLIENT: Final = "u1"  # has windows and calls
SLOW_S: Final = 40.0  # less than a database that was told to sleep or to fill memory would need
WRITTEN: Final = {  # tables that get rows by what is asked; no table may lose one
    *("question", "audit", "saved_question", "api_log", "dirty_window", "call_count"),
    *("account", "token", "acknowledgement", "model_event", "journal_position"),
}


def texts(store: Store) -> tuple[str, ...]:
    """Those for a store; PostgreSQL, which takes longer to set up, has a share of them."""
    return (*SQL, *TEMPLATES) if store.writer.dialect.name == "sqlite" else (*SQL[:6], SQL[8])


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
        counts = {name: select(func.count()).select_from(table(name)) for name in names}
        return {name: connection.execute(count).scalar_one() for name, count in counts.items()}


def changes(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
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


class Watch:
    """Asks, and sees that each answer is an ordinary one and the store is as it should be."""

    def __init__(self, parts: Foresight) -> None:
        self.parts = parts
        self.before = census(parts.store)
        self.asked = 0

    def __call__(self, asker: FlaskClient, method: str, path: str, **sent: Any) -> TestResponse:
        """The answer to a request, looked at."""
        began = time.monotonic()
        with asker.open(path, method=method, **sent) as answer:  # a stream has to be closed
            text = answer.get_data(as_text=True)
        self.asked += 1
        seen = (method, path, sent, answer.status_code, text[:600])
        assert answer.status_code < 500, seen
        assert evaluated(text, [self.parts.session_key, TOKEN, PASSWORD]) == [], seen
        assert time.monotonic() - began < SLOW_S, seen
        return answer

    def grown(self) -> dict[str, int]:
        """Rows that were added; none is gone, no other table was touched, the audit log holds."""
        found = changes(self.before, census(self.parts.store))
        assert found.keys() <= WRITTEN, found
        assert all(number > 0 for number in found.values()), found
        with self.parts.store.read() as connection:
            verdict = audit.verify(connection, audit_key(self.parts.session_key))
        assert verdict.problem is None
        return found
