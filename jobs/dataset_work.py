"""What is done with data sets apart from the server: loading one, writing the training files."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from datasets import combined, samples
from datasets.catalog import catalog
from datasets.explore import axes
from datasets.export import export
from jobs.apart import end_with_parent
from jobs.runtime import FACTORY_MODELS, model_key
from ml.registry import ModelError, Models
from settings import Settings, session_key, settings_from_environment

_UNFINISHED: Final = "making-"


def load(name: str, settings: Settings) -> bytes:
    """A sample of a set and its map, pickled."""
    sample = samples.load(name, settings.reference_data_dir)
    found = sample, axes(sample.rows, sample.features)
    return pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)


def write_files(folder: Path, settings: Settings) -> None:
    """The files of `flask export-datasets`; those that are there are replaced when all are made."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_UNFINISHED}*"):  # of a run that was ended
        shutil.rmtree(left, ignore_errors=True)
    _say("Making the training set from its seeds")
    windows = combined.load()  # without the user's copies of public data: they are not ours to give
    _say(f"Writing {len(windows):,} windows")
    models = Models(settings.models_dir, FACTORY_MODELS, model_key(session_key(settings)))
    try:
        manifest = {**models.manifest(), "version": models.version()}
    except ModelError:
        manifest = {}  # the report then tells of no version
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as made:
        for file in export(windows, catalog(settings), Path(made), manifest):
            os.replace(file, folder / file.name)


def _say(step: str) -> None:
    print(json.dumps({"step": step}), flush=True)


def main(what: str, argument: str) -> None:
    """`load NAME` writes a pickle, `files FOLDER` a JSON object for each step."""
    end_with_parent()
    settings = settings_from_environment()
    try:
        if what == "load":
            sys.stdout.buffer.write(load(argument, settings))
        else:
            write_files(Path(argument), settings)
    except (LookupError, ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
