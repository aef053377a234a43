"""Lines of Apache and nginx: the common and combined formats, with what a server adds to them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NoReturn

from ingest.logs.logged_call import (
    MAX_CLIENT_CHARACTERS,
    LoggedCall,
    client_name,
    decoded,
    epoch_ms,
    iso_ms,
    milliseconds,
    quoted,
)

_FLAGS: Final = re.DOTALL | re.ASCII
_PARTS: Final = (
    tuple(  # in the order of the line; matched one by one they say what is wrong with it
        (name, re.compile(pattern, _FLAGS))
        for name, pattern in (
            (
                "client, identity and user",
                r"(?:[^\s:]+:\d{1,5} (?!-))?"  # Apache's vhost_combined starts with host:port
                r'(\S+) (?:- (""|[^"\[]+?)|\S+ ([^\s"\[]+)) (?=\[)',
            ),
            ("time in brackets", r"\[([^\]]{1,64})\] "),
            ("request in quotes", r'"((?:[^"\\]++|\\.)*+)" '),
            ("status of three digits", r"([1-9]\d\d) "),
            ("size in bytes or -", r"(\d{1,12}|-)(?=\s|$)"),
        )
    )
)
_LINE: Final = re.compile("".join(pattern.pattern for _, pattern in _PARTS), _FLAGS)
_AGENTS: Final = re.compile(r'\s*(?:"(?:[^"\\]++|\\.)*+"\s*){0,2}', _FLAGS)  # referrer, user agent
_CLOCK: Final = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([+-])(\d\d)(\d\d))?",
    re.ASCII,
)
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z-]{1,31}", re.ASCII)
_ESCAPE: Final = re.compile(r'(?:\\x[0-9A-Fa-f]{2})+|\\["\\]', re.ASCII)


class CombinedParser:
    """Turns a line into its call, an empty one into None; raises ValueError with the reason.

    Parameters
    ----------
    ms_per_unit : float or None
        Unit of the last field behind the user agent [ms]; None: no response time is read.
    """

    def __init__(self, ms_per_unit: float | None = None) -> None:
        self._ms_per_unit = ms_per_unit

    def __call__(self, text: str) -> LoggedCall | None:
        line = _LINE.match(text)
        if line is None:
            if not text.strip():
                return None
            _raise_reason(text)
        client, lone_user, user, time, request, status, size = line.groups()
        user = lone_user or user
        method, target = _method_and_target(request)
        return LoggedCall(
            _log_time_ms(time),
            method,
            target,
            int(status),
            0 if size == "-" else int(size),
            client_name(client[:MAX_CLIENT_CHARACTERS]),
            None if user in ("-", '""') else user[:MAX_CLIENT_CHARACTERS],
            _response_time_ms(text[line.end() :], self._ms_per_unit) if self._ms_per_unit else None,
        )


def _response_time_ms(rest: str, ms_per_unit: float) -> float | None:
    """Of the last field; None for `-` and for a line from before the server logged the time."""
    agents = _AGENTS.match(rest)
    fields = rest[agents.end() if agents else 0 :].split()
    value = fields[-1].rpartition("=")[2].strip('"') if fields else "-"  # also rt=0.012
    return None if value in ("", "-") else milliseconds(value, ms_per_unit)


def _raise_reason(text: str) -> NoReturn:
    position = 0
    for name, pattern in _PARTS:
        part = pattern.match(text, position)
        if part is None:
            raise ValueError(f"no {name} at {quoted(text[position:])}")
        position = part.end()
    raise ValueError(f"parts don't fit together in {quoted(text)}")


def _method_and_target(request: str) -> tuple[str, str]:
    """Method and target of a request line; ("", all of it) when it is not HTTP."""
    method, _, rest = request.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not protocol.startswith("HTTP/"):  # HTTP/0.9 names no protocol, others name their own
        target = "" if " " in rest else rest
    if not target or not _METHOD.fullmatch(method):
        return "", request
    return method, _ESCAPE.sub(_unescaped, target) if "\\" in target else target


def _unescaped(escape: re.Match[str]) -> str:
    r"""Text of what a server writes for a character that could break the line: \" \\ \xHH."""
    if escape[0][1] != "x":
        return escape[0][1]
    return decoded(bytes.fromhex(escape[0].replace("\\x", "")))


@lru_cache(maxsize=4_096)
def _log_time_ms(text: str) -> int:
    """Epoch ms of `17/May/2015:10:05:00 +0200` or of ISO 8601; without an offset it is UTC."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return iso_ms(text)
    day, month, year, hour, minute, second, fraction, sign, offset_h, offset_min = clock.groups()
    offset = timedelta(hours=int(offset_h or 0), minutes=int(offset_min or 0))
    try:
        moment = datetime(
            int(year),
            _MONTHS.index(month) // 3 + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            int((fraction or "0").ljust(6, "0")),
            timezone(-offset if sign == "-" else offset),
        )
    except ValueError:
        raise ValueError(f"time {quoted(text)} does not exist") from None
    return epoch_ms(moment)
