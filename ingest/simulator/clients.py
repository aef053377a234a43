"""How simulated clients behave: people who shop, integrations that work all day, and bots.

A behaviour is a generator: it yields the next request with the seconds before it and gets the
outcome back. So the same client runs on a virtual clock and through real HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from ingest.shop.catalogue import ADJECTIVES, NOUNS
from ingest.shop.front import USERS, Request, password
from ingest.shop.model import Outcome
from ingest.simulator.purchases import bank_cards, login_request, payment_request, search_request

SHARES: Final = {"normal": 0.60, "heavy": 0.25, "bot": 0.15}  # of clients
BOT_ROLES: Final = ("monitor", "poller", "crawler", "poller", "stray", "crawler")
CALLS_PER_CLIENT_S: Final = 0.25  # of a population at tempo 1, on average
TYPO_SHARE: Final = 0.04  # of logins by people
BAD_PAGE_SHARE: Final = 0.004  # of searches by people
BAD_CARD_SHARE: Final = 0.05  # of payments


class Step(NamedTuple):
    """The next request of a client, and the seconds it waits after the answer before."""

    after_s: float
    request: Request


Behaviour = Generator[Step, Outcome, None]
Asking = Generator[Step, Outcome, Outcome]


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls: an address, an account when it has one, and how it behaves."""

    kind: str  # normal, heavy or bot
    role: str
    address: str
    user: str | None
    password: str = ""


@dataclass(slots=True)
class Tempo:
    """How busy the clients are; 1 is usual. Whoever drives them may change it at any time."""

    value: float = 1.0


def population(size: int, seed: int, key: bytes = b"") -> list[Client]:
    """Clients in the exact shares, by rounding; the largest group takes what is left.

    Raises
    ------
    ValueError
        More clients than the shop has accounts, or none.
    """
    if not 0 < size <= USERS:
        raise ValueError(f"clients={size} must be from 1 to {USERS}")
    heavy, bots = round(size * SHARES["heavy"]), round(size * SHARES["bot"])
    rng = Random(f"population {seed}")
    accounts = iter(rng.sample(range(1, USERS + 1), size))
    third = rng.randrange(256)
    clients = []
    for number in range(size - bots):
        user = f"u{next(accounts):03d}"
        kind = "heavy" if number < heavy else "normal"
        role = "integration" if kind == "heavy" else "shopper"
        address = _address("10.2" if kind == "heavy" else "10.1", third, number)
        clients.append(Client(kind, role, address, user, password(key, user)))
    for number in range(bots):
        role = BOT_ROLES[number % len(BOT_ROLES)]
        clients.append(Client("bot", role, _address("10.3", third, number), None))
    return clients


def _address(network: str, third: int, number: int) -> str:
    """Different for every number below 60,000."""
    return f"{network}.{(third + 7 * number) % 256}.{number % 250 + 1}"


def behaviour(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """The endless behaviour of a client; whoever runs it closes it."""
    return _ROLES[client.role](client, rng, tempo)


def ask(after_s: float, request: Request, retries: int, wait_s: float) -> Asking:
    """A request that is sent again when the server fails, after a wait that doubles."""
    outcome = yield Step(after_s, request)
    for attempt in range(retries):
        if outcome.status < 500:
            break
        outcome = yield Step(wait_s * 2**attempt, request)
    return outcome


def _words(rng: Random) -> str:
    noun = NOUNS[int(len(NOUNS) * rng.random() ** 2)]  # some things are searched for more often
    return f"{rng.choice(ADJECTIVES)}+{noun}" if rng.random() < 0.3 else noun


def _spread(rng: Random, mean_s: float, tempo: Tempo) -> float:
    """A waiting time of people: exponential."""
    return rng.expovariate(1.0 / mean_s) / tempo.value


def _steady(rng: Random, mean_s: float, tempo: Tempo) -> float:
    """A waiting time of programs: within a few tenths of its mean."""
    return mean_s * (0.7 + 0.6 * rng.random()) / tempo.value


def _log_in(client: Client, after_s: float, rng: Random, tempo: Tempo, typos: float) -> Asking:
    assert client.user is not None
    while rng.random() < typos:
        mistyped = client.password[:-1] + rng.choice("xyz")
        yield from ask(after_s, login_request(client.user, mistyped), 2, 2.0 / tempo.value)
        after_s = _spread(rng, 6.0, tempo)
    request = login_request(client.user, client.password)
    return (yield from ask(after_s, request, 2, 2.0 / tempo.value))


def _shopper(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """A person: visits with pauses for thought between search, login and payment."""
    while True:
        pause = _spread(rng, 60.0, tempo)
        if rng.random() < 0.02:
            yield Step(pause, Request("GET", "/favicon.ico"))
            pause = 0.2
        yield from _visit(client, pause, rng, tempo)


def _visit(client: Client, pause: float, rng: Random, tempo: Tempo) -> Behaviour:
    user = None
    if rng.random() < 0.8:
        outcome = yield from _log_in(client, pause, rng, tempo, TYPO_SHARE)
        user = outcome.user_id
        pause = _spread(rng, 3.0, tempo)
    words, page = _words(rng), 1
    for _ in range(1 + int(rng.expovariate(1 / 5.0))):
        shown: int | str = 0 if rng.random() < BAD_PAGE_SHARE else page
        outcome = yield from ask(pause, search_request(words, shown, user), 2, 2.0 / tempo.value)
        if outcome.status >= 500:
            return  # gives up and comes back later
        pause = _spread(rng, 7.0, tempo)
        if rng.random() < 0.35:
            page += 1
        else:
            words, page = _words(rng), 1
    if user is not None and rng.random() < 0.45:
        yield from _pay(user, pause, rng, tempo)


def _pay(user: str, pause: float, rng: Random, tempo: Tempo) -> Behaviour:
    amount = round(min(rng.lognormvariate(3.6, 0.9), 3_000.0), 2)
    outcome = yield from ask(pause, _payment(user, amount, rng), 3, 1.5 / tempo.value)
    if outcome.status == 402 and rng.random() < 0.6:  # tries another card
        yield from ask(_spread(rng, 10.0, tempo), _payment(user, amount, rng), 3, 1.5 / tempo.value)


def _payment(user: str, amount: float, rng: Random) -> Request:
    card = rng.choice(bank_cards(rng.random() >= BAD_CARD_SHARE))
    return payment_request(user, amount, "EUR" if rng.random() < 0.8 else "GBP", card)


def _integration(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """A partner's program: many varied requests, all day; logs in again every few minutes."""
    mean_s = rng.uniform(1.2, 2.4)
    pay_share = rng.uniform(0.08, 0.24)
    while True:
        outcome = yield from _log_in(client, _steady(rng, mean_s, tempo), rng, tempo, 0.0)
        if outcome.user_id is None:
            yield from _back_off(rng, tempo)
            continue
        for _ in range(rng.randint(60, 160)):
            pause = _steady(rng, mean_s, tempo)
            if rng.random() < pay_share:
                amount = round(rng.uniform(5.0, 400.0), 2)
                request = _payment(outcome.user_id, amount, rng)
            else:
                request = search_request(_words(rng), rng.randint(1, 3), outcome.user_id)
            answer = yield from ask(pause, request, 4, 0.4 / tempo.value)
            if answer.status == 401:
                break


def _back_off(rng: Random, tempo: Tempo) -> Behaviour:
    yield Step(_steady(rng, 15.0, tempo), search_request(_words(rng)))


def _monitor(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """An uptime check: the same request all day."""
    del client, tempo  # its interval is fixed
    while True:
        yield Step(5.0 + 0.2 * rng.random(), Request("GET", "/health"))


def _poller(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """A price watcher: the same few searches again and again."""
    del client
    watched = [search_request(_words(rng)) for _ in range(rng.randint(1, 3))]
    mean_s = rng.uniform(1.0, 2.5)
    while True:
        for request in watched:
            yield Step(_steady(rng, mean_s, tempo), request)


def _crawler(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """Walks through pages of results in order, and looks at each a few times."""
    del client
    mean_s = rng.uniform(1.0, 2.5)
    while True:
        words = rng.choice(ADJECTIVES)
        for page in (1, 2):
            for _ in range(rng.randint(2, 4)):
                yield Step(_steady(rng, mean_s, tempo), search_request(words, page))


STRAY_PATHS: Final = (
    "/favicon.ico", "/robots.txt", "/wp-login.php", "/.env", "/sitemap.xml", "/xmlrpc.php",
    "/admin.php", "/.git/config", "/phpmyadmin/", "/api/v1/users",
)  # fmt: skip


def _stray(client: Client, rng: Random, tempo: Tempo) -> Behaviour:
    """Wanders over the whole internet and tries a few paths here now and then."""
    del client
    while True:
        pause = _spread(rng, 400.0, tempo)
        for _ in range(rng.randint(1, 3)):
            yield Step(pause, Request("GET", rng.choice(STRAY_PATHS)))
            pause = _spread(rng, 4.0, tempo)


_ROLES: Final[dict[str, Callable[[Client, Random, Tempo], Behaviour]]] = {
    "shopper": _shopper,
    "integration": _integration,
    "monitor": _monitor,
    "poller": _poller,
    "crawler": _crawler,
    "stray": _stray,
}
