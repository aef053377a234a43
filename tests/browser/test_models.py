"""The Models page as a person sees it: what the models are worth, and changing the version."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from jobs import drift, scorecard
from jobs.runtime import FACTORY_MODELS, model_key
from jobs.scoring import GRACE_MS
from ml.registry import Models
from ml.version_files import write_version
from store import Store, forecasts
from tests.browser.conftest import OpenPage, fill
from tests.server import Server

HOUR = 3_600_000
LOADED_MS = 60_000  # the first look into a version loads all of its libraries
TOO_WIDE = """[...document.querySelectorAll('#models-page *')]
  .filter(e => !e.closest('.js-plotly-plot') && getComputedStyle(e).position !== 'absolute')
  .filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.className)"""
OLDER, NEWER = "20260301T153000-aaaaaaaa", "20260302T153000-bbbbbbbb"


@pytest.fixture
def models(quiet_server: Server) -> Models:
    """Two versions of the server's own, the later one current."""
    key = model_key((quiet_server.data_dir / "secret_key").read_text())
    found = Models(quiet_server.data_dir / "models", FACTORY_MODELS, key)
    bundle, summary = found.current()[1], found.manifest()
    del summary["sha256"], summary["bytes"]
    for name in (OLDER, NEWER):
        created = {"created_at": f"2026-03-0{name[7]}T15:30:00+00:00", "source": "stored"}
        write_version(found.directory / name, bundle, summary | created, key)
        found.promote(name)
    return found


def compare(store: Store, until: int) -> None:
    """What the jobs do each hour: forecasts and drift of the hours before `until` [epoch ms]."""
    now = until + GRACE_MS
    with store.begin() as connection:
        forecasts.save_progress(connection, forecasts.Progress(until - 3 * HOUR, 0))
    scorecard.compare_forecasts(store, now)
    version, bundle = Models(FACTORY_MODELS, FACTORY_MODELS).current()
    references = {kind: models.reference for kind, models in bundle.subjects.items()}
    drift.measure_drift(store, version, references, now)


def row(page: Page, version: str) -> Locator:
    return page.locator("#models-history tbody tr").filter(has_text=version)


def current(page: Page) -> Locator:
    return page.locator("#models-current .version-name")


def test_a_version_is_promoted_and_rolled_back_with_its_reason(
    quiet_server: Server, models: Models, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models")
        expect(current(page)).to_have_text(NEWER)
        row(page, OLDER).get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_have_text(f"Promote {OLDER}?")
        expect(dialog).to_contain_text(f"Roll back returns to {NEWER}")
        dialog.get_by_label("Reason").fill("it was calmer")
        dialog.get_by_role("button", name="Promote").click()
        expect(page.locator("#models-result")).to_contain_text(f"Promoted {OLDER}")
        expect(dialog).to_have_count(0)
        expect(current(page)).to_have_text(OLDER)
        assert models.version() == OLDER
        expect(page.locator("#models-happened")).to_contain_text("it was calmer")

        page.get_by_role("button", name="Roll back").click()
        expect(dialog.get_by_role("heading")).to_have_text(f"Roll back to {NEWER}?")
        dialog.get_by_role("button", name="Roll back").click()
        expect(page.locator("#models-result")).to_contain_text(f"Rolled back to {NEWER}")
        expect(current(page)).to_have_text(NEWER)
    told = quiet_server.get_json("/api/models")
    assert told["current"] == NEWER
    events = [(e["event"], e["version"], e["reason"], e["who"]) for e in told["events"]]
    assert events == [
        ("rolled_back", NEWER, "by hand", "API token"),
        ("promoted", OLDER, "it was calmer", "API token"),
    ]


@pytest.mark.usefixtures("models")
def test_who_thinks_better_of_it_changes_nothing(quiet_server: Server, watched: OpenPage) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models")
        dialog = page.get_by_role("dialog")
        for leave in ("Cancel", "Escape"):
            row(page, OLDER).get_by_role("button").click()
            expect(dialog).to_be_visible()
            if leave == "Cancel":
                dialog.get_by_role("button", name="Cancel").click()
            else:
                page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
        expect(row(page, NEWER).get_by_role("button")).to_be_disabled()
    assert quiet_server.get_json("/api/models")["events"] == []


def test_a_version_that_was_changed_on_disk_is_refused_in_the_dialog(
    quiet_server: Server, models: Models, watched: OpenPage
) -> None:
    (models.directory / OLDER / "bundle.joblib").write_bytes(b"else")
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models")
        row(page, OLDER).get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Promote").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Nothing was changed")
        expect(dialog.get_by_role("alert")).to_contain_text(OLDER)
    assert models.version() == NEWER


def test_an_empty_store_says_when_there_will_be_figures(
    quiet_server: Server, watched: OpenPage
) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models")
        expect(page.locator("#models-score")).to_contain_text("No forecast was checked yet")
        expect(page.locator("#models-drift")).to_contain_text("No hour was measured")
        expect(page.locator("#models-evaluated")).to_contain_text("Measured on")
        expect(page.locator("#models-evaluated tbody tr")).to_have_count(12)
        expect(page.locator("#models-forests .bars")).to_have_count(2, timeout=LOADED_MS)
        expect(page.get_by_role("button", name="Roll back")).to_be_disabled()


def test_forecasts_and_drift_of_the_store_are_shown_by_kind_of_subject(
    quiet_server: Server, quiet_store: Store, watched: OpenPage
) -> None:
    now = time.time_ns() // 1_000_000
    hour = now - now % HOUR
    fill(quiet_store, hour, minutes=120)
    compare(quiet_store, hour)
    told = quiet_server.get_json("/api/models/scorecard")["week"]
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models")
        checked = page.locator(".scorecard tbody tr").first
        for kind, label in (("endpoint", None), ("client", "Clients")):
            if label:
                page.locator("#models-subject").get_by_text(label).click()
                expect(page).to_have_url(re.compile("subject=client"))
            expect(checked).to_contain_text(f"{told[kind]['forecasts']:,}")
            expect(page.locator("#models-reliability .errorbar").first).to_be_attached()
            expect(page.locator("#models-drift tbody tr")).to_have_count(8)
        page.reload()
        expect(checked).to_contain_text(f"{told['client']['forecasts']:,}")
        page.go_back()
        expect(checked).to_contain_text(f"{told['endpoint']['forecasts']:,}")


def test_an_unknown_kind_of_subject_is_quoted(quiet_server: Server, watched: OpenPage) -> None:
    with watched(quiet_server) as seen:
        page = seen.open("/dashboard/models?subject=ship")
        expect(page.get_by_text("subject='ship'")).to_contain_text("endpoint, client")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_screen(
    quiet_server: Server, watched: OpenPage, models: Models, width: int
) -> None:
    with watched(quiet_server, viewport={"width": width, "height": 844}) as seen:
        page = seen.open("/dashboard/models")
        expect(page.locator("#models-profiles table")).to_be_visible(timeout=LOADED_MS)
        expect(row(page, models.version())).to_be_visible()
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
