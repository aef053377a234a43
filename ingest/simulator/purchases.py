"""The requests that clients send to the shop, and the bank cards that they pay with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Final

from ingest.shop.front import Request, issued, luhn_sum

BANK_CARDS: Final = 200  # in use


def login_request(user: str, given: str) -> Request:
    """A request to log in."""
    body = f'{{"username": "{user}", "password": "{given}"}}'
    return Request("POST", "/login", "", body.encode())


def payment_request(user: str | None, amount: float, currency: str, card: str) -> Request:
    """A request to pay."""
    body = f'{{"amount": {amount:.2f}, "currency": "{currency}", "card": "{card}"}}'
    return Request("POST", "/payment", "", body.encode(), user)


def search_request(words: str, page: int | str = 1, user: str | None = None) -> Request:
    """A request to search; a `+` stands between words."""
    return Request("GET", "/search", f"q={words}&page={page}", b"", user)


@cache
def bank_cards(good: bool) -> Sequence[str]:
    """Well-formed card numbers that a bank issued, or that none did; the same in every process."""
    rng = Random(f"cards {good}")
    cards: list[str] = []
    while len(cards) < BANK_CARDS:
        card = random_card(rng)
        if issued(card) == good:
            cards.append(card)
    return cards


def random_card(rng: Random) -> str:
    """A well-formed card number that may or may not be issued."""
    stem = f"4{rng.randrange(10**14):014d}"
    return f"{stem}{-luhn_sum(stem + '0') % 10}"
