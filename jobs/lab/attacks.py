"""Who attacks in a run of the lab, and how: the simulator's misuse, and two kinds of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from ingest.shop.front import USERS, Request, password
from ingest.shop.model import ROUTES
from ingest.simulator import misuse
from ingest.simulator.clients import Behaviour, Client, Step, population
from ingest.simulator.demo import CLIENTS_SEED
from ingest.simulator.purchases import bank_cards, login_request, payment_request

BYSTANDERS: Final = 40  # ordinary clients; those of the demo
NETWORK: Final = "192.0.2"  # for documentation, RFC 5737; no other simulated client is in it
_OWN_CLIENTS: Final = {"scalping": (1, 3), "version_probing": (1, 2)}  # fewest, most
_ACCOUNTS: Final = ("carding", "scalping")
_VERSIONS: Final = (
    "/v0", "/v1", "/v2", "/beta", "/old", "/internal", "/legacy", "/test", "/staging", "/api/v1",
)  # fmt: skip
Lanes = list[tuple[Client, Behaviour]]


def attackers(name: str, seed: int, key: bytes = b"") -> list[Client]:
    """The attackers of a run, the same for the same seed.

    Their addresses are of a network of their own, and their accounts are of nobody else.
    """
    rng = Random(f"lab {name} {seed}")
    gang = _own_gang(name, rng) if name in _OWN_CLIENTS else misuse.attackers(name, rng)
    hosts = rng.sample(range(1, 255), len(gang))
    gang = [
        replace(client, address=f"{NETWORK}.{host}")
        for client, host in zip(gang, hosts, strict=True)
    ]
    if name not in _ACCOUNTS:
        return gang
    users = rng.sample(_accounts(), len(gang))
    return [
        replace(client, user=user, password=password(key, user))
        for client, user in zip(gang, users, strict=True)
    ]


def lanes(gang: list[Client], seed: int, strength: float) -> Lanes:
    """Endless behaviours of attackers, one for each request at a time; `strength` 1 is usual."""
    rng = Random(f"lab lanes {seed}")
    if gang[0].role not in _OWN_CLIENTS:
        return misuse.behaviours(gang, rng, strength)
    return [(client, _OWN[client.role](client, Random(rng.random()), strength)) for client in gang]


def names_of(gang: list[Client]) -> tuple[str, ...]:
    """What their windows are named: the account where there is one, else the address."""
    return tuple(client.user or client.address for client in gang)


def _own_gang(name: str, rng: Random) -> list[Client]:
    return [Client("bot", name, "", None) for _ in range(rng.randint(*_OWN_CLIENTS[name]))]


def _accounts() -> list[str]:
    """Accounts that no ordinary client uses."""
    used = {client.user for client in population(BYSTANDERS, CLIENTS_SEED)}
    return [user for number in range(1, USERS + 1) if (user := f"u{number:03d}") not in used]


def _scalping(client: Client, rng: Random, strength: float) -> Behaviour:
    """Pays for the same thing again and again."""
    outcome = yield Step(rng.random(), login_request(client.user or "", client.password))
    amount, card = round(rng.uniform(40.0, 90.0), 2), rng.choice(bank_cards(True))
    request = payment_request(outcome.user_id or client.user, amount, "EUR", card)
    while True:
        yield Step(rng.expovariate(2.0 * strength), request)


def _version_probing(_: Client, rng: Random, strength: float) -> Behaviour:
    """Tries each known route below the names that old versions have."""
    paths = [(method, version + path) for version in _VERSIONS for path, method in ROUTES.items()]
    while True:
        for method, path in rng.sample(paths, len(paths)):
            query = f"q=lamp&page={rng.randint(1, 9)}" if path.endswith("/search") else ""
            yield Step(rng.expovariate(3.0 * strength), Request(method, path, query))


_OWN: Final[dict[str, Callable[[Client, Random, float], Behaviour]]] = {
    "scalping": _scalping,
    "version_probing": _version_probing,
}
