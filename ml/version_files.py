"""The files of one model version: the bundle, and the manifest with its hash and a signature.

A bundle is a pickle, which can run anything. Nothing is unpickled before its hash was compared with
the manifest's, and the manifest's signature with the key of the installation.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ml.bundle import Bundle

BUNDLE_FILE: Final = "bundle.joblib"
MANIFEST_FILE: Final = "manifest.json"
LIBRARIES: Final = ("scikit-learn", "numpy", "pandas", "joblib")
SIGNATURE: Final = "signature"  # in the manifest: HMAC-SHA-256 of the rest of it
FORMAT: Final = 5  # of what is pickled; a change to the classes in it makes old bundles unusable
COMPRESSION: Final = 3  # zlib level: a fifth of the bytes, no slower to load


class ModelError(Exception):
    """No model can be had; the text says why and what to do."""


def write_version(
    folder: Path, bundle: Bundle, summary: Mapping[str, Any], key: bytes | None = None
) -> str:
    """Write bundle and manifest into a new folder; returns what the version is to be called.

    With a key the manifest is signed.
    """
    data = _dumped(bundle)
    digest = hashlib.sha256(data).hexdigest()
    manifest = {"sha256": digest, "bytes": len(data), **_platform(), **summary}
    if key is not None:
        manifest = json.loads(json.dumps(manifest, sort_keys=True, default=str))
        manifest[SIGNATURE] = _signature(manifest, key)
    text = json.dumps(manifest, indent=2, sort_keys=True, default=str) + "\n"
    moment = "".join(filter(str.isalnum, str(summary["created_at"])[:19]))
    folder.mkdir(parents=True)
    write_durably(folder / BUNDLE_FILE, data)
    write_durably(folder / MANIFEST_FILE, text.encode())
    return f"{moment}-{digest[:8]}"


def load_bundle(folder: Path, key: bytes | None = None) -> Bundle:
    """The bundle of a version.

    Raises
    ------
    ModelError
        As of `verified_bytes`.
    """
    data = verified_bytes(folder, key)
    import joblib

    bundle: Bundle = joblib.load(io.BytesIO(data))
    return bundle


def verified_bytes(folder: Path, key: bytes | None = None) -> bytes:
    """The bytes of a bundle that is what its manifest says and can be loaded here.

    Parameters
    ----------
    key : bytes, optional
        The manifest must be signed with it.

    Raises
    ------
    ModelError
        A file is missing, was changed or is not signed, or the bundle is of other software.
    """
    manifest = manifest_of(folder, key)
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
    return data


def _made_with(manifest: Mapping[str, Any]) -> str:
    """What must be the same where a bundle is saved and where it is loaded."""
    library = manifest["libraries"].get("scikit-learn")
    return f"scikit-learn {library}, bundle format {manifest['format']}"


def manifest_of(folder: Path, key: bytes | None = None) -> dict[str, Any]:
    """The manifest of a version; ModelError when it can't be read or is not signed with the key."""
    file = folder / MANIFEST_FILE
    try:
        manifest = json.loads(_read(file))
        if not isinstance(manifest, dict):
            raise ValueError(f"it is no object but {manifest!r}")
        if missing := {"sha256", "libraries", "format"} - manifest.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except ValueError as error:
        raise ModelError(f"{file} can't be read ({error}): run `flask train`") from error
    if key is not None:
        _refuse_unsigned(file, manifest, key)
    return manifest


def _refuse_unsigned(file: Path, manifest: Mapping[str, Any], key: bytes) -> None:
    unsigned = {name: value for name, value in manifest.items() if name != SIGNATURE}
    given = str(manifest.get(SIGNATURE, "")).encode()
    if not hmac.compare_digest(given, _signature(unsigned, key).encode()):
        raise ModelError(
            f"{file} is not signed with this installation's key: it was changed, was put there by "
            "somebody else, or is older than the key; it is not loaded: run `flask train`"
        )


def _signature(manifest: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(manifest, sort_keys=True)
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


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


def write_durably(file: Path, data: bytes) -> None:
    """Write so that the bytes are on disk before anything points to them."""
    with open(file, "xb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
