"""The catalogue of the mock shop: a few hundred made-up products and the pages of a search."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from random import Random
from typing import Final, NamedTuple

PAGE_SIZE: Final = 20
PRODUCTS: Final = 480
ADJECTIVES: Final = (
    "blue", "compact", "cordless", "folding", "green", "heavy", "light", "organic", "quiet", "red",
    "small", "solar", "steel", "warm", "waterproof", "wooden",
)  # fmt: skip
NOUNS: Final = (
    "backpack", "bicycle", "blanket", "camera", "chair", "clock", "desk", "drill", "guitar",
    "hammer", "headphones", "jacket", "kettle", "keyboard", "knife", "lamp", "mirror", "mug",
    "notebook", "pan", "phone", "pillow", "rug", "scarf", "shelf", "shoes", "speaker", "table",
    "tent", "watch",
)  # fmt: skip
_USES: Final = ("for daily use", "for the garden", "for travel", "for a small flat", "for children")


class Page(NamedTuple):
    """One page of results."""

    body: bytes  # JSON
    items: int
    total: int


@cache
def products() -> tuple[tuple[str, str], ...]:
    """All products as (text that is searched, JSON of the product), the same in every process."""
    rng = Random(20)
    names = [f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS]
    rng.shuffle(names)
    return tuple((name, _product(number, name, rng)) for number, name in enumerate(names, 1))


def _product(number: int, name: str, rng: Random) -> str:
    uses = rng.sample(_USES, rng.randint(1, 4))
    return json.dumps(
        {
            "id": f"p{number:04d}",
            "name": name,
            "price": round(rng.lognormvariate(3.4, 0.8), 2),
            "currency": "EUR",
            "stock": rng.randint(0, 60),
            "rating": round(rng.uniform(2.5, 5.0), 1),
            "description": f"A {name} {', '.join(uses)}.",
        }
    )


@lru_cache(maxsize=2_048)
def _matches(query: str) -> tuple[str, ...]:
    words = query.split()
    return tuple(text for name, text in products() if all(word in name for word in words))


def search_page(query: str, page: int) -> Page:
    """Page `page` (from 1) of the products whose name has all words of `query`; all for no word."""
    matches = _matches(query.lower())
    items = matches[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    pages = -(-len(matches) // PAGE_SIZE)
    body = (
        f'{{"query": {json.dumps(query)}, "page": {page}, "pages": {pages}, '
        f'"total": {len(matches)}, "items": [{", ".join(items)}]}}'
    )
    return Page(body.encode(), len(items), len(matches))
