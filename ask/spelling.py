"""Typing errors: the one known word that a word was most likely meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

SHORTEST: Final = 4  # letters of a word that is corrected
LONG: Final = 8  # from so many letters on two edits are forgiven


def edits_forgiven(word: str) -> int:
    """How many edits (insert, delete, change, swap) a word may be away from a known one."""
    letters = sum(map(str.isalpha, word))
    if letters < SHORTEST:
        return 0
    return 2 if letters >= LONG else 1


def nearest(word: str, known: Iterable[str], most: int = 2) -> list[str]:
    """The known words that are nearest to `word`, if they are near enough; several are a tie.

    Parameters
    ----------
    word : str
        What was typed, in lower case.
    known : iterable of str
        What it may have been meant to be.
    most : int
        Edits that are forgiven at most, however long the word is.
    """
    allowed = min(edits_forgiven(word), most)
    if not allowed:
        return []
    found = process.extract(
        word,
        known,
        scorer=OSA.distance,  # type: ignore[arg-type]
        score_cutoff=allowed,
        limit=None,
    )
    if not found:
        return []
    best = min(distance for _, distance, _ in found)
    return [text for text, distance, _ in found if distance == best]
