"""Colours, styles and scripts: readable, complete, and all from this machine."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import plotly
import pytest

from components import theme

ASSETS = Path(__file__).parent.parent.parent / "assets"


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize(
    "text", ["text", "text_2", "text_3", "high_text", "medium_text", "low_text"]
)
def test_text_can_be_read_on_every_ground(name: str, text: str) -> None:
    colours = theme.palette(name)
    for ground in (colours.page, colours.surface, colours.sidebar):
        assert contrast(getattr(colours, text), ground) >= 4.5, ground


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("priority", ["high", "medium", "low"])
def test_pills_and_marks_can_be_read(name: str, priority: str) -> None:
    colours = theme.palette(name)
    tint, text = getattr(colours, f"{priority}_tint"), getattr(colours, f"{priority}_text")
    assert contrast(text, tint) >= 4.5
    assert contrast(getattr(colours, priority), colours.surface) >= 3


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_stylesheet_has_the_colours_of_the_charts(name: str) -> None:
    sheet = (ASSETS / "app.css").read_text(encoding="utf-8")
    block = re.search(rf'\[data-bs-theme="{name}"\] {{\n(.*?)\n}}', sheet, re.DOTALL)
    assert block
    declared = dict(re.findall(r"--([\w-]+): (#\w{6});", block[1]))
    expected = {
        field.name.replace("_", "-"): getattr(theme.palette(name), field.name)
        for field in fields(theme.Palette)
    }
    assert {key: declared.get(key) for key in expected} == expected


def test_dark_is_the_theme_when_none_is_named() -> None:
    assert theme.palette(None) is theme.palette("?") is theme.DARK


@pytest.mark.parametrize(
    ("risk", "priority"), [(0.8, "HIGH"), (0.7999, "MEDIUM"), (0.5, "MEDIUM"), (0.4999, "LOW")]
)
def test_colours_follow_the_thresholds_of_priority(risk: float, priority: str) -> None:
    assert theme.USUAL_LIMITS.priority_of(risk) == priority


@pytest.mark.parametrize("path", sorted(p.name for p in ASSETS.glob("*.[cj]s*")))
def test_our_assets_name_no_host(path: str) -> None:
    assert not re.search(r"https?://", (ASSETS / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(str(p.relative_to(ASSETS)) for p in ASSETS.rglob("*.css")))
def test_stylesheets_load_only_files_that_are_here(path: str) -> None:
    text = (ASSETS / path).read_text(encoding="utf-8")
    assert "sourceMappingURL" not in text
    for address in re.findall(r'url\("?([^")]+)"?\)', text):
        assert address.startswith("data:") or ((ASSETS / path).parent / address).is_file(), address


def test_every_vendored_folder_has_its_licence() -> None:
    folders = [p for p in (ASSETS / "vendor").iterdir() if p.is_dir()]
    assert folders
    assert [p.name for p in folders if not (p / "LICENSE").is_file()] == []


def test_the_bundle_of_charts_has_the_version_that_plotly_brings() -> None:
    whole = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    ours = ASSETS / "vendor" / "plotly" / "plotly-cartesian.min.js"
    versions = []
    for path in (whole, ours):
        with path.open(encoding="utf-8") as script:
            versions.append(re.findall(r"v(\d+\.\d+\.\d+)", script.read(200)))
    assert versions[0] == versions[1]
