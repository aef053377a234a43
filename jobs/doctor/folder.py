"""Checks of the data folder and of the files beside the product."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from jobs.doctor.finding import Finding, fail, ok, warn
from settings import Settings

LEAST_FREE_MB: Final = 200
_MB: Final = 2**20
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def env_file(path: Path = Path(".env")) -> Finding | None:
    """Whether others can read the settings; None where there is no such file."""
    if not path.exists():
        return None
    if mode := _open_to_others(path):
        return warn(".env", f"others can read it (mode {mode})", "chmod 600 .env")
    return ok(".env", "only its owner can read it")


def data_folder(settings: Settings) -> Finding:
    """Whether it can be written, and who else can look into it."""
    folder = settings.data_dir
    if not folder.exists():
        return ok("data folder", f"{folder} is not there yet; the first start makes it")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        mend = f"give the user that runs Foresight write access to {folder.absolute()}"
        return fail("data folder", f"{folder} can't be written: {error.strerror}", mend)
    if mode := _open_to_others(folder):
        mend = f"addresses and names of users are in it: chmod 700 {folder.absolute()}"
        return warn("data folder", f"others can look into {folder} (mode {mode})", mend)
    return ok("data folder", f"{folder} can be written, by its owner alone")


def secret_key(settings: Settings) -> Finding | None:
    """Whether others can read the key that signs sessions; None where there is none yet."""
    path = settings.data_dir / "secret_key"
    if settings.secret_key.get_secret_value():
        return ok("secret key", "set by FORESIGHT_SECRET_KEY")
    if not path.exists():
        return None
    if mode := _open_to_others(path):
        mend = f"chmod 600 {path.absolute()}, or remove it: then all sign in anew"
        return fail("secret key", f"others can read {path} (mode {mode})", mend)
    return ok("secret key", f"{path}: only its owner can read it")


def disk(settings: Settings) -> Finding:
    """Whether there is room for the store and a full journal."""
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free_mb = shutil.disk_usage(folder).free // _MB
    seen = f"{free_mb:,} MiB are free at {folder}"
    if free_mb < LEAST_FREE_MB:
        return fail("disk", seen, f"make room: {LEAST_FREE_MB} MiB are the least to work with")
    if free_mb < settings.journal_max_mb:
        mend = f"the journal alone may take {settings.journal_max_mb:,} MiB: make room, or lower "
        return warn("disk", seen, mend + "FORESIGHT_JOURNAL_MAX_MB")
    return ok("disk", seen)


def _open_to_others(path: Path) -> str | None:
    """The mode of a file that not only its owner can use; on Windows modes say nothing."""
    if os.name != "posix":
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{mode:o}" if mode & _OTHERS else None
