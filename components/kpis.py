"""The numbers of a range as cards, each with its change against the range before."""

from __future__ import annotations

from typing import Any, Protocol

from dash import html

from components import cards, format


class Totals(Protocol):
    """Counts of a range: calls as they came in, windows as they were scored."""

    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def simulated_calls(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def anomalies(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def medium(self) -> int: ...
    @property
    def low(self) -> int: ...
    @property
    def bot_windows(self) -> int: ...
    @property
    def average_risk(self) -> float | None: ...
    @property
    def average_response_ms(self) -> float | None: ...


def kpi_row(now: Totals, before: Totals) -> list[html.Div]:
    """Calls, error rate, average response, anomalies and the three priorities."""
    return [
        _calls(now, before),
        _error_rate(now, before),
        _average_response(now, before),
        _anomalies(now, before),
        cards.priority_counts(priorities(now), _priority_changes(now, before)),
    ]


def model_metrics(now: Totals, before: Totals) -> html.Dl:
    """Detection rate, average risk and bot rate."""
    rate, rate_before = detection_rate(now), detection_rate(before)
    bots = _share(now.bot_windows, now.windows)
    bots_before = _share(before.bot_windows, before.windows)
    return cards.metrics(
        [
            cards.Metric(
                "Detection rate",
                format.percent(rate),
                "Share of windows that are anomalous",
                cards.change(rate, rate_before, unit="pt"),
            ),
            cards.Metric(
                "Average risk",
                format.mean_score(now.average_risk),
                "Mean risk of all windows",
            ),
            cards.Metric(
                "Bot rate",
                format.percent(bots),
                "Share of windows in the usage cluster bot",
                cards.change(bots, bots_before, unit="pt"),
            ),
        ]
    )


def priorities(totals: Totals) -> dict[str, int]:
    """Windows by priority."""
    return {"HIGH": totals.high, "MEDIUM": totals.medium, "LOW": totals.low}


def detection_rate(totals: Totals) -> float | None:
    """Share of windows that are anomalous; None without windows."""
    return _share(totals.anomalies, totals.windows)


def simulated(totals: Totals) -> str:
    """How much of the calls is simulated: nothing said when none is."""
    if not totals.simulated_calls:
        return ""
    if totals.simulated_calls >= totals.calls:
        return "simulated"
    return f"{format.percent(totals.simulated_calls / totals.calls)} simulated"


def _calls(now: Totals, before: Totals) -> html.Div:
    return cards.kpi(
        "Total calls",
        format.compact(now.calls),
        icon="activity",
        full=format.number(now.calls),
        delta=cards.change(now.calls, before.calls),
        note=simulated(now),
    )


def _error_rate(now: Totals, before: Totals) -> html.Div:
    rate = _share(now.errors, now.calls)
    return cards.kpi(
        "Error rate",
        format.percent(rate),
        icon="exclamation-triangle",
        delta=cards.change(rate, _share(before.errors, before.calls), more_is="bad", unit="pt"),
        note=format.plural(now.errors, "error") if now.calls else "",
    )


def _average_response(now: Totals, before: Totals) -> html.Div:
    return cards.kpi(
        "Average response",
        format.milliseconds(now.average_response_ms),
        icon="speedometer2",
        delta=cards.change(
            now.average_response_ms, before.average_response_ms, more_is="bad", unit="ms"
        ),
    )


def _anomalies(now: Totals, before: Totals) -> html.Div:
    rate = format.percent(detection_rate(now))
    return cards.kpi(
        "Anomalies",
        format.compact(now.anomalies),
        icon="search",
        full=format.number(now.anomalies),
        delta=_count_change(now.anomalies, before.anomalies, before),
        note=f"{rate} detection rate" if now.windows else "",
    )


def _priority_changes(now: Totals, before: Totals) -> dict[str, Any]:
    return {
        "HIGH": _count_change(now.high, before.high, before),
        "MEDIUM": _count_change(now.medium, before.medium, before),
    }


def _count_change(now: int, before: int, previous: Totals) -> cards.Delta | None:
    """Change of a count where less is better; nothing to compare with without windows before."""
    return cards.change(now, before, more_is="bad", unit="count") if previous.windows else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
