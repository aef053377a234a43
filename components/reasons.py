"""Why a window is risky and who is the cause, as short texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components import format

Row = Mapping[str, Any]


def reason_texts(window: Row) -> list[str]:
    """Its reasons, the weightiest first; empty for a LOW window."""
    return [str(reason["text"]) for reason in json.loads(window.get("reasons") or "[]")]


def cause_text(window: Row) -> str | None:
    """`without the calls of 203.0.113.7 the risk would be 0.21`, None where nobody is the cause."""
    named = json.loads(window.get("causes") or "[]")
    if not named:
        return None
    clients = ", ".join(format.shortened(str(cause["client"]), 40) for cause in named)
    unnamed = named[0]["together"] - len(named)
    clients += f" and {format.plural(unnamed, 'more client')}" if unnamed else ""
    risk = format.score(named[0]["risk_without"])
    return f"without the calls of {clients} the risk would be {risk}"


def why(window: Row) -> str:
    """The first reason and the cause in one line; empty for a LOW window."""
    said = [*reason_texts(window)[:1], cause_text(window)]
    return "; ".join(text for text in said if text)


def all_of_it(window: Row) -> str:
    """All reasons and the cause, for a tooltip."""
    return "; ".join(text for text in [*reason_texts(window), cause_text(window)] if text)
