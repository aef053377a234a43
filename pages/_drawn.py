"""What a page has drawn, so that a poll sends charts and grids only when they would change."""

from __future__ import annotations

from typing import Any
from zlib import crc32


def fingerprint(*content: Any) -> str:
    """Changes with what is drawn: data, range, theme; content is compared by its `repr`."""
    return f"{crc32(repr(content).encode()):x}"
