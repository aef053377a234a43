"""Who suffers from whom: clients whose trouble is that of an endpoint, and clients who cause it.

Windows of clients don't say which endpoints were called, but what answers there were: a client
suffers when the answers are what makes it risky, and an endpoint that was at risk in that minute
gave answers of the same kind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

Row = Mapping[str, Any]

_ERRORS: Final = frozenset({"error_rate", "status_entropy"})
_TIMES: Final = frozenset({"avg_response_time", "max_response_time"})
_CLUSTER: Final = "usage_cluster"  # what a client is like at all times tells nothing of this minute
_FIRST_ERROR, _FIRST_SERVER_ERROR = 400, 500


class Blame(NamedTuple):
    """What an endpoint's windows have to do with clients."""

    named: Counter[str]  # client -> windows that name it as a cause
    suffering: dict[str, list[Row]]  # client -> its windows that suffer, oldest first


class _Reason(msgspec.Struct):
    feature: str
    share: float | None = None  # of the risk; None: it was not measured


class _Cause(msgspec.Struct):
    client: str


class _Trouble(NamedTuple):
    """What is wrong with the answers of a window."""

    answers: dict[int, int]  # status code -> calls
    failed: bool  # most of its errors are the server's
    slow: bool


_REASONS: Final = msgspec.json.Decoder(list[_Reason])
_CAUSES: Final = msgspec.json.Decoder(list[_Cause])
_COUNTS: Final = msgspec.json.Decoder(dict[int, int])


def blamed(
    spans: Sequence[Sequence[Row]], clients: Mapping[str, Sequence[Row]], window_ms: int
) -> list[Blame]:
    """Who suffers from each endpoint, and who causes its trouble.

    Who is named as a cause at least as often as he suffers does not suffer.

    Parameters
    ----------
    spans : sequence of sequence of mapping
        Risky windows of endpoints, those of one incident together.
    clients : mapping
        Risky windows of each client, oldest first.
    window_ms : int
        Length of a window [ms].

    Returns
    -------
    list of Blame
        One a span; a client's window is in one of them at most.
    """
    found = [Blame(_named(span), {}) for span in spans]
    at = _troubles_at(spans)
    for client, rows in clients.items():
        for number, its in _explained(rows, at, window_ms).items():
            if found[number].named[client] < len(its):
                found[number].suffering[client] = its
    return found


def _named(span: Sequence[Row]) -> Counter[str]:
    return Counter(one.client for row in span for one in _CAUSES.decode(row.get("causes") or "[]"))


def _troubles_at(spans: Sequence[Sequence[Row]]) -> dict[int, list[tuple[int, _Trouble]]]:
    """Start of a window -> number of the span and trouble of each endpoint at risk then."""
    found = defaultdict(list)
    for number, its in enumerate(spans):
        for row in its:
            found[row["timestamp"]].append((number, _trouble(row, _reasons(row))))
    return found


def _explained(
    rows: Sequence[Row], at: Mapping[int, list[tuple[int, _Trouble]]], window_ms: int
) -> dict[int, list[Row]]:
    """Windows of a client by the span that they suffer from.

    Of several at once it is the one that explains most of the client's bad answers over all.
    """
    weights: dict[int, tuple[int, int]] = {}
    explained: list[tuple[Row, list[int]]] = []
    for row in rows:
        shared = _shared(row, at, window_ms)
        explained.append((row, [*shared]))
        for number, (failed, slow) in shared.items():
            before = weights.get(number, (0, 0))
            weights[number] = (before[0] + failed, before[1] + slow)
    found = defaultdict(list)
    for row, numbers in explained:
        if numbers:
            found[max(numbers, key=weights.__getitem__)].append(row)
    return found


def _shared(
    row: Row, at: Mapping[int, list[tuple[int, _Trouble]]], window_ms: int
) -> dict[int, tuple[int, int]]:
    """Number of failed and of slow answers of a client that each span can explain.

    A neighbouring window counts where no endpoint was at risk in the same one: a client with few
    calls feels an outage a minute before the endpoint's average does.
    """
    start = row["timestamp"]
    nearby = at.get(start) or [*at.get(start - window_ms, ()), *at.get(start + window_ms, ())]
    if not nearby:
        return {}
    reasons = _reasons(row)
    mine = _trouble(row, reasons)
    if not _is_served_badly(mine, reasons):
        return {}
    found = {number: _common(mine, trouble) for number, trouble in nearby}
    return {number: both for number, both in found.items() if both != (0, 0)}


def _common(mine: _Trouble, its: _Trouble) -> tuple[int, int]:
    """Failed and slow answers that both have."""
    failed = slow = 0
    if mine.slow and its.slow:
        slow = sum(min(count, its.answers.get(code, 0)) for code, count in mine.answers.items())
    if mine.failed and its.failed:
        failed = sum(
            min(count, its.answers.get(code, 0))
            for code, count in mine.answers.items()
            if code >= _FIRST_SERVER_ERROR
        )
    return failed, slow


def _is_served_badly(trouble: _Trouble, reasons: Sequence[_Reason]) -> bool:
    """Whether a client is risky for the answers it got rather than for what it does."""
    of_answers = of_all = 0.0
    for reason in reasons:
        feature, share = reason.feature, reason.share
        if feature == _CLUSTER:
            continue
        weight = 1.0 if share is None else share  # not measured: all of them alike
        of_all += weight
        if (trouble.failed and feature in _ERRORS) or (trouble.slow and feature in _TIMES):
            of_answers += weight
    return of_answers > of_all / 2


def _trouble(row: Row, reasons: Sequence[_Reason]) -> _Trouble:
    answers = _COUNTS.decode(row.get("status_counts") or "{}")
    balance = 0  # of errors by the server and errors of who calls
    for code, count in answers.items():
        if code >= _FIRST_ERROR:
            balance += count if code >= _FIRST_SERVER_ERROR else -count
    slow = any(reason.feature in _TIMES for reason in reasons)
    return _Trouble(answers, failed=balance > 0, slow=slow)


def _reasons(row: Row) -> list[_Reason]:
    return _REASONS.decode(row.get("reasons") or "[]")
