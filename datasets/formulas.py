"""Text for spreadsheets: what would be calculated stays text, in every CSV that leaves the product.

A quote goes in front of what spreadsheets take for a formula, and of what begins with a quote, so
that the text can be had back. Numbers are written as numbers; in XLSX texts are written as such and
need nothing.
"""

from __future__ import annotations

from typing import Final

# The last four are = + - @ in full width, which some Excels calculate as well.
BEGINNINGS: Final = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20")


def defused(text: str) -> str:
    """The text as a cell that no spreadsheet calculates."""
    return f"'{text}" if text[:1] in BEGINNINGS else text
