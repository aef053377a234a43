"""Records windows of this project's own API under real load: a server process, clients, faults."""

from __future__ import annotations

import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd

from datasets.recorded import labelled
from ingest.signature import simulator_key
from ingest.simulator import misuse
from ingest.simulator.clients import Client, population
from ingest.simulator.drive import Progress, drive
from ingest.simulator.episodes import Planned, planned_episodes
from ingest.traffic import Episode, History
from ingest.writer import drain
from ml.features import window_features
from store import open_store, reads

APP: Final = Path(__file__).parent.parent / "app.py"
CLIENTS: Final = 40
RATE: Final = 18.0  # requests a second of the ordinary clients
CALM_MINUTES: Final = (1.0, 1.6)  # between two episodes
LONGEST_MINUTES: Final = 3.0  # an episode
START_S: Final = 60.0  # for the server to answer
STOP_S: Final = 15.0  # for it to end before it is killed
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True)
class _Server:
    """A running `python app.py` of the recording's own."""

    url: str
    data_dir: Path
    session_key: str


def record(
    minutes: float, *, seed: int = 1, progress: Progress | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Windows of whole minutes of a real server under load, and how they came about.

    Parameters
    ----------
    minutes : float
        Length [minutes of wall time]; all ten kinds of episode take about 40.
    seed : int
        Of the clients and of the plan; answers, and so the windows, differ each time.
    progress : callable, optional
        Called about once a second with the seconds passed and the counts so far.

    Returns
    -------
    (DataFrame, dict)
        The windows as of `datasets.recorded.labelled`, and what is to be known about them.
    """
    plan = _plan(seed, minutes)
    with tempfile.TemporaryDirectory(prefix="foresight-record-") as folder:
        with _running_server(Path(folder)) as server:
            load_before, started_ms = _load(), time.time_ns() // 1_000_000
            counts = drive(
                server.url,
                session_key=server.session_key,
                rate=RATE,
                minutes=minutes,
                seed=seed,
                clients=CLIENTS,
                data_dir=server.data_dir,
                progress=progress,
                episodes=plan,
            )
            ended_ms = time.time_ns() // 1_000_000
        calls = _stored_calls(server.data_dir, started_ms, ended_ms)
    truth = _truth(plan, counts["episodes"], seed, simulator_key(server.session_key))
    windows = labelled(window_features(calls), truth)
    facts = {name: counts[name] for name in ("answers", "answers_per_s", "statuses")}
    about = {
        "recorded_at": _iso(started_ms),
        "seed": seed,
        "minutes": minutes,
        "clients": CLIENTS,
        "rate": RATE,
        **facts,
        "episodes": [[planned.name, round(planned.minutes, 2)] for planned in plan],
        "machine": _machine() | {"load_before": load_before, "load_after": _load()},
        "rows": len(windows),
    }
    return windows, about


def _plan(seed: int, minutes: float) -> list[Planned]:
    """Episodes that end within the recording."""
    endless = planned_episodes(seed, calm=CALM_MINUTES, calls_per_s=RATE, longest=LONGEST_MINUTES)
    return list(takewhile(lambda planned: planned.end <= minutes, endless))


@contextmanager
def _running_server(folder: Path) -> Iterator[_Server]:
    """A server of its own on a free port, ended by its own handle."""
    port, key = _free_port(), secrets.token_urlsafe(48)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FORESIGHT_")}
    environment |= {
        "FORESIGHT_DATA_DIR": str(folder),
        "FORESIGHT_PORT": str(port),
        "FORESIGHT_SECRET_KEY": key,
        "FORESIGHT_SCHEDULER": "0",
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # this product's own code  # nosec B603
            [sys.executable, str(APP)], cwd=folder, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, folder / "server.log")
        yield _Server(url, folder, key)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers.

    Raises
    ------
    RuntimeError
        It ended, or did not answer in time; with the end of its log.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/healthz", timeout=2):  # on this machine  # nosec B310
                return
        except (URLError, OSError):
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
    raise RuntimeError(f"no server at {url}, exit code {process.poll()}:\n{said}")


def _stored_calls(data_dir: Path, started_ms: int, ended_ms: int) -> dict[str, Any]:
    """The calls of the whole minutes between two instants, journals included."""
    store = open_store(f"sqlite:///{data_dir / 'foresight.db'}")
    try:
        while drain(store, data_dir / "journal"):
            pass
        first = -(-started_ms // _MINUTE_MS) * _MINUTE_MS
        with store.read() as connection:
            return reads.calls_between(connection, first, ended_ms // _MINUTE_MS * _MINUTE_MS)
    finally:
        store.close()


def _truth(plan: list[Planned], happened: list[dict[str, Any]], seed: int, key: bytes) -> History:
    """Who the clients were and what happened; drawn again as `drive` draws them."""
    kinds: dict[str, str] = {}
    episodes = []
    _note_kinds(kinds, population(CLIENTS, seed, key))
    for planned, noted in zip(plan, happened, strict=True):
        gang: list[Client] = []
        if planned.kind == "misuse":
            gang = misuse.attackers(planned.name, _gang_rng(seed, planned), key)
        _note_kinds(kinds, gang)
        episodes.append(_episode(planned, noted["at"], gang))
    return History([], kinds, tuple(episodes))


def _note_kinds(kinds: dict[str, str], clients: list[Client]) -> None:
    for client in clients:
        kinds[client.address] = client.kind
        if client.user is not None:  # a taken-over account stays what its owner is
            kinds.setdefault(client.user, client.kind)


def _episode(planned: Planned, at_ms: int, gang: list[Client]) -> Episode:
    names = {name for client in gang for name in (client.address, client.user) if name}
    return Episode(
        planned.name,
        planned.kind,
        misuse.target(planned.name) if gang else None,
        tuple(sorted(names)),
        at_ms,
        at_ms + round(planned.minutes * _MINUTE_MS),
        planned.near_miss,
        planned.severity,
    )


def _gang_rng(seed: int, planned: Planned) -> Random:
    """What `ingest.simulator.drive` draws the attackers of an episode with."""
    return Random(f"episode {seed} {planned.start}")


def _iso(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1_000, UTC).isoformat(timespec="seconds")


def _load() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
