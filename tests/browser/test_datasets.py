"""The data sets page as a person uses it: choose a set, look, filter, save, come back by a link."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, fill, full_minute, store_of
from tests.server import Server, running_server, wait_until

ADDRESS = "/dashboard/datasets"
POST_ONLY = "filter=%7B%22method%22:%7B%22values%22:%5B%22POST%22%5D%7D%7D"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A quiet server with half an hour of windows, without copies of public sets."""
    folder = tmp_path_factory.mktemp("datasets")
    with running_server(folder, scheduler=0, reference_data_dir=folder / "none") as running:
        with store_of(running) as store:
            fill(store, full_minute(), minutes=30)
        yield running


def count(page: Page) -> Locator:
    return page.locator("#datasets-count")


def test_a_person_finds_a_row_on_the_map_and_in_the_table(
    server: Server, watched: OpenPage
) -> None:
    with watched(server) as seen:
        page = seen.open(f"{ADDRESS}?range=1h")
        expect(count(page)).to_have_text(re.compile(r"^[\d,]+ rows$"))
        expect(page.locator("#datasets-about")).to_contain_text("100 % with simulated calls")
        expect(page.locator("#datasets-legend")).to_contain_text("HIGH")
        expect(page.locator("#datasets-correlation .hm")).to_have_count(1)
        page.locator("#datasets-map .point").first.wait_for()
        box = page.locator("#datasets-map .points").last.locator(".point").first
        box.scroll_into_view_if_needed()
        place = box.bounding_box()
        assert place is not None
        page.mouse.move(place["x"] + 2, place["y"] + 2)
        page.mouse.click(place["x"] + 2, place["y"] + 2)
        expect(page.locator("#datasets-row")).to_contain_text("Rows at or below")
        link = page.locator("#datasets-row a").get_attribute("href")
        assert link is not None
        assert re.search(r"/(endpoint|client)\?.*from=", link)
        page.locator("#datasets-table .ag-row[row-index='3'] [col-id='subject']").click()
        expect(page.locator("#datasets-row h3")).to_contain_text("UTC")


def test_filters_count_for_table_charts_and_files_and_are_in_the_address(
    server: Server, watched: OpenPage, tmp_path: Path
) -> None:
    with watched(server) as seen:
        page = seen.open(f"{ADDRESS}?set=recorded&colour=kind")
        expect(count(page)).to_have_text("1,926 rows")
        page.fill("#datasets-search", "payment")
        expect(count(page)).to_have_text("40 of 1,926 rows")
        expect(page.locator("#datasets-legend")).to_contain_text(re.compile(r"fault\s*21"))
        wait_until(lambda: "search=payment" in page.url, what="the search in the address")
        with page.expect_download() as saved:
            page.click("#datasets-csv")
        saved.value.save_as(tmp_path / "rows.csv")
        with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 40
        assert {row["endpoint"] for row in rows} == {"/payment"}
        with page.expect_download() as saved:
            page.click("#datasets-xlsx")
        saved.value.save_as(tmp_path / "rows.xlsx")
        sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx").active
        assert sheet is not None
        assert sheet.max_row == 41
        page.click("#datasets-clear")
        expect(count(page)).to_have_text("1,926 rows")
        wait_until(lambda: "search" not in page.url, what="no search in the address")


def test_a_copied_link_shows_the_same_and_back_goes_back(server: Server, watched: OpenPage) -> None:
    with watched(server) as seen:
        page = seen.open(f"{ADDRESS}?set=recorded&feature=error_rate&colour=episode&{POST_ONLY}")
        expect(count(page)).to_have_text("80 of 1,926 rows")
        expect(page.locator("#datasets-feature")).to_have_value("error_rate")
        expect(page.locator("#datasets-colour")).to_have_value("episode")
        page.select_option("#datasets-feature", "req_count")
        expect(page.locator("#datasets-histogram-about")).to_contain_text("Calls")
        page.locator(".dataset-entry", has_text="Web attack payloads").click()
        expect(count(page)).to_have_text("1,650 rows")
        assert "feature" not in page.url
        expect(page.locator("#datasets-map")).to_be_hidden()
        page.go_back()
        expect(count(page)).to_have_text("80 of 1,926 rows")
        expect(page.locator("#datasets-histogram-about")).to_contain_text("Calls")
        page.go_back()
        expect(page.locator("#datasets-histogram-about")).to_contain_text("Error rate")


def test_what_an_address_has_wrong_is_quoted(server: Server, watched: OpenPage) -> None:
    with watched(server) as seen:
        page = seen.open(f"{ADDRESS}?set=moon")
        expect(page.locator("#datasets-table")).to_contain_text("“moon”")
        page = seen.open(f"{ADDRESS}?set=recorded&feature=weight&filter=%7B%22x%22:1%7D")
        expect(page.locator("#datasets-problem")).to_contain_text("“weight”")
        expect(page.locator("#datasets-problem")).to_contain_text("filter of x is 1")
        expect(count(page)).to_have_text("1,926 rows")
        page = seen.open(f"{ADDRESS}?set=petshop")
        expect(page.locator("#datasets-table")).to_contain_text("FORESIGHT_REFERENCE_DATA_DIR")


def test_making_the_files_goes_on_beside_the_page_and_can_be_cancelled(
    server: Server, watched: OpenPage
) -> None:
    with watched(server) as seen:
        page = seen.open(f"{ADDRESS}?set=payloads")
        page.click("#datasets-make")
        expect(page.locator("#datasets-files")).to_contain_text("started by")
        expect(page.locator("#datasets-make")).to_be_disabled()
        page.reload()
        expect(page.locator("#datasets-files")).to_contain_text("started by")
        page.click("#datasets-cancel")
        expect(page.locator("#datasets-files")).to_contain_text("cancelled by")
        expect(page.locator("#datasets-make")).to_be_enabled()
