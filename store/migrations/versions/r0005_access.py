"""Accounts, ended sessions, tokens, the audit log; roll-ups of four hours."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, Text, UniqueConstraint, false, true

revision = "0005"
down_revision = "0004"

_REFUSED = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
_GUARD = {
    "sqlite": (
        f"CREATE TRIGGER IF NOT EXISTS audit_refuses_update BEFORE UPDATE ON audit {_REFUSED}",
        f"CREATE TRIGGER IF NOT EXISTS audit_refuses_delete BEFORE DELETE ON audit {_REFUSED}",
        "CREATE TRIGGER IF NOT EXISTS audit_refuses_replace BEFORE INSERT ON audit "
        # Made of constants alone.
        "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR hash = NEW.hash) "  # nosec B608
        f"{_REFUSED}",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "DROP TRIGGER IF EXISTS audit_refuses_changes ON audit",
        "CREATE TRIGGER audit_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    ),
}
_HOUR_MS = 3_600_000


def upgrade() -> None:
    """Make the tables, guard the audit log, have all hours that are summed up looked at again."""
    _make_accounts()
    _make_tokens()
    _make_audit()
    for statement in _GUARD[op.get_bind().dialect.name]:
        op.execute(statement)
    op.execute(
        # Made of constants alone.
        "INSERT INTO rollup_due (hour) "  # nosec B608
        f"SELECT DISTINCT timestamp FROM rollup WHERE span_ms = {_HOUR_MS} "
        "ON CONFLICT (hour) DO NOTHING"
    )


def _make_accounts() -> None:
    op.create_table(
        "account",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("password_hash", Text),
        Column("generation", Integer, nullable=False, server_default="1"),
        Column("is_active", Boolean, nullable=False, server_default=true()),
        Column("created_at", BigInteger, nullable=False),
        Column("last_login_at", BigInteger),
        UniqueConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "ended_session",
        Column("id", Text, primary_key=True),
        Column("until", BigInteger, nullable=False),
        if_not_exists=True,
    )


def _make_tokens() -> None:
    op.create_table(
        "token",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("hint", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("scope", Text, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger),
        Column("last_used_at", BigInteger),
        Column("is_revoked", Boolean, nullable=False, server_default=false()),
        UniqueConstraint("digest"),
        if_not_exists=True,
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        Column("id", Integer, primary_key=True),
        Column("at", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("address", Text),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("previous", Text, nullable=False),
        Column("hash", Text, nullable=False),
        UniqueConstraint("hash"),
        if_not_exists=True,
    )
