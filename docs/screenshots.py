"""Pictures of every page for the documentation: `make screenshots`.

Starts a demo of its own, waits until its history is scored, and takes each page dark and light, as
a desk and a phone show it: `docs/screenshots/<page>-<theme>-<width>.png`.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser_setup import installed_browser
from tests.server import TOKEN, Server, running_server, wait_until

FOLDER: Final = Path(__file__).parent / "screenshots"
WIDTHS: Final = {1440: (1000, 1), 390: (844, 2)}  # width -> height [px] and pixels a px
MOST_PX: Final = 1800  # of a long page
RANGE: Final = {"range": "3h"}
QUESTION: Final = "errors by endpoint in the last 3 hours"
SETTLED: Final = """() => {
    const loading = document.querySelectorAll("main .skeleton, ._dash-loading");
    return document.querySelector("main h1") && ![...loading].some((e) => e.checkVisibility());
}"""
STILL_MS: Final = 1500  # the charts' own transitions
PATIENCE_S: Final = 120.0  # of a machine that does other things, too


def addresses(server: Server) -> dict[str, str]:
    """Name and address of each page; endpoint and client are those of the newest HIGH windows."""
    endpoint, client = (newest_high(server, subject) for subject in ("endpoint", "client"))
    queries: dict[str, dict[str, Any]] = {
        "overview": {},
        "analytics": {},
        "endpoint": {key: endpoint[key] for key in ("endpoint", "method")},
        "client": {"client": client["client"]},
        "alerts": {},
        "models": {},
        "datasets": {},
        "ask": {"q": QUESTION},
        "lab": {},
        "admin": {"tab": "system"},
    }
    return {
        name: f"/dashboard/{'' if name == 'overview' else name}?{urlencode(query | RANGE)}"
        for name, query in queries.items()
    }


def newest_high(server: Server, subject: str) -> dict[str, Any]:
    """The newest HIGH window of an endpoint or of a client."""
    query = f"subject={subject}&priority=HIGH&limit=1"
    found: dict[str, Any] = server.get_json(f"/api/anomalies?{query}")["items"][0]
    return found


def contexts(browser: Browser) -> Iterator[tuple[str, BrowserContext]]:
    """Both themes on a desk and on a phone, with the end of the names of their files."""
    for theme in ("dark", "light"):
        for width, (height, scale) in WIDTHS.items():
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                device_scale_factor=scale,
                extra_http_headers={"Authorization": f"Bearer {TOKEN}"},
            )
            yield f"{theme}-{width}", context
            context.close()


def picture(page: Page) -> bytes:
    """The page down to `MOST_PX`, in 256 colours, which takes a third of the bytes."""
    size = page.viewport_size
    assert size is not None
    height = min(MOST_PX, page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": size["width"], "height": height})  # grids draw what is seen
    page.wait_for_timeout(STILL_MS)
    page.add_style_tag(content=".toasts { display: none; }")  # they come and go
    whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.set_viewport_size(size)
    small = io.BytesIO()
    whole.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    """Write all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), demo=1) as server:
        wait_until(lambda: server.get_json("/api/stats")["windows"] > 1000, seconds=90)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=installed_browser(), args=["--no-sandbox"]
            )
            for ending, context in contexts(browser):
                page = context.new_page()
                for name, address in addresses(server).items():
                    page.goto(server.url + address)
                    wait_until(partial(page.evaluate, SETTLED), seconds=PATIENCE_S)
                    page.wait_for_timeout(STILL_MS)
                    (FOLDER / f"{name}-{ending}.png").write_bytes(picture(page))
            browser.close()


if __name__ == "__main__":
    main()
