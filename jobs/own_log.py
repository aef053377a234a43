"""The product's own log: lines of JSON, or of text on a terminal, without secrets.

Whatever the rooms tell by `logging` comes out here: the message is the `event`, what is given as
`extra` are its fields, a traceback is the field `error` (without the values of variables).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jobs.own_log_file import OwnLogFile
from secrecy import redacted
from settings import Settings, secrets_of

FOLDER: Final = "logs"
FILE: Final = "foresight.log"
NOBODY: Final = "-"
MAX_CHARACTERS: Final = 16_384  # of one text in a line; a traceback may hold megabytes
_QUIET: Final = ("apscheduler",)  # a skipped run is made up for
# At level debug the product's own rooms alone tell more: others then tell of data and passwords.
_ROOMS: Final = ("api", "app", "ask", "cli", "datasets", "ingest", "jobs", "ml", "pages", "store")
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_REFUSED: Final = "Invalid request from ip="
_QUERY: Final = re.compile(r"\?[^\s'\"]*")

Context = Callable[[], Mapping[str, str]]


class OwnLine(logging.Formatter):
    """A record as one line of JSON.

    Parameters
    ----------
    secrets : list of str
        Never told, whatever the record holds; the longest first.
    context : callable
        The fields `request_id` and `user` of the request that is being answered, if any is.
    """

    def __init__(self, secrets: list[str], context: Context) -> None:
        super().__init__()
        self._secrets = secrets
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """JSON in ASCII: no character of a path can end a line or reach a terminal."""
        return json.dumps(self.fields(record))

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Everything that is told of a record."""
        about = self._context()
        fields: dict[str, Any] = {
            "time": told_time(record.created),
            "level": record.levelname.lower(),
            "event": self._text(_message(record)),
            "request_id": about.get("request_id", NOBODY),
            "user": self._text(about.get("user", NOBODY)),
            "logger": record.name,
        }
        for name, value in vars(record).items():
            if name not in _PLAIN and name not in fields:
                fields[name] = self._value(value)
        if record.exc_info:
            fields["error"] = self._text(self.formatException(record.exc_info))
        return fields

    def hide(self, secret: str) -> None:
        """Never tell this one either."""
        self._secrets = sorted({secret, *self._secrets}, key=len, reverse=True)

    def _value(self, value: object) -> object:
        plain = value is None or isinstance(value, bool | int | float)
        return value if plain else self._text(str(value))

    def _text(self, text: str) -> str:
        text = redacted(text, self._secrets)
        if len(text) <= MAX_CHARACTERS:
            return text
        half = MAX_CHARACTERS // 2  # a traceback says where at its begin and what at its end
        return f"{text[:half]} ... {text[-half:]}"


class OwnText(OwnLine):
    """The same for a person at a terminal; a traceback takes lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, fields; control characters of foreign texts are escaped."""
        fields = self.fields(record)
        error = fields.pop("error", "")
        head = [fields.pop(name) for name in ("time", "level", "event")]
        rest = [f"{name}={value}" for name, value in fields.items() if value != NOBODY]
        lines = ["  ".join(map(str, [*head, *rest])), *error.splitlines()]
        return "\n    ".join(map(_printable, lines))


def install(settings: Settings, context: Context = dict) -> None:
    """Send everything that is logged in this process to standard error."""
    kind = OwnText if sys.stderr.isatty() else OwnLine
    console = logging.StreamHandler()
    console.setFormatter(kind(secrets_of(settings), context))
    root = logging.getLogger()
    root.handlers[:] = [console]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    root.setLevel(max(level, logging.INFO))
    for name in _ROOMS:
        logging.getLogger(name).setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.excepthook = _tell_end
    threading.excepthook = _tell_end_of_thread


def add_file(settings: Settings, session_key: str, context: Context = dict) -> None:
    """Send it to the file in the data folder, too; several processes may do so at once.

    Parameters
    ----------
    settings : Settings
    session_key : str
        The one that is used, which may have been made here; never told.
    context : callable
        As for `OwnLine`.
    """
    root = logging.getLogger()
    if settings.log_max_mb:
        path = settings.data_dir / FOLDER / FILE
        file = OwnLogFile(path, settings.log_max_mb * 2**20)
        file.setFormatter(OwnLine(secrets_of(settings), context))
        root.addHandler(file)
    for handler in root.handlers:
        if isinstance(handler.formatter, OwnLine):
            handler.formatter.hide(session_key)


def told_time(seconds: float) -> str:
    """An instant of the clock of this machine as ISO 8601, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """The message; what a web server says of a request goes without its query."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # arguments that don't fit: the line must come all the same
        message = str(record.msg)
    if not record.name.startswith("gunicorn"):
        return message
    if message.startswith(_REFUSED):  # it quotes the line of the request, and tells who sent it
        reason = message.split(": ")[1:2] or [""]
        return f"Invalid request: {reason[0].partition(chr(39))[0]}"
    return _QUERY.sub("?...", message)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _tell_end(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log.critical("the process ends by an error", exc_info=(kind, error, trace))


def _tell_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        exc_info = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        name = ended.thread.name if ended.thread else NOBODY
        _log.error("a thread ended by an error", exc_info=exc_info, extra={"thread_name": name})


_log: Final = logging.getLogger(__name__)
