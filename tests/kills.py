"""A server that is killed again and again while it works, and started again."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.server import Server, running_server, wait_until

EVERYTHING: Final = "everything"  # the server with all its processes
WORKER: Final = "worker"  # its parent makes a new one
PARENT: Final = "parent"  # the worker is left alone and has to end by itself
TARGETS: Final = (EVERYTHING, WORKER, PARENT)


@dataclass(frozen=True)
class Kill:
    """One `kill -9`."""

    target: str  # one of TARGETS
    back_s: float  # until the server answered before it
    alive_s: float  # that it then worked


def kills(
    data_dir: Path, port: int, targets: Sequence[str], rng: Random, longest_s: float, **options: Any
) -> Iterator[Kill]:
    """Kill a server at random points, one for each of `targets`; the last one stays dead.

    Parameters
    ----------
    targets : sequence of str
        Of TARGETS.
    longest_s : float
        A server works for at most so long before it is killed [s].
    """
    server: Server | None = None
    with ExitStack() as life:
        for target in targets:
            begin = time.monotonic()
            if server is None:
                server = life.enter_context(running_server(data_dir, port=port, **options))
            else:
                wait_until(server.answers, what="a new worker")
            back_s, alive_s = time.monotonic() - begin, rng.uniform(0.02, longest_s)
            time.sleep(alive_s)  # the point is random: there is nothing to wait for
            _kill(server, target)
            yield Kill(target, back_s, alive_s)
            if target != WORKER:
                wait_until(lambda: _is_free(port), what="the worker without a parent ends")
                life.close()
                server = None


def _kill(server: Server, target: str) -> None:
    if target == EVERYTHING:
        server.kill()
        return
    os.kill(server.process.pid if target == PARENT else worker_of(server), signal.SIGKILL)
    if target == PARENT:
        server.process.wait()


def worker_of(server: Server) -> int:
    """Process id of the worker."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children")
    worker: str = wait_until(lambda: children.read_text().split(), what="a worker")[0]
    return int(worker)


def _is_free(port: int) -> bool:
    """Whether a server could be started on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
