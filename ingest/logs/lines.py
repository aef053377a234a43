"""The lines of a log as bytes: from a file or standard input, plain or gzip, of any length."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

STDIN: Final = "-"
MAX_LINE_BYTES: Final = 1 << 20  # more than any server writes; bounds the memory one line can take
MAX_SKIPPED_BYTES: Final = 64 << 20  # of a line that is cut; what has longer ones is no log
_GZIP_MAGIC: Final = b"\x1f\x8b"
_READ_BYTES: Final = 1 << 18


class LogLines:
    """Iterates over the lines of an open log, without their line ends.

    A line longer than MAX_LINE_BYTES comes cut, one byte too long, so that the reader can tell.
    Of one that has no end within MAX_SKIPPED_BYTES the rest is not read: OSError.
    """

    def __init__(self, stream: io.BufferedReader, size_bytes: int | None = None) -> None:
        self._stream = stream
        self._head = stream.read(len(_GZIP_MAGIC))  # put back before the rest: a pipe can't rewind
        self._is_gzip = self._head == _GZIP_MAGIC
        self.size_bytes = size_bytes  # of the file as it lies there; None: a pipe
        self.position_bytes = 0  # how much of that has been read

    def __iter__(self) -> Iterator[bytes]:
        stream = io.BufferedReader(_Raw(self._read), _READ_BYTES)
        if self._is_gzip:
            # read1 gives what a damaged file still holds, and a BufferedReader is faster at lines
            unpacked = gzip.GzipFile(fileobj=stream, mode="rb")
            stream = io.BufferedReader(_Raw(unpacked.read1), _READ_BYTES)
        while line := stream.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                _skip_to_line_end(stream)
            yield line.removesuffix(b"\n").removesuffix(b"\r")

    def _read(self, size: int) -> bytes:
        data, self._head = self._head or self._stream.read1(size), b""
        self.position_bytes += len(data)
        return data


def _skip_to_line_end(stream: io.BufferedReader[_Raw]) -> None:
    skipped = MAX_LINE_BYTES
    while (part := stream.readline(_READ_BYTES)) and not part.endswith(b"\n"):
        skipped += len(part)
        if skipped > MAX_SKIPPED_BYTES:
            raise OSError(f"a line has no end within {skipped >> 20} MiB: this is no log")


class _Raw(io.RawIOBase):
    """A stream of what a function reads, which is given the most bytes it may return."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


@contextmanager
def open_lines(path: str | Path) -> Iterator[LogLines]:
    """Open a log file, or standard input for `-`; gzip is told by its first bytes, not by a name.

    Raises
    ------
    OSError
        The file can't be opened or read.
    """
    if str(path) == STDIN:
        yield LogLines(cast(io.BufferedReader, sys.stdin.buffer))
        return
    with open(path, "rb") as file:
        yield LogLines(file, _size_bytes(Path(path)))


def _size_bytes(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
