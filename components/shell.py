"""The frame of every page: sidebar, top bar with range, live switch and theme, toasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from components import range_bar
from components.icons import dot, glyph

POLL_MS: Final = 5_000
STREAMED_POLL_MS: Final = 15_000  # while the live stream tells what is new


@dataclass(frozen=True)
class NavItem:
    """One entry of the sidebar; `path` includes the prefix.

    It is marked as current on the pages `above`, too, which have no entry of their own. `count_id`
    is the id of the place for a number beside it, if there is one.
    """

    title: str
    path: str
    icon: str
    above: tuple[str, ...] = ()
    count_id: str = ""


@dataclass(frozen=True)
class Account:
    """Who is logged in, and what the menu of their account leads to."""

    name: str
    role: str  # CSS hides what is for others
    logout: str  # a form posts to it
    password: str  # where a new one is set; empty: a program, which has none
    reference: str  # of the API
    csrf: str  # token of the form


def index_html(assets: str, default_range: str, plain: Sequence[str] = ()) -> str:
    """The page that Dash fills.

    Parameters
    ----------
    assets : str
        Address of the assets folder, with its slash.
    default_range : str
        Key of the time range of an address that names none.
    plain : sequence of str
        Addresses of the pages that come without a chart, and so without the library for it.
    """
    # boot.js sets theme and range before anything is painted, and asks for the charts where needed.
    return f"""<!DOCTYPE html>
<html lang="en" data-bs-theme="dark" data-default-range="{default_range}">
  <head>
    {{%metas%}}
    <title>{{%title%}}</title>
    <link rel="icon" type="image/svg+xml" href="{assets}favicon.svg">
    <script src="{assets}boot.js" data-plain="{" ".join(plain)}"></script>
    <link rel="preload" as="font" type="font/woff2" crossorigin
      href="{assets}vendor/inter/inter-latin.woff2">
    <link rel="stylesheet" href="{assets}vendor/bootstrap/bootstrap.min.css">
    <link rel="stylesheet" href="{assets}vendor/icons/bootstrap-icons.min.css">
    <link rel="stylesheet" href="{assets}vendor/inter/inter.css">
    {{%css%}}
  </head>
  <body>
    {{%app_entry%}}
    <footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
  </body>
</html>"""


def frame(
    nav: Sequence[NavItem],
    content: Any,
    *,
    ranges: Mapping[str, str],
    demo: bool,
    stream: bool,
    account: Account,
) -> html.Div:
    """The whole page around `content`.

    Parameters
    ----------
    nav : sequence of NavItem
        Entries of the sidebar.
    ranges : mapping of str to str
        Key of each time range (as in the address) and its short label.
    demo : bool
        Says in the top bar that the traffic is simulated.
    stream : bool
        There is a live stream to follow.
    account : Account
        Who looks.
    """
    return html.Div(
        [
            html.A("Skip to content", href="#content", className="skip"),
            dcc.Location(id="shell-url", refresh=False),
            dcc.Store(id="shell-range"),
            dcc.Store(id="shell-theme"),
            dcc.Store(id="shell-live-state"),
            dcc.Store(id="shell-visible"),
            dcc.Store(id="shell-connection"),
            dcc.Store(id="shell-seen", storage_type="session"),
            dcc.Store(id="shell-pace", data=_pace(stream)),
            dcc.Store(id="shell-stream"),
            dcc.Store(id="shell-news"),
            tick("shell"),
            _sidebar(nav),
            html.Div(className="backdrop", id="shell-backdrop"),
            html.Div(
                [
                    _top_bar(ranges, demo, account),
                    _connection_notices(),
                    html.Main(content, id="content", tabIndex=-1),
                ],
                className="column",
            ),
            range_bar.range_dialog(),
            html.Div(
                id="shell-toasts", className="toasts", role="status", **{"aria-live": "polite"}
            ),
        ],
        className=f"shell role-{account.role}",
    )


def _pace(stream: bool) -> dict[str, Any]:
    """What `assets/live.js` needs to know."""
    return {"stream": stream, "poll_ms": POLL_MS, "open_ms": STREAMED_POLL_MS}


def tick(of: str) -> dcc.Interval:
    """The clock of one poll: `running=` disables it, the live switch and hidden tabs stop it."""
    return dcc.Interval(id=tick_id(of), interval=POLL_MS)


def tick_id(of: str) -> dict[str, str]:
    """Id of the clock of `shell` or of a page."""
    return {"type": "shell-tick", "of": of}


def page(title: str, *body: Any, id: str, subtitle: str = "") -> html.Div:
    """A page's heading, a line below it (`<id>-subtitle`) and its content."""
    return html.Div(
        [
            html.Header(
                [html.H1(title), html.P(subtitle, id=f"{id}-subtitle", className="page-sub")],
                className="page-head",
            ),
            *body,
        ],
        className="page",
        id=f"{id}-page",
    )


def freshness(level: str, text: str, title: str = "") -> html.Span:
    """The state of the scores in the top bar; `level` is fresh, waiting or stale."""
    return html.Span(
        [dot(), html.Span(text, className="status-text")],
        className=f"status status-{level}",
        title=title,
    )


def open_alerts(count: int) -> list[Any]:
    """The number of open HIGH alerts of the last hour beside their entry; nothing for none."""
    if not count:
        return []
    return [str(count), html.Span(" open HIGH in the last hour", className="visually-hidden")]


def _sidebar(nav: Sequence[NavItem]) -> html.Aside:
    return html.Aside(
        html.Div(
            [
                html.Div(
                    [glyph("activity"), html.Span("Foresight")],
                    className="brand",
                ),
                html.Nav([_nav_link(item) for item in nav], **{"aria-label": "Pages"}),
                html.Div(
                    [glyph("globe2"), "All times are UTC"],
                    className="sidebar-foot",
                ),
            ],
            className="sidebar-inner",
        ),
        className="sidebar",
        id="shell-sidebar",
    )


def _nav_link(item: NavItem) -> dcc.Link:
    count = html.Span(id=item.count_id, className="nav-count") if item.count_id else None
    return dcc.Link(
        [glyph(item.icon), html.Span(item.title, **{"data-above": " ".join(item.above)}), count],
        href=item.path,
        id={"type": "shell-nav", "path": item.path},
        className="nav-entry",
    )


def _top_bar(ranges: Mapping[str, str], demo: bool, account: Account) -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    _icon_button("shell-menu", "list", "Menu"),
                    _demo_badge() if demo else None,
                    html.Div(freshness("waiting", "Connecting"), id="shell-freshness"),
                ],
                className="bar-left",
            ),
            range_bar.range_bar(ranges),
            html.Div(
                [
                    _live_switch(),
                    html.Button(
                        [
                            glyph("sun", "when-dark"),
                            glyph("moon-stars", "when-light"),
                        ],
                        id="shell-theme-switch",
                        type="button",
                        className="icon-button",
                        title="Switch between dark and light",
                        **{"aria-label": "Light theme", "aria-pressed": "false"},
                    ),
                    _user_menu(account),
                ],
                className="bar-right",
            ),
        ],
        className="topbar",
        role="banner",
    )


def _demo_badge() -> html.Span:
    return html.Span(
        [glyph("flask"), html.Span("Simulated data")],
        className="badge-demo",
        id="shell-demo",
        title="Demo mode: simulated clients call the mock endpoints of this server",
    )


def _live_switch() -> html.Button:
    return html.Button(
        [dot(), html.Span("Live", id="shell-live-word")],
        id="shell-live",
        type="button",
        className="live",
        title="Pause or resume updates",
        **{"aria-pressed": "true"},
    )


def _user_menu(account: Account) -> dbc.DropdownMenu:
    return dbc.DropdownMenu(
        [
            dbc.DropdownMenuItem(f"Signed in as {account.name} ({account.role})", header=True),
            dbc.DropdownMenuItem(
                [glyph("key"), "Change password"], href=account.password, external_link=True
            )
            if account.password
            else None,
            dbc.DropdownMenuItem(
                [glyph("braces"), "API reference"], href=account.reference, external_link=True
            ),
            html.Form(
                [
                    dcc.Input(type="hidden", name="csrf_token", value=account.csrf),
                    html.Button(
                        [glyph("box-arrow-right"), "Sign out"],
                        className="dropdown-item",
                        type="submit",
                    ),
                ],
                action=account.logout,
                method="POST",
            ),
        ],
        label=[
            glyph("person-circle"),
            html.Span("Account", className="visually-hidden"),
        ],
        align_end=True,
        caret=False,
        color="link",
        toggle_class_name="icon-button",
        id="shell-user",
    )


def _icon_button(id: str, icon: str, label: str) -> html.Button:
    return html.Button(
        glyph(icon),
        id=id,
        type="button",
        className="icon-button",
        title=label,
        **{"aria-label": label},
    )


def _connection_notices() -> html.Div:
    """Shown by CSS when `assets/connection.js` says so, or when there is text in it."""
    return html.Div(
        [
            html.Div(
                [glyph("database-exclamation"), html.Span(id="shell-store")],
                className="notice notice-store",
            ),
            html.Div(
                [
                    glyph("wifi-off"),
                    "Connection lost. What you see is from before; trying again every 5 seconds.",
                ],
                className="notice notice-lost",
            ),
            html.Div(
                [
                    glyph("bug"),
                    "The server could not answer. What you see is from before; its log says why.",
                ],
                className="notice notice-failing",
            ),
            html.Div(
                [
                    glyph("lock"),
                    html.Span(
                        ["You are signed out. ", html.A("Sign in again", id="shell-sign-in")]
                    ),
                ],
                className="notice notice-out",
            ),
            html.Div(
                [glyph("calendar-x"), html.Span(id="shell-range-problem")],
                className="notice notice-range",
            ),
        ],
        className="notices",
        role="alert",
    )
