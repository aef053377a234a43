"""The `flask ...` commands. Standard output holds the result alone; logs go to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click
from flask import Flask

from api import current, door
from datasets import combined, recorded
from datasets.catalog import catalog
from datasets.evaluation import LeakError, evaluate
from datasets.evaluation.report import PAGE, write_page
from datasets.export import FOLDER, export
from ingest.access_log import Format, ImportReport, Unit, import_log
from ingest.logs.lines import LogLines, open_lines
from ingest.simulator.drive import drive
from ingest.traffic import FAULTS, MISUSE
from jobs import recording, retraining, scoring, training, versions
from jobs.schedule import now_ms
from ml.bundle import Bundle
from ml.registry import ModelError, Models, UnknownVersionError
from ml.risk import RiskRule
from store import writes
from store.times import epoch_ms, iso


def install(server: Flask) -> None:
    """Add the commands to `flask`."""
    for command in (train, models_group, import_log_command, score, traffic_command, login_link):
        server.cli.add_command(command)
    for command in (export_datasets, record_dataset, evaluate_models):
        server.cli.add_command(command)


class _Instant(click.ParamType):
    name = "instant"

    def convert(self, value: object, param: Any, ctx: Any) -> int:
        try:
            return epoch_ms(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


@click.command("train")
@click.option(
    "--from",
    "source",
    type=click.Choice(["factory", "stored"]),
    default="factory",
    show_default=True,
    help="Simulated traffic, or the windows that are stored here.",
)
@click.option(
    "--to", "directory", type=click.Path(path_type=Path), help="Folder of model versions."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--simulated", is_flag=True, help="Simulated windows that are stored count, too.")
@click.option("--candidate", is_flag=True, help="Keep the version without making it current.")
def train(source: str, directory: Path | None, seed: int, simulated: bool, candidate: bool) -> None:
    """Fit the models and make them the current version."""
    parts = current()
    models = parts.models if directory is None else Models(directory, directory)
    if source == "stored":
        summary, bundle = _trained_on_stored(simulated, seed)
    else:
        bundle, summary = training.train_factory(seed, parts.settings.reference_data_dir)
        summary = {"source": source, **summary}
    version = models.save(bundle, summary, promote=directory is not None and not candidate)
    if directory is None:
        detail, said = retraining.event_detail(summary), {**_by_hand(), "reason": f"from {source}"}
        if candidate:
            versions.note(parts.store, version, "trained", detail=detail, **said)
        else:
            versions.promote(parts.store, models, version, detail=detail, **said)
    click.echo(json.dumps({"version": version, **summary}, indent=2, default=str))


@click.group("models")
def models_group() -> None:
    """Model versions: which there are, and which one is current."""


@models_group.command("list")
def list_models() -> None:
    """Print all versions, newest first."""
    found = [
        {"version": v.name, "current": v.is_current, "factory": v.is_factory}
        | {"manifest": v.manifest, "problem": v.problem}
        for v in current().models.versions()
    ]
    click.echo(json.dumps(found, indent=2, default=str))


@models_group.command("promote")
@click.argument("version")
def promote_model(version: str) -> None:
    """Make VERSION current; `factory` is the version that came with the product."""
    parts = current()
    with _model_errors():
        name = versions.promote(
            parts.store, parts.models, version, reason="flask models promote", **_by_hand()
        )
    click.echo(json.dumps({"current": name}))


@models_group.command("rollback")
def roll_back_model() -> None:
    """Make the version current that was so before."""
    parts = current()
    with _model_errors():
        name = versions.roll_back(
            parts.store, parts.models, reason="flask models rollback", **_by_hand()
        )
    click.echo(json.dumps({"current": name}))


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
            parts.store, lines, format=format_, response_time=response_time, progress=progress
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


@click.command("export-datasets")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=FOLDER)
def export_datasets(folder: Path) -> None:
    """Write the training set as a workbook, a report and a summary into FOLDER."""
    parts = current()
    try:
        models = {**parts.models.manifest(), "version": parts.models.version()}
    except ModelError:
        models = {}  # the report then tells of no version
    windows = combined.load()  # without the user's copies of public data: they are not ours to give
    files = export(windows, catalog(parts.settings), folder, models)
    click.echo(json.dumps({"windows": len(windows), "files": [str(file) for file in files]}))


@click.command("record-dataset")
@click.option("--minutes", type=click.FloatRange(1), default=41.0, show_default=True)
@click.option("--seed", type=int, default=9004, show_default=True, help="Of clients and plan.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=recorded.FILE,
    help="Gzip CSV; what is to be known about it goes into a .json beside it.",
)
@click.option("--note", default="", help="Kept beside the data, such as what else ran.")
def record_dataset(minutes: float, seed: int, out: Path, note: str) -> None:
    """Record windows of a server of its own under load, faults and misuse."""
    with click.progressbar(length=round(60 * minutes), label="recording", file=sys.stderr) as bar:
        windows, about = recording.record(
            minutes, seed=seed, progress=lambda now, _: bar.update(round(now) - bar.pos)
        )
    recorded.save(windows, about | {"note": note}, out)
    click.echo(json.dumps({"file": str(out), **about}, indent=2))


@click.command("evaluate")
@click.option("--json", "as_json", is_flag=True, help="Print the figures and write no file.")
@click.option(
    "--models", "directory", type=click.Path(path_type=Path, exists=True), help="Model versions."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=PAGE, help="Page.")
def evaluate_models(as_json: bool, directory: Path | None, out: Path) -> None:
    """Measure the current models on what they have not learnt from; takes a few minutes."""
    parts = current()
    models = parts.models if directory is None else Models(directory, directory)
    with _model_errors():
        version, bundle = models.current()
        manifest = models.manifest()
    try:
        found = evaluate(
            bundle,
            manifest,
            parts.settings.reference_data_dir,
            said=lambda text: click.echo(text, err=True),
        )
    except LeakError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"version": version, **found}, indent=2))
    else:
        files = write_page(found, version, out, manifest)
        click.echo(json.dumps({"version": version, "files": [str(file) for file in files]}))


@click.command("login-link")
def login_link() -> None:
    """Print a new one-time link for the admin."""
    click.echo(door.new_login_link(current().settings))


def _by_hand() -> dict[str, Any]:
    """Who changes a version here, and when."""
    return {"who": "command line", "at": now_ms()}


@contextmanager
def _model_errors() -> Iterator[None]:
    try:
        yield
    except (UnknownVersionError, ModelError, training.TooFewWindowsError) as error:
        raise click.ClickException(str(error)) from None


def _trained_on_stored(simulated: bool, seed: int) -> tuple[dict[str, Any], Bundle]:
    """Models adapted to this store, and their summary with the figures before and after."""
    parts = current()
    with _model_errors():
        version, base = parts.models.current()
        bundle, summary = training.train_stored(
            parts.store, base, now_ms(), allow_simulated=simulated, random_state=seed
        )
        return retraining.decided(parts.models, version, base, bundle, summary)[1], bundle


def _score_waiting() -> int:
    """Score everything dirty with the current models."""
    parts = current()
    with _model_errors():
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
