"""Alerts as an operator works with them, in a real Chromium on a real server."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from store import Store, alerts, writes
from tests.browser.conftest import OpenPage, fill, full_minute, score, store_of
from tests.rows import MINUTE, call
from tests.server import Server, running_server, wait_until


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An hour with a crash in its middle, and an outage of one endpoint at its end."""
    with running_server(tmp_path_factory.mktemp("night"), scheduler=0) as server:
        with store_of(server) as store:
            until = full_minute()
            fill(store, until)
            for minute in (3, 2):
                _outage(store, until - minute * MINUTE)
            score(store, until)
        yield server


@pytest.fixture
def night_store(night: Server) -> Iterator[Store]:
    """Its store; what was said in a test before is taken back."""
    with store_of(night) as store:
        with store.begin() as connection:
            rows = alerts.risky_windows(connection, 0, 2**53).rows
            keys = [alerts.key_of(row) for row in rows]
            alerts.take_back(connection, keys)
            alerts.take_back_verdicts(connection, keys)
        yield store


def _outage(store: Store, minute: int) -> None:
    down = {"endpoint": "/orders", "path": "/orders", "status_code": 503, "response_time_ms": 3.0}
    with store.begin() as connection:
        calls = [call(minute + i * 1000, ip_address=f"10.9.0.{i}", **down) for i in range(40)]
        writes.add_calls(connection, calls, store.grid)


def orders(page: Page) -> Locator:
    """The alert of the endpoint that is down."""
    return page.locator(".incident").filter(has=page.get_by_text("GET /orders", exact=True))


def said_in(store: Store, page: Page) -> set[tuple[str | None, str | None]]:
    """Who has seen the windows of that endpoint, and their verdicts."""
    assert page
    with store.read() as connection:
        rows = alerts.risky_windows(connection, 0, 2**53).rows
    mine = [row for row in rows if row["endpoint"] == "/orders"]
    assert len(mine) == 2
    return {(row["acknowledged_by"], row["verdict"]) for row in mine}


def test_an_operator_acknowledges_an_alert_and_takes_it_back(
    night: Server, night_store: Store, watched: OpenPage
) -> None:
    with watched(night) as seen:
        page = seen.open("/dashboard/alerts?range=1h")
        alert = orders(page)
        expect(alert).to_contain_text("HIGH")
        expect(alert).to_contain_text("Ongoing")
        expect(alert).to_contain_text("error_rate")
        alert.get_by_role("button", name="Acknowledge").click()
        expect(alert).to_contain_text("Acknowledged")
        expect(alert).to_contain_text("by API token")
        told = page.get_by_role("status").filter(has_text="Acknowledged: GET /orders")
        expect(told).to_be_focused()
        assert said_in(night_store, page) == {("API token", None)}
        told.get_by_role("button", name="Undo").click()
        expect(alert.get_by_role("button", name="Acknowledge")).to_be_visible()
        wait_until(lambda: said_in(night_store, page) == {(None, None)}, what="taken back")
        alert.get_by_role("button", name="False alarm").click()
        expect(alert).to_contain_text("False alarm")
        assert said_in(night_store, page) == {(None, "false_alarm")}
        expect(page.locator("#alerts-numbers")).to_contain_text("of 1 judged")


def test_an_alert_opens_to_its_windows_and_to_their_calls(
    night: Server, night_store: Store, watched: OpenPage
) -> None:
    assert night_store
    with watched(night) as seen:
        page = seen.open("/dashboard/alerts?range=1h")
        details = orders(page).get_by_role("button", name="Details of GET /orders")
        details.press("Enter")
        panel = page.get_by_role("dialog")
        expect(panel).to_contain_text("GET /orders")
        expect(panel.locator(".ag-row")).to_have_count(2)
        expect(page).to_have_url(re.compile(r"incident=\d+"))
        copied = page.url.removeprefix(night.url)
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(details).to_be_focused()
        page = seen.open(copied)
        expect(panel).to_contain_text("error_rate")
        panel.locator(".ag-row a").first.click()
        expect(page).to_have_url(
            re.compile(r"/dashboard/endpoint\?endpoint=%2Forders&method=GET&from=")
        )


def test_filters_are_in_the_address_so_that_links_and_back_show_the_same(
    night: Server, night_store: Store, watched: OpenPage
) -> None:
    assert night_store
    with watched(night) as seen:
        page = seen.open("/dashboard/alerts?range=1h")
        expect(orders(page)).to_be_visible()
        every = page.locator(".incident").count()
        page.locator("#alerts-q").fill("/orders")
        expect(page.locator(".incident")).to_have_count(1)
        assert every > 1
        page.locator("#alerts-priority").get_by_text("MEDIUM").click()
        expect(page.locator("#alerts-list")).to_contain_text("No alert matches")
        expect(page).to_have_url(re.compile(r"priority=MEDIUM"))
        page.go_back()
        expect(orders(page)).to_be_visible()
        expect(page.locator("#alerts-q")).to_have_value("/orders")
        page = seen.open("/dashboard/alerts?range=1h&endpoint=/orders&priority=urgent")
        expect(page.locator(".incident")).to_have_count(1)
        expect(page.locator("#alerts-notice")).to_contain_text("priority='urgent' is none of")
        page.get_by_role("button", name="Remove the filter endpoint /orders").click()
        expect(page.locator(".incident")).to_have_count(every)


def test_chosen_windows_are_judged_and_the_table_is_exported(
    night: Server, night_store: Store, watched: OpenPage, tmp_path: Path
) -> None:
    with watched(night) as seen:
        page = seen.open("/dashboard/alerts?range=1h&view=windows&endpoint=/orders")
        rows = page.locator("#alerts-grid .ag-center-cols-container .ag-row")
        expect(rows).to_have_count(2)
        page.locator("#alerts-grid .ag-header-select-all input").click()
        card = page.locator("#alerts-windows")
        card.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status").filter(has_text="Confirmed: 2 windows")).to_be_visible()
        expect(rows.first).to_contain_text("Confirmed")
        assert said_in(night_store, page) == {(None, "confirmed")}
        with page.expect_download() as saved:
            card.get_by_role("button", name=re.compile("CSV")).click()
        file = tmp_path / "alerts.csv"
        saved.value.save_as(file)
        with file.open(newline="", encoding="utf-8-sig") as lines:
            found = list(csv.DictReader(lines))
        assert [row["Said"] for row in found] == ["Confirmed", "Confirmed"]


def test_a_phone_shows_alerts_without_scrolling_sideways(
    night: Server, night_store: Store, watched: OpenPage
) -> None:
    assert night_store
    with watched(night, viewport={"width": 390, "height": 844}) as seen:
        page = seen.open("/dashboard/alerts?range=1h")
        orders(page).get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_role("status").filter(has_text="Acknowledged:")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
