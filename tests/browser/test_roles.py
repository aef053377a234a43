"""What each role sees: pages without faults, and nothing offered that the server would refuse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from jobs.access.passwords import Passwords
from jobs.access.roles import Role
from store import accounts
from tests.browser.conftest import OpenPage, store_of
from tests.people import PASSWORD
from tests.server import Server

PAGES = ["", "analytics", "endpoint?endpoint=/search&method=GET", "client", "alerts", "models"]
PAGES += ["datasets", "ask", "lab", "admin"]
FOR_ADMINS = ["Ask", "Lab", "Admin"]


def sign_in(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/dashboard/")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator("#overview-page")).to_be_visible()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_role_finds_no_fault_on_any_page(
    hour_server: Server, watched: OpenPage, role: Role
) -> None:
    with store_of(hour_server) as store, store.begin() as connection:
        accounts.add_account(connection, role, role, Passwords().hash(PASSWORD), at=1)
    with watched(hour_server, token=False) as seen:
        page = seen.page
        sign_in(page, hour_server, role)
        for path in PAGES:
            page.goto(f"{hour_server.url}/dashboard/{path}")
            expect(page.locator("#content h1, #content h2").first).to_be_visible()
            page.wait_for_load_state("networkidle")
            expect(page.locator("html")).not_to_have_attribute("data-connection", "failing")
            if path in ("ask", "lab", "admin"):
                expect(page.get_by_text("This page is for the role admin")).to_be_visible()
        menu = page.locator("nav")
        for name in FOR_ADMINS:
            expect(menu.get_by_text(name, exact=True)).to_have_count(0)


def test_a_viewer_is_offered_nothing_that_would_be_refused(
    hour_server: Server, watched: OpenPage
) -> None:
    with store_of(hour_server) as store, store.begin() as connection:
        accounts.add_account(connection, "eve", Role.VIEWER, Passwords().hash(PASSWORD), at=1)
    with watched(hour_server, token=False) as seen:
        page = seen.page
        sign_in(page, hour_server, "eve")
        page.goto(f"{hour_server.url}/dashboard/alerts")
        expect(page.locator("[data-open]").first).to_be_visible()
        for act in page.locator("[data-act]").all():
            expect(act).to_be_hidden()
        page.goto(f"{hour_server.url}/dashboard/models")
        expect(page.get_by_text("Current version").first).to_be_visible()
        expect(page.locator("#models-rollback")).to_be_hidden()
        page.goto(f"{hour_server.url}/dashboard/")
        expect(page.locator(".ag-root").first).to_be_visible()
        for button in page.locator(".grid-export").all():
            expect(button).to_be_hidden()
