"""Model versions on disk: each a folder with the bundle and its manifest, one of them current.

The pointer file names the current version in its first line and those that were current before it
in the next ones, newest first.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from ml.version_files import (
    BUNDLE_FILE,
    MANIFEST_FILE,
    ModelError,
    load_bundle,
    manifest_of,
    verified_bytes,
    write_durably,
    write_version,
)

if TYPE_CHECKING:
    from ml.bundle import Bundle

__all__ = ["ModelError", "Models", "UnknownVersionError", "Version"]

POINTER_FILE: Final = "current"
LOCK_FILE: Final = "lock"  # held while the pointer or the set of versions changes
FACTORY: Final = "factory"  # stands in the pointer for whatever the factory's current version is
KEPT_VERSIONS: Final = 10  # the newest; the current one and the one before it stay anyway
KEPT_POINTERS: Final = 10  # versions that were current before
YOUNG_S: Final = 3_600  # what changed so lately [s] may still be written or loaded by a process
log = logging.getLogger(__name__)


class UnknownVersionError(LookupError):
    """There is no such version."""


_Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class Version:
    """One model version."""

    name: str
    is_current: bool
    is_factory: bool
    manifest: Mapping[str, Any]  # empty when it can't be read
    problem: str | None  # why the manifest can't be read


class Models:
    """The model versions of a data folder; the factory's serve while there are none.

    A current version that can't be trusted or loaded does not serve: the one before it goes on,
    in the end the factory's.

    Parameters
    ----------
    directory, factory : Path
        Folders of the versions.
    key : bytes, optional
        Signs the versions of `directory`; others are not loaded. The factory's lie beside the
        product's code, which they are trusted like.
    """

    def __init__(self, directory: Path, factory: Path, key: bytes | None = None) -> None:
        self.directory, self.factory = directory, factory
        self._key = key
        self._lock = threading.Lock()
        self._loaded: tuple[Path, Bundle] | None = None
        self._checked: dict[Path, tuple[_Stamp, str | None]] = {}  # folder -> its problem

    def current(self) -> tuple[str, Bundle]:
        """Version and bundle that are current; loaded once, and again when another becomes current.

        Raises
        ------
        ModelError
            There is no model that is as it was saved and of this scikit-learn.
        """
        with self._lock:
            folder = self._current_folder()
            if self._loaded is None or self._loaded[0] != folder:
                self._loaded = folder, load_bundle(folder, self._key_of(folder))
            return folder.name, self._loaded[1]

    def version(self) -> str:
        """Name of the current version; its files are checked, not loaded."""
        return self._current_folder().name

    def manifest(self) -> dict[str, Any]:
        """The manifest of the current version."""
        folder = self._current_folder()
        return manifest_of(folder, self._key_of(folder))

    def versions(self) -> list[Version]:
        """The versions of the data folder, newest first, and last the factory's current one."""
        names = self._names(self.directory)
        folders = [self.directory / name for name in reversed(names)]
        if self.directory != self.factory and (served := self._served_by(self.factory)):
            folders.append(served)
        try:
            current = self._current_folder()
        except ModelError:
            current = None
        return [self._version(folder, folder == current) for folder in folders]

    def save(self, bundle: Bundle, summary: Mapping[str, Any], *, promote: bool = True) -> str:
        """Store a bundle as a new version; the oldest versions go.

        Parameters
        ----------
        bundle : Bundle
        summary : mapping
            What it was trained on, for the manifest; `created_at` (ISO 8601 UTC) is the time of the
            training and begins the version's name.
        promote : bool
            Whether it becomes current.

        Returns
        -------
        str
            The version.
        """
        self._make_directory()
        draft = self.directory / f".draft-{secrets.token_hex(8)}"
        try:
            version = write_version(draft, bundle, summary, self._key_of(draft))
            with self._changing():
                _move_into_place(draft, self.directory / version)
                if promote:
                    self._point_to(version)
                self._prune(version)
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # in place by now, or of no use
        return version

    def promote(self, version: str) -> str:
        """Make another version current; the one that is current now is the next `rollback`'s.

        Parameters
        ----------
        version : str
            A name of `versions`, or `factory`.

        Returns
        -------
        str
            Name of the version that is current now.

        Raises
        ------
        UnknownVersionError
            There is no such version.
        ModelError
            It can't be loaded here.
        """
        with self._changing():
            target = self._pointer_to(version)
            folder = self._folder_of(target)
            verified_bytes(folder, self._key_of(folder))
            self._point_to(target)
        return folder.name

    def rollback(self) -> str:
        """Make the version current that was so before; returns its name.

        Raises
        ------
        UnknownVersionError
            No version was current before, or that one is gone.
        ModelError
            It can't be loaded here.
        """
        with self._changing():
            earlier = self._pointers(self.directory)[1:]
            if not earlier:
                raise UnknownVersionError(
                    f"no version was current before {self._current_folder().name!r}"
                )
            folder = self._folder_of(self._pointer_to(earlier[0]))
            verified_bytes(folder, self._key_of(folder))
            self._write_pointers(earlier)
        return folder.name

    def _changing(self) -> FileLock:
        self._make_directory()
        return FileLock(self.directory / LOCK_FILE)

    def _make_directory(self) -> None:
        mode = 0o777 if self._key is None else 0o700
        self.directory.mkdir(mode, parents=True, exist_ok=True)

    def _key_of(self, folder: Path) -> bytes | None:
        return self._key if folder.parent == self.directory else None

    def _pointer_to(self, version: str) -> str:
        """What stands in the pointer file for a version; a path can't be one."""
        if version in self._names(self.directory):
            return version
        served = self._served_by(self.factory)
        if served is not None and version in (FACTORY, served.name):
            return FACTORY
        known = [found.name for found in self.versions()]
        raise UnknownVersionError(f"no version {version!r}; there are {', '.join(known) or 'none'}")

    def _point_to(self, target: str) -> None:
        earlier = self._pointers(self.directory)
        if not earlier and self._served_by(self.factory) is not None:
            earlier = [FACTORY]
        if earlier[:1] != [target]:
            self._write_pointers([target, *earlier][: KEPT_POINTERS + 1])

    def _write_pointers(self, pointers: list[str]) -> None:
        draft = self.directory / f".{POINTER_FILE}-{secrets.token_hex(8)}"
        write_durably(draft, "\n".join(pointers).encode())
        draft.replace(self.directory / POINTER_FILE)

    def _prune(self, newest: str) -> None:
        """Remove old versions, and drafts of processes that were killed."""
        kept = {newest, *self._pointers(self.directory)[:2]}
        old = [name for name in self._names(self.directory)[:-KEPT_VERSIONS] if name not in kept]
        for folder in (*map(self.directory.joinpath, old), *self.directory.glob(".draft-*")):
            if folder.is_symlink():
                continue  # what it leads to is not ours
            if time.time() - folder.stat().st_mtime > YOUNG_S:
                (folder / MANIFEST_FILE).unlink(missing_ok=True)  # no version from here on
                shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _names(directory: Path) -> list[str]:
        """Names of the versions of a folder, oldest first; a link to another folder is none."""
        found = (file.parent for file in directory.glob(f"[!.]*/{MANIFEST_FILE}"))
        return sorted(folder.name for folder in found if not folder.is_symlink())

    @staticmethod
    def _pointers(directory: Path) -> list[str]:
        """The current version of a folder and the ones before it; [] where none was chosen."""
        try:
            return (directory / POINTER_FILE).read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []

    def _served_by(self, directory: Path) -> Path | None:
        pointers = self._pointers(directory)
        return _plain(directory, pointers[0]) if pointers else None

    def _folder_of(self, pointer: str) -> Path:
        if pointer != FACTORY:
            return _plain(self.directory, pointer)
        if (served := self._served_by(self.factory)) is None:
            raise ModelError(f"there is no model in {self.factory}: run `flask train`")
        return served

    def _current_folder(self) -> Path:
        """The current version, or the first before it that can be loaded."""
        pointers = self._pointers(self.directory)
        if self._pointers(self.factory):
            pointers.append(FACTORY)
        problems = []
        for pointer in pointers:
            try:
                folder = self._folder_of(pointer)
                self._refuse(folder)
                return folder
            except ModelError as error:
                problems.append(error)
        if problems:
            raise problems[0]
        raise ModelError(
            f"there is no model in {self.directory} and none in {self.factory}: run `flask train`"
        )

    def _refuse(self, folder: Path) -> None:
        """ModelError when a version can't serve; its files are read again when they change."""
        stamp = _stamp(folder)
        known = self._checked.get(folder)
        if known is None or known[0] != stamp:
            try:
                verified_bytes(folder, self._key_of(folder))
                problem = None
            except ModelError as error:
                problem = str(error)
                log.error("a model version does not serve: %s", problem)
            known = self._checked[folder] = stamp, problem
        if known[1] is not None:
            raise ModelError(known[1])

    def _version(self, folder: Path, is_current: bool) -> Version:
        manifest: dict[str, Any] = {}
        try:
            manifest = manifest_of(folder, self._key_of(folder))
            problem = self._checked.get(folder, (None, None))[1]
        except ModelError as error:
            problem = str(error)
        return Version(folder.name, is_current, folder.parent == self.factory, manifest, problem)


def _stamp(folder: Path) -> _Stamp:
    """Changes with the files of a version."""
    found: list[tuple[int, ...] | None] = []
    for name in (MANIFEST_FILE, BUNDLE_FILE):
        try:
            status = (folder / name).stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


def _plain(directory: Path, pointer: str) -> Path:
    """The folder that a pointer names, which can't lead elsewhere."""
    if Path(pointer).name != pointer or "\\" in pointer:
        raise ModelError(f"{directory / POINTER_FILE} names {pointer!r}, which is no version")
    return directory / pointer


def _move_into_place(draft: Path, folder: Path) -> None:
    """Rename a finished folder; the same training saved twice is the same version."""
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
