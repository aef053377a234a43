"""Passwords: argon2id, and no more of them at a time than the memory of a small machine bears."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MOST_CHARACTERS: Final = 1_024


class Passwords:
    """Makes and checks hashes; one check takes about 50 ms and 64 MiB."""

    def __init__(self, at_once: int = 2) -> None:
        self._hasher = PasswordHasher()
        self._places = BoundedSemaphore(at_once)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The hash to store."""
        with self._places:
            return self._hasher.hash(password)

    def fits(self, stored: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; takes as long where there is no hash."""
        if len(password) > MOST_CHARACTERS:
            return False
        if self._nobody is None:
            self._nobody = self.hash("nobody has this password")
        with self._places:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None
