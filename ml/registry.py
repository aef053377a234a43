"""Model versions on disk: each a folder with the bundle and its manifest, one of them current.

Nothing is unpickled before its hash was compared with the manifest's.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import secrets
import threading
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ml.bundle import Bundle

BUNDLE_FILE: Final = "bundle.joblib"
MANIFEST_FILE: Final = "manifest.json"
POINTER_FILE: Final = "current"
LIBRARIES: Final = ("scikit-learn", "numpy", "pandas", "joblib")
FORMAT: Final = 2  # of what is pickled; a change to the classes in it makes old bundles unusable
COMPRESSION: Final = 3  # zlib level: a fifth of the bytes, no slower to load


class ModelError(Exception):
    """No model can be had; the text says why and what to do."""


class Models:
    """The model versions of a data folder; the factory's serve while there are none."""

    def __init__(self, directory: Path, factory: Path) -> None:
        self.directory, self.factory = directory, factory
        self._lock = threading.Lock()
        self._loaded: tuple[Path, Bundle] | None = None

    def current(self) -> tuple[str, Bundle]:
        """Version and bundle that are current; loaded once, and again when another becomes current.

        Raises
        ------
        ModelError
            There is no model, its file was changed, or it is of another scikit-learn.
        """
        with self._lock:
            folder = self._current_folder()
            if self._loaded is None or self._loaded[0] != folder:
                self._loaded = folder, _loaded_bundle(folder)
            return folder.name, self._loaded[1]

    def version(self) -> str:
        """Name of the current version, if its files are there; they are not loaded."""
        folder = self._current_folder()
        _manifest(folder)
        if not (folder / BUNDLE_FILE).is_file():
            raise ModelError(f"{folder / BUNDLE_FILE} is missing: run `flask train`")
        return folder.name

    def manifest(self) -> dict[str, Any]:
        """The manifest of the current version."""
        return _manifest(self._current_folder())

    def save(self, bundle: Bundle, summary: Mapping[str, Any]) -> str:
        """Store a bundle as a new version and make it current.

        Parameters
        ----------
        bundle : Bundle
        summary : mapping
            What it was trained on, for the manifest; `created_at` (ISO 8601 UTC) is the time of the
            training and begins the version's name.

        Returns
        -------
        str
            The version.
        """
        data = _dumped(bundle)
        digest = hashlib.sha256(data).hexdigest()
        manifest = {"sha256": digest, "bytes": len(data), **_platform(), **summary}
        text = json.dumps(manifest, indent=2, sort_keys=True, default=str) + "\n"
        moment = "".join(filter(str.isalnum, str(summary["created_at"])[:19]))
        version = f"{moment}-{digest[:8]}"
        draft = self.directory / f".draft-{secrets.token_hex(8)}"
        draft.mkdir(parents=True)
        _write(draft / BUNDLE_FILE, data)
        _write(draft / MANIFEST_FILE, text.encode())
        _move_into_place(draft, self.directory / version)
        self._point_to(version)
        return version

    def _point_to(self, version: str) -> None:
        draft = self.directory / f".{POINTER_FILE}-{secrets.token_hex(8)}"
        _write(draft, version.encode())
        draft.replace(self.directory / POINTER_FILE)

    def _current_folder(self) -> Path:
        for directory in (self.directory, self.factory):
            try:
                return directory / (directory / POINTER_FILE).read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                continue
        raise ModelError(
            f"there is no model in {self.directory} and none in {self.factory}: run `flask train`"
        )


def _loaded_bundle(folder: Path) -> Bundle:
    manifest = _manifest(folder)
    data = _read(folder / BUNDLE_FILE)
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest["sha256"]:
        raise ModelError(
            f"{folder / BUNDLE_FILE} was changed after it was saved: its SHA-256 is {digest}, its "
            f"manifest says {manifest['sha256']}; it is not loaded: run `flask train`"
        )
    trained, here = _made_with(manifest), _made_with(_platform())
    if trained != here:
        raise ModelError(f"{folder} was trained with {trained}, here is {here}: run `flask train`")
    import joblib

    bundle: Bundle = joblib.load(io.BytesIO(data))
    return bundle


def _made_with(manifest: Mapping[str, Any]) -> str:
    """What must be the same where a bundle is saved and where it is loaded."""
    library = manifest["libraries"].get("scikit-learn")
    return f"scikit-learn {library}, bundle format {manifest['format']}"


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST_FILE
    try:
        manifest = json.loads(_read(file))
        if not isinstance(manifest, dict):
            raise ValueError(f"it is no object but {manifest!r}")
        if missing := {"sha256", "libraries", "format"} - manifest.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except ValueError as error:
        raise ModelError(f"{file} can't be read ({error}): run `flask train`") from error
    return manifest


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} can't be read ({error}): run `flask train`") from error


def _dumped(bundle: Bundle) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(bundle, buffer, compress=COMPRESSION)
    return buffer.getvalue()


def _platform() -> dict[str, Any]:
    libraries = {name: installed_version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "libraries": libraries, "format": FORMAT}


def _write(file: Path, data: bytes) -> None:
    """Write so that the bytes are on disk before anything points to them."""
    with open(file, "xb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def _move_into_place(draft: Path, folder: Path) -> None:
    """Rename a finished folder; the same training saved twice is the same version."""
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        for file in draft.iterdir():
            file.unlink()
        draft.rmdir()
