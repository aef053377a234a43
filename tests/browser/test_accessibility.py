"""Every page in both themes against the rules of axe-core, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import wait_for_page
from tests.server import ROOT, TOKEN, Server

AXE: Final = Path(__file__).parent.parent / "vendor" / "axe.min.js"
PAGES: Final = sorted(
    path.stem for path in (ROOT / "pages").glob("*.py") if not path.stem.startswith("_")
)
# Faults inside parts that are not ours, and why they are left.
EXCLUDED: Final[dict[str, str]] = {}
SETTLED: Final = """() => {
    const loading = document.querySelectorAll("main .skeleton, ._dash-loading");
    const isShown = (element) => element.checkVisibility();
    const grids = [...document.querySelectorAll("main .grid-frame")].filter(isShown);
    const drawn = grids.every((grid) => grid.querySelector("[role=columnheader]"));
    return document.querySelector("main h1") && drawn && ![...loading].some(isShown);
}"""
FINDINGS: Final = """async (excluded) => {
    const scope = { exclude: excluded.map((selector) => [selector]) };
    const { violations } = await axe.run(scope, { resultTypes: ["violations"] });
    const told = (id) => ({ target, html, failureSummary: why }) =>
        `${id}: ${target} ${html.slice(0, 160)} ${why}`;
    return violations
        .filter(({ impact }) => ["serious", "critical"].includes(impact))
        .flatMap(({ id, nodes }) => nodes.map(told(id)));
}"""
STATIONS: Final = [  # what a person with a keyboard passes on the Overview, in this order
    ".skip",
    ".nav-entry",
    ".segments",
    "#shell-range-open",
    "#shell-live",
    "#shell-theme-switch",
    "#shell-user",
    ".ag-header-cell",
    ".ag-cell",
]
FOCUSED: Final = """(stations) => {
    const element = document.activeElement;
    const ringed = element.matches(".btn-check") ? element.nextElementSibling : element;
    const { outlineStyle, boxShadow } = getComputedStyle(ringed);
    const inside = getComputedStyle(ringed, "::after");
    const seen = outlineStyle !== "none" || boxShadow !== "none" || inside.borderStyle !== "none"
        || element.matches(".ag-cell-focus"); // the grid's own: a border in the accent colour
    const place = stations.find((name) => element.closest(name)) || element.outerHTML.slice(0, 99);
    return { place, seen };
}"""


def query_of(name: str, server: Server) -> dict[str, Any]:
    """What a page shows something with: the busiest endpoint and client, a question."""
    if name == "ask":
        return {"q": "errors by endpoint"}
    if name not in ("endpoint", "client"):
        return {}
    found = server.get_json(f"/api/anomalies?subject={name}&limit=1000")["items"]
    worst = max(found, key=lambda item: item["risk_score"])
    keys = ("endpoint", "method") if name == "endpoint" else ("client",)
    return {key: worst[key] for key in keys}


@pytest.fixture(scope="module", params=["dark", "light"])
def open_themed(
    request: pytest.FixtureRequest, browser: Browser, hour_server: Server
) -> Iterator[Callable[[str], Page]]:
    """Opens pages in one tab that keeps its theme."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 1000},
        color_scheme=request.param,
        extra_http_headers={"Authorization": f"Bearer {TOKEN}"},
    )
    page = context.new_page()

    def open_page(name: str) -> Page:
        path = "" if name == "overview" else name
        query = {"range": "all"} | query_of(name, hour_server)
        page.goto(f"{hour_server.url}/dashboard/{path}?{urlencode(query)}")
        wait_for_page(page, SETTLED)
        return page

    yield open_page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_serious_fault(open_themed: Callable[[str], Page], name: str) -> None:
    page = open_themed(name)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(FINDINGS, list(EXCLUDED)) == []
    ahead = page.locator("link[rel=preload][href*=plotly]").count()
    assert bool(ahead) is bool(page.locator(".dash-graph").count()), "charts are fetched in vain"


def test_everything_is_reached_by_tab_in_the_order_of_the_page_and_seen_in_focus(
    open_themed: Callable[[str], Page],
) -> None:
    page = open_themed("overview")
    page.locator("#overview-windows-grid .ag-row").first.wait_for()
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED, STATIONS)
        assert found["seen"], found
        reached.append(found["place"])
        if found["place"] == ".ag-cell":
            break
    in_order = [place for i, place in enumerate(reached) if place not in reached[:i]]
    assert [place for place in in_order if place in STATIONS] == STATIONS


def test_the_skip_link_leads_past_the_frame(open_themed: Callable[[str], Page]) -> None:
    page = open_themed("overview")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("e => e === document.activeElement && e.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
