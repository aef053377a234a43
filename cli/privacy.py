"""Commands about what is kept of people."""

from __future__ import annotations

import json

import click

from api import current
from jobs import forgetting
from jobs.access.audited import Doer
from jobs.schedule import now_ms


@click.command("forget")
@click.argument("client")
@click.option("--dry-run", is_flag=True, help="Count only; change nothing.")
def forget_command(client: str, dry_run: bool) -> None:
    """Remove CLIENT, a user or an address, from everything that is stored.

    Prints how many rows of what. Sums by minute and hour hold no names and stay; so does the audit
    log. Backups and files that were exported before are not touched.
    """
    if not client.strip():
        raise click.UsageError("CLIENT is empty; it must be a user or an address")
    parts = current()
    if dry_run:
        click.echo(json.dumps({"dry_run": True} | forgetting.count(parts, client), indent=2))
        return
    try:
        found = forgetting.forget_client(parts, client, Doer("command line", None, now_ms()))
    except (TimeoutError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found, indent=2))


COMMANDS = (forget_command,)
