"""SQL and templates in headers, forms, commands and logs: none is run, none is calculated."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient

import cli
from ingest.access_log import Format, import_log
from jobs.access.roles import Role
from jobs.runtime import EXTENSION, Foresight
from tests import hostile
from tests.hostile import Watch, evaluated
from tests.people import PASSWORD, csrf_of, newcomer, page_token
from tests.rows import SEAL, T0
from tests.server import TOKEN
from tests.stored import drain_all

HEADERS: Final = (
    *("User-Agent", "X-Forwarded-For", "X-Forwarded-User", "X-Forwarded-Proto", "X-Request-Id"),
    *("X-Forwarded-Host", "Accept", "Accept-Language", "Accept-Encoding", "Cookie", "Referer"),
    *("Origin", "Range", "If-None-Match", "Content-Type", "Authorization", "X-CSRFToken"),
)
WATCHED: Final = ("/search", "/no/such/path")  # their calls are stored
OWN: Final = ("/api/stats", "/auth/login", "/dashboard/", "/dashboard/assets/app.css", "/metrics")
REACH_OUT: Final = {"train", "evaluate", "traffic", "record-dataset"}  # take minutes, ask servers


@pytest.fixture
def parts(attacked: Flask) -> Foresight:
    found: Foresight = attacked.extensions[EXTENSION]
    return found


def as_sent(text: str) -> str:
    """A header as its bytes come in."""
    return text.encode().decode("latin-1")


def test_no_header_is_run_or_calculated(attacked: Flask, parts: Foresight) -> None:
    watch, sent = Watch(parts), 0
    known = {"Authorization": f"Bearer {TOKEN}"}
    for header in HEADERS:
        for text in hostile.texts(parts.store):
            headers = {header: as_sent(text)}
            for path in WATCHED:
                watch(attacked.test_client(), "GET", path, headers=headers)
                sent += 1
            if text == hostile.SQL[0] or text in hostile.TEMPLATES[:1]:
                for path in OWN:
                    watch(attacked.test_client(), "GET", path, headers=known | headers)
    assert drain_all(parts.store, parts.settings.journal_dir) == sent
    assert watch.grown()["api_log"] == sent


def test_a_user_that_a_proxy_names_is_stored_as_he_is_named(
    attacked: Flask, parts: Foresight
) -> None:
    for text in hostile.texts(parts.store):
        attacked.test_client().get("/search", headers={"X-Forwarded-User": as_sent(text)})
    drain_all(parts.store, parts.settings.journal_dir)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    calls = attacked.test_client().get("/api/logs", headers=headers).get_json()["items"]
    assert {call["user_id"] for call in calls} >= set(hostile.texts(parts.store))


@pytest.mark.parametrize("field", ["username", "password", "csrf_token", "next", "token"])
def test_the_login_form_lets_no_attack_in(attacked: Flask, parts: Foresight, field: str) -> None:
    watch = Watch(parts)
    for at, text in enumerate(hostile.FEW):
        person = attacked.test_client()
        person.environ_base["REMOTE_ADDR"] = f"198.51.100.{at + 1}"
        form = {"username": "admin", "password": PASSWORD, "csrf_token": csrf_of(person)}
        query = {field: text} if field in ("next", "token") else {}
        if query:
            watch(person, "GET", "/auth/login", query_string=query)
        answer = watch(person, "POST", "/auth/login", query_string=query, data=form | {field: text})
        if field in ("next", "token"):
            assert (answer.status_code, answer.location) == (302, "/dashboard/")
        else:
            assert answer.status_code == (400 if field == "csrf_token" else 401), text
            assert person.get("/api/stats").status_code == 401
    assert watch.grown().keys() <= {"audit", "account"}


def test_a_password_may_be_an_attack_and_is_nothing_else(attacked: Flask, parts: Foresight) -> None:
    person = newcomer(attacked, Role.VIEWER)
    watch, current, kept = Watch(parts), PASSWORD, 0
    for text in (*hostile.FEW, "short"):
        form = {"old": current, "new": text, "again": text}
        headers = page_token(person)
        answer = watch(person, "POST", "/auth/password", data=form, headers=headers)
        assert answer.status_code == (302 if len(text) >= 12 else 400), text
        if answer.status_code == 302:
            current, kept = text, kept + 1
    assert watch.grown()["audit"] >= kept > 0
    assert parts.register.by_password("ann", current) is not None


def leaves(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below one, with the words that call it."""
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            yield from leaves(part, *path, name)
    else:
        yield path, command


def ordinary(parameter: click.Parameter) -> str:
    """A value that a parameter takes."""
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return {"integer": "1", "instant": "2026-03-18"}.get(kind.name, "nobody")


def written(parameter: click.Parameter, value: str) -> list[str]:
    return [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]


def test_no_argument_of_a_command_is_run_or_calculated(attacked: Flask, parts: Foresight) -> None:
    watch, runner, run = Watch(parts), attacked.test_cli_runner(), 0
    found = [leaf for command in cli.COMMANDS for leaf in leaves(command, str(command.name))]
    for path, command in found:
        takes_files = any(isinstance(p.type, click.Path) for p in command.params)
        if path[0] in REACH_OUT or takes_files:  # files: see test_hostile_files
            continue
        for attacked_one in (p for p in command.params if not getattr(p, "is_flag", False)):
            others = [p for p in command.params if p.required and p is not attacked_one]
            for text in hostile.POLYGLOTS:
                words = [*path, *written(attacked_one, text)]
                words += [word for p in others for word in written(p, ordinary(p))]
                with attacked.app_context():
                    done = runner.invoke(args=words, input=f"{PASSWORD}\n")
                told = (words, done.output, done.exception)
                assert done.exit_code in (0, 1, 2), told
                assert done.exception is None or isinstance(done.exception, SystemExit), told
                assert evaluated(done.output, [parts.session_key, PASSWORD]) == [], told
                run += 1
    assert run > 30
    assert watch.grown().keys() <= {"audit", "token"}


def combined(call: dict[str, Any]) -> bytes:
    line = '{ip_address} - {user_id} [18/Mar/2026:15:30:07 +0000] "{method} {path} HTTP/1.1" '
    return (line + '{status_code} 5 "{referrer}" "{agent}"').format_map(call).encode()


def csv_line(call: dict[str, Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(call.values())
    return text.getvalue().rstrip().encode()


LINES: Final[dict[Format, Callable[[dict[str, Any]], bytes]]] = {
    "combined": combined,
    "json": lambda call: json.dumps(call).encode(),
    "csv": csv_line,
}


@pytest.mark.parametrize("form", LINES)
def test_no_field_of_a_log_is_run_or_calculated(
    attacked: Flask, parts: Foresight, form: Format
) -> None:
    call = {"timestamp": T0, "method": "GET", "path": "/a", "status_code": 200}
    call |= {"ip_address": "10.0.0.1", "user_id": "ann", "endpoint": "/a", "referrer": "-"}
    call |= {"agent": "curl"}
    watch = Watch(parts)
    texts = hostile.texts(parts.store)
    lines = [LINES[form](call | {name: text}) for name in call for text in texts]
    if form == "csv":
        lines.insert(0, ",".join(call).encode())
    report = import_log(parts.store, lines, format=form, seal=SEAL)
    assert report.stored + report.rejected + report.skipped == report.lines == len(lines)
    assert report.stored > len(lines) / 2
    assert watch.grown()["api_log"] == report.stored
    client: FlaskClient = attacked.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    for path in ("/api/logs?source=import&limit=1000", "/api/stats"):
        assert watch(client, "GET", path).status_code == 200
