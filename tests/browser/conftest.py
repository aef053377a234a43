"""A real Chromium that notes what goes wrong on a page, and a server with a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ingest.simulator.episodes import Planned
from ingest.traffic import simulate
from jobs import scoring
from jobs.runtime import FACTORY_MODELS
from ml.registry import Models
from store import Store, open_store, writes
from tests.browser_setup import installed_browser
from tests.rows import MINUTE
from tests.server import TOKEN, Server, running_server, wait_until

expect.set_options(timeout=20_000)  # a machine that runs other things too
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


@pytest.fixture(scope="session", autouse=True)
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo as `make run` starts it; it begins first, since its live windows take their minute."""
    with running_server(tmp_path_factory.mktemp("demo"), demo=1) as server:
        yield server


@pytest.fixture
def quiet_server(tmp_path: Path) -> Iterator[Server]:
    """A server that scores nothing by itself: the tests decide what is in its store."""
    with running_server(tmp_path, scheduler=0) as server:
        yield server


@pytest.fixture
def quiet_store(quiet_server: Server) -> Iterator[Store]:
    """The store of `quiet_server`, opened by this process too."""
    with store_of(quiet_server) as store:
        yield store


@pytest.fixture(scope="module")
def hour_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A quiet server with an hour of scored history that ends now, for tests that only look."""
    with running_server(tmp_path_factory.mktemp("hour"), scheduler=0) as server:
        with store_of(server) as store:
            fill(store, full_minute())
        yield server


@contextmanager
def store_of(server: Server) -> Iterator[Store]:
    """The store of a running server."""
    store = open_store(f"sqlite:///{server.data_dir / 'foresight.db'}")
    yield store
    store.close()


def fill(store: Store, until: int, minutes: int = 60) -> None:
    """Scored history that ends at `until` [epoch ms], with an outage in its middle."""
    crash = Planned("crash", start=minutes / 2, minutes=3)
    start = until - minutes * MINUTE
    past = simulate(seed=3, start_ms=start, minutes=minutes, intensity=0.5, episodes=[crash])
    with store.begin() as connection:
        writes.add_calls(connection, past.calls, store.grid)
        writes.start_job(connection, "scoring", until)
        writes.finish_job(connection, "scoring", time.time_ns() // 1_000_000)
    score(store, until)


def score(store: Store, until: int) -> None:
    """What the scoring job does, without waiting for the minute."""
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    late = until + scoring.GRACE_MS
    scoring.score_all(store, version, bundle, lambda: late, min_calls=5)


def wait_for_page(page: Page, expression: str, seconds: float = 20) -> None:
    """Wait until an expression is true in a page; by itself a page would have to `eval` it."""
    wait_until(lambda: page.evaluate(expression), seconds=seconds, what=expression)


def full_minute() -> int:
    """Start of the current minute [epoch ms]."""
    now = time.time_ns() // 1_000_000
    return now - now % MINUTE


def click_highest(page: Page, chart: str) -> None:
    """Click on a chart where its first line or bar is highest, as a person who sees a spike."""
    page.wait_for_selector(f"#{chart} .nsewdrag")
    page.locator(f"#{chart}").scroll_into_view_if_needed()
    place = """chart => {
        const plot = document.querySelector(`#${chart} .js-plotly-plot`);
        const {x, y} = plot.data[0];
        const at = x[Array.from(y).indexOf(Math.max(...y))];
        const axis = plot._fullLayout.xaxis;
        return axis._offset + axis.d2p(at) + 1;
    }"""
    box = page.locator(f"#{chart} .js-plotly-plot").bounding_box()
    assert box
    left = box["x"] + page.evaluate(place, chart)
    page.mouse.move(left - 3, box["y"] + box["height"] / 2)
    page.mouse.move(left, box["y"] + box["height"] / 2)
    expect(
        page.locator(f"#{chart} .hoverlayer .hovertext, #{chart} .hoverlayer .legend")
    ).not_to_have_count(0)
    page.mouse.click(left, box["y"] + box["height"] / 2)
