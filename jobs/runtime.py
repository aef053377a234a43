"""The parts of a running product, made once by `create_app` and kept in `server.extensions`."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, Final

from ingest.journal import Journal
from ingest.seal import Seal
from ingest.shop.model import Shop
from jobs.access.register import Register
from jobs.access.throttle import Throttle
from jobs.dataset_shelf import Shelf
from jobs.tail import Tail
from jobs.training_files import TrainingFiles
from ml.registry import Models
from settings import Settings
from store import Store

EXTENSION: Final = "foresight"
STREAMS_AT_ONCE: Final = 8  # lists being sent; each keeps a thread for as long as its client reads
FACTORY_MODELS: Final = Path(__file__).parent.parent / "ml" / "factory"


def model_key(session_key: str) -> bytes:
    """Signs the model versions of a data folder; follows from the session key."""
    return hmac.digest(session_key.encode(), b"foresight model versions", hashlib.sha256)


_log: Final = logging.getLogger(__name__)


class RefusedLogins:
    """Logins that this server refused since it started.

    In memory, because a flood of them must not make the store write for each.
    """

    KINDS: Final = ("password", "link", "token", "throttled")
    NOTED_A_MINUTE: Final = 60

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = dict.fromkeys(self.KINDS, 0)
        self._minute = (0.0, 0)  # when it began, how many there were in it

    def add(self, kind: str) -> bool:
        """Count one of `KINDS`; says whether it is worth an entry in the audit log."""
        now = time.monotonic()
        with self._lock:
            self._counts[kind] += 1
            began, number = self._minute
            self._minute = (began, number + 1) if now - began < 60 else (now, 1)
            is_noted = self._minute[1] <= self.NOTED_A_MINUTE
        if is_noted:
            _log.warning("a login was refused", extra={"by": kind})
        return is_noted

    def by_kind(self) -> dict[str, int]:
        """Kind -> number."""
        with self._lock:
            return dict(self._counts)


@dataclass(frozen=True)
class Foresight:
    """What requests and jobs work with; found in `server.extensions[EXTENSION]`."""

    settings: Settings
    store: Store
    journal: Journal
    shop: Shop
    models: Models
    tail: Tail
    session_key: str
    register: Register
    seal: Seal
    throttle: Throttle = field(default_factory=Throttle)
    refused_logins: RefusedLogins = field(default_factory=RefusedLogins)
    learnt: dict[str, Any] = field(default_factory=dict)  # what pages show of a version's insides
    shelf: Shelf = field(default_factory=Shelf)  # data sets that are being looked at
    training_files: TrainingFiles = field(default_factory=TrainingFiles)
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(STREAMS_AT_ONCE))
    started_at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)  # epoch ms
