"""What schemathesis can't do by itself: send a string as lines of JSON."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes | None:
    """The text as it is; what is none can't be sent."""
    return value.encode() if isinstance(value, str) else None
