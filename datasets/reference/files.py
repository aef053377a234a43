"""Files of the user's own copy: there or not, the known ones or others, and how many rows."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

_CHUNK_BYTES: Final = 1 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Absent(LookupError):
    """A data set is not on this machine; the text says which file is looked for."""


def existing(path: Path) -> Path:
    """The path of a file.

    Raises
    ------
    Absent
        There is none.
    """
    if not path.is_file():
        raise Absent(f"{path.name} is not in {str(path.parent)!r} (FORESIGHT_REFERENCE_DATA_DIR)")
    return path


def sha256(path: Path) -> str:
    """Hash of a file as it lies there, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def known(path: Path, hashes: Mapping[str, str]) -> Path:
    """The path of a file whose content is the published one.

    Parameters
    ----------
    hashes : mapping of str to str
        File name -> SHA-256.

    Raises
    ------
    Absent
        There is no such file.
    ValueError
        Its hash is another.
    """
    found = sha256(existing(path))
    if found != hashes[path.name]:
        raise ValueError(f"{path.name} has the SHA-256 {found}, published was {hashes[path.name]}")
    return path


def lines_in(path: Path) -> int | None:
    """Lines of a text file, plain or gzip; None when it is not there."""
    if not path.is_file():
        return None
    stat = path.stat()
    return _lines(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _lines(path: Path, _size: int, _changed_ns: int) -> int:
    with path.open("rb") as file:
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    with gzip.open(path) if packed else path.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""))
