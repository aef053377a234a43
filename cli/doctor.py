"""The command that looks at the installation."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from jobs.doctor import Finding, examine

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check the installation and say what to mend; changes nothing. Ends with 1 if something fails.

    Works also where no server can start.
    """
    findings = examine(time.time_ns() // 1_000_000)
    if as_json:
        click.echo(json.dumps([asdict(found) for found in findings], indent=2))
    else:
        for found in findings:
            click.echo(_told(found))
    context.exit(any(found.state == "fail" for found in findings))


def _told(found: Finding) -> str:
    state = click.style(f"{found.state:<4}", fg=_COLOURS[found.state], bold=True)
    seen = found.seen.replace("\n", "\n" + 21 * " ")
    mend = f"\n{'':21}-> {found.mend}" if found.mend else ""
    return f"{state}  {found.check:<14} {seen}{mend}"


COMMANDS = (doctor,)
