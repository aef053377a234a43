"""A real Chromium that notes what goes wrong on a page, and a server with a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from store import Store, open_store
from tests.browser_setup import installed_browser
from tests.server import TOKEN, Server, running_server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


@dataclass
class Watched:
    """A page with the errors on its console and the requests that left the machine."""

    page: Page
    server: Server
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, address: str = "/dashboard/") -> Page:
        """Go to an address of the server."""
        self.page.goto(self.server.url + address)
        return self.page

    def charts(self) -> Page:
        """Wait until the charts of the Overview are drawn."""
        for chart in ("overview-risk", "overview-endpoints", "overview-priorities"):
            self.page.wait_for_selector(f"#{chart} .main-svg", timeout=20_000)
        return self.page


OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests."""
    path = installed_browser()
    assert path, "no browser: run tests/browser_setup.py"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched(browser: Browser) -> OpenPage:
    """Open a page of a server as the admin; at its end no error and no foreign request was seen."""

    @contextmanager
    def watch(server: Server, *, token: bool = True, **options: Any) -> Iterator[Watched]:
        headers = {"Authorization": f"Bearer {TOKEN}"} if token else {}
        size = {"viewport": {"width": 1440, "height": 1000}, "color_scheme": "dark"}
        context = browser.new_context(extra_http_headers=headers, **(size | options))
        seen = Watched(context.new_page(), server)
        seen.page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((server.url, "data:", "blob:"))
                else seen.foreign.append(r.url)
            ),
        )
        yield seen
        context.close()
        assert seen.errors == []
        assert seen.foreign == []

    return watch


@pytest.fixture
def quiet_server(tmp_path: Path) -> Iterator[Server]:
    """A server that scores nothing by itself: the tests decide what is in its store."""
    with running_server(tmp_path, scheduler=0) as server:
        yield server


@pytest.fixture
def filled(quiet_server: Server) -> Iterator[Store]:
    """The store of `quiet_server`, opened by this process too."""
    store = open_store(f"sqlite:///{quiet_server.data_dir / 'foresight.db'}")
    yield store
    store.close()


@pytest.fixture
def this_minute() -> int:
    """Start of the current minute [epoch ms]."""
    now = time.time_ns() // 1_000_000
    return now - now % 60_000
