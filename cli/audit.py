"""Commands that read the audit log."""

from __future__ import annotations

import json

import click

from api import current
from jobs.access.audited import audit_key
from store import audit
from store.times import iso


@click.group("audit")
def audit_group() -> None:
    """What was done here, by whom, when and from where."""


@audit_group.command("verify")
def verify() -> None:
    """Go through the chain of entries; exit code 1 when one was changed or is missing."""
    parts = current()
    with parts.store.read() as connection:
        found = audit.verify(connection, audit_key(parts.session_key))
    click.echo(json.dumps({"entries": found.entries, "last_hash": found.last_hash}))
    if found.problem is not None:
        raise click.ClickException(found.problem)


@audit_group.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--action", default="", help="Only actions that begin so, such as `login`.")
def list_entries(limit: int, action: str) -> None:
    """Print the newest entries as JSON lines."""
    with current().store.read() as connection:
        entries = audit.newest_entries(connection, limit, action=action)
    for entry in entries:
        told = {"at": iso(entry.at), "who": entry.who, "address": entry.address}
        told |= {"action": entry.action, "subject": entry.subject}
        click.echo(json.dumps(told | {"detail": json.loads(entry.detail), "id": entry.id}))


COMMANDS = (audit_group,)
