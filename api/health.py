"""Whether the process lives (`/healthz`) and whether it can do its work (`/readyz`)."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api import current, schemas
from api.described import described
from api.errors import error_answer
from ml.registry import ModelError
from store.condition import Trouble, trouble_of

log = logging.getLogger(__name__)
health = Blueprint("health", __name__)


@health.get("/healthz")
@described("Operation", schemas.Alive)
def healthz() -> Response:
    """The process answers.

    Says nothing about the store or the models: `/readyz` does.
    """
    return jsonify(status="ok")


@health.get("/readyz")
@described("Operation", schemas.Ready, errors={503: "the store can't be reached"})
def readyz() -> Response:
    """The store reads and writes and there are models to score with; 503 with the reason otherwise.

    For load balancers; both health routes are open to everyone.
    """
    parts = current()
    trouble = parts.store.condition.trouble
    if trouble is not None:  # also what only writes meet
        return error_answer(503, trouble.value)
    try:
        with parts.store.read() as connection:
            connection.execute(text("SELECT 1"))
        version = parts.models.version()
    except SQLAlchemyError as error:
        log.exception("not ready")  # names of hosts and users are not for strangers
        return error_answer(503, (trouble_of(error) or Trouble.AWAY).value)
    except ModelError:
        log.exception("not ready")
        return error_answer(503, "there is no model that can be used: run `flask train`")
    return jsonify(status="ready", model=version)
