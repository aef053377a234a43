"""Colours of the two themes; `assets/app.css` holds the same values as custom properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

FONT: Final = '"Inter Variable", system-ui, sans-serif'
PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")


@dataclass(frozen=True)
class Palette:
    """One theme. Risk colours come twice: for areas, and for text on their own tint."""

    page: str
    sidebar: str
    surface: str
    raised: str
    line: str
    line_strong: str
    text: str
    text_2: str
    text_3: str
    accent: str
    high: str
    medium: str
    low: str
    high_text: str
    medium_text: str
    low_text: str
    high_tint: str
    medium_tint: str
    low_tint: str

    def of_priority(self, priority: str) -> str:
        """Area colour of HIGH, MEDIUM or LOW."""
        return {"HIGH": self.high, "MEDIUM": self.medium, "LOW": self.low}[priority]


DARK: Final = Palette(
    page="#0d1117",
    sidebar="#0f141b",
    surface="#12171f",
    raised="#1a212c",
    line="#232b37",
    line_strong="#364152",
    text="#e7ecf3",
    text_2="#a0acbb",
    text_3="#8290a1",
    accent="#6f9dff",
    high="#f2575c",
    medium="#f0a531",
    low="#35b57d",
    high_text="#ffa3a5",
    medium_text="#f7c46c",
    low_text="#74d9a9",
    high_tint="#35191e",
    medium_tint="#33260f",
    low_tint="#12291f",
)
LIGHT: Final = Palette(
    page="#f6f8fb",
    sidebar="#ffffff",
    surface="#ffffff",
    raised="#eff3f8",
    line="#e1e6ee",
    line_strong="#c5cedb",
    text="#16202e",
    text_2="#4f5c6c",
    text_3="#626f80",
    accent="#2a63e3",
    high="#dc3b42",
    medium="#c97c08",
    low="#1c9a63",
    high_text="#ac1c26",
    medium_text="#855000",
    low_text="#0b6641",
    high_tint="#fde9ea",
    medium_tint="#fdf0d9",
    low_tint="#e1f5eb",
)
THEMES: Final = {"dark": DARK, "light": LIGHT}


def palette(theme: str | None) -> Palette:
    """The palette named `dark` or `light`; dark is the default."""
    return THEMES.get(theme or "dark", DARK)


class Limits(NamedTuple):
    """Risk scores from which a window is MEDIUM or HIGH."""

    medium: float = 0.5
    high: float = 0.8

    def priority_of(self, risk: float) -> str:
        """Priority of a risk score, for colouring; the scores themselves come with theirs."""
        return "HIGH" if risk >= self.high else "MEDIUM" if risk >= self.medium else "LOW"


USUAL_LIMITS: Final = Limits()


def faded(colour: str, alpha: float) -> str:
    """`#rrggbb` with an opacity of 0..1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
