"""What became of a run of the lab, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Protocol

from components import format

_TWO_MINUTES_MS: Final = 120_000
_MINUTE_MS: Final = 60_000
_STARTING_MS: Final = 2_000
_INTENSITY: Final = {0.5: "Light", 1.0: "Usual", 2.0: "Heavy"}
PHASES: Final = {
    "asked": "Asked for",
    "waiting": "Beginning",
    "playing": "Playing",
    "measuring": "Waiting for the last scores",
    "settled": "Over",
}
ENDS: Final = {
    "finished": "Over",
    "stopped": "Stopped",
    "interrupted": "Cut short",
    "failed": "Failed",
}


class Run(Protocol):
    """A run as the lab stores it; times are epoch ms."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def intensity(self) -> float: ...
    @property
    def minutes(self) -> float: ...
    @property
    def who(self) -> str: ...
    @property
    def asked_at(self) -> int: ...
    @property
    def begins_at(self) -> int | None: ...
    @property
    def first_at(self) -> int | None: ...
    @property
    def ended_at(self) -> int | None: ...
    @property
    def end_reason(self) -> str | None: ...
    @property
    def subjects(self) -> tuple[str, ...]: ...
    @property
    def calls_sent(self) -> int: ...
    @property
    def calls_stored(self) -> int: ...
    @property
    def medium_at(self) -> int | None: ...
    @property
    def medium_start(self) -> int | None: ...
    @property
    def medium_subject(self) -> str | None: ...
    @property
    def high_at(self) -> int | None: ...
    @property
    def high_start(self) -> int | None: ...
    @property
    def high_subject(self) -> str | None: ...
    @property
    def subjects_high(self) -> int: ...
    @property
    def risk_score(self) -> float | None: ...
    @property
    def reasons(self) -> str | None: ...


def took(length_ms: float) -> str:
    """8.2 s, 54 s, 3 min 20 s."""
    if length_ms < 10_000:
        return f"{length_ms / 1000:.1f}{format.NO_BREAK}s"
    seconds = round(length_ms / 1000)
    if length_ms < _TWO_MINUTES_MS:
        return f"{seconds}{format.NO_BREAK}s"
    minutes, rest = divmod(seconds, 60)
    whole = f"{minutes}{format.NO_BREAK}min"
    return f"{whole} {rest}{format.NO_BREAK}s" if rest else whole


def clock(at: int) -> str:
    """14:03:22."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S")


def after(run: Run, at: int | None) -> int | None:
    """Time from the first call or the switch of the fault to an instant [ms]."""
    return None if at is None or run.first_at is None else at - run.first_at


def intensity(value: float) -> str:
    """Light, Usual or Heavy; another value as a factor."""
    return _INTENSITY.get(value, f"{value:g}\u00d7")


def phase(run: Run, lost: bool) -> str:
    """Where a run stands, in a word or two."""
    if lost:
        return "No sign of life"
    if run.phase == "settled":
        return ENDS.get(run.end_reason or "", PHASES["settled"])
    return PHASES[run.phase]


def verdict(run: Run, now: int, lost: bool, window_ms: int = _MINUTE_MS) -> str:
    """What can be said of a run now, in a sentence or two that change with its phase alone.

    Parameters
    ----------
    run : Run
        The run.
    now : int
        The clock [epoch ms].
    lost : bool
        The server that plays it, or should, gives no sign of life.
    window_ms : int
        Length of a window [ms].
    """
    if lost:
        return (
            "Nobody plays this run: the server that drives the demo gives no sign of life. Stop "
            "the run to begin another one."
        )
    if run.phase in ("asked", "waiting"):
        return _before(run, now)
    if run.first_at is None:
        return _never_began(run)
    if run.high_at is not None:
        return _seen(run)
    if run.phase == "playing":
        return _not_yet(run, window_ms)
    if run.phase == "measuring":
        return f"{_so_far(run)} The run is over; its last minute is still to be scored."
    return _below_high(run)


def _before(run: Run, now: int) -> str:
    if run.phase == "asked":
        return "Asked for. The server that drives the demo begins within a second or two."
    if run.begins_at is not None and run.begins_at > now + _STARTING_MS:
        return (
            "A fault of the demo's own was on in this minute. This one is switched on at "
            f"{clock(run.begins_at)} UTC, so that it is measured alone."
        )
    return "The simulated clients are starting."


def _never_began(run: Run) -> str:
    if run.end_reason == "failed":
        return "Nothing was played: its clients could not call the shop. The server's log says why."
    return "Nothing was played: the run was ended before its first call."


def _seen(run: Run) -> str:
    length = after(run, run.high_at)
    assert length is not None
    began = "the first call" if run.kind == "attack" else "the fault was switched on"
    count = len(run.subjects)
    what = "attackers" if run.kind == "attack" else "endpoints"
    text = f"Detected: {run.high_subject} was HIGH {took(length)} after {began}."
    if count > 1:
        text += f" {run.subjects_high} of {count} {what} were HIGH."
    return text


def _so_far(run: Run) -> str:
    medium = after(run, run.medium_at)
    return "Not seen yet." if medium is None else f"MEDIUM after {took(medium)}, not HIGH yet."


def _not_yet(run: Run, window_ms: int) -> str:
    assert run.first_at is not None
    if run.medium_at is not None:
        return _so_far(run)
    if run.risk_score is not None:
        return f"Not seen yet: all was LOW so far, up to a risk of {format.score(run.risk_score)}."
    closes = run.first_at - run.first_at % window_ms + window_ms
    return f"Not seen yet. Its first minute closes at {clock(closes)} UTC and is scored 5 s later."


def _below_high(run: Run) -> str:
    assert run.first_at is not None
    assert run.ended_at is not None
    medium = after(run, run.medium_at)
    if run.risk_score is None:
        return "Not measured: none of its minutes was scored before the waiting ended."
    if medium is None:
        text = f"Not detected in {took(run.ended_at - run.first_at)}: all windows were LOW."
    else:
        text = f"Seen as MEDIUM, never HIGH: {run.medium_subject} was MEDIUM after {took(medium)}."
    return f"{text} The highest risk was {format.score(run.risk_score)}."
