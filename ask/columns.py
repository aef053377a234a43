"""What calls and windows have: a column, key or measure in the table that a question reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ask.lexicon import COUNT, ERROR_RATE, PAYLOAD, RESPONSE_TIME
from ask.question import AnyOf, Condition, Key, Measure, NotUnderstood

SHARES: Final = frozenset(  # between 0 and 1
    ("risk_score", "anomaly_score", "failure_probability", "error_rate", "repeat_rate")
)
WINDOW_MEASURES: Final = frozenset(  # that make a question one about windows
    (*(SHARES - {"error_rate"}), "status_entropy", "unique_endpoints", "req_count")
)
WINDOW_KEYS: Final = frozenset({"priority", "usage_cluster", "subject"})
SUBJECTS: Final = {
    "endpoint": "endpoint", "user_id": "client", "ip_address": "client", "client": "client",
}  # fmt: skip
_IN_WINDOWS: Final = {  # what a column of calls is in windows
    RESPONSE_TIME: "avg_response_time",
    PAYLOAD: "payload_mean",
    "user_id": "client",
    "ip_address": "client",
}
LABELS: Final = {
    "endpoint": "endpoint",
    "method": "method",
    "user_id": "user",
    "ip_address": "IP address",
    "client": "client",
    "status_code": "status code",
    "priority": "priority",
    "usage_cluster": "usage cluster",
    "subject": "subject",
    "timestamp": "time",
    "response_time_ms": "response time",
    "avg_response_time": "average response time",
    "max_response_time": "maximum response time",
    "payload_size": "payload size",
    "payload_mean": "payload size",
    "risk_score": "risk score",
    "anomaly_score": "anomaly score",
    "failure_probability": "failure probability",
    "error_rate": "error rate",
    "repeat_rate": "repeat rate",
    "status_entropy": "status entropy",
    "unique_endpoints": "unique endpoints",
    "req_count": "request count per window",
    "is_anomaly": "anomaly",
}
REQUESTS_OF_WINDOWS: Final = Measure("sum", "req_count")


@dataclass(frozen=True)
class Columns:
    """The columns of windows or, if not `windowed`, of calls."""

    windowed: bool

    @property
    def calls(self) -> Measure:
        """The number of calls."""
        return REQUESTS_OF_WINDOWS if self.windowed else COUNT

    def column(self, name: str) -> str:
        """A column by its name in calls; NotUnderstood if this table has none of the kind."""
        if self.windowed and name == "status_code":
            raise NotUnderstood("windows have no status code; ask for calls", "status code")
        if not self.windowed and name in WINDOW_KEYS:
            raise NotUnderstood(f"calls have no {name}; ask for windows", name)
        return _IN_WINDOWS.get(name, name) if self.windowed else name

    def key(self, name: str) -> Key:
        """Groups by a column."""
        return Key(self.column(name))

    def measure(self, measure: Measure, name: str) -> Measure:
        """A measure of a column; NotUnderstood if it has no meaning in this table."""
        if name == "error_rate" and not self.windowed:
            if measure.how == "average":
                return ERROR_RATE
            raise NotUnderstood(
                f"the {measure.how} error rate of what? windows have one each", "error rate"
            )
        if name == "distinct":
            raise NotUnderstood(f"the {measure.how} of a number of different things is not kept")
        if self.windowed and measure.how == "sum" and name == PAYLOAD:
            raise NotUnderstood("windows hold no total payload, only its mean", "payload")
        column = self.column(name)
        if measure.how == "maximum" and column == "avg_response_time":
            column = "max_response_time"
        return replace(measure, column=column)

    def condition(self, condition: Condition, how: str, text: str) -> Condition:
        """A condition on calls as one on this table.

        Parameters
        ----------
        condition : Condition
            As it is said, of a column of calls or of windows.
        how : str
            Of what it is said: "average", "maximum" ..., "" of the value itself.
        text : str
            The words.
        """
        if not self.windowed:
            return condition
        if condition.column == "status_code" or "null" in condition.operator:
            raise NotUnderstood(
                f"{text!r} is said of calls, but the rest of windows, which have no "
                f"{condition.column.replace('_', ' ')}; ask for one or the other",
                text,
            )
        column = self.column(condition.column)
        if column == "avg_response_time" and how == "maximum":
            column = "max_response_time"
        elif how not in ("", "average"):
            raise NotUnderstood(f"windows hold no such number: {text!r}", text)
        return replace(condition, column=column)


def label(column: str) -> str:
    """What a column is called in a sentence."""
    return LABELS.get(column, column.replace("_", " "))


def subjects_of(condition: Condition | AnyOf) -> set[str]:
    """Whose windows a condition leaves: only those of an endpoint have an endpoint."""
    if isinstance(condition, AnyOf):
        return set.intersection(*(subjects_of(part) for part in condition.conditions))
    if condition.operator not in ("in", "under"):
        return set()
    if condition.column == "method":
        return {"endpoint"}
    return {SUBJECTS[condition.column]} if condition.column in SUBJECTS else set()
