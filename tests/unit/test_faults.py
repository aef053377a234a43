"""The switch by which the owner of the data folder turns faults on."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from ingest.shop.faults import (
    FAULTS,
    FILE_NAME,
    Fault,
    FaultSwitch,
    clear_fault,
    severity_for,
    start_fault,
)


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaultSwitch:
    """A switch that looks at the file each time."""
    monkeypatch.setattr(FaultSwitch, "CHECK_S", 0.0)
    return FaultSwitch(tmp_path / FILE_NAME)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_on_from_its_start_until_it_is_cleared(
    tmp_path: Path, switch: FaultSwitch, name: str
) -> None:
    assert switch() is None
    started = start_fault(tmp_path, name, 60, severity=1.5)
    assert switch() == started == Fault(name, 1.5)
    clear_fault(tmp_path)
    assert switch() is None


def test_clearing_what_is_not_on_is_no_error(tmp_path: Path) -> None:
    clear_fault(tmp_path)


def test_a_fault_ends_by_itself(tmp_path: Path, switch: FaultSwitch) -> None:
    over = {"fault": "leak", "until": time.time() - 0.001}
    (tmp_path / FILE_NAME).write_text(json.dumps(over))
    assert switch() is None


def test_a_later_fault_replaces_the_earlier(tmp_path: Path, switch: FaultSwitch) -> None:
    start_fault(tmp_path, "leak", 60)
    assert switch() is not None
    start_fault(tmp_path, "crash", 60)
    assert switch() == Fault("crash", 1.0)


def test_the_file_is_looked_at_once_a_second_at_most(tmp_path: Path) -> None:
    switch = FaultSwitch(tmp_path / FILE_NAME)
    assert switch() is None
    start_fault(tmp_path, "crash", 60)
    assert switch() is None  # less than a second later


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"crash",
        b"[]",
        b"{}",
        b"\xff",
        b'{"fault": "explosion", "until": 9e9}',
        b'{"fault": "crash"}',
        b'{"fault": "crash", "until": "soon"}',
        b'{"fault": "crash", "until": NaN}',
        b'{"fault": "crash", "until": Infinity}',
        b'{"fault": "crash", "until": 99999999999}',
        b'{"fault": "crash", "until": 1, "severity": -1}',
        b'{"fault": "crash", "until": 1, "severity": "much"}',
    ],
    ids=repr,
)
def test_bad_content_is_ignored_with_one_warning(
    tmp_path: Path, switch: FaultSwitch, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert switch() is None
        assert switch() is None
    assert len(caplog.records) == 1
    assert str(tmp_path / FILE_NAME) in caplog.text


@pytest.mark.parametrize(
    ("name", "seconds"), [("explosion", 60), ("crash", 0), ("crash", 3_601), ("crash", -1)]
)
def test_what_can_not_be_started_is_refused(tmp_path: Path, name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"explosion|seconds="):
        start_fault(tmp_path, name, seconds)
    assert not (tmp_path / FILE_NAME).exists()


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    start_fault(tmp_path / "new folder", "leak", 60)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == [FILE_NAME]


def test_a_shorter_gradual_fault_is_more_severe() -> None:
    assert severity_for("leak", 300) == pytest.approx(5.0)  # 900 / 180
    assert severity_for("leak", 300, calls_per_s=20.0) == pytest.approx(2.5)
    assert severity_for("retry_storm", 120) > severity_for("retry_storm", 900) == 1.0
