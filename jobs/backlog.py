"""What waits in the journals of a data folder to be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ingest.journal import SUFFIX
from ingest.writer import decoded

MOST_COUNTED_BYTES: Final = 64 * 2**20  # read to count records; a look must stay cheap
_BLOCK_BYTES: Final = 2**20
_HEAD_BYTES: Final = 2**16  # the first whole record of a journal is found in so much


class Backlog(NamedTuple):
    """Records that are not stored yet."""

    bytes: int
    records: int  # of more than `MOST_COUNTED_BYTES` estimated by the size of the first ones
    oldest_at: int | None  # when the first of the calls came [epoch ms]; None: there is none


def backlog(directory: Path, positions: Mapping[str, int]) -> Backlog:
    """What waits in the journals of `directory`, which are stored up to `positions` [bytes]."""
    waiting = counted = line_ends = 0
    oldest: list[int] = []
    for path in directory.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError), path.open("rb") as file:  # the drainer may be faster
            position = positions.get(path.name, 0)
            waiting += max(path.stat().st_size - position, 0)
            oldest += _first_time(file, position)
            for block in _blocks(file, position, MOST_COUNTED_BYTES - counted):
                counted += len(block)
                line_ends += block.count(b"\n")
    share = counted / waiting if counted < waiting else 1.0
    records = round(line_ends / 2 / share) if share else 0  # each has a line end on both sides
    return Backlog(waiting, records, min(oldest, default=None))


def _first_time(file: BinaryIO, position: int) -> list[int]:
    """When the first call from here on came [epoch ms]; empty when there is none."""
    file.seek(position)
    head = file.read(_HEAD_BYTES)
    return [row[0] for row in decoded(head[: head.rfind(b"\n") + 1]).rows[:1]]


def _blocks(file: BinaryIO, position: int, most: int) -> Iterator[bytes]:
    file.seek(position)
    while most > 0 and (block := file.read(min(_BLOCK_BYTES, most))):
        most -= len(block)
        yield block
