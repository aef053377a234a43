"""Commands that record and export data sets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from api import current
from datasets import combined, recorded
from datasets.catalog import catalog
from datasets.export import FOLDER, export
from jobs import recording
from ml.registry import ModelError


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


COMMANDS = (export_datasets, record_dataset)
