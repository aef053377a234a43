"""What the columns of calls and windows are called on the page, and how their values read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from components import format

Kind = Literal[
    "text", "time", "count", "ms", "bytes", "share", "score", "risk", "bits", "flag",
    "priority", "status",
]  # fmt: skip

_NAMES: Final[dict[str, tuple[str, Kind]]] = {
    "timestamp": ("Time (UTC)", "time"),
    "received_at": ("Received (UTC)", "time"),
    "scored_at": ("Scored (UTC)", "time"),
    "endpoint": ("Endpoint", "text"),
    "method": ("Method", "text"),
    "status_code": ("Status", "status"),
    "response_time_ms": ("Response time", "ms"),
    "payload_size": ("Payload", "bytes"),
    "ip_address": ("IP address", "text"),
    "user_id": ("User", "text"),
    "client": ("Client", "text"),
    "path": ("Path", "text"),
    "source": ("Source", "text"),
    "attack": ("Attack", "text"),
    "attack_score": ("Attack score", "score"),
    "subject": ("Subject", "text"),
    "risk_score": ("Risk", "risk"),
    "priority": ("Priority", "priority"),
    "failure_probability": ("Failure", "share"),
    "anomaly_score": ("Anomaly", "score"),
    "is_anomaly": ("Anomalous", "flag"),
    "usage_cluster": ("Usage", "text"),
    "req_count": ("Calls", "count"),
    "error_rate": ("Error rate", "share"),
    "avg_response_time": ("Avg response", "ms"),
    "max_response_time": ("Max response", "ms"),
    "payload_mean": ("Avg payload", "bytes"),
    "unique_endpoints": ("Endpoints", "count"),
    "repeat_rate": ("Repeats", "share"),
    "status_entropy": ("Status entropy", "bits"),
    "status_counts": ("Statuses", "text"),
    "bot_score": ("Bot score", "score"),
    "thin": ("Few calls", "flag"),
    "simulated_count": ("Simulated calls", "count"),
    "model_version": ("Models", "text"),
    "causes": ("Caused by", "text"),
    "reasons": ("Why", "text"),
    "id": ("Id", "text"),
}
_AS_MEASURE: Final = {  # where a column's heading is too short to stand alone
    "payload_size": "payload",
    "risk_score": "risk score",
    "failure_probability": "failure probability",
    "anomaly_score": "anomaly score",
    "avg_response_time": "response time",
    "max_response_time": "response time",
    "payload_mean": "payload",
    "unique_endpoints": "unique endpoints",
    "repeat_rate": "repeat rate",
}
_PLURALS: Final = {
    "endpoint": "endpoints", "user_id": "users", "ip_address": "IP addresses",
    "client": "clients", "method": "methods", "status_code": "status codes",
    "priority": "priorities", "usage_cluster": "usage clusters", "subject": "subjects",
}  # fmt: skip
_HOW: Final = {
    "sum": "Total", "average": "Average", "minimum": "Lowest", "maximum": "Highest",
}  # fmt: skip
_KIB: Final = 1024
_MINUTE_MS: Final = 60_000


class Quantity(NamedTuple):
    """A name for people and the kind of its values."""

    name: str
    kind: Kind


def column(name: str) -> Quantity:
    """A stored column; an unknown one is text under its own name."""
    title, kind = _NAMES.get(name, (name.replace("_", " ").capitalize(), "text"))
    return Quantity(title, kind)


def plural(name: str) -> str:
    """What several values of a column are called: `endpoints`."""
    return _PLURALS.get(name, f"{name.replace('_', ' ')}s")


def measure(how: str, of: str | None, percentile: int | None, rows: str) -> Quantity:
    """A measure of a question.

    Parameters
    ----------
    how : str
        count, distinct, sum, average, minimum, maximum, percentile or error rate.
    of : str, optional
        The column it is taken of.
    percentile : int, optional
        Of a percentile [%].
    rows : str
        What is counted, such as `calls` or `matching windows`.
    """
    if how == "count":
        return Quantity(rows.capitalize(), "count")
    if how == "error rate" or of is None:
        return Quantity("Error rate", "share")
    if how == "distinct":
        return Quantity(f"Distinct {plural(of)}", "count")
    title, kind = column(of)
    if how == "percentile":
        return Quantity(f"p{percentile} {_AS_MEASURE.get(of, title.lower())}", kind)
    return Quantity(f"{_HOW[how]} {_AS_MEASURE.get(of, title.lower())}", kind)


def shown(value: Any, kind: Kind) -> str:
    """A value as people read it, with its unit; what is not known is a dash."""
    if value is None:
        return format.MISSING
    match kind:
        case "count":
            return format.number(value) if float(value).is_integer() else f"{value:,.2f}"
        case "ms":
            return format.milliseconds(value)
        case "bytes":
            return size(value)
        case "share":
            return format.percent(value)
        case "score" | "risk":
            return format.score(value)
        case "bits":
            return f"{value:.2f}{format.NO_BREAK}bit"
        case "flag":
            return "yes" if value else "no"
        case "time":
            return instant(value)
    return str(value)


def size(value: float) -> str:
    """812 B, 9.8 KB, 1.2 MB; a KB is 1024 bytes, as in questions."""
    scaled, unit = float(value), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if scaled < _KIB:
            break
        scaled, unit = scaled / _KIB, larger
    digits = 0 if unit == "B" or scaled >= 100 else 1
    return f"{scaled:,.{digits}f}{format.NO_BREAK}{unit}"


def instant(at: int) -> str:
    """22 Nov 2026 15:30, with seconds where it has any."""
    form = "%-d %b %Y %H:%M" if at % _MINUTE_MS == 0 else "%-d %b %Y %H:%M:%S"
    return datetime.fromtimestamp(at / 1000, UTC).strftime(form)
