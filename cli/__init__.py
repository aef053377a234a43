"""The `flask ...` commands. Standard output holds the result alone; logs go to standard error."""

from __future__ import annotations

from flask import Flask

from cli import access, calls, datasets, models

COMMANDS = (*models.COMMANDS, *calls.COMMANDS, *datasets.COMMANDS, *access.COMMANDS)


def install(server: Flask) -> None:
    """Add the commands to `flask`."""
    for command in COMMANDS:
        server.cli.add_command(command)
