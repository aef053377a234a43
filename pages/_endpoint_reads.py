"""What the page of one endpoint reads from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from components.insights import Insight, Seen
from pages import _endpoint_insights as told
from pages import _range
from pages._range import TimeRange
from store import Store, endpoint_windows, endpoints, forecasts, lists, views
from store.endpoints import EndpointPoint, EndpointSeries, EndpointSummary, TopClients
from store.lists import Filters, Row
from store.times import epoch_ms

RISKY: Final = 100  # windows
CALLS: Final = 100  # newest of the range
CLIENTS: Final = 12
SELECTED_CALLS: Final = 500  # newest of what is selected
_NEXT_TO: Final = 3  # windows; risky ones that lie closer belong together


@dataclass(frozen=True)
class Asked:
    """What the address asks for; `at` is the instant that was selected, as it was written."""

    endpoint: str
    method: str | None
    at: str | None

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.method} {self.endpoint}" if self.method else self.endpoint


@dataclass(frozen=True)
class Selection:
    """One bucket, `[start, end)` [epoch ms]; or why there is none."""

    start: int | None = None
    end: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Found:
    """One endpoint in a range, read anew only where it says so."""

    store: Store
    asked: Asked
    shown: TimeRange
    data: tuple[int, int] | None
    until: int  # what comes later is not counted yet [epoch ms]
    now: int
    series: EndpointSeries
    selection: Selection
    medium: float  # risk from which a window is MEDIUM

    @property
    def summary(self) -> EndpointSummary:
        """Of the range; who asks has seen that there is one."""
        assert self.series.summary is not None
        return self.series.summary

    @property
    def points(self) -> list[EndpointPoint]:
        """By bucket, without empty ones."""
        return self.series.points

    @property
    def span(self) -> tuple[int, int]:
        """What calls and clients are of: the bucket that is selected, else the range."""
        chosen = self.selection
        if chosen.start is not None:
            return chosen.start, chosen.end
        return self.shown.start, self.shown.end

    @cached_property
    def calls(self) -> lists.Page:
        """The newest calls; reads."""
        start, end = self.span
        most = CALLS if self.selection.start is None else SELECTED_CALLS
        filters = Filters(start, end, endpoint=self.asked.endpoint, method=self.asked.method)
        return lists.calls_page(self.store, filters, most)

    @cached_property
    def risky(self) -> list[Row]:
        """The newest windows of MEDIUM and HIGH; reads the time in which points are risky."""
        risky = [point.start for point in self.points if point.risk >= self.medium]
        if not risky:
            return []
        start = max(risky[0], self.shown.start)
        end = min(risky[-1] + self.series.bucket_ms, self.shown.end)
        of = self.asked.endpoint, self.asked.method
        return endpoint_windows.risky_windows(self.store, *of, start, end, limit=RISKY)

    @cached_property
    def onsets(self) -> list[forecasts.Onset]:
        """Failures that began; reads."""
        with self.store.read() as connection:
            return forecasts.endpoint_onsets(
                connection,
                self.asked.endpoint,
                self.asked.method,
                self.shown.start,
                self.shown.end,
            )

    @cached_property
    def clients(self) -> TopClients:
        """Who calls it most; reads."""
        return endpoints.top_clients(self.store, self.asked.endpoint, self.asked.method, *self.span)

    @cached_property
    def before(self) -> EndpointSummary | None:
        """Of the equal range before, where the data reach back that far; reads."""
        if not _range.reaches_back(self.data and self.data[0], self.shown):
            return None
        start = 2 * self.shown.start - self.shown.end
        of = self.asked.endpoint, self.asked.method
        return endpoints.endpoint_series(self.store, *of, start, self.shown.start).summary

    @cached_property
    def p95(self) -> list[float | None]:
        """Of each point [ms]."""
        return told.percentile_of_points(self.points, 95)

    @cached_property
    def insights(self) -> list[Insight]:
        """What stands out."""
        rows = told.buckets(self.points, self.p95)
        seen = Seen(self.shown.start, self.until, self.series.bucket_ms)
        return told.found(self.summary, rows, seen, self.store.window_ms)

    @property
    def can_tell(self) -> bool:
        """Whether there are enough calls for the absence of insights to mean anything."""
        return told.first_words([], told.buckets(self.points, self.p95))[0] == told.AS_USUAL

    def explained(self) -> Row | None:
        """The risky window to explain: the worst one of what is selected, else the newest."""
        chosen = self.selection
        inside = [
            row
            for row in self.risky
            if chosen.start is not None and chosen.start <= row["timestamp"] < chosen.end
        ]
        if inside:
            return max(inside, key=lambda row: row["risk_score"])
        return self.risky[0] if self.risky else None

    def risky_since(self) -> int | None:
        """Start of the risk that goes on [epoch ms], None where the newest window has none."""
        since = None
        for row in self.risky:
            at = row["timestamp"]
            if since is None and at < self.summary.last_start:
                return None
            if since is not None and since - at > _NEXT_TO * self.store.window_ms:
                break
            since = at
        return since


def found(
    store: Store,
    asked: Asked,
    chosen: Mapping[str, str] | None,
    now: int,
    fresh: views.Freshness,
    medium: float,
) -> Found:
    """Read an endpoint's series; the rest is read when it is asked for."""
    data = views.data_range(store)
    shown = _range.time_range(chosen, now, data)
    series = endpoints.endpoint_series(store, asked.endpoint, asked.method, shown.start, shown.end)
    until = told.known_until(shown, fresh, store.window_ms)
    selection = selected(asked.at, series.bucket_ms)
    return Found(store, asked, shown, data, until, now, series, selection, medium)


def selected(at: str | None, bucket_ms: int) -> Selection:
    """The bucket that holds an instant of the address."""
    if not at:
        return Selection()
    try:
        instant = epoch_ms(at)
    except ValueError as error:
        return Selection(problem=f"\u201c{at}\u201d is no time: it {error}.")
    start = instant - instant % bucket_ms
    return Selection(start, start + bucket_ms)
