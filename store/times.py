"""Instants as the store keeps them, epoch milliseconds UTC, from and to ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

LAST_MS: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(value: object) -> int:
    """An instant given as ISO 8601 (UTC unless it says otherwise) or as epoch milliseconds."""
    if isinstance(value, float) and value.is_integer():  # 1.0 is a whole number of JSON
        value = int(value)
    text = str(value).strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LAST_MS))
    instant = int(text) if is_number else _instant_of_iso(text)
    if not 0 <= instant <= LAST_MS:
        raise ValueError("must lie between 1970 and the year 9999")
    return instant


def _instant_of_iso(text: str) -> int:
    try:
        # a "+" of a zone that was not percent-encoded arrives as a space
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise ValueError(
            "must be ISO 8601 such as 2026-03-18T15:30:00Z, or epoch milliseconds"
        ) from None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def iso(ms: int | None) -> str | None:
    """ISO 8601 UTC of epoch milliseconds."""
    return None if ms is None else f"{_iso_second(ms // 1000)}.{ms % 1000:03}Z"


@lru_cache(maxsize=4096)  # rows of a list share their seconds
def _iso_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]
