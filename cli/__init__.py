"""The `flask ...` commands. Standard output holds the result alone; logs go to standard error."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from cli import access, audit, calls, datasets, doctor, models, options, privacy, store

_WITH_VALUE = ("-A", "--app", "-e", "--env-file")  # options of `flask` itself
ALONE = (
    *doctor.COMMANDS,
    *options.COMMANDS,
)  # they work without the product's parts, which may not be to be had
COMMANDS = (
    *models.COMMANDS,
    *calls.COMMANDS,
    *datasets.COMMANDS,
    *access.COMMANDS,
    *audit.COMMANDS,
    *privacy.COMMANDS,
    *store.COMMANDS,
    *ALONE,
)


def stands_alone(arguments: Sequence[str]) -> bool:
    """Whether the command line after `flask` is of a command of `ALONE`."""
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word in {command.name for command in ALONE}
    return False


def bare() -> Flask:
    """An app with the commands of `ALONE` and nothing else."""
    server = Flask("app", static_folder=None)
    for command in ALONE:
        server.cli.add_command(command)
    return server


def install(server: Flask) -> None:
    """Add the commands to `flask`."""
    for command in COMMANDS:
        server.cli.add_command(command)
