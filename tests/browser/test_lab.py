"""The lab as a person uses it: start an attack, watch it arrive, stop it; where it is closed."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, wait_for_page
from tests.server import Server

AT_ONCE = 45_000  # ms; the clients start, call, and are counted, on a machine that is busy


def fact(name: str) -> str:
    """The number of a fact of the run that is shown."""
    return f".lab-fact:has(.kpi-label:text-is('{name}')) .kpi-value"


def test_an_attack_is_started_watched_and_stopped(demo_server: Server, watched: OpenPage) -> None:
    with watched(demo_server) as seen:
        page = seen.open("/dashboard/lab")
        starts = page.get_by_role("button", name=re.compile("^Start "))
        expect(starts).to_have_count(12)
        expect(starts.first).to_be_enabled()
        # A demo that has just begun writes its history in one go, and nobody else can write.
        scored = page.locator("#shell-freshness")
        expect(scored).to_contain_text("Scored to", timeout=2 * AT_ONCE)
        page.locator("#lab-intensity").get_by_text("Heavy").click()
        page.locator("#lab-minutes").get_by_text("2\u00a0min", exact=True).click()
        page.get_by_role("button", name="Start Search for old versions").click()

        expect(page.locator("#lab-head")).to_contain_text("Search for old versions")
        expect(page.locator("#lab-head")).to_contain_text("Heavy intensity · 2\u00a0min")
        wait_for_page(page, "scrollY < 50")  # it scrolls smoothly
        for name in ("Calls sent", "Calls stored"):
            number = page.locator(fact(name))
            expect(number).to_have_text(re.compile(r"^[1-9][\d,]*$"), timeout=AT_ONCE)
        expect(page.locator("#lab-verdict")).to_contain_text(re.compile("Not seen yet|after"))
        expect(page.get_by_role("img", name=re.compile("^Risk by minute"))).to_be_visible()
        expect(starts.first).to_be_disabled()

        page.reload()  # the run is in the address and in the store
        assert re.search(r"run=\d+", page.url)
        expect(page.locator("#lab-head")).to_contain_text("Playing")
        expect(page.locator("#lab-intensity input:checked + label")).to_have_text("Heavy")

        page.get_by_role("button", name="Stop").click()
        wait = page.get_by_role("button", name="Don't wait")
        expect(wait).to_be_visible(timeout=AT_ONCE)
        wait.click()
        expect(page.locator("#lab-head")).to_contain_text("Stopped", timeout=AT_ONCE)
        expect(starts.first).to_be_enabled()
        row = page.locator("#lab-runs-grid .ag-row").first
        expect(row).to_contain_text("Search for old versions")


def test_outside_of_a_demo_the_lab_says_how_to_open_it(
    quiet_server: Server, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/lab")
        expect(page.get_by_role("heading", name="The lab is closed")).to_be_visible()
        expect(page.locator("code")).to_contain_text("FORESIGHT_DEMO=1")
        names = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
        assert "Overview" in names
        assert "Lab" not in names


def test_a_run_that_is_not_there_is_named(demo_server: Server, watched: OpenPage) -> None:
    with watched(demo_server) as seen:
        page = seen.open("/dashboard/lab?run=soon&minutes=99")
        expect(page.locator("#lab-body")).to_contain_text("There is no run 'soon'")
        expect(page.locator("#lab-minutes input:checked + label")).to_have_text("3\u00a0min")
