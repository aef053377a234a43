"""The Overview as a person sees it, in a real Chromium on a real server."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from store import Store, events, writes
from tests.browser.conftest import OpenPage, click_highest, fill, full_minute, score
from tests.news import HIGH, now_ms
from tests.rows import MINUTE, call, window
from tests.server import Server, wait_until


def outage(store: Store, minute: int, name: str) -> None:
    """A minute in which every call to one endpoint fails."""
    fields = {"endpoint": name, "path": name, "status_code": 503, "response_time_ms": 3.0}
    with store.begin() as connection:
        calls = [call(minute + i * 1000, **fields) for i in range(40)]
        writes.add_calls(connection, calls, store.grid)
    score(store, minute + MINUTE)


def number(page: Page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_charts_and_numbers_are_drawn_from_the_store(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/?range=1h")
        seen.charts()
        stats = hour_server.get_json(f"/api/stats?from={full_minute() - 60 * MINUTE}")
        expect(page.locator("#overview-kpis")).to_contain_text("HIGH")
        kpis = number(page, "#overview-kpis")
        assert re.search(rf"HIGH\s+{stats['priorities']['HIGH']}\b", kpis), kpis
        expect(page.locator("#overview-windows-grid .ag-row").first).to_be_visible()
        expect(page.locator("#overview-windows-grid")).to_contain_text("HIGH")
        expect(page.locator("#overview-subtitle")).to_contain_text("simulated")
        line = page.evaluate(
            "document.querySelector('#overview-risk .js-plotly-plot').data"
            ".flatMap(trace => Array.from(trace.y || [])).reduce((a, b) => Math.max(a, b), 0)"
        )
        assert line >= 0.8, "the outage is on the line"


def test_a_click_on_a_spike_shows_its_windows_and_one_more_its_calls(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/?range=1h")
        seen.charts()
        click_highest(page, "overview-risk")
        expect(page).to_have_url(re.compile(r"[?&]at=\d{4}-\d\d-\d\dT\d\d:\d\d"))
        expect(page.locator("#overview-picked")).to_contain_text("riskiest first")
        rows = page.locator("#overview-windows-grid .ag-center-cols-container .ag-row")
        expect(rows.first).to_contain_text("HIGH")
        rows.filter(has_text="POST /payment").get_by_role("link").first.click()
        expect(page).to_have_url(re.compile(r"/endpoint\?.*at="))
        calls = page.locator("#endpoint-calls-grid .ag-center-cols-container .ag-row")
        expect(calls.first).to_contain_text("503")
        page.go_back()
        page.click("#overview-picked-clear")
        expect(page).not_to_have_url(re.compile(r"[?&]at="))
        expect(page.locator("#overview-picked-bar")).to_be_hidden()


def test_an_empty_store_says_what_it_waits_for_and_draws_no_empty_chart(
    quiet_server: Server, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open()
        expect(page.locator("main")).to_contain_text(re.compile("waiting for the first", re.I))
        assert page.locator("#overview-risk .main-svg:visible").count() == 0


def test_stale_scores_are_said(quiet_server: Server, quiet_store: Store, watched: OpenPage) -> None:
    this_minute = full_minute()
    fill(quiet_store, this_minute)
    with quiet_store.begin() as connection:
        writes.start_job(connection, "scoring", this_minute)
        writes.finish_job(connection, "scoring", this_minute, error="ModelError: no model")
    with watched(quiet_server) as seen:
        page = seen.open()
        expect(page.locator("#overview-status")).to_contain_text(re.compile("stale", re.I))
        expect(page.locator("body")).to_contain_text("no model")


def test_a_toast_comes_once_for_each_high_window_that_is_scored(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    this_minute = full_minute()
    fill(quiet_store, this_minute - 30 * MINUTE)
    with watched(quiet_server) as seen:
        page = seen.open()
        seen.charts()
        expect(page.locator("#shell-toasts .note")).to_have_count(0)
        outage(quiet_store, this_minute - 2 * MINUTE, "/first")
        toast = page.locator("#shell-toasts .note")
        expect(toast.filter(has_text="/first")).to_have_count(1)
        expect(toast.filter(has_text="HIGH")).not_to_have_count(0)
        page.reload()
        seen.charts()
        outage(quiet_store, this_minute - MINUTE, "/second")
        expect(toast.filter(has_text="/second")).to_have_count(1)
        expect(toast.filter(has_text="/first")).to_have_count(0)


def test_the_theme_switch_recolours_everything_and_is_remembered(
    hour_server: Server, watched: OpenPage
) -> None:

    def looks(page: Page) -> tuple[str, str]:
        return (
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
            page.evaluate(
                "document.querySelector('#overview-risk .xtick text').style.fill"
                " || getComputedStyle(document.querySelector('#overview-risk .xtick text')).fill"
            ),
        )

    with watched(hour_server) as seen:
        page = seen.open()
        seen.charts()
        dark = looks(page)
        assert dark[0] == "rgb(13, 17, 23)"
        page.click("#shell-theme-switch")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
        wait_until(lambda: looks(page)[1] != dark[1], what="charts in other colours")
        light = looks(page)
        assert light[0] != dark[0]
        page.reload()
        seen.charts()
        assert looks(page) == light


def test_the_range_is_in_the_address_and_a_copied_link_shows_the_same(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        seen.charts()
        page.locator("#shell-range-choice").get_by_text("15m").click()
        expect(page).to_have_url(re.compile(r"range=15m"))
        expect(page.locator("#overview-subtitle")).to_contain_text("15 minutes")
        copied = page.url.removeprefix(hour_server.url)
        shown = number(page, "#overview-subtitle").split("·")[0]
    with watched(hour_server) as seen:
        page = seen.open(copied)
        expect(page.locator("#overview-subtitle")).to_contain_text(shown)


def test_all_data_shows_an_old_imported_log(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    old = 1_431_857_100_000  # 2015-05-17T10:05:00Z
    with quiet_store.begin() as connection:
        rows = [call(old + i * 1000, source="import", response_time_ms=None) for i in range(20)]
        writes.add_calls(connection, rows, quiet_store.grid)
    score(quiet_store, old + 10 * MINUTE)
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/?range=all")
        expect(page.locator("#overview-subtitle")).to_contain_text("2015")
        expect(page.locator("#overview-kpis")).to_contain_text("20")


def test_the_page_goes_on_by_itself_when_a_window_is_scored(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    this_minute = full_minute()
    fill(quiet_store, this_minute - 10 * MINUTE)
    with watched(quiet_server) as seen:
        page = seen.open()
        seen.charts()
        before = number(page, "#overview-kpis")
        with quiet_store.begin() as connection:
            writes.save_windows(connection, [window(this_minute - MINUTE, endpoint="/new")])
        wait_until(lambda: number(page, "#overview-kpis") != before, what="new numbers")


def test_hostile_names_are_shown_as_text(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    name = "<img src=x onerror=\"document.title='owned'\">"
    this_minute = full_minute()
    row = HIGH | {"scored_at": now_ms()}
    with quiet_store.begin() as connection:
        events.save_windows(
            connection,
            [
                window(this_minute - MINUTE, endpoint=name, **row),
                window(
                    this_minute - MINUTE,
                    subject="client",
                    endpoint="*",
                    method="*",
                    client=name,
                    **row,
                ),
            ],
            MINUTE,
        )
    with watched(quiet_server) as seen:
        page = seen.open()
        seen.charts()
        expect(page.locator("#overview-windows-grid .ag-row").first).to_be_visible()
        expect(page.locator("#shell-toasts .note")).to_have_count(2)
        page.wait_for_timeout(500)
        assert page.title() != "owned"
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(
    hour_server: Server, watched: OpenPage, width: int
) -> None:
    with watched(hour_server, viewport={"width": width, "height": 844}) as seen:
        page = seen.open()
        seen.charts()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_stranger_logs_in_with_the_one_time_link(quiet_server: Server, watched: OpenPage) -> None:
    log = quiet_server.log.read_text()
    link = re.search(r"/auth/login\?token=\S+", log)
    assert link, log
    with watched(quiet_server, token=False) as seen:
        page = seen.open()
        expect(page).to_have_url(re.compile("/auth/login"))
        seen.open(link[0])
        expect(page).to_have_url(re.compile(r"/dashboard/"))
        expect(page.locator("h1")).to_contain_text("Overview")


def test_a_demo_shows_history_within_a_minute_and_live_windows_within_three(
    demo_server: Server, watched: OpenPage
) -> None:
    wait_until(lambda: demo_server.get_json("/api/stats")["windows"] > 1000, seconds=60)
    with watched(demo_server) as seen:
        page = seen.open()
        seen.charts()
        expect(page.locator("#shell-demo")).to_contain_text("Simulated")
    began = demo_server.started_ms
    assert demo_server.get_json("/api/stats")["freshness"]["last_window_end"] is not None
    first_minute = began - began % MINUTE + MINUTE  # the first that is live from start to end
    query = f"/api/anomalies?subject=endpoint&endpoint=/search&from={first_minute}"
    left_s = 180 - (time.time() - began / 1000)
    wait_until(lambda: demo_server.get_json(query)["items"], seconds=max(left_s, 1))
    live = demo_server.get_json(query)["items"][-1]
    assert live["req_count"] > 50
    assert live["simulated_count"] == live["req_count"]
