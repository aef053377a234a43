"""Analytics and the page of one endpoint as a person uses them."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, click_highest
from tests.server import Server, wait_until

GRID = "#analytics-grid"
ROWS = f"{GRID} .ag-center-cols-container .ag-row"


def rows(page: Page) -> int:
    return page.locator(ROWS).count()


def outage_of(server: Server) -> str:
    """ISO time of a minute in which most calls to /payment failed."""
    found = server.get_json("/api/anomalies?subject=endpoint&endpoint=/payment&priority=HIGH")
    return str(max(found["items"], key=lambda window: window["error_rate"])["timestamp"])


def payment(**more: str) -> str:
    query = {"endpoint": "/payment", "method": "POST", "range": "1h", **more}
    return f"/dashboard/endpoint?{urlencode(query)}"


def test_every_endpoint_is_a_row_and_filters_are_in_the_address(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/analytics?range=1h")
        expect(page.locator(ROWS).first).to_be_visible()
        every = rows(page)
        assert every >= 4
        expect(page.locator(GRID)).to_contain_text("POST /payment")
        expect(page.locator("#analytics-kpis")).to_contain_text("Most at risk")
        page.select_option("#analytics-method", "POST")
        expect(page).to_have_url(re.compile(r"method=POST"))
        expect(page.locator(GRID)).not_to_contain_text("GET /search")
        page.get_by_role("searchbox", name="Search in Endpoints").fill("pay")
        expect(page).to_have_url(re.compile(r"q=pay"))
        expect(page.locator(ROWS)).to_have_count(1)
        copied = page.url.removeprefix(hour_server.url)
        page.go_back()
        expect(page.locator(ROWS)).not_to_have_count(1)
    with watched(hour_server) as seen:
        page = seen.open(copied)
        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.locator("#analytics-method")).to_have_value("POST")


def test_an_outage_is_told_in_words(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/analytics?range=1h")
        row = page.locator(ROWS).filter(has_text="POST /payment")
        expect(row).to_contain_text(re.compile(r"Error rate \d+|its usual"))


def test_from_a_spike_to_its_calls_in_two_clicks(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/analytics?range=1h")
        page.locator(ROWS).filter(has_text="POST /payment").get_by_role("link").click()
        expect(page).to_have_url(re.compile(r"endpoint=%2Fpayment&method=POST&range=1h"))
        expect(page.locator("h1")).to_have_text("POST /payment")
        click_highest(page, "endpoint-errors")
        expect(page).to_have_url(re.compile(r"at=2"))
        expect(page.locator("#endpoint-chip")).to_be_visible()
        about = page.locator("#endpoint-calls-about")
        expect(about).to_contain_text(re.compile(r"All \d+ calls of"))
        at = re.search(r"at=([^&]+)", page.url)
        assert at
        (window,) = hour_server.get_json(
            f"/api/anomalies?subject=endpoint&endpoint=/payment&from={at[1]}&limit=1000"
        )["items"][-1:]
        expect(about).to_contain_text(f"All {window['req_count']} calls of")
        page.click("#endpoint-clear")
        expect(about).to_contain_text("of the range")
        page.go_back()
        expect(page.locator("#endpoint-chip")).to_be_visible()


def test_a_copied_link_shows_the_selected_minute_and_why_it_was_risky(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open(payment(at=outage_of(hour_server)))
        expect(page.locator("#endpoint-chip")).to_be_visible()
        expect(page.locator("#endpoint-why")).to_contain_text("Error rate")
        expect(page.locator("#endpoint-windows-grid")).to_contain_text("HIGH")
        expect(page.locator("#endpoint-callers li").first).to_be_visible()
        for chart in ("frequency", "latency", "errors", "failure", "anomaly"):
            expect(page.locator(f"#endpoint-{chart} .main-svg").first).to_be_visible()


def test_what_is_not_there_is_quoted_with_a_way_out(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/endpoint?endpoint=/no/such")
        expect(page.locator("main")).to_contain_text("/no/such")
        page.get_by_role("link", name="Show all endpoints").click()
        expect(page.locator(ROWS).first).to_be_visible()
        seen.open(payment(at="yesterday"))
        expect(page.locator("#endpoint-problem")).to_contain_text(
            "\u201cyesterday\u201d is no time"
        )
        expect(page.locator("#endpoint-calls-about")).to_contain_text("of the range")


@pytest.mark.parametrize("address", ["/dashboard/analytics?range=1h", payment()])
def test_nothing_is_wider_than_a_phone(
    hour_server: Server, watched: OpenPage, address: str
) -> None:
    with watched(hour_server, viewport={"width": 390, "height": 844}) as seen:
        page = seen.open(address)
        expect(page.locator(".ag-row").first).to_be_visible()
        wait_until(lambda: page.evaluate("document.querySelectorAll('.main-svg').length") > 0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
