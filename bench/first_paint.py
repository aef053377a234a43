"""First paint of the Overview in a real browser: `python -m bench.first_paint`.

A warm server with three hours of scored history. Each round opens the page in a new profile,
so that nothing is in the cache of the browser, and once more in the same one.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.conftest import FLAGS, fill, full_minute, store_of
from tests.browser_setup import installed_browser
from tests.server import TOKEN, Server, running_server, wait_until

ROUNDS: Final = 7
HISTORY_MINUTES: Final = 180
MOMENTS: Final = {  # what is shown, and when it is there
    "numbers": "#overview-kpis .kpi-value",
    "first chart": "#overview-risk .main-svg .trace",
    "rows of the grid": "#overview-windows-grid .ag-row",
}
WATCH: Final = """(moments) => {
  window.moments = {};
  const look = () => {
    for (const [name, selector] of Object.entries(moments)) {
      if (!(name in window.moments) && document.querySelector(selector)) {
        window.moments[name] = performance.now();
      }
    }
    requestAnimationFrame(look);
  };
  look();
}"""
READ: Final = """() => {
  const paints = performance.getEntriesByType("paint");
  const files = [...performance.getEntriesByType("resource"),
    ...performance.getEntriesByType("navigation")];
  return {
    "first contentful paint": paints.find((p) => p.name === "first-contentful-paint").startTime,
    ...window.moments,
    requests: files.length,
    kilobytes: files.reduce((sum, file) => sum + file.transferSize, 0) / 1000,
  };
}"""


def measured(context: BrowserContext, server: Server) -> dict[str, float]:
    """Moments [ms since the address was entered], requests and bytes of one visit."""
    page = context.new_page()
    page.add_init_script(f"({WATCH})({json.dumps(MOMENTS)})")
    page.goto(f"{server.url}/dashboard/")
    seen = f"Object.keys(window.moments).length === {len(MOMENTS)}"
    wait_until(lambda: page.evaluate(seen), what="all moments")
    found: dict[str, float] = page.evaluate(READ)
    page.close()
    return found


def rounds(browser: Browser, server: Server) -> tuple[list[Any], list[Any]]:
    """Visits with an empty cache, and the ones after them."""
    first, again = [], []
    for _ in range(ROUNDS):
        context = browser.new_context(
            viewport={"width": 1440, "height": 1000},
            extra_http_headers={"Authorization": f"Bearer {TOKEN}"},
        )
        first.append(measured(context, server))
        again.append(measured(context, server))
        context.close()
    return first, again


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), scheduler=0) as server,
    ):
        with store_of(server) as store:
            fill(store, full_minute(), HISTORY_MINUTES)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=installed_browser(), args=FLAGS)
            rounds(browser, server)  # the server and the disk are warm afterwards
            first, again = rounds(browser, server)
            browser.close()
    for words, visits in (("empty cache", first), ("filled cache", again)):
        print(f"Overview, {words}, median of {ROUNDS} visits (slowest):")
        for name in visits[0]:
            values = [visit[name] for visit in visits]
            unit = "" if name == "requests" else " kB" if name == "kilobytes" else " ms"
            print(f"  {name}: {statistics.median(values):,.0f}{unit} ({max(values):,.0f})")


if __name__ == "__main__":
    main()
