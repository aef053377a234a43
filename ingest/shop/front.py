"""The front of the mock shop: reads a request, checks it, and says what it asks for.

It knows nothing about time or load: that is `ingest.shop.model`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from ingest.shop.catalogue import search_page

USERS: Final = 600  # accounts u001 ... u600
DEMO_USER: Final = "demo"  # for people who try the shop by hand
DEMO_PASSWORD: Final = "demo-shop"
DEMO_CARD: Final = "4000000000000051"
CURRENCIES: Final = ("EUR", "USD", "GBP")
HIGHEST_AMOUNT: Final = 1_000_000
CARD_LIMIT: Final = 2_500.0  # more in one payment is declined
MAX_PAGE: Final = 1_000
MAX_QUERY_CHARACTERS: Final = 100
TOKEN_CHARACTERS: Final = 43  # of a login token for u001

# Seconds that a worker is busy with a request, beside the database and the payment provider.
REFUSE_S: Final = 0.002
HASH_S: Final = 0.040  # a password hash is slow on purpose
PAY_S: Final = 0.012
SEARCH_S: Final = 0.003
ITEM_S: Final = 0.00018  # for each product of an answer


class Request(NamedTuple):
    """What reaches the shop; `user` is who a valid token says it is."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    user: str | None = None


class Task(NamedTuple):
    """What a request asks for: the answer when all goes well, and what that takes."""

    status: int
    body: bytes
    work_s: float = REFUSE_S
    database: bool = False
    charge: bool = False  # the payment provider has to be asked
    user: str | None = None  # who the request turned out to be from


def error_body(code: str, message: str, **details: object) -> bytes:
    """JSON of an error, in the one shape that all errors have."""
    return json.dumps({"error": {"code": code, "message": message, "details": details}}).encode()


def password(key: bytes, user: str) -> str:
    """The password of a shop account; only who has the simulator's key can work it out."""
    if user == DEMO_USER:
        return DEMO_PASSWORD
    return hmac.digest(key, b"shop password " + user.encode(), hashlib.sha256).hex()[:16]


def luhn_sum(card: str) -> int:
    """Last digit of the sum that is 0 for a well-formed card number (ISO/IEC 7812-1)."""
    single, doubled = card[::-2], card[-2::-2]
    return (sum(map(int, single)) + sum(_DOUBLED[int(digit)] for digit in doubled)) % 10


def issued(card: str) -> bool:
    """Whether a bank issued the card: about one well-formed number in eight."""
    return zlib.crc32(card.encode()) % 8 == 0


class Front:
    """Accounts, payments and searches of the shop.

    Parameters
    ----------
    key : bytes
        Passwords follow from it.
    token_for : callable
        Makes the token of a user who logged in.
    """

    def __init__(self, key: bytes, token_for: Callable[[str], str]) -> None:
        self._key, self._token_for = key, token_for
        self._passwords: dict[str, str] = {}
        self._receipts = 0

    def task(self, request: Request) -> Task:
        """What a request to one of the endpoints asks for."""
        if request.path == "/search":
            return search(request.query)
        fields = _json_object(request.body)
        if fields is None:
            return _bad("body", "the body must be a JSON object")
        if request.path == "/login":
            return self._login(fields)
        return _NO_TOKEN if request.user is None else self._payment(fields, request.user)

    def _login(self, fields: dict[str, Any]) -> Task:
        user, given = fields.get("username"), fields.get("password")
        if not isinstance(user, str) or not 0 < len(user) <= 64:
            return _bad("username", "username must be text of 1 to 64 characters")
        if not isinstance(given, str) or not 0 < len(given) <= 256:
            return _bad("password", "password must be text of 1 to 256 characters")
        expected = self._password(user)
        if expected is None or not _equal(expected, given):
            return _WRONG_LOGIN
        body = f'{{"token": "{self._token_for(user)}", "token_type": "bearer", "user": "{user}"}}'
        return Task(200, body.encode(), HASH_S, True, user=user)

    def _password(self, user: str) -> str | None:
        if user not in self._passwords:
            if not _is_account(user):
                return None
            self._passwords[user] = password(self._key, user)
        return self._passwords[user]

    def _payment(self, fields: dict[str, Any], user: str) -> Task:
        amount, currency, card = fields.get("amount"), fields.get("currency"), fields.get("card")
        if type(amount) not in (int, float) or not 0 < amount <= HIGHEST_AMOUNT:  # type: ignore[operator]
            return _bad("amount", f"amount must be a number above 0, at most {HIGHEST_AMOUNT}")
        if currency not in CURRENCIES:
            return _bad("currency", f"currency must be one of {', '.join(CURRENCIES)}")
        if not isinstance(card, str) or not _is_card_number(card):
            return _bad("card", "card must be text of 12 to 19 digits")
        if luhn_sum(card):
            return _declined("the card number is not valid", asked=False)
        if not issued(card):
            return _declined("the bank declined the card", asked=True)
        if amount > CARD_LIMIT:  # type: ignore[operator]
            return _declined("the amount is over the card's limit", asked=True)
        self._receipts += 1
        body = (
            f'{{"receipt": "r{self._receipts:08d}", "status": "paid", "amount": {amount:.2f}, '
            f'"currency": "{currency}", "card": "************{card[-4:]}", "customer": "{user}"}}'
        )
        return Task(201, body.encode(), PAY_S, True, True)


@lru_cache(maxsize=4_096)
def search(query: str) -> Task:
    """What a search asks for; `query` is the part of the address behind the question mark."""
    try:
        fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        return _bad("query", "the query has too many fields")
    words, page = fields.get("q", ""), fields.get("page", "1")
    if len(words) > MAX_QUERY_CHARACTERS:
        return _bad("q", f"q must have at most {MAX_QUERY_CHARACTERS} characters")
    if not (page.isascii() and page.isdigit() and len(page) <= 4 and 0 < int(page) <= MAX_PAGE):
        return _bad("page", f"page must be a whole number from 1 to {MAX_PAGE}")
    found = search_page(words, int(page))
    return Task(200, found.body, SEARCH_S + ITEM_S * found.items, True)


_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # sum of the digits of twice a digit
_WRONG_LOGIN: Final = Task(
    401, error_body("wrong_credentials", "user name or password is wrong"), HASH_S, True
)
_NO_TOKEN: Final = Task(401, error_body("no_token", "a bearer token of POST /login is needed"))


def _declined(reason: str, *, asked: bool) -> Task:
    """A declined payment; some are declined without asking the provider."""
    return Task(402, error_body("declined", reason), PAY_S, True, asked)


def _bad(field: str, reason: str) -> Task:
    return Task(400, error_body("bad_request", reason, field=field))


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def _is_account(user: str) -> bool:
    number = user[1:]
    known = user[0] == "u" and len(number) == 3 and number.isascii() and number.isdigit()
    return user == DEMO_USER or (known and 0 < int(number) <= USERS)


def _is_card_number(card: str) -> bool:
    return card.isascii() and card.isdigit() and 12 <= len(card) <= 19


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
