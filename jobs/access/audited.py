"""Entries of the audit log: who did it, from where, and what."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from store import audit

if TYPE_CHECKING:
    from jobs.runtime import Foresight

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Doer:
    """Who does something, from where, and when [epoch ms]."""

    name: str
    address: str | None
    at: int


def audit_key(session_key: str) -> bytes:
    """The key of the chain, made of the one that signs sessions."""
    return hmac.new(session_key.encode(), b"foresight audit log", hashlib.sha256).digest()


def note(
    parts: Foresight,
    connection: Connection,
    doer: Doer,
    action: str,
    subject: str = "",
    **detail: Any,
) -> None:
    """Add an entry in the transaction of what was done: both are stored, or none."""
    audit.append(
        connection,
        audit_key(parts.session_key),
        at=doer.at,
        who=doer.name,
        address=doer.address,
        action=action,
        subject=subject,
        detail=detail,
    )


def note_alone(parts: Foresight, doer: Doer, action: str, subject: str = "", **detail: Any) -> None:
    """Add an entry of what changes nothing in the store, such as an export or a question."""
    with parts.store.begin() as connection:
        note(parts, connection, doer, action, subject, **detail)


def note_if_possible(
    parts: Foresight, doer: Doer, action: str, subject: str = "", **detail: Any
) -> None:
    """The same where the act goes on without the store, such as a refused login."""
    try:
        note_alone(parts, doer, action, subject, **detail)
    except SQLAlchemyError as error:
        _log.error("no entry in the audit log for %s of %r: %s", action, doer.name, error)
