"""Incidents: risky windows of a subject as one story, an outage with the clients it hurts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Final, NamedTuple

from jobs import blame

Row = Mapping[str, Any]

QUIET_MS: Final = 5 * 60_000  # without a risky window for this long an incident is over
WINDOW_MS: Final = 60_000


class Subject(NamedTuple):
    """What windows are about: for a client, endpoint and method are `*`; else client is None."""

    subject: str
    endpoint: str
    method: str
    client: str | None

    @property
    def is_endpoint(self) -> bool:
        """Whether it is an endpoint, not a client."""
        return self.client is None


class Suffering(NamedTuple):
    """A client in trouble because of an endpoint, with its windows, oldest first."""

    client: str
    windows: tuple[Row, ...]


@dataclass(frozen=True)
class Incident:
    """Risky windows of one subject until it was quiet, with the clients that suffer from it.

    `windows` are the subject's own, oldest first. `causes` are clients because of whom an endpoint
    is at risk, the ones named most often first; they have incidents of their own.
    """

    subject: Subject
    windows: tuple[Row, ...]
    suffering: tuple[Suffering, ...] = ()
    causes: tuple[str, ...] = ()
    window_ms: int = WINDOW_MS

    @cached_property
    def all_windows(self) -> tuple[Row, ...]:
        """Own windows and those of who suffers."""
        return self.windows + tuple(row for one in self.suffering for row in one.windows)

    @cached_property
    def start(self) -> int:
        """Start of the first of all windows [epoch ms]."""
        return int(min(row["timestamp"] for row in self.all_windows))

    @cached_property
    def end(self) -> int:
        """End of the last of all windows [epoch ms]."""
        return int(max(row["timestamp"] for row in self.all_windows)) + self.window_ms

    @cached_property
    def worst(self) -> Row:
        """The own window of the highest risk; of equal ones that with most calls, the newest."""
        return max(self.windows, key=lambda r: (r["risk_score"], r["req_count"], r["timestamp"]))

    @cached_property
    def priority(self) -> str:
        """HIGH when one of its own windows is, else MEDIUM."""
        return "HIGH" if any(row["priority"] == "HIGH" for row in self.windows) else "MEDIUM"

    def is_ongoing(self, at: int, quiet_ms: int = QUIET_MS) -> bool:
        """Whether at this instant [epoch ms] it has not been quiet for long enough."""
        return at - self.end < quiet_ms


def incidents_of(
    windows: Iterable[Row], quiet_ms: int = QUIET_MS, window_ms: int = WINDOW_MS
) -> list[Incident]:
    """Risky windows as incidents, one an outage.

    Parameters
    ----------
    windows : iterable of mapping
        Rows of `anomaly_log`, MEDIUM and HIGH, in any order, with their JSON columns as stored.
    quiet_ms : int
        An incident ends when its subject has had no risky window for this long [ms].
    window_ms : int
        Length of a window [ms].

    Returns
    -------
    list of Incident
        By start, newest first; endpoints before clients. Each row is in exactly one of them.
    """
    rows: dict[Subject, list[Row]] = defaultdict(list)
    for row in sorted(windows, key=lambda row: row["timestamp"]):
        subject = Subject(row["subject"], row["endpoint"], row["method"], row["client"])
        rows[subject].append(row)
    endpoints = {subject: its for subject, its in rows.items() if subject.is_endpoint}
    clients = {subject: its for subject, its in rows.items() if not subject.is_endpoint}
    spans = _spans(endpoints, quiet_ms, window_ms)
    its_windows = [span for _, span in spans]
    blamed = blame.blamed(
        its_windows, {str(s.client): its for s, its in clients.items()}, window_ms
    )
    found = [
        Incident(subject, tuple(span), _suffering(under), _causes(names, under), window_ms)
        for (subject, span), (names, under) in zip(spans, blamed, strict=True)
    ]
    told = {id(row) for incident in found for row in incident.all_windows}
    own = {subject: [r for r in its if id(r) not in told] for subject, its in clients.items()}
    found += [
        Incident(subject, tuple(span), window_ms=window_ms)
        for subject, span in _spans(own, quiet_ms, window_ms)
    ]
    return sorted(found, key=lambda one: (-one.start, not one.subject.is_endpoint))


def together(incidents: Sequence[Incident]) -> list[list[Incident]]:
    """Groups of what belongs side by side, each in the order given.

    Endpoints at risk at the same time are a group, with the clients that are the cause. Every other
    incident stands alone. Groups are in the order of their first members.
    """
    groups = _overlapping([one for one in incidents if one.subject.is_endpoint])
    members = {id(one): number for number, group in enumerate(groups) for one in group}
    alone = count(len(groups))
    found: dict[int, list[Incident]] = defaultdict(list)
    for one in incidents:
        number = members.get(id(one))
        if number is None:
            named = (n for n, group in enumerate(groups) if _is_cause(one, group))
            number = next(named, next(alone))
        found[number].append(one)
    return list(found.values())


_Span = tuple[Subject, list[Row]]


def _spans(rows: Mapping[Subject, list[Row]], quiet_ms: int, window_ms: int) -> list[_Span]:
    """Windows of each subject, parted where it was quiet."""
    found: list[_Span] = []
    for subject, its in rows.items():
        end = None
        for row in its:
            if end is None or row["timestamp"] - end >= quiet_ms:
                found.append((subject, []))
            found[-1][1].append(row)
            end = row["timestamp"] + window_ms
    return found


def _suffering(under: Mapping[str, Sequence[Row]]) -> tuple[Suffering, ...]:
    """Most windows first."""
    found = (Suffering(client, tuple(its)) for client, its in under.items())
    return tuple(sorted(found, key=lambda one: (-len(one.windows), one.client)))


def _causes(named: Counter[str], under: Mapping[str, Sequence[Row]]) -> tuple[str, ...]:
    return tuple(client for client, _ in named.most_common() if client not in under)


def _overlapping(incidents: Sequence[Incident]) -> list[list[Incident]]:
    """Groups of incidents that overlap in time."""
    groups: list[list[Incident]] = []
    end = 0
    for one in sorted(incidents, key=lambda one: one.start):
        if not groups or one.start >= end:
            groups.append([])
        groups[-1].append(one)
        end = max(end, one.end)
    return groups


def _is_cause(one: Incident, group: Sequence[Incident]) -> bool:
    """Whether an endpoint of the group is at risk because of this client at that time."""
    return any(
        one.subject.client in other.causes and one.start < other.end and other.start < one.end
        for other in group
    )
