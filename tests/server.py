"""A real server process on a free port, as a user starts it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TOKEN = "token-of-the-tests-0123456789"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until(condition: Callable[[], Any], *, seconds: float = 20, what: str = "") -> Any:
    """The first true value of `condition`; AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


@dataclass
class Server:
    """A running `python app.py`."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, *, token: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request of its own connection: status, headers in lower case, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent.setdefault("Authorization", f"Bearer {TOKEN}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, names, answer.read()
        finally:
            connection.close()

    def get_json(self, path: str) -> Any:
        """The body of a GET that succeeded."""
        status, _, body = self.request("GET", path)
        assert status == 200, (path, status, body[:300])
        return json.loads(body)

    def answers(self, path: str = "/healthz") -> bool:
        """Whether a GET succeeds."""
        try:
            return self.request("GET", path)[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        """`kill -9` of the server and its worker, as a crash would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode


@contextlib.contextmanager
def running_server(data_dir: Path, *, port: int | None = None, **options: Any) -> Iterator[Server]:
    """Start `python app.py` on its own port and data folder; `options` are FORESIGHT_* settings."""
    port = free_port() if port is None else port
    data_dir.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FORESIGHT_")}
    environment |= {"FORESIGHT_DATA_DIR": str(data_dir), "FORESIGHT_PORT": str(port)}
    environment |= {"FORESIGHT_API_TOKEN": TOKEN, "FORESIGHT_API_LIMIT": "0"}
    environment |= {f"FORESIGHT_{name.upper()}": str(value) for name, value in options.items()}
    log = data_dir / f"server-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            cwd=data_dir,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(data_dir, port, process, log)
    try:
        wait_until(
            lambda: process.poll() is not None or server.answers(), seconds=60, what="/healthz"
        )
        assert process.poll() is None, log.read_text()[-3000:]
        yield server
    finally:
        server.stop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
