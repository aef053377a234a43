"""Pictures of the pages for the documentation: `make screenshots`.

Starts a demo of its own, waits until its history is scored, and takes each page dark and light.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import sync_playwright

from tests.browser_setup import installed_browser
from tests.server import TOKEN, running_server, wait_until

DOCS = Path(__file__).parent
PAGES = {"overview": "/dashboard/?range=3h"}
SIZE = {"width": 1440, "height": 1000}


def main() -> None:
    """Write `docs/<page>-<theme>.png`."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), demo=1) as server:
        wait_until(lambda: server.get_json("/api/stats")["windows"] > 1000, seconds=90)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=installed_browser(), args=["--no-sandbox"]
            )
            for theme in ("dark", "light"):
                context = browser.new_context(
                    viewport=SIZE,
                    color_scheme=theme,
                    device_scale_factor=1.5,
                    extra_http_headers={"Authorization": f"Bearer {TOKEN}"},
                )
                page = context.new_page()
                for name, address in PAGES.items():
                    page.goto(server.url + address)
                    page.wait_for_selector(".js-plotly-plot .main-svg")
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(1500)  # the charts' own transitions
                    page.screenshot(path=DOCS / f"{name}-{theme}.png")
            browser.close()


if __name__ == "__main__":
    main()
