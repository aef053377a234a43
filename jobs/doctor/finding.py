"""What one check saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What one check saw, and what to do about it.

    `fail`: the product can't do its work, or is open to others. `warn`: it will come to that, or
    somebody should know.
    """

    check: str
    state: State
    seen: str
    mend: str = ""


def ok(check: str, seen: str) -> Finding:
    """Nothing is to be done."""
    return Finding(check, "ok", seen)


def warn(check: str, seen: str, mend: str) -> Finding:
    """Something should be done."""
    return Finding(check, "warn", seen, mend)


def fail(check: str, seen: str, mend: str) -> Finding:
    """Something must be done."""
    return Finding(check, "fail", seen, mend)
