"""Grids as a person uses them: search, filter, sort, save; and what stays when new rows come."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store import Store, writes
from tests.browser.conftest import OpenPage, full_minute
from tests.rows import MINUTE, window
from tests.server import Server

GRID = "#overview-windows-grid"
ADDRESS = "/dashboard/?range=3h"
MEDIUM = {"risk_score": 0.6, "priority": "MEDIUM"}
HIGH = {"risk_score": 0.9, "priority": "HIGH"}


def add(store: Store, minute: int, count: int, **fields: object) -> None:
    """Risky windows of one minute, one endpoint each."""
    rows = [window(minute, **({"endpoint": f"/shelf/{i:02}"} | fields)) for i in range(count)]
    with store.begin() as connection:
        writes.save_windows(connection, rows)
        writes.start_job(connection, "scoring", minute)
        writes.finish_job(connection, "scoring", minute + MINUTE)


def count_of(page: Page) -> object:
    return expect(page.locator(".grid-frame:has(#overview-windows-grid) .grid-count"))


def column(page: Page, name: str) -> object:
    return page.locator(f"{GRID} .ag-cell[col-id={name}]")


def test_filters_and_sorting_stay_when_new_rows_come_and_are_in_the_file(
    quiet_server: Server, quiet_store: Store, watched: OpenPage, tmp_path: Path
) -> None:
    now = full_minute() - MINUTE
    add(quiet_store, now - 2 * MINUTE, 12, **MEDIUM)
    add(quiet_store, now - MINUTE, 4, **HIGH)
    with watched(quiet_server) as seen:
        page = seen.open(ADDRESS)
        count_of(page).to_have_text("16 rows")
        head = page.locator(f"{GRID} .ag-header-cell[col-id=priority]")
        head.hover()
        head.locator(".ag-header-cell-filter-button").click()
        page.get_by_label("HIGH", exact=True).check()
        count_of(page).to_have_text("4 of 16 rows")
        page.keyboard.press("Escape")
        page.get_by_placeholder("Search").fill("shelf/0")
        page.locator(f"{GRID} .ag-header-cell[col-id=name] .ag-header-cell-text").click()
        expect(column(page, "name").first).to_contain_text("/shelf/00")

        add(quiet_store, now, 1, endpoint="/shelf/000", **HIGH)
        count_of(page).to_have_text("5 of 17 rows")
        expect(column(page, "name").first).to_contain_text("/shelf/00")
        expect(column(page, "priority").filter(has_text="MEDIUM")).to_have_count(0)
        with page.expect_download() as download:
            page.get_by_role("button", name="as CSV").click()
        download.value.save_as(tmp_path / "grid.csv")
        page.get_by_role("button", name="Clear filters").click()
        count_of(page).to_have_text("17 rows")
        expect(page.get_by_placeholder("Search")).to_have_value("")
    with (tmp_path / "grid.csv").open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    names = [row["Subject"] for row in rows]
    assert names == sorted(names)
    assert {row["Priority"] for row in rows} == {"HIGH"}
    assert (len(rows), rows[0]["Risk"]) == (5, "0.9")


def test_the_place_in_a_long_grid_stays_when_new_rows_come(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    now = full_minute() - MINUTE
    add(quiet_store, now - MINUTE, 40, **MEDIUM)
    with watched(quiet_server) as seen:
        page = seen.open(ADDRESS)
        count_of(page).to_have_text("40 rows")
        view = page.locator(f"{GRID} .ag-body-viewport")
        view.evaluate("view => { view.scrollTop = 700 }")
        add(quiet_store, now, 1, **MEDIUM)
        count_of(page).to_have_text("41 rows")
        assert view.evaluate("view => view.scrollTop") == 700


def test_a_search_that_finds_nothing_says_so(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    add(quiet_store, full_minute() - MINUTE, 3, **MEDIUM)
    with watched(quiet_server) as seen:
        page = seen.open(ADDRESS)
        count_of(page).to_have_text("3 rows")
        page.get_by_placeholder("Search").fill("nowhere")
        count_of(page).to_have_text("0 of 3 rows")
        said = "getComputedStyle(document.querySelector('.grid-body'), '::after').content"
        assert page.evaluate(said) == '"No row matches"'


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_shows_the_risk_of_a_window_without_scrolling(
    quiet_server: Server, quiet_store: Store, watched: OpenPage, width: int
) -> None:
    add(quiet_store, full_minute() - MINUTE, 3, **HIGH)
    with watched(quiet_server, viewport={"width": width, "height": 844}) as seen:
        page = seen.open(ADDRESS)
        risk = column(page, "risk").first
        expect(risk).to_have_text("0.90")
        count_of(page).to_have_text("3 rows")
        box = risk.bounding_box()
        assert box is not None
        assert 0 < box["x"] < box["x"] + box["width"] <= width


def test_times_are_filtered_in_utc_wherever_the_browser_is(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    now = full_minute() - MINUTE
    add(quiet_store, now - 3 * MINUTE, 2, **HIGH)
    add(quiet_store, now, 3, **HIGH)
    between = f"new Date({now - MINUTE}).toISOString().slice(0, 19)"
    with watched(quiet_server, timezone_id="America/New_York") as seen:
        page = seen.open(ADDRESS)
        count_of(page).to_have_text("5 rows")
        head = page.locator(f"{GRID} .ag-header-cell[col-id=at]")
        head.hover()
        head.locator(".ag-header-cell-filter-button").click()
        picker = page.locator(".ag-filter input[type=datetime-local]").first
        picker.fill(page.evaluate(between))
        count_of(page).to_have_text("3 of 5 rows")
