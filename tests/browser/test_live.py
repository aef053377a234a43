"""News on the page: by the live stream, by polling where there is none, and never twice."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Locator, Page, WebSocket, expect
from websockets.sync.client import connect

from jobs.tail import MOST_LISTENERS
from store import Store
from tests.browser.conftest import OpenPage, Watched
from tests.news import add_news
from tests.server import TOKEN, Server, running_server, wait_until

SERVER_AWAY = re.compile(  # a browser says so
    "ERR_CONNECTION_REFUSED|ERR_CONTENT_LENGTH_MISMATCH|the server did not respond"
)


def open_page(seen: Watched, stream: str = "open") -> Page:
    page = seen.open()
    expect(page.locator("html")).to_have_attribute("data-stream", stream)
    expect(page.locator("#overview-page .ag-root").first).to_be_visible()  # all scripts are there
    return page


def toasts(page: Page, text: str) -> Locator:
    return page.locator("#shell-toasts .note").filter(has_text=text)


def light(page: Page) -> Locator:
    return page.locator("#shell-live-word")


def hide(page: Page, hidden: bool) -> None:
    """What a browser does when another tab is looked at."""
    page.evaluate(
        "hidden => {"
        " Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


@contextmanager
def all_places_taken(server: Server) -> Iterator[None]:
    address = server.url.replace("http:", "ws:") + "/ws"
    with ExitStack() as stack:
        for _ in range(MOST_LISTENERS):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            stack.enter_context(connect(address, additional_headers=headers)).recv(timeout=10)
        yield


def test_over_the_stream_a_toast_comes_at_once_and_once(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = open_page(seen)
        expect(light(page)).to_have_text("Live")
        add_news(quiet_store, "/warm-up")
        expect(toasts(page, "/warm-up")).to_have_count(1)
        took = []
        for name in ("/first", "/second", "/third"):
            began = time.monotonic()
            add_news(quiet_store, name)
            toasts(page, name).wait_for()
            took.append(time.monotonic() - began)
        assert max(took) < 2, took
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-stream", "open")
        add_news(quiet_store, "/after")
        expect(toasts(page, "/after")).to_have_count(1)
        assert page.locator("#shell-toasts .note").count() == 1


def test_a_restart_of_the_server_is_seen_and_what_happened_meanwhile_is_told_once(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = open_page(seen)
        quiet_server.kill()
        expect(page.locator("html")).to_have_attribute("data-connection", "lost")
        expect(light(page)).to_have_text("Offline")
        add_news(quiet_store, "/meanwhile")
        with running_server(quiet_server.data_dir, port=quiet_server.port, scheduler=0):
            expect(toasts(page, "/meanwhile")).to_have_count(1)
            expect(light(page)).to_have_text("Live", timeout=40_000)
            toasts(page, "/meanwhile").get_by_label("Dismiss").click()
            add_news(quiet_store, "/later")
            expect(toasts(page, "/later")).to_have_count(1)
            assert toasts(page, "/meanwhile").count() == 0
            page.goto("about:blank")
        seen.errors[:] = [text for text in seen.errors if not SERVER_AWAY.search(text)]


def test_where_no_place_is_left_the_page_polls(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    with all_places_taken(quiet_server), watched(quiet_server) as seen:
        page = open_page(seen, "polling")
        expect(light(page)).to_have_text("Polling")
        add_news(quiet_store, "/polled")
        expect(toasts(page, "/polled")).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("data-connection", "ok")


def test_a_paused_page_shows_no_toast_before_it_goes_on(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = open_page(seen)
        page.click("#shell-live")
        expect(light(page)).to_have_text("Paused")
        add_news(quiet_store, "/paused")
        page.wait_for_timeout(1500)
        assert toasts(page, "/paused").count() == 0
        page.click("#shell-live")
        expect(toasts(page, "/paused")).to_have_count(1)
        expect(light(page)).to_have_text("Live")


def test_a_hidden_tab_holds_no_socket_and_catches_up_when_it_is_looked_at(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        sockets: list[WebSocket] = []
        seen.page.on("websocket", lambda opened: sockets.append(opened))
        page = open_page(seen)
        hide(page, True)
        wait_until(lambda: page.evaluate("1") and sockets[0].is_closed(), what="a closed socket")
        add_news(quiet_store, "/unseen")
        page.wait_for_timeout(1000)
        assert toasts(page, "/unseen").count() == 0
        hide(page, False)
        expect(toasts(page, "/unseen")).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("data-stream", "open")
        assert len(sockets) == 2
