"""Elements as plain dicts, for long lists: Dash's own classes cost five times as much."""

from __future__ import annotations

from typing import Any

Element = dict[str, Any]


def element(tag: str, children: Any = None, **props: Any) -> Element:
    """An element of `dash.html`, such as `Div`; properties that are None are left out."""
    return _dict(tag, "dash_html_components", children, props)


def link(children: Any, href: str, **props: Any) -> Element:
    """A link that stays in the app, as `dcc.Link`."""
    return _dict("Link", "dash_core_components", children, {"href": href, **props})


def icon(name: str) -> Element:
    """The icon called `name`, see `components.icons.glyph`."""
    return element("I", className=f"bi bi-{name}", **{"aria-hidden": "true"})


def _dict(tag: str, namespace: str, children: Any, props: dict[str, Any]) -> Element:
    given = {name: value for name, value in props.items() if value is not None}
    return {"type": tag, "namespace": namespace, "props": {"children": children, **given}}
