"""The routes of a site, and which of them a path or a name in a question means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Final

from ask.question import Condition, NotUnderstood
from ask.spelling import nearest

COLUMN: Final = "endpoint"
MOST_SUGGESTED: Final = 3
PATH_EDITS: Final = 1  # of a path that is corrected, however long
_PARAMETER: Final = re.compile(r"\{[^/]*\}")


@dataclass(frozen=True)
class Named:
    """What a name means: the condition, and the name as it was read where that was corrected."""

    condition: Condition
    corrected: str | None = None


@dataclass(frozen=True)
class Routes:
    """All routes that calls or windows know, as they are stored."""

    stored: tuple[str, ...]

    @cached_property
    def _by_lower(self) -> Mapping[str, str]:
        return {route.lower(): route for route in self.stored}

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        """First parts of routes that are no routes themselves, in lower case."""
        found: set[str] = set()
        for route in self._by_lower:
            parts = route.split("/")
            found |= {"/".join(parts[:end]) for end in range(2, len(parts))}
        return frozenset(found - self._by_lower.keys())

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern[str], str]]:
        made = []
        for route in self.stored:
            if "{" in route:
                literal = [re.escape(part) for part in _PARAMETER.split(route)]
                made.append((re.compile("[^/]+".join(literal), re.IGNORECASE), route))
        return made

    @cached_property
    def segments(self) -> Mapping[str, tuple[str, ...]]:
        """Segment in lower case -> routes that have it."""
        found: dict[str, list[str]] = {}
        for route in self.stored:
            for part in dict.fromkeys(route.lower().strip("/").split("/")):
                if part and "{" not in part:
                    found.setdefault(part, []).append(route)
        return {part: tuple(routes) for part, routes in found.items()}

    def at_path(self, path: str) -> Named:
        """What a path means: a route, all below the first part of routes, or a template.

        Raises
        ------
        NotUnderstood
            No route is meant, also not with one typing error.
        """
        if (found := self._exactly(path)) is not None:
            return Named(found)
        known = [*self._by_lower, *self._prefixes]
        if not any(map(str.isdigit, path)):
            close = nearest(path.lower(), known, PATH_EDITS)
            if len(close) == 1 and (found := self._exactly(close[0])) is not None:
                return Named(found, self._by_lower.get(close[0], close[0]))
        raise self._unknown(path, [*self.stored, *self._prefixes])

    def under(self, path: str) -> Named:
        """A route and all below it; NotUnderstood if nothing is there."""
        clean = path.rstrip("/").lower() or "/"
        known = [*self._by_lower, *self._prefixes]
        if clean in known:
            return Named(self._below(clean))
        close = nearest(clean, known, PATH_EDITS)
        if len(close) == 1 and not any(map(str.isdigit, clean)):
            return Named(self._below(close[0]), self._below(close[0]).values[0])  # type: ignore[arg-type]
        raise self._unknown(path, known)

    def named(self, name: str) -> Named | None:
        """The routes of a name without a slash: `/name`, else those that have it as a segment."""
        lower = name.lower().strip("/")
        if "/" in lower:
            return self.at_path(f"/{lower}")
        if (route := self._by_lower.get(f"/{lower}")) is not None:
            return Named(Condition(COLUMN, "in", (route,)))
        if lower in self.segments:
            return Named(Condition(COLUMN, "in", self.segments[lower]))
        return None

    def unknown(self, name: str) -> NotUnderstood:
        """The refusal of a name that is no route."""
        return self._unknown(name, self.stored)

    def _exactly(self, path: str) -> Condition | None:
        lower = path.lower()
        clean = lower.rstrip("/") or "/"
        for form in (lower, clean):
            if (route := self._by_lower.get(form)) is not None:
                return Condition(COLUMN, "in", (route,))
        if clean in self._prefixes:
            return self._below(clean)
        fitting = [route for pattern, route in self._templates if pattern.fullmatch(clean)]
        return Condition(COLUMN, "in", (fitting[0],)) if len(fitting) == 1 else None

    def _below(self, prefix: str) -> Condition:
        """The prefix is written as the routes write it."""
        whole = self._by_lower.get(prefix)
        if whole is None:
            longer = next(
                r for lower, r in self._by_lower.items() if lower.startswith(f"{prefix}/")
            )
            whole = longer[: len(prefix)]
        return Condition(COLUMN, "under", (whole,))

    def _unknown(self, name: str, known: Iterable[str]) -> NotUnderstood:
        nearest_routes = closest(name, list(known)) or list(self.stored[:MOST_SUGGESTED])
        hint = f"; the nearest are {', '.join(nearest_routes)}" if nearest_routes else ""
        return NotUnderstood(f"no route {name!r} is known{hint}", name)


def closest(text: str, known: Sequence[str]) -> list[str]:
    """The few known texts that look most like `text`."""
    return get_close_matches(text, known, MOST_SUGGESTED, 0.4)
