"""Data sets that are being looked at: loaded beside the requests, few of them kept."""

from __future__ import annotations

import logging
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import pandas as pd

from datasets import samples
from datasets.explore import Axes, axes
from datasets.samples import Sample
from jobs.apart import Apart
from ml.features import FEATURES
from settings import Settings
from store import Store, window_table

OWN: Final = "own"  # the windows of this server
MOST_BYTES: Final = 96_000_000  # of all sets that are kept
MOST_WINDOWS: Final = 20_000  # of this server's own, the newest
_COLUMNS: Final = (
    *("timestamp", "priority", "risk_score", "subject", "endpoint", "method", "client"),
    *FEATURES,
    *("failure_probability", "anomaly_score", "usage_cluster", "thin", "simulated_count"),
)
_LABELS: Final = ("priority", "usage_cluster", "subject", "simulated", "method")
_WORK: Final = "jobs.dataset_work"
log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A data set in memory, with its map."""

    sample: Sample
    axes: Axes | None

    @property
    def size_bytes(self) -> int:
        """About what it takes."""
        positions = 0 if self.axes is None else self.axes.positions.nbytes
        return int(self.sample.rows.memory_usage(deep=True).sum()) + positions


class Shelf:
    """The sets of one server; those that were not looked at for the longest time go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()  # generating takes all cores
        self._kept: OrderedDict[str, Future[Loaded]] = OrderedDict()

    def __len__(self) -> int:
        """Sets that are there or being loaded."""
        with self._lock:
            return len(self._kept)

    def ask(self, name: str, load: Callable[[], Loaded]) -> Future[Loaded]:
        """The set called `name`, which is loaded when nobody has asked for it yet.

        A failure is told to whoever asks next, and after that the set is loaded again.
        """
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                found = self._kept[name] = Future()
                threading.Thread(
                    target=self._load, args=(name, found, load), name=f"load {name}", daemon=True
                ).start()
            elif found.done() and found.exception() is not None:
                del self._kept[name]
                return found
            self._kept.move_to_end(name)
            return found

    def ask_for(
        self, name: str, settings: Settings, store: Store, start: int, end: int
    ) -> Future[Loaded]:
        """A set of the catalog, or `OWN`: the stored windows of a range [epoch ms]."""
        if name == OWN:
            return self.ask(f"{OWN} {start} {end}", lambda: own_windows(store, start, end))
        return self.ask(name, lambda: self.apart(settings, name))

    def apart(self, settings: Settings, name: str) -> Loaded:
        """Load a set of the catalog in a process of its own.

        Raises
        ------
        ApartError
            It can't be loaded.
        """
        with self._one_at_a_time, Apart(settings, _WORK, "load", name) as work:
            data = work.output.read()
            work.wait()
            return Loaded(*pickle.loads(data))  # of a process of our own  # nosec B301

    def _load(self, name: str, future: Future[Loaded], load: Callable[[], Loaded]) -> None:
        try:
            future.set_result(load())
        except Exception as error:
            log.warning("data set %s: %s", name, error)
            future.set_exception(error)
        with self._lock:
            self._make_room()

    def _make_room(self) -> None:
        """Forget the oldest; the newest stays, however large it is."""
        done = [(name, f.result().size_bytes) for name, f in self._kept.items() if _is_loaded(f)]
        total = sum(size for _, size in done)
        for name, size in done[:-1]:
            if total <= MOST_BYTES:
                return
            del self._kept[name]
            total -= size


def own_windows(store: Store, start: int, end: int) -> Loaded:
    """The newest stored windows of a range [epoch ms], at most `MOST_WINDOWS`."""
    columns: dict[str, Any] = window_table.newest(store, _COLUMNS, start, end, MOST_WINDOWS)
    rows = pd.DataFrame(columns)
    if rows.empty:
        return Loaded(Sample(rows, (), (), ""), None)
    rows["thin"] = rows["thin"].astype(bool)
    rows["simulated"] = rows.pop("simulated_count") > 0
    for name in FEATURES:
        rows[name] = pd.to_numeric(rows[name])  # None, where no call had a response time, is NaN
    cut = f"The newest {MOST_WINDOWS:,} windows of the range." if len(rows) == MOST_WINDOWS else ""
    sample = samples.sample(rows, _LABELS, cut or "All windows of the range.")
    return Loaded(sample, axes(sample.rows, sample.features))


def _is_loaded(future: Future[Loaded]) -> bool:
    return future.done() and future.exception() is None
