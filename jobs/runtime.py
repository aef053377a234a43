"""The parts of a running product, made once by `create_app` and kept in `server.extensions`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.journal import Journal
from ingest.shop.model import Shop
from ml.registry import Models
from settings import Settings
from store import Store

EXTENSION: Final = "foresight"
FACTORY_MODELS: Final = Path(__file__).parent.parent / "ml" / "factory"


@dataclass(frozen=True)
class Foresight:
    """What requests and jobs work with; found in `server.extensions[EXTENSION]`."""

    settings: Settings
    store: Store
    journal: Journal
    shop: Shop
    models: Models
    session_key: str
