"""Work in a process of its own, so that the server goes on answering meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from settings import Settings, session_key

ROOT: Final = Path(__file__).parent.parent
MOST_SECONDS: Final = 900.0  # work that takes longer is ended
NICENESS: Final = 10  # the server comes first
_LAST_BYTES: Final = 4_096  # of what it says of its failure


class ApartError(RuntimeError):
    """The work failed, took too long or was cancelled; the text says which."""


class Apart:
    """One run of `python -m MODULE ARGUMENTS`; used as a context, it is over at its end.

    The process ends with its server: it watches its standard input (see `end_with_parent`), which
    is open for as long as the server lives.
    """

    def __init__(self, settings: Settings, module: str, *arguments: str) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115, closed in __exit__
        self._why = ""
        self._process = subprocess.Popen(  # named in jobs/  # nosec B603
            [sys.executable, "-P", "-m", module, *arguments],
            env=_environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # with processes of its own it is one group, and ends as one
        )
        self._timer = threading.Timer(
            MOST_SECONDS, self.end, [f"it took more than {MOST_SECONDS:g} s and was ended"]
        )
        self._timer.daemon = True
        self._timer.start()

    @property
    def output(self) -> IO[bytes]:
        """What it writes to its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def end(self, why: str) -> None:
        """End it now; `wait` then fails with these words."""
        if self._process.poll() is None:
            self._why = why
            _kill(self._process)

    def wait(self) -> None:
        """Wait for its end.

        Raises
        ------
        ApartError
            It did not end well; with what it said last.
        """
        code = self._process.wait()
        if self._why:
            raise ApartError(self._why)
        if code:
            self._errors.seek(0)
            said = self._errors.read()[-_LAST_BYTES:].decode(errors="replace").strip().splitlines()
            raise ApartError(said[-1] if said else f"it ended with code {code}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._process.poll() is None:
            _kill(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
        self._process.wait()


def end_with_parent() -> None:
    """Called in the process: end it, and what it started, once its server has gone."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)

    def watch() -> None:
        # Not sys.stdin: a thread that holds its lock would be in the way of an ordinary end.
        while os.read(0, 1):
            pass
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass  # it has just ended


def _environment(settings: Settings) -> dict[str, str]:
    """The same data, models and key, wherever the server got its settings from."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return os.environ | {
        "PYTHONPATH": path,
        "FORESIGHT_DATA_DIR": str(settings.data_dir.absolute()),
        "FORESIGHT_SECRET_KEY": session_key(settings),
        "FORESIGHT_REFERENCE_DATA_DIR": str(settings.reference_data_dir.absolute()),
    }
