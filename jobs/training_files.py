"""The files of the training set that people download: made once for all who ask, then kept."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from datasets.export import REPORT, SUMMARY, WORKBOOK
from jobs.apart import Apart, ApartError
from settings import Settings

NAMES: Final = (WORKBOOK, SUMMARY, REPORT)
CANCELLED: Final = "cancelled"
_WORK: Final = "jobs.dataset_work"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The last run of this server."""

    state: Literal["running", "done", "failed"]
    began_at: int  # epoch ms
    who: str
    step: str = "Starting"
    problem: str = ""  # why it failed


@dataclass(frozen=True)
class Made:
    """A file that is there."""

    path: Path
    size_bytes: int
    made_at: int  # epoch ms


def folder(settings: Settings) -> Path:
    """Where the files are."""
    return settings.data_dir.absolute() / "datasets"


def made(settings: Settings) -> dict[str, Made]:
    """File name -> file, of those of `NAMES` that are there."""
    found = {}
    for name in NAMES:
        path = folder(settings) / name
        if path.is_file():
            stat = path.stat()
            found[name] = Made(path, stat.st_size, stat.st_mtime_ns // 1_000_000)
    return found


class TrainingFiles:
    """One run at a time; all who look at it see the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._work: Apart | None = None

    @property
    def run(self) -> Run | None:
        """The last run, None when there was none since the server started."""
        return self._run

    def start(self, settings: Settings, now: int, who: str) -> None:
        """Make the files anew, unless that is being done."""
        with self._lock:
            if self._run is not None and self._run.state == "running":
                return
            self._run = Run("running", now, who)
            arguments = (_WORK, "files", str(folder(settings)))
            self._work = Apart(settings, *arguments)
            threading.Thread(
                target=self._follow, args=(self._work,), name="training files", daemon=True
            ).start()

    def cancel(self, who: str) -> None:
        """End the run, if there is one; the files that were there stay."""
        with self._lock:
            if self._work is not None:
                self._work.end(f"{CANCELLED} by {who}")

    def _follow(self, work: Apart) -> None:
        try:
            with work:
                for line in work.output:
                    self._change(step=json.loads(line)["step"])
                work.wait()
            self._change(state="done")
        except ApartError as error:
            log.warning("training files: %s", error)
            self._change(state="failed", problem=str(error))

    def _change(self, **fields: str) -> None:
        with self._lock:
            if self._run is not None:
                self._run = replace(self._run, **fields)  # type: ignore[arg-type]
