"""Who may do what: the role that each route needs. What is not listed is for admins alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jobs.access.roles import Caller, Role, Scope

DASHBOARD: Final = "/dashboard/"
OPEN: Final = None  # to everybody
OPEN_BLUEPRINTS: Final = frozenset({"shop"})  # the mock endpoints
_VIEWER, _OPERATOR, _ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN

NEEDED: Final[Mapping[str, Role | None]] = {  # by the name of the route in Flask
    "home": OPEN,  # only redirects
    "health.healthz": OPEN,
    "health.readyz": OPEN,
    "door.login": OPEN,
    "door.enter": OPEN,
    "door.logout": _VIEWER,
    "door.password": _VIEWER,
    "door.change_password": _VIEWER,
    # Scripts, styles and fonts, which carry no data.
    f"{DASHBOARD}_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": OPEN,
    f"{DASHBOARD}_favicon.ico": OPEN,
    "_dashboard_dash_assets.static": OPEN,
    DASHBOARD: _VIEWER,
    f"{DASHBOARD}<path:path>": _VIEWER,
    f"{DASHBOARD}_dash-dependencies": _VIEWER,
    f"{DASHBOARD}_dash-layout": _VIEWER,
    f"{DASHBOARD}_dash-update-component": _VIEWER,  # and what `pages.permissions` says
    f"{DASHBOARD}_reload-hash": _VIEWER,
    "alerts.acknowledge": _OPERATOR,
    "alerts.list_alerts": _VIEWER,
    "ask.ask_in_plain_english": _ADMIN,
    "calls.post_calls": _OPERATOR,
    "datasets.dataset_rows": _OPERATOR,
    "datasets.list_datasets": _VIEWER,
    "datasets.training_file": _OPERATOR,
    "forecasts.drift": _VIEWER,
    "forecasts.scorecard": _VIEWER,
    "live.stream": _VIEWER,
    "live.upgrade_required": _VIEWER,
    "metrics.scrape": _VIEWER,
    "models.give_feedback": _OPERATOR,
    "models.list_feedback": _VIEWER,
    "models.list_models": _VIEWER,
    "models.promote": _ADMIN,
    "models.roll_back": _ADMIN,
    "openapi.docs": _VIEWER,
    "openapi.openapi_document": _VIEWER,
    "questions.delete_saved_question": _ADMIN,
    "questions.list_questions": _ADMIN,
    "questions.list_saved_questions": _ADMIN,
    "questions.save_question": _ADMIN,
    "rest.anomalies": _VIEWER,  # as a stream, which is an export, an operator
    "rest.endpoint_analytics": _VIEWER,
    "rest.logs": _VIEWER,
    "rest.stats": _VIEWER,
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_SCOPE: Final = {Scope.CALLS: "calls.post_calls", Scope.METRICS: "metrics.scrape"}


def role_needed(endpoint: str) -> Role | None:
    """The role that a route of this name needs; None: it is open."""
    if endpoint.partition(".")[0] in OPEN_BLUEPRINTS:
        return OPEN
    return NEEDED.get(endpoint, _ADMIN)


def in_scope(caller: Caller, endpoint: str, method: str) -> bool:
    """Whether a route is among what the caller's token is for."""
    match caller.scope:
        case Scope.ALL:
            return True
        case Scope.READ:
            return method in _SAFE
        case narrow:
            return endpoint == _OF_SCOPE[narrow]
