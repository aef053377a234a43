"""Tables of who may come in, and of what was done: accounts, sessions, tokens, the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text, false, true

from store.tables import metadata

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),  # viewer | operator | admin
    Column("password_hash", Text),  # argon2id; NULL: no password lets this one in
    Column("generation", Integer, nullable=False, server_default="1"),  # sessions of older are over
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger),
)

ended_session = Table(  # of people who logged out, kept for as long as their cookie could be used
    "ended_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256; the token is shown once
    Column("hint", Text, nullable=False),  # its first characters, to tell it from others
    Column("role", Text, nullable=False),
    Column("scope", Text, nullable=False),  # all | read | calls | metrics
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),  # NULL: never
    Column("last_used_at", BigInteger),
    Column("is_revoked", Boolean, nullable=False, server_default=false()),
)

audit = Table(  # append-only: triggers refuse changes, each row carries the hash of the one before
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),  # 1, 2, 3 ... without a gap
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),  # account, token, `command line` or `anonymous`
    Column("address", Text),
    Column("action", Text, nullable=False),  # login, token.create ...
    Column("subject", Text, nullable=False),  # what it was done to, may be empty
    Column("detail", Text, nullable=False),  # JSON object
    Column("previous", Text, nullable=False),  # `hash` of the row before
    Column("hash", Text, nullable=False, unique=True),  # HMAC-SHA-256 of all of this
)
