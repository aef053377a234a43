"""Icons of the vendored icon font; they decorate words, so screen readers skip them."""

from __future__ import annotations

from typing import Any, Final

from dash import html

HIDDEN: Final[dict[str, Any]] = {"aria-hidden": "true"}


def glyph(name: str, className: str = "") -> html.I:
    """The icon called `name`."""
    return html.I(className=f"bi bi-{name} {className}".strip(), **HIDDEN)


def dot(kind: str = "") -> html.Span:
    """A small disc: `high`, `medium` or `low`; without a kind its place gives it its colour."""
    return html.Span(className=f"dot dot-{kind}" if kind else "status-dot", **HIDDEN)
