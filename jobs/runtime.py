"""The parts of a running product, made once by `create_app` and kept in `server.extensions`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, Final

from ingest.journal import Journal
from ingest.shop.model import Shop
from jobs.dataset_shelf import Shelf
from jobs.tail import Tail
from jobs.training_files import TrainingFiles
from ml.registry import Models
from settings import Settings
from store import Store

EXTENSION: Final = "foresight"
STREAMS_AT_ONCE: Final = 8  # lists being sent; each keeps a thread for as long as its client reads
FACTORY_MODELS: Final = Path(__file__).parent.parent / "ml" / "factory"


class RefusedLogins:
    """Logins that this server refused since it started.

    In memory, because a flood of them must not make the store write for each.
    """

    KINDS: Final = ("password", "link", "token")

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = dict.fromkeys(self.KINDS, 0)

    def add(self, kind: str) -> None:
        """Count one of `KINDS`."""
        with self._lock:
            self._counts[kind] += 1

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
    refused_logins: RefusedLogins = field(default_factory=RefusedLogins)
    learnt: dict[str, Any] = field(default_factory=dict)  # what pages show of a version's insides
    shelf: Shelf = field(default_factory=Shelf)  # data sets that are being looked at
    training_files: TrainingFiles = field(default_factory=TrainingFiles)
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(STREAMS_AT_ONCE))
