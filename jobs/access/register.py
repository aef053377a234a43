"""The register: accounts and tokens as the store has them, and who a session or token is."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from jobs.access.passwords import Passwords
from jobs.access.roles import Caller, Role, Scope
from settings import Settings
from store import Store, accounts
from store.accounts import Account, Token

FRESH_S: Final = 1.0  # another server may have changed something this long ago
ADMIN: Final = "admin"
BOOTSTRAP_TOKEN: Final = "API token"  # FORESIGHT_API_TOKEN
PREFIX: Final = "fs_"  # of every token, so that one in a public place is found by its looks
HINT_CHARACTERS: Final = 8
SESSION_MS: Final = 7 * 86_400_000  # then even a person who never went away signs in again
_SESSION_ID: Final = re.compile(
    r"(?P<account>\d{1,9})\.(?P<begun>\d{1,15})\.[0-9a-f]{16}\.(?P<mark>[0-9a-f]{32})"
)


@dataclass(frozen=True)
class _Known:
    """What was read of the store, and when."""

    read_at: float  # monotonic [s]
    accounts: dict[int, Account]
    tokens: dict[str, Token]  # by digest
    ended: set[str]  # sessions


class Register:
    """Who may come in; read from the store at most once a second.

    Parameters
    ----------
    store : Store
        With the accounts and tokens.
    settings : Settings
        `admin_password` lets `admin` in, whatever its account says; `api_token` is a token, too.
    key : str
        The key that signs sessions.
    """

    def __init__(self, store: Store, settings: Settings, key: str) -> None:
        self._store = store
        self._key = key.encode()
        self._passwords = Passwords()
        self._given_password = settings.admin_password.get_secret_value()
        self._given_hash: str | None = None
        self._given_token = settings.api_token.get_secret_value()
        self._lock = Lock()
        self._known: _Known | None = None  # None: to be read
        self._last: _Known | None = None
        self._used: dict[int, int] = {}

    @property
    def has_passwords(self) -> bool:
        """Whether anybody can log in by a password."""
        rows = self._read().accounts.values()
        return bool(self._given_password) or any(row.password_hash for row in rows)

    def by_session(self, session_id: str, now: int) -> Caller | None:
        """Whose session it is.

        None when it is over: signed out, a new password or role, ended everywhere, too old.

        Parameters
        ----------
        session_id : str
            Of a cookie that this server signed.
        now : int
            Epoch ms.
        """
        named = _SESSION_ID.fullmatch(session_id)
        if named is None:
            return None
        known = self._read()
        row = known.accounts.get(int(named["account"]))
        if row is None or not row.is_active or session_id in known.ended:
            return None
        if now >= int(named["begun"]) + SESSION_MS:
            return None
        if not hmac.compare_digest(self._mark(row), named["mark"]):
            return None
        return _person(row, session_id)

    def by_token(self, text: str, now: int) -> Caller | None:
        """Whose token it is; None when it is unknown, over or revoked.

        Parameters
        ----------
        text : str
            As it was sent.
        now : int
            Epoch ms.
        """
        if self._given_token and hmac.compare_digest(_bytes(self._given_token), _bytes(text)):
            return Caller(BOOTSTRAP_TOKEN, Role.ADMIN)
        row = self._read().tokens.get(digest(text))
        if row is None or row.is_revoked or (row.expires_at or now + 1) <= now:
            return None
        self._used[row.id] = now
        return Caller(f"token {row.name}", Role(row.role), Scope(row.scope), token_id=row.id)

    def by_password(self, name: str, password: str) -> Account | None:
        """The account that a name and a password fit; takes as long for a name that is none."""
        self.forget()  # the account may have been made this second, by a command
        row = self._named(name)
        stored = row.password_hash if row and row.is_active else None
        if name.lower() == ADMIN and self._given_password:
            stored = self._hash_of_given() if row is None or row.is_active else None
        if not self._passwords.fits(stored, password):
            return None
        return row or self.admin()

    def admin(self) -> Account:
        """The account `admin`, made when it is not there: of one-time links and of the setting."""
        row = self._named(ADMIN)
        if row is None:
            with self._store.begin() as connection:
                accounts.add_account(connection, ADMIN, Role.ADMIN, None, _now_ms())
            self.forget()
            row = self._named(ADMIN)
        assert row is not None
        return row

    def begin_session(self, row: Account, now: int) -> Caller:
        """The one who has just logged in, with a new session that begins now [epoch ms]."""
        return _person(row, f"{row.id}.{now}.{secrets.token_hex(8)}.{self._mark(row)}")

    def end_session(self, session_id: str, now: int) -> None:
        """Somebody signed out [epoch ms]: a copy of the cookie is worth nothing from now on."""
        begun = int(session_id.split(".")[1])
        with self._store.begin() as connection:
            accounts.end_session(connection, session_id, begun + SESSION_MS, now)
        self.forget()

    def hash(self, password: str) -> str:
        """The hash of a password, to store."""
        return self._passwords.hash(password)

    def forget(self) -> None:
        """What was read is out of date."""
        with self._lock:
            self._known = None

    def take_uses(self) -> dict[int, int]:
        """Tokens used since the last call: id -> epoch ms."""
        used, self._used = self._used, {}
        return used

    def _named(self, name: str) -> Account | None:
        rows = self._read().accounts.values()
        return next((row for row in rows if row.name.lower() == name.lower()), None)

    def _read(self) -> _Known:
        """What the store says; when it can't be reached, what it said last."""
        known = self._known
        if known is not None and time.monotonic() - known.read_at < FRESH_S:
            return known
        with self._lock:
            known = self._known
            if known is not None and time.monotonic() - known.read_at < FRESH_S:
                return known
            try:
                with self._store.read() as connection:
                    rows = accounts.all_accounts(connection)
                    tokens = accounts.all_tokens(connection)
                    ended = accounts.ended_sessions(connection)
            except SQLAlchemyError:
                if self._last is None:
                    raise
                self._known = replace(self._last, read_at=time.monotonic())
                return self._known
            self._known = self._last = _Known(
                time.monotonic(),
                {row.id: row for row in rows},
                {row.digest: row for row in tokens},
                ended,
            )
            return self._known

    def _mark(self, row: Account) -> str:
        """Of the account's sessions now: changes with its password, its role and its generation."""
        given = self._given_password if row.name == ADMIN else ""
        parts: tuple[Any, ...] = (row.id, row.name, row.role, row.generation)
        text = repr((*parts, row.password_hash, given))
        return hmac.new(self._key, _bytes(text), hashlib.sha256).hexdigest()[:32]

    def _hash_of_given(self) -> str:
        if self._given_hash is None:
            self._given_hash = self._passwords.hash(self._given_password)
        return self._given_hash


def new_token() -> str:
    """A token of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """What is stored of a token; it is random, so that a fast hash does."""
    return hashlib.sha256(_bytes(text)).hexdigest()


def _person(row: Account, session_id: str) -> Caller:
    return Caller(row.name, Role(row.role), session_id=session_id)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
