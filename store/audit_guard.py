"""What the database itself refuses: to change or remove rows of the audit log."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, event

from store.access_tables import audit

_REFUSED: Final = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
_SQLITE: Final = (
    f"CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit {_REFUSED}",
    f"CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit {_REFUSED}",
    # INSERT OR REPLACE deletes without a word to the trigger above.
    "CREATE TRIGGER audit_refuses_replace BEFORE INSERT ON audit "
    # Made of constants alone.
    "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR hash = NEW.hash) "  # nosec B608
    f"{_REFUSED}",
)
_POSTGRESQL: Final = (
    "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER audit_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
)

for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        _guard = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(audit, "after_create", _guard.execute_if(dialect=_dialect))
