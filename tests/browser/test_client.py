"""The page of a client as a person uses it: from the list to single calls and back."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from store import Store, client_list, writes
from store.times import epoch_ms, iso
from tests.browser.conftest import OpenPage, store_of
from tests.rows import MINUTE, T0, call, window
from tests.server import Server

ADDRESS = "203.0.113.7"
ROWS = ".ag-center-cols-container .ag-row"
# Where a bar of the chart of calls is, in the middle of its foot [px].
BAR = """([id, number]) => {
  const plot = document.querySelector(`#${id} .js-plotly-plot`);
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const bar = plot.data[0];
  const at = bar.x[number] + bar.width / 2;
  const foot = box.top + yaxis._offset + yaxis.d2p(0) - 4;
  return [box.left + xaxis._offset + xaxis.d2p(at), foot, bar.x[number]];
}"""


@pytest.fixture(scope="module")
def risky_client(hour_server: Server) -> str:
    """The riskiest client of the hour."""
    with store_of(hour_server) as store:
        found = client_list.clients_between(store, 0, 2**53)
    return found.clients[0].client


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def drawn(page: Page) -> Page:
    """Wait until the charts and the calls of a client are there."""
    for chart in ("client-risk", "client-traffic"):
        page.wait_for_selector(f"#{chart} .main-svg", timeout=60_000)
    expect(page.locator(f"#client-calls-grid {ROWS}").first).to_be_visible()
    return page


def test_two_clicks_lead_from_the_list_over_a_bar_to_its_single_calls(
    hour_server: Server, watched: OpenPage, risky_client: str
) -> None:
    with watched(hour_server, viewport={"width": 1440, "height": 1500}) as seen:
        page = seen.open("/dashboard/client?range=1h")
        link = page.locator(f"#clients-grid {ROWS} a", has_text=re.compile(f"^{risky_client}$"))
        link.click()
        expect(page.locator("h1")).to_have_text(risky_client)
        drawn(page)
        expect(page.locator("#client-kpis")).to_contain_text("simulated")
        x, y, start = page.evaluate(BAR, ["client-traffic", 3])
        page.mouse.click(x, y)
        expect(page.locator("#client-chip")).to_contain_text("call")
        start -= start % MINUTE
        assert [epoch_ms(at) for at in parameters(page)["at"]] == [start]
        assert parameters(page)["range"] == ["1h"]
        expect(page.locator("#client-calls-about")).to_contain_text("All")
        stored = hour_server.get_json(f"/api/logs?from={start}&to={start + MINUTE}&limit=1000")[
            "items"
        ]
        own = [c for c in stored if (c["user_id"] or c["ip_address"]) == risky_client]
        expect(page.locator("#client-calls .grid-count")).to_have_text(
            f"{len(own)} row{'s' * (len(own) != 1)}"
        )
        page.get_by_role("button", name="Show the whole range again").click()
        expect(page.locator("#client-picked")).to_be_hidden()
        assert "at" not in parameters(page)


def test_a_copied_link_shows_the_same_minute(
    hour_server: Server, watched: OpenPage, risky_client: str
) -> None:
    with watched(hour_server) as seen:
        page = seen.open(f"/dashboard/client?client={quote(risky_client)}&range=1h")
        drawn(page)
        minute = page.locator(f"#client-minutes-grid {ROWS} a.cell-minute").first
        shown = minute.inner_text()[-5:]
        minute.click()
        expect(page.locator("#client-chip")).to_contain_text(shown)
        about = page.locator("#client-calls-about").inner_text()
        address = page.url.removeprefix(hour_server.url)
    with watched(hour_server) as seen:
        page = drawn(seen.open(address))
        expect(page.locator("#client-chip")).to_contain_text(shown)
        expect(page.locator("#client-calls-about")).to_have_text(about)


def test_filters_of_the_list_are_in_the_address(
    hour_server: Server, watched: OpenPage, risky_client: str
) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/client?range=1h")
        expect(page.locator(f"#clients-grid {ROWS}").first).to_be_visible()
        page.get_by_placeholder("Search").fill(risky_client)
        expect(page.locator(".grid-count")).to_contain_text("1 of")
        page.wait_for_url(f"**q={risky_client}**")
        page.reload()
        expect(page.locator(".grid-count")).to_contain_text("1 of")
        assert parameters(page)["range"] == ["1h"]


def test_an_unknown_client_is_quoted_and_a_quiet_one_is_found_again(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    key = {"subject": "client", "endpoint": "*", "method": "*", "client": ADDRESS}
    causes = f'[{{"client":"{ADDRESS}","drop":0.7,"risk_without":0.21,"calls":9,"together":1}}]'
    high = {"risk_score": 0.91, "priority": "HIGH"}
    with quiet_store.begin() as connection:
        rows = [window(T0, **key, **high), window(T0, causes=causes, **high)]
        writes.save_windows(connection, rows)
        calls = [call(T0 + n, ip_address=ADDRESS) for n in range(3)]
        writes.add_calls(connection, calls, quiet_store.grid)
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/client?client=%3Cb%3Enobody")
        expect(page.locator("#client-hero")).to_contain_text("No client “<b>nobody”")
        page = seen.open(f"/dashboard/client?client={ADDRESS}&at=soon")
        expect(page.locator("#client-problem")).to_have_count(1)
        page.get_by_role("link", name="Show that hour").click()
        drawn(page)
        assert parameters(page)["from"] == [str(iso(T0 - 30 * MINUTE)).replace(":00.000Z", "Z")]
        expect(page.locator("#client-endangered")).to_contain_text("0.21 without its calls")
        expect(page.locator("#client-calls-about")).to_have_text("All 3 calls of this range")
        expect(page.locator("#client-attacks")).to_contain_text("not inspected")
