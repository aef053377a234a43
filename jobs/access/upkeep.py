"""What a server keeps up to date about access: last uses of tokens, and settings that changed."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from jobs.access.audited import Doer, audit_key, note
from jobs.runtime import Foresight
from settings import Settings
from store import accounts, audit

EVERY_S: Final = 30.0
SETTINGS: Final = "settings"
_MARK_CHARACTERS: Final = 8
_log = logging.getLogger(__name__)


class Upkeep:
    """A thread that writes now and then what requests only remember."""

    def __init__(self, parts: Foresight) -> None:
        self._parts = parts
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write what there is, and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        self._try(note_settings)
        while not self._stopping.wait(EVERY_S):
            self._try(note_uses)
        self._try(note_uses)

    def _try(self, write: Any) -> None:
        try:
            write(self._parts)
        except SQLAlchemyError as error:
            _log.warning("%s: the store can't be reached: %s", write.__name__, error)


def note_uses(parts: Foresight) -> None:
    """Write when tokens were last used."""
    used = parts.register.take_uses()
    if not used:
        return
    with parts.store.begin() as connection:
        accounts.note_uses(connection, used)


def note_settings(parts: Foresight) -> None:
    """Note which settings are others than at the last start; of secrets only that they are."""
    key = audit_key(parts.session_key)
    now = _told(parts.settings, key)
    with parts.store.begin() as connection:
        last = audit.last_of(connection, SETTINGS)
        before = json.loads(last.detail)["values"] if last else {}
        changed = sorted(name for name in now | before if now.get(name) != before.get(name))
        if changed:
            doer = Doer("start of the server", None, time.time_ns() // 1_000_000)
            note(parts, connection, doer, SETTINGS, ", ".join(changed), values=now)


def _told(settings: Settings, key: bytes) -> dict[str, str]:
    """What differs from the defaults, as text; a secret as a mark that changes with it."""
    found = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value == field.default:
            continue
        found[name] = _mark(value, key) if isinstance(value, SecretStr) else str(value)
    return found


def _mark(secret: SecretStr, key: bytes) -> str:
    text = secret.get_secret_value().encode("utf-8", "surrogatepass")
    return f"set ({hmac.new(key, text, hashlib.sha256).hexdigest()[:_MARK_CHARACTERS]})"
