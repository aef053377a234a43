"""Commands that keep the store."""

from __future__ import annotations

from pathlib import Path

import click

from api import current
from store.backup import BackupFailed, copy


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the store to FILE, whole and consistent, while the server runs.

    FILE must not be there yet. A store on PostgreSQL is copied by pg_dump.
    """
    store = current().store
    if store.file is None:
        raise click.ClickException("the store is on PostgreSQL: use pg_dump")
    try:
        copy(store.file, file)
    except (BackupFailed, FileExistsError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file} {file.stat().st_size}")


COMMANDS = (backup,)
