"""Commands that bring calls in and score them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, get_args

import click

from api import current
from cli.models import model_errors
from ingest.access_log import Format, ImportReport, Unit, import_log
from ingest.logs.lines import LogLines, open_lines
from ingest.simulator.drive import drive
from ingest.traffic import FAULTS, MISUSE
from jobs import scoring
from jobs.schedule import now_ms
from ml.risk import RiskRule
from store import writes
from store.times import epoch_ms, iso


class _Instant(click.ParamType):
    name = "instant"

    def convert(self, value: object, param: Any, ctx: Any) -> int:
        try:
            return epoch_ms(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


@click.command("import-log")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--format", "format_", type=click.Choice(get_args(Format)), required=True)
@click.option(
    "--response-time",
    type=click.Choice(get_args(Unit)),
    default="none",
    show_default=True,
    help="Unit of a response time in the last field of a combined log.",
)
@click.option("--score/--no-score", "score_", default=True, help="Score the windows at once.")
def import_log_command(file: str, format_: Format, response_time: Unit, score_: bool) -> None:
    """Import an access log (plain or gzip; `-` reads standard input)."""
    parts = current()
    with open_lines(file) as lines, _reading(lines) as progress:
        report = import_log(
            parts.store,
            lines,
            format=format_,
            seal=parts.seal,
            response_time=response_time,
            progress=progress,
        )
    for number, reason in report.rejects:
        click.echo(f"line {number}: {reason}", err=True)
    if report.rejected > len(report.rejects):
        click.echo(f"and {report.rejected - len(report.rejects)} more", err=True)
    windows = _score_waiting() if score_ else None
    click.echo(json.dumps(_summary(report) | {"windows": windows}, indent=2))
    if report.rejected and not report.stored + report.duplicates:
        raise click.ClickException(f"no line could be read as {format_}")
    if report.broken_off:
        raise click.ClickException(f"the rest could not be read: {report.broken_off}")


@click.command("score")
@click.option("--from", "first", required=True, type=_Instant(), help="ISO 8601 or epoch ms.")
@click.option("--to", "last", required=True, type=_Instant(), help="ISO 8601 or epoch ms.")
def score(first: int, last: int) -> None:
    """Score all windows of a time range again."""
    if first >= last:
        raise click.UsageError(f"--from {iso(first)} is not before --to {iso(last)}")
    store = current().store
    with store.begin() as connection:
        writes.mark_range_dirty(connection, first, last, store.grid)
    click.echo(json.dumps({"windows": _score_waiting()}))


@click.command("traffic")
@click.option(
    "--rate", type=click.FloatRange(0.1, 500), default=10.0, show_default=True, help="Requests/s."
)
@click.option("--minutes", type=click.FloatRange(0.01), default=5.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--scenario", type=click.Choice([*MISUSE, *FAULTS]), help="Misuse or fault.")
@click.option("--url", help="The running server; this machine's own port when not given.")
def traffic_command(
    rate: float, minutes: float, seed: int, scenario: str | None, url: str | None
) -> None:
    """Send simulated clients to a running server on this machine."""
    parts = current()
    server = url or parts.settings.local_url
    try:
        counts = drive(
            server,
            session_key=parts.session_key,
            data_dir=parts.settings.data_dir,
            rate=rate,
            minutes=minutes,
            seed=seed,
            scenario=scenario,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(counts, indent=2))
    if not counts["answers"]:
        raise click.ClickException(f"no server answered at {server}")


def _score_waiting() -> int:
    """Score everything dirty with the current models."""
    parts = current()
    with model_errors():
        version, bundle = parts.models.current()
    return scoring.score_all(
        parts.store,
        version,
        bundle,
        now_ms,
        min_calls=parts.settings.min_calls,
        rule=RiskRule(*parts.settings.risk),
    )


@contextmanager
def _reading(lines: LogLines) -> Iterator[Callable[[ImportReport], None]]:
    """A progress bar over the bytes of a log; over a pipe, of unknown length, none."""
    with click.progressbar(
        length=lines.size_bytes or 0, label="reading", file=sys.stderr, hidden=not lines.size_bytes
    ) as bar:
        yield lambda _: bar.update(lines.position_bytes - bar.pos)
        bar.update((lines.size_bytes or 0) - bar.pos)


def _summary(report: ImportReport) -> dict[str, Any]:
    summary = asdict(report)
    del summary["rejects"]  # told line by line
    return summary | {"first_at": iso(report.first_at), "last_at": iso(report.last_at)}


COMMANDS = (import_log_command, score, traffic_command)
