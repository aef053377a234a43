"""Faults of the mock shop, and the switch by which the owner of the data folder turns them on."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

GRADUAL: Final = ("leak", "pool_exhaustion", "retry_storm")
SUDDEN: Final = ("crash", "dependency_down")
FAULTS: Final = GRADUAL + SUDDEN
FILE_NAME: Final = "fault.json"
MAX_SECONDS: Final = 3_600.0  # a fault that nobody clears ends by itself
MAX_SEVERITY: Final = 1_000.0

log = logging.getLogger(__name__)


class Fault(NamedTuple):
    """A fault that is on. `severity` scales the mechanism it changes.

    Severity 1 of a gradual fault hurts after about 15 minutes at 10 calls/s. A `dependency_down` up
    to 1 is a provider that refuses, above 1 one that never answers.
    """

    name: str
    severity: float = 1.0


class FaultSwitch:
    """The fault that the file says is on; looks at the file at most once a second."""

    CHECK_S: Final = 1.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._fault: Fault | None = None
        self._until = 0.0

    def __call__(self) -> Fault | None:
        """The fault that is on now."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self.CHECK_S
            self._look()
            if self._fault is not None and time.time() >= self._until:
                self._fault = None
        return self._fault

    def _look(self) -> None:
        try:
            stat = self._path.stat()
        except OSError:
            self._seen = self._fault = None
            return
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen == self._seen:
            return
        self._seen, self._fault = seen, None
        try:
            self._fault, self._until = _read(self._path)
        except (OSError, ValueError) as error:
            log.warning("%s is ignored: %s", self._path, error)


def _read(path: Path) -> tuple[Fault, float]:
    value = json.loads(path.read_bytes()[:10_000])
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is no JSON object")
    name, until, severity = value.get("fault"), value.get("until"), value.get("severity", 1.0)
    if name not in FAULTS:
        raise ValueError(f"fault {name!r} is none of {', '.join(FAULTS)}")
    if not isinstance(until, int | float) or not until <= time.time() + MAX_SECONDS + 60:
        raise ValueError(f"until {until!r} is no time within the next hour [epoch s]")
    if not isinstance(severity, int | float) or not 0 < severity <= MAX_SEVERITY:
        raise ValueError(f"severity {severity!r} is no number above 0, at most {MAX_SEVERITY:g}")
    return Fault(name, float(severity)), float(until)


def start_fault(data_dir: Path, name: str, seconds: float, severity: float | None = None) -> Fault:
    """Put the shop of a data folder into a fault for some time; it heals by itself afterwards.

    Without a severity a gradual fault goes as fast as it must to hurt within `seconds`.
    """
    if name not in FAULTS:
        raise ValueError(f"fault {name!r} is none of {', '.join(FAULTS)}")
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"seconds={seconds} must be above 0, at most {MAX_SECONDS:g}")
    fault = Fault(name, severity_for(name, seconds) if severity is None else severity)
    value = {"fault": name, "until": time.time() + seconds, "severity": fault.severity}
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".{FILE_NAME}-{os.getpid()}"
    draft.write_text(json.dumps(value), encoding="utf-8")
    draft.replace(data_dir / FILE_NAME)
    return fault


def clear_fault(data_dir: Path) -> None:
    """Repair the shop of a data folder."""
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def severity_for(name: str, seconds: float, calls_per_s: float = 10.0) -> float:
    """Severity at which a fault of this length hurts after about 60 % of it."""
    if name in ("leak", "pool_exhaustion"):
        return float(900.0 / (0.6 * seconds) * 10.0 / calls_per_s)
    if name == "retry_storm":  # above 2.6 the provider drowns at once
        return float(min(2.6, max(0.9, (900.0 / seconds) ** 0.5)))
    return 1.0
