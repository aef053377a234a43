"""The own log: what a line holds and never holds, and files that several processes share."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import own_log
from jobs.own_log import MAX_CHARACTERS, OwnLine, OwnText
from jobs.own_log_file import FILES, OwnLogFile
from settings import Settings
from tests.server import ROOT

LINES, WRITERS = 1_500, 3


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What a logger of its own, with a secret to hide, writes."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OwnLine(["swordfish"], lambda: {"request_id": "r-1", "user": "zoe"}))
    log = logging.getLogger("test-own-log")
    log.propagate = False
    log.addHandler(handler)
    yield out
    log.removeHandler(handler)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    found = logging.getLogger()
    handlers, level, hooks = found.handlers[:], found.level, (sys.excepthook, own_log.threading)
    thread_hook = own_log.threading.excepthook
    yield found
    for handler in set(found.handlers) - set(handlers):
        handler.close()
    found.handlers[:] = handlers
    found.setLevel(level)
    sys.excepthook = hooks[0]
    own_log.threading.excepthook = thread_hook
    for name in own_log._ROOMS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_tells_time_level_event_request_user_and_fields(told: io.StringIO) -> None:
    logging.getLogger("test-own-log").warning("%d calls lost", 3, extra={"journal": "j", "n": 3})
    (line,) = lines_of(told.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "3 calls lost",
        "request_id": "r-1",
        "user": "zoe",
        "logger": "test-own-log",
        "journal": "j",
        "n": 3,
    }


def test_no_text_can_begin_a_line_of_its_own_or_reach_a_terminal(told: io.StringIO) -> None:
    forged = '/x\n{"level": "info", "event": "all is well"}\r\x1b[2J\x85\u2028\u202e\ud800\0'
    logging.getLogger("test-own-log").error("path %s", forged, extra={"path": forged})
    text = told.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert text.rstrip("\n").isprintable()
    assert json.loads(text)["path"] == forged


def test_on_a_terminal_control_characters_are_escaped() -> None:
    record = logging.makeLogRecord(
        {"msg": "a\nb\x1b[2J", "levelno": 40, "levelname": "ERROR", "name": "x", "path": "\x9b1m"}
    )
    text = OwnText([], dict).format(record)
    assert text.isprintable()
    assert "error  a\\nb\\x1b[2J" in text


def test_a_secret_is_hidden_wherever_it_stands(told: io.StringIO) -> None:
    try:
        raise RuntimeError("login as bob:swordfish@db failed")
    except RuntimeError:
        said = {"url": "//bob:swordfish@db"}
        logging.getLogger("test-own-log").exception("with %r", {"k": "swordfish"}, extra=said)
    assert "swordfish" not in told.getvalue()
    assert "login as bob:***@db failed" in lines_of(told.getvalue())[0]["error"]


def test_a_traceback_is_a_field_without_the_values_of_variables(told: io.StringIO) -> None:
    body = "4000-0000-0000-0051"
    try:
        raise KeyError(len(body))
    except KeyError:
        logging.getLogger("test-own-log").exception("failed")
    (line,) = lines_of(told.getvalue())
    assert line["error"].startswith("Traceback")
    assert "KeyError: 19" in line["error"]
    assert body not in told.getvalue()


def test_a_line_is_bounded_and_keeps_both_ends_of_a_long_text(told: io.StringIO) -> None:
    logging.getLogger("test-own-log").error("begin %s end", "x" * 10_000_000)
    (line,) = lines_of(told.getvalue())
    assert len(line["event"]) < MAX_CHARACTERS + 10
    assert line["event"].startswith("begin")
    assert line["event"].endswith("end")


def test_arguments_that_do_not_fit_cost_no_line() -> None:
    record = logging.makeLogRecord({"name": "x", "msg": "%d calls", "args": ("three",)})
    assert OwnLine([], dict).fields(record)["event"] == "%d calls"


def test_what_the_web_server_says_of_a_request_goes_without_its_query() -> None:
    record = logging.makeLogRecord(
        {"name": "gunicorn.error", "msg": "Invalid request: 'GET /a?token=geheim HTTP/9'"}
    )
    event = OwnLine([], dict).fields(record)["event"]
    assert event == "Invalid request: 'GET /a?... HTTP/9'"


def test_the_level_counts_and_at_debug_only_the_rooms_of_the_product_tell_more(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    for level, expected in (("debug", ["jobs.x"]), ("warning", [])):
        own_log.install(Settings(log_level=level, _env_file=None))
        logging.getLogger("jobs.x").debug("ours")
        logging.getLogger("urllib3.x").debug("of others")
        logging.getLogger("jobs.x").info("ours")
        logged = lines_of(capsys.readouterr().err)
        assert [line["logger"] for line in logged if line["level"] == "debug"] == expected
        assert len(logged) == 2 * len(expected)
    assert root.level == logging.WARNING


def test_the_file_holds_what_standard_error_holds_for_its_owner_alone(
    root: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path, _env_file=None)
    own_log.install(settings)
    own_log.add_file(settings, "the-session-key")
    root.warning("signed by the-session-key")
    file = tmp_path / "logs" / "foresight.log"
    assert file.read_text() == capsys.readouterr().err
    assert "the-session-key" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_size_there_is_no_file(root: logging.Logger, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, log_max_mb=0, _env_file=None)
    own_log.install(settings)
    own_log.add_file(settings, "the-session-key")
    root.warning("told")
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_ends_a_thread_is_a_line(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    own_log.install(Settings(_env_file=None))
    thread = own_log.threading.Thread(target=lambda: 1 / 0, name="drainer")
    thread.start()
    thread.join()
    (line,) = lines_of(capsys.readouterr().err)
    assert (line["event"], line["thread_name"]) == ("a thread ended by an error", "drainer")
    assert "ZeroDivisionError" in line["error"]
    assert root.handlers


WRITER = """
import logging, sys
from pathlib import Path
from jobs.own_log import OwnLine
from jobs.own_log_file import OwnLogFile
handler = OwnLogFile(Path(sys.argv[1]), int(sys.argv[2]))
handler.setFormatter(OwnLine([], dict))
log = logging.getLogger("writer")
log.addHandler(handler)
for n in range(int(sys.argv[4])):
    log.warning("line", extra={"writer": sys.argv[3], "n": n})
"""


def files_of(file: Path) -> list[Path]:
    return [path for path in file.parent.iterdir() if path.suffix != ".lock"]


def write_from_processes(file: Path, max_bytes: int) -> list[dict]:
    """Lines of all files after three processes wrote at the same time."""
    arguments = [sys.executable, "-c", WRITER, str(file), str(max_bytes)]
    writing = [
        subprocess.Popen([*arguments, str(w), str(LINES)], cwd=ROOT, stderr=subprocess.PIPE)
        for w in range(WRITERS)
    ]
    for process in writing:
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, b"")
    return [line for path in files_of(file) for line in lines_of(path.read_text())]


def test_several_processes_turn_the_files_over_and_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "own.log"
    lines = write_from_processes(file, 1_500_000)  # about 720 kB are written, in parts of 300 kB
    assert len(list(tmp_path.glob("own.log.?"))) >= 2
    written = {(line["writer"], line["n"]) for line in lines}
    assert len(lines) == len(written) == WRITERS * LINES


def test_the_files_together_stay_below_their_bound(tmp_path: Path) -> None:
    lines = write_from_processes(tmp_path / "own.log", 100_000)
    files = files_of(tmp_path / "own.log")
    assert FILES - 1 <= len(files) <= FILES
    assert sum(file.stat().st_size for file in files) <= 100_000 + FILES * 1_000
    assert {line["n"] for line in lines} >= {LINES - 1}, "the newest are kept"


def test_a_file_that_can_not_be_written_stops_nobody_and_is_told_once(
    root: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    settings = Settings(data_dir=tmp_path, _env_file=None)
    own_log.install(settings)
    own_log.add_file(settings, "the-session-key")
    for n in range(3):
        root.warning("line %d", n)
    events = [line["event"] for line in lines_of(capsys.readouterr().err)]
    assert [event for event in events if event.startswith("line")] == ["line 0", "line 1", "line 2"]
    assert sum("can't be written" in event for event in events) == 1


def test_a_file_that_is_taken_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "own.log"
    handler = OwnLogFile(file, 100_000)
    for name in ("first", "second"):
        handler.emit(logging.makeLogRecord({"msg": name}))
        assert file.read_text() == f"{name}\n"
        file.unlink()
    handler.close()
