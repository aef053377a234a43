"""People who sign in by the forms, as a browser would."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.headers import CSRF_COOKIE
from jobs.access import people
from jobs.access.audited import Doer
from jobs.access.roles import Role
from jobs.runtime import EXTENSION, Foresight

PASSWORD = "grey kettle sings 41"


def sign_in(
    person: FlaskClient,
    password: str,
    name: str = "admin",
    address: str = "/auth/login",
    **more: Any,
) -> TestResponse:
    """Fill in the form and send it."""
    form = {"username": name, "password": password, "csrf_token": csrf_of(person, address)}
    return person.post(address, data=form, **more)


def newcomer(app: Flask, role: Role, name: str = "ann") -> FlaskClient:
    """A person with a new account of this role, signed in."""
    parts: Foresight = app.extensions[EXTENSION]
    people.add_account(parts, Doer("boss", None, 1), name, role, PASSWORD)
    person = app.test_client()
    assert sign_in(person, PASSWORD, name).status_code == 302
    return person


def sign_out(person: FlaskClient, **more: Any) -> TestResponse:
    """Press the button of the menu."""
    return person.post("/auth/logout", headers=page_token(person) | more.pop("headers", {}), **more)


def csrf_of(person: FlaskClient, address: str = "/auth/login") -> str:
    """The token in the form of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', person.get(address).text)
    return found[1] if found else ""


def page_token(person: FlaskClient) -> dict[str, str]:
    """The header that scripts of a page send, from the cookie of the page."""
    person.get("/dashboard/")
    cookie = person.get_cookie(CSRF_COOKIE)
    return {"X-CSRFToken": cookie.value} if cookie else {}
