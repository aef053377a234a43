"""The API reference: drawn from this machine alone, in both themes, and requests can be tried."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.server import Server

OPERATION = "#get-\\/api\\/stats"


def background(page: Page) -> str:
    found: str = page.evaluate(
        "getComputedStyle(document.querySelector('rapi-doc').shadowRoot"
        ".querySelector('.nav-bar')).backgroundColor"
    )
    return found


@pytest.mark.parametrize(
    ("scheme", "ground"), [("dark", "rgb(15, 20, 27)"), ("light", "rgb(255, 255, 255)")]
)
def test_all_operations_are_shown_in_the_colours_of_the_product(
    watched: OpenPage, quiet_server: Server, scheme: str, ground: str
) -> None:
    document = quiet_server.get_json("/api/openapi.json")
    operations = sum(len(methods) for methods in document["paths"].values())
    with watched(quiet_server, color_scheme=scheme) as seen:
        page = seen.open("/api/docs")
        expect(page.locator("rapi-doc api-request")).to_have_count(operations)
        assert background(page) == ground


def test_a_theme_that_is_chosen_stays(watched: OpenPage, quiet_server: Server) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/api/docs")
        expect(page.locator(OPERATION)).to_have_count(1)
        page.get_by_role("button", name="Switch between dark and light").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_request_is_tried_with_the_session_of_who_is_logged_in(
    watched: OpenPage, quiet_server: Server
) -> None:
    link = quiet_server.log.read_text().split("Open it once with:")[1].split()[0]
    with watched(quiet_server, token=False) as seen:
        seen.page.goto(link)
        page = seen.open("/api/docs")
        operation = page.locator(OPERATION)
        operation.get_by_role("button", name="TRY").click()
        expect(operation.get_by_text("Response Status: OK:200")).to_be_visible()
        expect(operation.get_by_text('"total_calls"').first).to_be_attached()


def test_the_reference_is_in_the_menu_of_the_account(
    watched: OpenPage, quiet_server: Server
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open()
        page.locator("#shell-user button.icon-button").click()
        page.get_by_text("API reference").click()
        page.wait_for_url("**/api/docs")
        expect(page.locator(OPERATION)).to_have_count(1)


def test_on_a_phone_an_operation_is_reached_from_a_list(
    watched: OpenPage, quiet_server: Server
) -> None:
    with watched(quiet_server, viewport={"width": 390, "height": 844}) as seen:
        page = seen.open("/api/docs")
        expect(page.locator(OPERATION)).to_have_count(1)
        expect(page.locator(OPERATION)).not_to_be_in_viewport()
        page.get_by_label("Go to an operation").select_option("GET /api/stats")
        expect(page.locator(OPERATION)).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
