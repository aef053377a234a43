"""The frame of every page as a person uses it: range, live switch, theme, a server gone away."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Locator, Page, Route, expect

from store import Store, writes
from tests.browser.conftest import OpenPage, Watched, fill, full_minute, wait_for_page
from tests.rows import MINUTE, window
from tests.server import Server, running_server, wait_until

UPDATES = re.compile("_dash-update-component")
AWAY = re.compile(
    "ERR_CONNECTION_REFUSED|ERR_CONTENT_LENGTH_MISMATCH|did not respond|status of (401|500)"
    "|Callback error|already read"
)
SLOW_ANSWERS = """
  const plain = window.fetch;
  window.running = {};
  window.most = 0;
  window.polls = 0;
  window.fetch = async (address, options) => {
    const asked = typeof options?.body === "string" ? JSON.parse(options.body) : {};
    const answer = await plain(address, options);
    const isPoll = (asked.changedPropIds || []).some((id) => id.includes("shell-tick"));
    if (!isPoll) return answer;
    window.polls += 1;
    const now = (window.running[asked.output] || 0) + 1;
    window.running[asked.output] = now;
    window.most = Math.max(window.most, now);
    await new Promise((done) => setTimeout(done, 700));
    window.running[asked.output] -= 1;
    return answer;
  };
"""


def words(page: Page) -> Locator:
    return page.locator("#shell-range-words")


def wrong(page: Page) -> Locator:
    return page.locator("#shell-range-wrong")


def typed(at: int) -> str:
    """Epoch ms as a person types it into the dialog."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def quick_polls(page: Page, milliseconds: int = 150) -> None:
    """The clock of the Overview runs faster than a person would wait for."""
    page.evaluate(
        "ms => dash_clientside.set_props({type: 'shell-tick', of: 'overview'}, {interval: ms})",
        milliseconds,
    )


def leave(seen: Watched) -> None:
    """Forget what a browser says when it is told nothing: that was the point."""
    seen.page.goto("about:blank")
    seen.errors[:] = [text for text in seen.errors if not AWAY.search(text)]


def count_polls(page: Page) -> Callable[[], int]:
    found: list[str] = []

    def note(text: str | None) -> None:
        if text and '"overview-drawn"' in text and "shell-tick" in text:
            found.append(text)

    page.on("requestfinished", lambda request: note(request.post_data))
    return lambda: len(found)


def test_any_start_and_end_can_be_chosen_by_keyboard_and_are_in_the_address(
    hour_server: Server, watched: OpenPage
) -> None:
    now = full_minute()
    before, start, end = (typed(now - minutes * MINUTE) for minutes in (60, 40, 20))
    with watched(hour_server) as seen:
        page = seen.open("/dashboard/?range=1h&kept=yes")
        seen.charts()
        page.focus("#shell-range-open")
        page.keyboard.press("Enter")
        expect(page.locator("#shell-range-from")).to_be_focused()
        page.fill("#shell-range-from", end)
        page.fill("#shell-range-to", start)
        page.keyboard.press("Enter")
        expect(wrong(page)).to_contain_text(f"\u201c{end}Z\u201d, is not before")
        page.keyboard.press("Escape")
        expect(page.locator("#shell-range-open")).to_be_focused()
        page.keyboard.press("Enter")
        expect(wrong(page)).to_be_hidden()
        page.fill("#shell-range-from", start)
        page.fill("#shell-range-to", end)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"kept=yes&from={start}Z&to={end}Z"))
        expect(words(page)).to_contain_text(f"{start[-5:]} \u2013")
        expect(page.locator("#overview-subtitle")).to_contain_text("Custom range")
        copied = page.url.removeprefix(hour_server.url)
        page.click("#shell-range-earlier")
        expect(page).to_have_url(re.compile(f"from={before}Z&to={start}Z"))
        page.click("#shell-range-clear")
        expect(page).to_have_url(re.compile("kept=yes&range=1h"))
        expect(words(page)).to_be_hidden()
        page.go_back()
        page.go_back()
        expect(words(page)).to_contain_text(f"{start[-5:]} \u2013")
        expect(page.locator("#overview-subtitle")).to_contain_text("Custom range")
    with watched(hour_server) as seen:
        expect(words(seen.open(copied))).to_contain_text(f"{start[-5:]} \u2013")


def test_an_empty_or_incomplete_range_is_refused_in_words(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        page.click("#shell-range-open")
        page.fill("#shell-range-from", "")
        page.fill("#shell-range-to", "")
        page.get_by_role("button", name="Apply").click()
        expect(wrong(page)).to_contain_text("Both are empty")
        page.fill("#shell-range-from", "2999-01-01T00:00")
        page.get_by_role("button", name="Apply").click()
        expect(wrong(page)).to_contain_text("\u201c2999-01-01T00:00Z\u201d, is in the future")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#shell-range-dialog")).to_be_hidden()
        expect(page).to_have_url(re.compile(r"\?range=3h$"))


def test_a_range_that_can_not_be_read_is_said(hour_server: Server, watched: OpenPage) -> None:
    said = {
        "range=99y": "\u201c99y\u201d is no time range: it is one of 15m,",
        "from=yesterday": "\u201cyesterday\u201d is no time: write it like",
        "from=2026-02-30": "\u201c2026-02-30\u201d is no time",
        "from=2026-03-18&to=2026-03-17": "is not before the end",
    }
    with watched(hour_server) as seen:
        for address, words in said.items():
            page = seen.open(f"/dashboard/?{address}")
            problem = page.locator("#shell-range-problem")
            expect(problem).to_contain_text(words)
            expect(problem).to_contain_text("Shown instead: 3h")
        page.locator("#shell-range-choice").get_by_text("1h").click()
        expect(problem).to_be_hidden()


def test_the_range_goes_along_to_other_pages_and_back(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        expect(page).to_have_url(re.compile(r"\?range=3h$"))
        page.locator("#shell-range-choice").get_by_text("12h").click()
        expect(page.locator("#overview-subtitle")).to_contain_text("12 hours")
        page.locator(".nav-entry", has_text="Ask").click()
        expect(page).to_have_url(re.compile(r"/ask\?range=12h"))
        page.go_back()
        expect(page.locator("#overview-subtitle")).to_contain_text("12 hours")
        page.go_back()
        expect(page.locator("#overview-subtitle")).to_contain_text("3 hours")


def test_updates_are_paused_and_resumed_by_keyboard(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        seen.charts()
        switch = page.locator("#shell-live")
        expect(switch).to_have_attribute("aria-pressed", "true")
        switch.focus()
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-pressed", "false")
        expect(switch).to_have_text("Paused")
        polls = count_polls(page)
        quick_polls(page)
        page.wait_for_timeout(600)
        assert polls() == 0
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-pressed", "true")
        wait_until(lambda: page.evaluate("1") and polls() > 0, what="a poll")


def test_the_theme_follows_the_system_until_one_is_chosen(
    hour_server: Server, watched: OpenPage
) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        seen.charts()
        page.emulate_media(color_scheme="light")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
        switch = page.get_by_role("button", name="Light theme")
        expect(switch).to_have_attribute("aria-pressed", "true")
        switch.focus()
        page.keyboard.press("Enter")
        expect(switch).to_have_attribute("aria-pressed", "false")
        page.emulate_media(color_scheme="dark")
        page.emulate_media(color_scheme="light")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_menu_of_the_account_works_by_keyboard(hour_server: Server, watched: OpenPage) -> None:
    with watched(hour_server) as seen:
        page = seen.open()
        page.get_by_role("button", name="Account").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("API reference")).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="API reference")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_text("API reference")).to_be_hidden()


def test_polls_never_overlap_and_keep_zoom_and_scroll(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    this_minute = full_minute()
    fill(quiet_store, this_minute)
    with watched(quiet_server, viewport={"width": 1440, "height": 600}) as seen:
        seen.page.add_init_script(SLOW_ANSWERS)
        page = seen.open("/dashboard/?range=1h")
        seen.charts()
        plot = page.locator("#overview-risk .nsewdrag").first.bounding_box()
        assert plot
        middle = plot["y"] + plot["height"] / 2
        page.mouse.move(plot["x"] + plot["width"] * 0.3, middle)
        page.mouse.down()
        page.mouse.move(plot["x"] + plot["width"] * 0.6, middle, steps=5)
        page.mouse.up()
        zoom = "document.querySelector('#overview-risk .js-plotly-plot').layout.xaxis.range"
        chosen = page.evaluate(zoom)
        page.evaluate("window.scrollTo(0, 300)")
        quick_polls(page)
        shown = page.locator("#overview-kpis").inner_text()
        for i in range(2):
            polls = page.evaluate("polls")
            with quiet_store.begin() as connection:
                writes.save_windows(connection, [window(this_minute - MINUTE, endpoint=f"/{i}")])
            wait_for_page(page, f"polls > {polls + 2}")
        assert page.locator("#overview-kpis").inner_text() != shown, "the polls brought something"
        assert page.evaluate("most") == 1
        assert page.evaluate(zoom) == chosen
        assert page.evaluate("window.scrollY") == 300


def test_a_server_that_goes_away_is_said_and_the_page_goes_on_by_itself(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    this_minute = full_minute()
    fill(quiet_store, this_minute)
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/?range=1h")
        seen.charts()
        page.evaluate("window.samePage = true")
        shown = page.locator("#overview-kpis").inner_text()
        quick_polls(page, 500)
        quiet_server.kill()
        notice = page.locator(".notice-lost")
        expect(notice).to_be_visible()
        expect(page.locator("#shell-live-word")).to_have_text("Offline")
        assert page.locator("#overview-kpis").inner_text() == shown
        assert page.locator("#overview-risk .main-svg:visible").count()
        with quiet_store.begin() as connection:
            writes.save_windows(connection, [window(this_minute - MINUTE, endpoint="/meanwhile")])
        with running_server(quiet_server.data_dir, port=quiet_server.port, scheduler=0):
            expect(notice).to_be_hidden(timeout=30_000)
            kpis = page.locator("#overview-kpis")
            wait_until(lambda: kpis.inner_text() != shown, what="what came meanwhile")
            assert page.evaluate("window.samePage") is True
            leave(seen)


def test_an_error_of_the_server_is_said_until_it_answers_again(
    hour_server: Server, watched: OpenPage
) -> None:

    def fail(route: Route) -> None:
        if '"overview-drawn"' in (route.request.post_data or ""):
            route.fulfill(status=500, body="no")
        else:
            route.continue_()

    with watched(hour_server) as seen:
        page = seen.open()
        seen.charts()
        shown = page.locator("#overview-kpis").inner_text()
        page.route(UPDATES, fail)
        polls = count_polls(page)
        quick_polls(page, 300)
        notice = page.locator(".notice-failing")
        expect(notice).to_be_visible()
        wait_until(lambda: page.evaluate("1") and polls() > 2, what="more polls")
        expect(notice).to_be_visible()
        assert page.locator("#overview-kpis").inner_text() == shown
        page.unroute(UPDATES)
        expect(notice).to_be_hidden()
        leave(seen)


def test_an_ended_session_is_said_with_the_way_back(
    quiet_server: Server, watched: OpenPage
) -> None:
    link = quiet_server.log.read_text().split("Open it once with:")[1].split()[0]
    with watched(quiet_server, token=False) as seen:
        seen.page.goto(link)
        page = seen.open("/dashboard/?range=1h")
        expect(page.locator("#overview-page")).to_contain_text("Waiting for the first minute")
        page.context.clear_cookies()
        quick_polls(page, 300)
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.get_by_role("link", name="Sign in again").click()
        expect(page).to_have_url(re.compile(r"/auth/login\?next=%2Fdashboard%2F%3Frange%3D1h"))
        leave(seen)


def test_on_a_phone_everything_in_the_bar_is_within_reach_and_the_menu_opens(
    demo_server: Server, watched: OpenPage
) -> None:
    with watched(demo_server, viewport={"width": 390, "height": 844}) as seen:
        page = seen.open()
        expect(page.locator("#shell-demo")).to_be_visible()
        boxes = page.evaluate(
            "['#shell-menu', '#shell-demo', '#shell-freshness', '.range .segments',"
            " '#shell-range-open', '#shell-live', '#shell-theme-switch', '#shell-user']"
            ".map(name => { const {left, top, right, bottom} ="
            " document.querySelector(name).getBoundingClientRect();"
            " return {name, left, top, right, bottom}; })"
        )
        for box in boxes:
            assert 0 <= box["left"] < box["right"] <= 390, box
        for i, one in enumerate(boxes):
            for other in boxes[i + 1 :]:
                beside = one["right"] <= other["left"] or other["right"] <= one["left"]
                below = one["bottom"] <= other["top"] or other["bottom"] <= one["top"]
                assert beside or below, (one, other)
        page.click("#shell-menu")
        expect(page.locator(".nav-entry").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#shell-menu")).to_be_focused()
        page.click("#shell-menu")
        page.locator(".nav-entry", has_text="Ask").click()
        expect(page.locator("h1")).to_have_text("Ask")
        expect(page.locator("#shell-sidebar")).to_be_hidden()
