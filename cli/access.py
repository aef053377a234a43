"""Commands that let people in."""

from __future__ import annotations

import click

from api import current, door


@click.command("login-link")
def login_link() -> None:
    """Print a new one-time link for the admin."""
    click.echo(door.new_login_link(current().settings))


COMMANDS = (login_link,)
