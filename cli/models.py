"""Commands that fit, choose and measure models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api import current
from datasets.evaluation import LeakError, evaluate
from datasets.evaluation.report import PAGE, write_page
from jobs import retraining, training, versions
from jobs.schedule import now_ms
from ml.bundle import Bundle
from ml.registry import ModelError, Models, UnknownVersionError


@contextmanager
def model_errors() -> Iterator[None]:
    """Tell of models that can't be had in one line."""
    try:
        yield
    except (UnknownVersionError, ModelError, training.TooFewWindowsError) as error:
        raise click.ClickException(str(error)) from None


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
    with model_errors():
        name = versions.promote(
            parts.store, parts.models, version, reason="flask models promote", **_by_hand()
        )
    click.echo(json.dumps({"current": name}))


@models_group.command("rollback")
def roll_back_model() -> None:
    """Make the version current that was so before."""
    parts = current()
    with model_errors():
        name = versions.roll_back(
            parts.store, parts.models, reason="flask models rollback", **_by_hand()
        )
    click.echo(json.dumps({"current": name}))


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
    with model_errors():
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


def _by_hand() -> dict[str, Any]:
    """Who changes a version here, and when."""
    return {"who": "command line", "at": now_ms()}


def _trained_on_stored(simulated: bool, seed: int) -> tuple[dict[str, Any], Bundle]:
    """Models adapted to this store, and their summary with the figures before and after."""
    parts = current()
    with model_errors():
        version, base = parts.models.current()
        bundle, summary = training.train_stored(
            parts.store, base, now_ms(), allow_simulated=simulated, random_state=seed
        )
        return retraining.decided(parts.models, version, base, bundle, summary)[1], bundle


COMMANDS = (train, models_group, evaluate_models)
