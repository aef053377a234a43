"""The Ask page as a person uses it, in a real Chromium on a real server."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlparse

import pytest
from playwright.sync_api import Page, expect

from store import writes
from tests.browser.conftest import OpenPage, store_of, wait_for_page
from tests.rows import MINUTE, T0, call
from tests.server import Server, wait_until

ADDRESS = "/dashboard/ask"
ERRORS = "errors by endpoint"
UPDATES = re.compile("_dash-update-component")


def asking(text: str) -> str:
    return f"{ADDRESS}?{urlencode({'q': text})}"


def question_in_address(page: Page) -> list[str]:
    return parse_qs(urlparse(page.url).query).get("q", [])


def ask(page: Page, text: str) -> None:
    page.fill("#ask-question", text)
    page.press("#ask-question", "Enter")


def asked(server: Server) -> list[str]:
    return [item["text"] for item in server.get_json("/api/questions")["items"]]


def understood(page: Page) -> str:
    expect(page.locator(".ask-sentence")).to_be_visible()
    return page.locator(".ask-sentence").inner_text()


def test_enter_asks_and_the_address_asks_the_same_again(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        ask(page, "how many requests")
        expect(page.locator(".ask-number")).to_be_visible()
        total = hour_server.get_json("/api/stats")["total_calls"]
        assert page.locator(".ask-number").inner_text() == f"{total:,}"
        assert understood(page) == "Number of calls."
        assert question_in_address(page) == ["how many requests"]
        page.reload()
        expect(page.locator(".ask-number")).to_have_text(f"{total:,}")
        assert page.locator("#ask-question").input_value() == "how many requests"


def test_every_example_answers_on_this_site(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        expect(page.locator(".ask-example")).to_have_count(8)
        texts = page.locator(".ask-example").all_inner_texts()
        assert any("/" in text for text in texts), "a real route is named"
        for text in texts:
            page.goto(hour_server.url + ADDRESS)
            page.locator(".ask-example", has_text=text).click()
            assert understood(page)
            expect(page.locator("#ask-question")).to_have_value(text)
            expect(page.locator(".ask-refused-panel")).to_have_count(0)
            shown = ".ask-number, .ask-bars li, .ag-row, #ask-chart .main-svg"
            expect(page.locator(shown).first).to_be_visible()


def test_back_shows_the_question_before(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        ask(page, "how many errors")
        expect(page.locator(".ask-sentence")).to_contain_text("at least 400")
        ask(page, ERRORS)
        expect(page.locator(".ask-bars")).to_be_visible()
        page.go_back()
        expect(page.locator("#ask-question")).to_have_value("how many errors")
        expect(page.locator(".ask-number")).to_be_visible()


def test_what_is_not_understood_is_marked_and_a_suggestion_works(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open(asking("requests by country"))
        expect(page.locator(".ask-sentence mark")).to_have_text("country")
        expect(page.locator(".ask-reason")).to_contain_text("country")
        expect(page.locator("#ask-save")).to_be_disabled()
        suggestion = page.locator(".ask-suggestions .ask-example")
        expect(suggestion).to_have_count(3)
        text = suggestion.first.inner_text()
        suggestion.first.click()
        expect(page.locator("#ask-question")).to_have_value(text)
        expect(page.locator(".ask-refused-panel")).to_have_count(0)
        assert understood(page)


def test_corrections_are_said_apart(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(asking("anomolies"))
        expect(page.locator(".ask-note")).to_contain_text("anomalies")
        assert "anomolies" not in understood(page)


def test_nothing_that_matches_is_said(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(asking("calls from 192.0.2.77"))
        expect(page.locator("#ask-answer")).to_contain_text("Nothing matches")
        expect(page.locator(".grid-export")).to_have_count(0)


def test_a_trend_is_drawn_and_follows_the_theme(hour_server: Server, watched: OpenPage) -> None:
    colour = "document.querySelector('#ask-chart .js-plotly-plot').data[0].marker.color"
    with watched(hour_server) as seen:
        page = seen.open(asking("requests per minute in the last 90 minutes"))
        expect(page.locator("#ask-chart .main-svg").first).to_be_visible()
        expect(page.locator("#ask-grid .ag-row").first).to_be_visible()
        wait_for_page(page, f"{colour} === '#6f9dff'")
        before = len(asked(hour_server))
        page.click("#shell-theme-switch")
        wait_for_page(page, f"{colour} === '#2a63e3'")
        assert len(asked(hour_server)) == before, "the theme asks nothing"


def test_all_columns_sort(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(asking("medium and high risk windows"))
        first = page.locator('#ask-grid .ag-row[row-index="0"] [col-id="risk_score"]')
        expect(first).to_be_visible()
        header = page.locator('#ask-grid .ag-header-cell[col-id="risk_score"]')
        header.click()
        expect(header).to_have_attribute("aria-sort", "ascending")
        low = float(first.inner_text())
        header.click()
        expect(header).to_have_attribute("aria-sort", "descending")
        assert float(first.inner_text()) >= low


def test_impatience_asks_once_and_enter_on_an_answer_asks_again(
    hour_server: Server, watched: OpenPage
) -> None:
    text = "how many clients called /login"
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        page.fill("#ask-question", text)
        page.evaluate(
            "for (let i = 0; i < 9; i += 1) document.getElementById('ask-button').click()"
        )
        expect(page.locator(".ask-number")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert asked(hour_server).count(text) == 1
        page.wait_for_timeout(800)  # longer than a double click
        page.press("#ask-question", "Enter")
        wait_until(lambda: asked(hour_server).count(text) == 2, what="asked again")


def test_the_keyboard_is_enough(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        expect(page.locator("#ask-question")).to_be_focused()
        page.keyboard.type("how many anomalies")
        page.keyboard.press("Enter")
        expect(page.locator(".ask-number")).to_be_visible()
        expect(page.locator("#ask-question")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#ask-button")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".ask-terms")).to_be_visible()


def test_history_lists_each_question_once_and_a_click_asks_it_again(
    quiet_server: Server, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open(ADDRESS)
        expect(page.locator("#ask-history")).to_contain_text("listed here")
        for text in ("how many requests", "how many errors", "how many requests"):
            ask(page, text)
            expect(page.locator("#ask-history li").first).to_contain_text(text)
        past = page.locator("#ask-history a")
        assert past.all_inner_texts() == ["how many requests", "how many errors"]
        past.nth(1).click()
        expect(page.locator("#ask-question")).to_have_value("how many errors")
        expect(past.first).to_have_text("how many errors")
        page.wait_for_timeout(800)  # longer than a double click
        past.first.click()  # the same address: asked again
        wait_until(lambda: asked(quiet_server).count("how many errors") == 3, what="asked again")


def test_a_question_is_saved_asked_and_deleted(quiet_server: Server, watched: OpenPage) -> None:
    with watched(quiet_server) as seen:
        page = seen.open(asking("how many errors"))
        expect(page.locator("#ask-save")).to_be_enabled()
        expect(page.locator("#ask-name")).to_have_value("how many errors")
        page.fill("#ask-name", "Error count")
        page.click("#ask-save")
        link = page.locator("#ask-saved a")
        expect(link).to_have_text("Error count")
        page.click("#ask-save")
        expect(page.locator("#ask-save-problem")).to_contain_text("choose another")
        expect(link).to_have_count(1)
        page.goto(quiet_server.url + ADDRESS)
        link.click()
        expect(page.locator("#ask-question")).to_have_value("how many errors")
        assert understood(page)
        page.click("#ask-saved button")
        expect(page.locator("#ask-saved")).to_contain_text("None yet")
        assert quiet_server.get_json("/api/questions/saved")["items"] == []


def test_the_answer_is_saved_as_csv_that_no_spreadsheet_calculates(
    quiet_server: Server, watched: OpenPage, tmp_path: Path
) -> None:
    rows = [call(T0, user_id='=1+1,"x"'), call(T0 + MINUTE, user_id="u1", response_time_ms=None)]
    with store_of(quiet_server) as store, store.begin() as connection:
        writes.add_calls(connection, rows, store.grid)
    with watched(quiet_server) as seen:
        page = seen.open(asking("all calls"))
        expect(page.locator("#ask-grid .ag-row").first).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="as CSV").click()
        file = tmp_path / "answer.csv"
        download.value.save_as(file)
        assert download.value.suggested_filename.endswith(".csv")
    with file.open(encoding="utf-8-sig", newline="") as text:
        newest, oldest = csv.DictReader(text)
    assert oldest["User"] == '\'=1+1,"x"'
    assert (newest["User"], newest["Response time [ms]"]) == ("u1", "")
    assert newest["Time (UTC)"] == "2026-03-18T15:31:00.000Z"


@pytest.mark.parametrize("text", ["", "all calls", ERRORS, "requests by country"])
def test_a_phone_shows_it_without_sideways_scrolling(
    hour_server: Server, watched: OpenPage, text: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}}
    with watched(hour_server, **phone) as seen:
        page = seen.open(asking(text) if text else ADDRESS)
        expect(page.locator(".ask-sentence, .ask-example").first).to_be_visible()
        page.click("#ask-help summary")
        expect(page.locator(".ask-terms")).to_be_visible()
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) == 0


def test_a_lost_connection_is_said_and_enter_asks_again(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open(ADDRESS)
        expect(page.locator(".ask-example").first).to_be_visible()
        page.route(UPDATES, lambda route: route.abort())
        ask(page, "how many errors")
        expect(page.locator(".notice-lost")).to_be_visible()
        page.unroute(UPDATES)
        page.press("#ask-question", "Enter")
        expect(page.locator(".ask-number")).to_be_visible()
        seen.errors.clear()  # of the requests that were lost on purpose


def test_the_range_of_the_other_pages_stays(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open(f"{ADDRESS}?range=12h")
        page.locator(".ask-example").first.click()
        assert understood(page)
        assert "range=12h" in page.url
        page.locator(".nav-entry", has_text="Overview").click()
        seen.charts()
        assert "range=12h" in page.url
