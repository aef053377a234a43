"""The Admin page as an admin works with it, and what the people see whom they let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watched, fill, full_minute, store_of
from tests.server import TOKEN, Server, running_server

PASSWORD = "grey kettle sings 41"
OTHER = "violet tram waits 72"
ADMIN = "/dashboard/admin"
KEPT = """() => JSON.stringify([
    {...localStorage}, {...sessionStorage}, dash_component_api.getLayout("admin-dialog-body"),
])"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that people enter by password, with an hour of history."""
    folder = tmp_path_factory.mktemp("house")
    with running_server(folder, scheduler=0, admin_password=PASSWORD) as server:
        with store_of(server) as store:
            fill(store, full_minute())
        yield server


@contextmanager
def signed_in(
    watched: OpenPage, server: Server, name: str = "admin", password: str = PASSWORD
) -> Iterator[Watched]:
    """A browser of its own in which somebody has filled in the form."""
    with watched(server, token=False) as seen:
        enter(seen.open("/dashboard/alerts?range=all"), name, password)
        yield seen


def enter(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/dashboard/"))


def add_user(page: Page, name: str, role: str = "Viewer", password: str = OTHER) -> None:
    page.get_by_role("button", name="Add user").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    page.get_by_label("Password").fill(password)
    page.get_by_label("The same again").fill(password)
    page.get_by_role("dialog").get_by_role("button", name="Add user").click()


def choose(page: Page, name: str, act: str) -> None:
    """What can be done to a user, from their row on."""
    page.get_by_role("button", name=f"Manage {name}").click()
    page.get_by_role("button", name=act).click()


def confirm(page: Page, word: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=word, exact=True).click()


def pages_of(page: Page) -> list[str]:
    """What the sidebar leads to."""
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links.first).to_be_visible()
    return links.all_inner_texts()


def status(server: Server, token: str, path: str = "/api/stats") -> int:
    return server.request("GET", path, Authorization=f"Bearer {token}")[0]


def test_who_is_added_comes_in_and_is_offered_what_the_role_may(
    house: Server, watched: OpenPage
) -> None:
    with signed_in(watched, house) as boss:
        page = boss.open(ADMIN)
        add_user(page, "vera", password="vera12345678")
        problem = page.get_by_role("dialog").get_by_role("alert")
        expect(problem).to_contain_text("That password is easy to guess")
        page.get_by_label("Password").fill(OTHER)
        confirm(page, "Add user")
        expect(problem).to_contain_text("was not typed the same twice")
        page.get_by_label("The same again").fill(OTHER)
        page.keyboard.press("Enter")
        expect(page.locator("#admin-result")).to_contain_text("vera can sign in now, as a viewer")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator(".ag-row", has_text="vera")).to_contain_text("never")
        add_user(page, "olga", "Operator")
        expect(page.locator("#admin-result")).to_contain_text("olga can sign in now")

    with signed_in(watched, house, "vera", OTHER) as viewer:
        page = viewer.page
        assert set(pages_of(page)) & {"Ask", "Lab", "Admin"} == set()
        expect(page.locator(".incident").first).to_be_visible()
        expect(page.get_by_role("button", name="Acknowledge").first).to_be_hidden()
        viewer.open(ADMIN)
        expect(page.get_by_role("heading", name="This page is for the role admin")).to_be_visible()
        expect(page.locator("#admin-page")).to_have_count(0)

    with signed_in(watched, house, "olga", OTHER) as operator:
        page = operator.page
        expect(page.get_by_role("button", name="Acknowledge").first).to_be_visible()
        assert "Admin" not in pages_of(page)


def test_a_token_is_shown_once_works_and_ends_when_it_is_revoked(
    house: Server, watched: OpenPage
) -> None:
    name = "<img src=x onerror=alert(1)>"
    with signed_in(watched, house) as boss:
        page = boss.open(f"{ADMIN}?tab=tokens")
        row = page.locator(".ag-row", has_text="API token")
        expect(row).to_contain_text("set by the environment")
        assert TOKEN not in page.content()
        page.get_by_role("button", name="Create token").click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("radio", name="on a date").check()
        page.get_by_label("Last day").fill("soon")
        confirm(page, "Create token")
        expect(page.locator("#admin-problem")).to_contain_text("'soon' is no date")
        page.get_by_role("radio", name="30 days").check()
        confirm(page, "Create token")

        shown = page.locator("#admin-token")
        expect(shown).to_have_text(re.compile(r"^fs_[\w-]{43}$"))
        token = shown.inner_text()
        expect(page.locator("#admin-curl")).to_contain_text(f"Bearer {token}")
        expect(page.locator("#admin-curl")).to_contain_text(f"{house.url}/api/stats")
        assert status(house, token) == 200
        assert status(house, token, "/api/questions") == 403, "its role is too low"
        confirm(page, "Done")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator(".ag-row", has_text=name)).to_contain_text("active")
        assert token not in page.content()
        assert token not in page.evaluate(KEPT)

        page.reload()
        page.get_by_role("button", name=f"Revoke {name}").click()
        confirm(page, "Revoke")
        expect(page.locator("#admin-result")).to_contain_text("it opens nothing any more")
        expect(page.locator(".ag-row", has_text=name)).to_contain_text("revoked")
        assert status(house, token) == 401


def test_another_role_ends_the_session_and_counts_from_the_next_login_on(
    house: Server, watched: OpenPage
) -> None:
    with signed_in(watched, house) as boss:
        page = boss.open(ADMIN)
        add_user(page, "rosa")
        expect(page.locator("#admin-result")).to_contain_text("rosa can sign in")
        with signed_in(watched, house, "rosa", OTHER) as other:
            choose(page, "rosa", "Change role")
            confirm(page, "Change role")
            expect(page.locator("#admin-problem")).to_contain_text("role of rosa is viewer already")
            page.get_by_role("radio", name="Operator").check()
            confirm(page, "Change role")
            said = "rosa is an operator now; their sessions ended"
            expect(page.locator("#admin-result")).to_contain_text(said)
            expect(other.page.get_by_text("You are signed out.")).to_be_visible()
            other.open("/dashboard/alerts?range=all")
            enter(other.page, "rosa", OTHER)
            other.errors.clear()  # the browser notes each 401
            expect(other.page.get_by_role("button", name="Acknowledge").first).to_be_visible()


def test_the_way_back_in_stays_open_and_who_is_locked_stays_out(
    house: Server, watched: OpenPage
) -> None:
    with signed_in(watched, house) as boss:
        page = boss.open(ADMIN)
        choose(page, "admin", "Lock")
        expect(page.get_by_role("dialog")).to_contain_text("This is your own account")
        confirm(page, "Lock")
        expect(page.locator("#admin-problem")).to_contain_text("it is the way back in")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        add_user(page, "lotte")
        expect(page.locator(".ag-row", has_text="lotte")).to_contain_text("active")
        choose(page, "lotte", "Lock")
        confirm(page, "Lock")
        expect(page.locator("#admin-result")).to_contain_text("lotte is locked")
        expect(page.locator(".ag-row", has_text="lotte")).to_contain_text("locked")
        with watched(house, token=False) as other:
            locked = other.open("/dashboard/")
            locked.get_by_label("Name").fill("lotte")
            locked.get_by_label("Password").fill(OTHER)
            locked.get_by_role("button", name="Sign in").click()
            expect(locked.get_by_role("alert")).to_contain_text("not right")
            other.errors.clear()  # the browser notes the 401


def test_the_dialog_is_worked_by_keyboard_and_forgets_what_was_typed(
    house: Server, watched: OpenPage
) -> None:
    with signed_in(watched, house) as boss:
        page = boss.open(ADMIN)
        cell = page.locator(".ag-row", has_text="admin").first.locator("[col-id=act]")
        cell.click(position={"x": 2, "y": 2})
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("This is your own account")
        expect(page.locator("#admin-dialog-title")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="New password")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("textbox", name="New password")).to_be_focused()
        page.keyboard.type(PASSWORD)
        assert PASSWORD in page.evaluate(KEPT)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert PASSWORD not in page.evaluate(KEPT)
        choose(page, "admin", "New password")
        expect(page.get_by_role("textbox", name="New password")).to_have_value("")


def test_the_log_is_read_filtered_by_address_and_verified(
    quiet_server: Server, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open(ADMIN)
        add_user(page, "ann")
        expect(page.locator("#admin-result")).to_contain_text("ann can sign in now")
        page.get_by_role("link", name="Audit log").click()
        first = page.locator(".admin-audit tbody tr").first
        expect(first).to_contain_text("API token")
        expect(first).to_contain_text("added the user ann as a viewer")
        expect(first).to_contain_text("127.0.0.1")
        page.get_by_role("button", name="Verify").click()
        expect(page.locator("#admin-verdict")).to_have_text(re.compile("entries, each fits$"))

        quiet_server.request("GET", "/api/logs", Accept="text/csv")
        expect(first).to_contain_text("exported logs", timeout=30_000)  # the next poll
        page.get_by_role("link", name="Users", exact=True).last.click()
        expect(page).to_have_url(re.compile("action=users"))
        expect(page.locator(".admin-audit tbody tr")).to_have_count(1)
        page.go_back()
        expect(page.locator(".admin-audit tbody tr")).to_have_count(3)
        seen.open(f"{ADMIN}?tab=audit&action=pie")
        expect(page.get_by_text("action='pie' is none of logins")).to_be_visible()


def test_the_system_is_told_without_its_secrets(house: Server, watched: OpenPage) -> None:
    with signed_in(watched, house) as boss:
        page = boss.open(f"{ADMIN}?tab=system")
        expect(page.locator("#admin-system")).to_contain_text("SQLite")
        expect(page.locator("#admin-jobs")).to_contain_text("scoring")
        setting = page.locator(".admin-settings tr", has_text="FORESIGHT_ADMIN_PASSWORD")
        expect(setting.locator("td").first).to_have_text("set")
        page.get_by_role("button", name="Run the checks").click()
        expect(page.locator("#admin-findings")).to_contain_text("python", timeout=60_000)
        for secret in (PASSWORD, TOKEN):
            assert secret not in page.content()
