"""Real HTTP requests to the mock endpoints, each one told from all others in the store."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import select

from ingest.seal import Seal
from store import Store
from store.tables import api_log

ADDRESS = "127.0.0.1"
SECRET_KEY = "key-of-the-load-0123456789-0123456789"  # of the server: fingerprints depend on it
PAUSE_S = 0.05  # before the next try when nobody answers

_SEAL = Seal(SECRET_KEY)


@dataclass(frozen=True)
class Sent:
    """A request whose method, path, query and body say its number."""

    method: str
    path: str
    query: str
    body: bytes
    address: str = ADDRESS

    @property
    def fingerprint(self) -> int:
        """What the store calls it."""
        return _SEAL.fingerprint(self.address, self.method, self.path, self.query, self.body)


def numbered(number: int, callers: int = 0) -> Sent:
    """A request to one of the mock endpoints, or now and then to nothing that exists.

    With `callers` it comes from one of so many addresses, which the server must be told to believe.
    """
    caller = number // 8 % callers if callers else 0
    address = f"10.1.{caller >> 8}.{caller & 255}" if callers else ADDRESS
    match number % 8:
        case 0:
            body = json.dumps({"username": f"nobody{number}", "password": "wrong"}).encode()
            return Sent("POST", "/login", "", body, address)
        case 1:
            return Sent("GET", f"/nothing/{number}", "", b"", address)
        case 2:
            return Sent("GET", "/search", f"q=shoe&n={number}", b"", address)
        case _:
            return Sent("GET", "/health", f"n={number}", b"", address)


@dataclass
class Load:
    """Clients that send one request after the other until they are stopped.

    Where nobody answers they try again; a request without a whole answer is not `answered`, and
    its number never comes again.
    """

    port: int
    clients: int = 4
    pause_s: float = 0.0  # of a client, after each answer
    rate: float = 0.0  # requests a second of all clients together; 0: as many as they can
    callers: int = 0  # see `numbered`
    answered: list[int] = field(default_factory=list)  # fingerprints
    cut_off: list[int] = field(default_factory=list)  # sent, but without a whole answer
    times_ms: list[float] = field(default_factory=list)  # of the answers
    _over: threading.Event = field(default_factory=threading.Event)
    _numbers: count[int] = field(default_factory=count)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._run) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=20)
        first = time.perf_counter()
        while not self._over.wait(self.pause_s):
            number = next(self._numbers)
            if self.rate and self._over.wait(
                max(0, first + number / self.rate - time.perf_counter())
            ):
                break
            sent = numbered(number, self.callers)
            headers = {"X-Forwarded-For": sent.address} if self.callers else {}
            begin = time.perf_counter()
            try:
                connection.request(sent.method, f"{sent.path}?{sent.query}", sent.body, headers)
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                self.cut_off.append(sent.fingerprint)
                connection.close()
                self._over.wait(PAUSE_S)
            else:
                self.answered.append(sent.fingerprint)
                self.times_ms.append((time.perf_counter() - begin) * 1000)
        with suppress(OSError):
            connection.close()


@dataclass(frozen=True)
class Balance:
    """Calls that were answered against calls that are stored."""

    answered: int
    stored: int
    missing: int  # answered, but not stored
    twice: int  # stored more than once
    unknown: int  # stored, but neither answered nor cut off

    @property
    def is_even(self) -> bool:
        """Whether each answered call is stored once, and nothing that nobody sent."""
        return not (self.missing or self.twice or self.unknown)


def balance(load: Load, store: Store) -> Balance:
    """What became of the requests of `load`; all calls of the store must be its."""
    with store.read() as connection:
        stored = list(connection.scalars(select(api_log.c.fingerprint)))
    once, answered = set(stored), set(load.answered)
    return Balance(
        len(answered),
        len(stored),
        len(answered - once),
        len(stored) - len(once),
        len(once - answered - set(load.cut_off)),
    )
