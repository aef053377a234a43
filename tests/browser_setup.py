"""The browser of the tests: one that is there, else one that this machine can install.

`python tests/browser_setup.py` prints the path of the browser, or fails with what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def installed_browser() -> str | None:
    """Path of a Chromium that is there: on the PATH, or Playwright's own."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if own and Path(own).exists() else None


def install_browser() -> None:
    """Try what this machine allows; nothing is raised when an attempt fails."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"]
        subprocess.run(install, env=environment, check=False, stdout=subprocess.DEVNULL)
    if installed_browser() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Print the browser's path, installing one first if there is none."""
    if installed_browser() is None:
        install_browser()
    if (path := installed_browser()) is None:
        sys.exit(
            "The browser tests need Chromium: install the package 'chromium' or Google Chrome so "
            "that it is on the PATH, or run '.venv/bin/python -m playwright install chromium'."
        )
    print(f"browser: {path}")


if __name__ == "__main__":
    main()
