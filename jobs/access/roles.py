"""Roles of people and programs, and the one who asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody may do; each may do what those before may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # acknowledge, judge, export, post calls
    ADMIN = "admin"  # ask, users, tokens, models, lab

    def includes(self, other: Role) -> bool:
        """Whether it may do all that the other may."""
        return _RANK[self] >= _RANK[other]


_RANK: Final = {role: rank for rank, role in enumerate(Role)}


class Scope(StrEnum):
    """What a token is for; it narrows its role."""

    ALL = "all"
    READ = "read"  # nothing is changed by it
    CALLS = "calls"  # posts calls
    METRICS = "metrics"  # scrapes metrics


@dataclass(frozen=True)
class Caller:
    """Who asks: a person with a session, or a program with a token."""

    name: str
    role: Role
    scope: Scope = Scope.ALL
    session_id: str | None = None  # None: by a token
    token_id: int | None = None

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def may(self, role: Role) -> bool:
        """Whether it may do what a role may."""
        return self.role.includes(role)

    def get_id(self) -> str | None:
        """What a session keeps."""
        return self.session_id
