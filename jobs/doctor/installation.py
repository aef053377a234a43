"""Checks of what is installed: Python, packages, models."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from jobs.doctor.finding import Finding, fail, ok, warn
from jobs.runtime import FACTORY_MODELS, model_key
from ml.registry import ModelError, Models
from settings import Settings

ROOT: Final = Path(__file__).parent.parent.parent
OLDEST_PYTHON: Final = (3, 11)
NAMED: Final = 5  # packages of a kind that are told by name
# What the factory models are made of; the Makefile has the same list.
TRAINED_BY: Final = (
    *("ml/*.py", "datasets/sites/*.py", "datasets/reference/*.py", "ingest/*.py"),
    *("ingest/shop/*.py", "ingest/simulator/*.py", "datasets/combined.py", "datasets/synthetic.py"),
    *("datasets/recorded.py", "datasets/recorded.csv.gz", "jobs/training.py"),
)


def python() -> Finding:
    """Whether Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return fail("python", version, "install Python 3.11 or newer")
    return ok("python", version)


def packages(requirements: Path = ROOT / "requirements.txt") -> Finding:
    """Whether every package is there in the version that is locked."""
    missing, other, right = [], [], 0
    for wanted in _wanted(requirements):
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            missing.append(str(wanted))
            continue
        if wanted.specifier.contains(found, prereleases=True):
            right += 1
        else:
            other.append(f"{wanted.name} {found} instead of {str(wanted.specifier)[2:]}")
    mend = "run `make setup`, or pip install --require-hashes -r requirements.txt"
    if missing:
        return fail("packages", f"missing: {_some(missing)}", mend)
    if other:
        return warn("packages", f"of another version: {_some(other)}", mend)
    return ok("packages", f"{right} packages as locked")


def models(settings: Settings) -> Finding:
    """Whether the current models are there and can be loaded."""
    key_file = settings.data_dir / "secret_key"
    key = settings.secret_key.get_secret_value() or (key_file.exists() and key_file.read_text())
    try:
        found = Models(settings.models_dir, FACTORY_MODELS, model_key(key or ""))
        version, _ = found.current()
    except ModelError as error:
        return fail("models", str(error), "run `make setup`, or `flask models rollback`")
    if broken := [each.problem for each in found.versions() if each.problem]:
        mend = f"version {version} serves; `flask models promote` another, or remove the broken"
        return warn("models", "; ".join(broken[:NAMED]), mend)
    return ok("models", f"version {version} can be loaded")


def factory_models(root: Path = ROOT, factory: Path = FACTORY_MODELS) -> Finding | None:
    """Whether the models that came with the product are newer than what they are made of."""
    pointer = factory / "current"
    if not pointer.exists():
        return warn("factory models", f"there are none in {factory}", "run `make setup`")
    trained = pointer.stat().st_mtime
    files = [file for pattern in TRAINED_BY for file in root.glob(pattern)]
    newer = sorted(str(f.relative_to(root)) for f in files if f.stat().st_mtime > trained)
    if newer:
        return warn("factory models", f"older than {_some(newer)}", "run `make setup`")
    return ok("factory models", "newer than the code that trains them")


def _wanted(requirements: Path) -> list[Requirement]:
    """What is locked for this machine."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    named = [line.removesuffix("\\").strip() for line in lines if line[:1].isalnum()]
    wanted = map(Requirement, named)
    return [each for each in wanted if each.marker is None or each.marker.evaluate()]


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
