"""The command that shows the settings."""

from __future__ import annotations

from typing import Any

import click
from pydantic import SecretStr

from settings import Settings, settings_from_environment


@click.command("settings")
@click.option("--markdown", is_flag=True, help="All settings with defaults, as in the README.")
def settings_command(markdown: bool) -> None:
    """Print all settings as they are in force here; of secrets only whether they are set."""
    if markdown:
        click.echo(table())
        return
    try:
        settings = settings_from_environment()
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for name in Settings.model_fields:
        click.echo(f"FORESIGHT_{name.upper()}={_written(getattr(settings, name))}")


def table() -> str:
    """All settings with their defaults and meanings as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _written(field.default)
        shown = f"`{default}`" if default else "-"
        rows.append(f"| `FORESIGHT_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def _written(value: Any) -> str:
    """A value as it would be given; a secret is not told."""
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


COMMANDS = (settings_command,)
