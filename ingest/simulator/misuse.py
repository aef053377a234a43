"""Misuse of the shop: what attackers and floods do, as behaviours like those of other clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from ingest.call import UNMATCHED
from ingest.shop.catalogue import ADJECTIVES, NOUNS
from ingest.shop.front import USERS, Request, password
from ingest.simulator.clients import Behaviour, Client, Step
from ingest.simulator.purchases import login_request, payment_request, random_card, search_request

NETWORKS: Final = ("203.0.113", "198.51.100")  # for documentation, RFC 5737
_PASSWORDS: Final = ("123456", "password", "qwerty", "letmein", "dragon", "iloveyou", "monkey1")
_FOLDERS: Final = ("admin", "api", "backup", "config", "db", "dev", "old", "private", "test", "v1")
_FILES: Final = (
    ".env", "backup.zip", "config.php", "console", "debug", "dump.sql", "index.php", "info.php",
    "login", "manager", "server-status", "setup", "shell.php", "status", "users",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of misuse: on what, by how many clients, each with how many requests at once."""

    endpoint: str
    clients: tuple[int, int]  # fewest, most
    lanes: int
    behave: Callable[[Client, Random, float], Behaviour]


def attackers(name: str, rng: Random, key: bytes = b"") -> list[Client]:
    """The clients of one episode, each with an address of its own."""
    hosts = rng.sample(range(1, 255), rng.randint(*_ATTACKS[name].clients))
    network = rng.choice(NETWORKS)
    clients = []
    for host in hosts:
        user = f"u{rng.randint(1, USERS):03d}" if name == "carding" else None
        known = password(key, user) if user else ""
        clients.append(Client("bot", name, f"{network}.{host}", user, known))
    return clients


def target(name: str) -> str:
    """The endpoint that a misuse is about."""
    return _ATTACKS[name].endpoint


def behaviours(gang: list[Client], rng: Random, strength: float) -> list[tuple[Client, Behaviour]]:
    """Endless behaviours of attackers, one for each request at a time; `strength` 1 is usual."""
    return [
        (client, _ATTACKS[client.role].behave(client, Random(rng.random()), strength))
        for client in gang
        for _ in range(_ATTACKS[client.role].lanes)
    ]


def _gap(rng: Random, per_s: float, strength: float) -> float:
    return rng.expovariate(per_s * strength)


def _credential_stuffing(_: Client, rng: Random, strength: float) -> Behaviour:
    """Tries leaked pairs of name and password; accounts are guessed, most don't even exist."""
    while True:
        user = f"u{rng.randint(1, 999):03d}"
        guess = f"{rng.choice(_PASSWORDS)}{rng.randrange(100)}"
        yield Step(_gap(rng, 1.5, strength), login_request(user, guess))


def _scraping(_: Client, rng: Random, strength: float) -> Behaviour:
    """Takes the whole catalogue, page after page."""
    while True:
        for words in rng.sample((*NOUNS, *ADJECTIVES), len(NOUNS) + len(ADJECTIVES)):
            for page in (1, 2):
                yield Step(_gap(rng, 6.0, strength), search_request(words, page))


def _carding(client: Client, rng: Random, strength: float) -> Behaviour:
    """Tries card numbers with small payments from a taken-over account."""
    outcome = yield Step(rng.random(), login_request(client.user or "", client.password))
    while True:
        amount = round(rng.uniform(0.5, 3.0), 2)
        request = payment_request(outcome.user_id or client.user, amount, "EUR", random_card(rng))
        yield Step(_gap(rng, 1.2, strength), request)


def _enumeration(_: Client, rng: Random, strength: float) -> Behaviour:
    """Scans for paths that were never linked."""
    while True:
        folder, file = rng.choice(_FOLDERS), rng.choice(_FILES)
        path = (
            f"/{folder}/{rng.randrange(40)}/{file}" if rng.random() < 0.4 else f"/{folder}/{file}"
        )
        yield Step(_gap(rng, 5.0, strength), Request("GET", path))


def _burst(_: Client, rng: Random, strength: float) -> Behaviour:
    """Floods one search."""
    request = search_request(rng.choice(ADJECTIVES))
    while True:
        yield Step(_gap(rng, 4.0, strength), request)


_ATTACKS: Final = {
    "credential_stuffing": Attack("/login", (2, 5), 1, _credential_stuffing),
    "scraping": Attack("/search", (1, 2), 1, _scraping),
    "carding": Attack("/payment", (1, 3), 1, _carding),
    "enumeration": Attack(UNMATCHED, (1, 2), 1, _enumeration),
    "burst": Attack("/search", (2, 4), 4, _burst),
}
MISUSE: Final = tuple(_ATTACKS)
