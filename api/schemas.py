"""What the API answers: models that describe it in the OpenAPI document, with units."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.query import OF_CLIENT, OF_ENDPOINT, OF_METHOD, OF_SUBJECT
from ingest.posted import EARLIEST_MS


def said(description: str, example: Any) -> Any:
    """A field that is always there, with an example, from which those of whole answers are made."""
    return Field(description=description, examples=[example])


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
SubjectName = Literal["endpoint", "client"]
Priority = Literal["HIGH", "MEDIUM", "LOW"]
Verdict = Literal["false_alarm", "confirmed"]
A_TIME = "2026-03-18T15:30:00.000Z"
A_VERSION = "20260318T031000-893e3029"


class Answer(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Answer):
    """What is wrong."""

    code: str = said("Name of the status.", "bad_request")
    message: str = said("What is wrong, quoting it, and what would be right.", "limit='0': ...")
    details: dict[str, Any] = said("The same for programs.", {"parameter": "limit"})


class Error(Answer):
    """The one shape of every error."""

    error: ErrorBody


class OpenApiDocument(BaseModel):
    """An OpenAPI document, see the OpenAPI specification 3.1."""

    model_config = ConfigDict(extra="allow")
    openapi: Literal["3.1.0"]
    info: dict[str, Any] = said("What it describes.", {"title": "Foresight", "version": "1.0"})
    paths: dict[str, Any] = said("Path -> method -> operation.", {})


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]


class Ready(Answer):
    """The server can do its work."""

    status: Literal["ready"]
    model: str = said("Version of the models in use.", A_VERSION)


class Freshness(Answer):
    """How far the scores are behind the calls."""

    last_call_at: Time | None = said("Newest call.", A_TIME)
    last_window_end: Time | None = said("End of the newest scored window.", A_TIME)
    scored_at: Time | None = said("Last run of the scoring job that succeeded.", A_TIME)
    error: str | None = said("Why the last run failed; null when it did not.", None)
    stale: bool = said("A closed window waits too long, or the job failed or ended.", False)
    unscored_steps: int = said("Closed window starts with calls not scored yet.", 0)
    calls_lost: int = said("Calls that could not be written to a journal.", 0)


class Priorities(Answer):
    """Number of windows by priority."""

    HIGH: int = said("Risk score from 0.8 on, unless set otherwise.", 2)
    MEDIUM: int = said("Risk score from 0.5 on, unless set otherwise.", 17)
    LOW: int = said("The rest.", 3861)


class Totals(Answer):
    """Counts of a range. Rates are null where there is nothing to take a rate of."""

    start: Time = Field(alias="from", description="Start of the range.", examples=[A_TIME])
    end: Time = Field(alias="to", description="End of the range.", examples=[A_TIME])
    total_calls: int = said("Calls, exact also where they are not scored yet.", 48211)
    errors: int = said("Calls answered with a status from 400 on.", 530)
    error_rate: float | None = said("errors / total_calls.", 0.011)
    avg_response_time: float | None = said("Of the calls that have one [ms].", 42.7)
    simulated_calls: int = said("Calls of the product's own simulator.", 0)
    windows: int = said("Scored windows, of endpoints and of clients.", 3880)
    anomalies: int = said("Windows that are anomalies.", 23)
    detection_rate: float | None = said("anomalies / windows.", 0.0059)
    priorities: Priorities
    average_risk: float | None = said("Mean risk score of the windows.", 0.074)
    bot_rate: float | None = said("Share of windows of the usage cluster bot.", 0.012)


class Stats(Totals):
    """Counts of a range and how fresh the scores are."""

    freshness: Freshness


class Latency(Answer):
    """Percentiles of the response time [ms]; null without calls that have one."""

    p50: float | None = said("Median.", 31.0)
    p95: float | None = said("19 of 20 calls were at most as slow.", 118.0)
    p99: float | None = said("99 of 100 calls were at most as slow.", 340.0)


class Point(Answer):
    """The windows of one bucket of time."""

    timestamp: Time = said("Start of the bucket.", A_TIME)
    req_count: int = said("Calls.", 310)
    error_rate: float = said("Share of calls with a status from 400 on.", 0.01)
    avg_response_time: float | None = said("Mean [ms].", 42.7)
    max_response_time: float | None = said("Largest [ms].", 412.0)
    risk_score: float = said("Highest of the windows.", 0.31)
    failure_probability: float = said("Highest of the windows.", 0.08)
    anomaly_score: float = said("Highest of the windows.", 0.42)


class EndpointAnalytics(Totals):
    """One endpoint over a range."""

    endpoint: str = said(OF_ENDPOINT, "/search")
    method: str | None = said("The method that was asked for; null: all.", None)
    latency_ms: Latency
    status_counts: dict[str, int] = said("Status code -> calls.", {"200": 47681, "404": 530})
    bucket_seconds: int = said("Length of a bucket of `series` [s].", 60)
    series: list[Point] = Field(description="Oldest first.")


class Reason(Answer):
    """Why a window is risky: one feature."""

    feature: str = said("A feature, `usage_cluster`, or `mix`: several together.", "error_rate")
    value: float | None = said("Of this window.", 0.62)
    low: float | None = said("Lower end of what is usual.", 0.0)
    high: float | None = said("Upper end of what is usual.", 0.04)
    share: float | None = said("Share of the risk score that goes with it.", 0.71)
    text: str = said("The same in words.", "error_rate 0.62, usually 0.00-0.04")


class Cause(Answer):
    """A client without whose calls the window would be less risky."""

    client: str = said(OF_CLIENT, "10.0.0.7")
    drop: float = said("By how much the risk score is lower without it.", 0.58)
    risk_without: float = said("Risk score without it.", 0.24)
    calls: int = said("Its calls in the window.", 402)
    together: int = said("How many clients were left out at once.", 1)


class Features(Answer):
    """The 8 features of a window."""

    req_count: int = said("Calls.", 480)
    error_rate: float = said("Share of calls with a status from 400 on.", 0.62)
    avg_response_time: float | None = said("Mean [ms]; null: no call had one.", 131.0)
    max_response_time: float | None = said("Largest [ms].", 900.0)
    payload_mean: float = said("Mean size of the answers [bytes].", 812.0)
    unique_endpoints: int = said("Distinct endpoints; of an endpoint window, paths.", 1)
    repeat_rate: float = said("1 - distinct identical requests / calls.", 0.9)
    status_entropy: float = said("Shannon entropy of the status codes [bit].", 0.95)


class WindowKey(Answer):
    """What tells a window from every other."""

    timestamp: Time = said("Start of the window.", A_TIME)
    subject: SubjectName = said(OF_SUBJECT, "endpoint")
    endpoint: str = said(f"{OF_ENDPOINT} `*` in client windows.", "/login")
    method: str = said(f"{OF_METHOD} `*` in client windows.", "POST")
    client: str | None = said(f"{OF_CLIENT} Null in endpoint windows.", None)


class Window(WindowKey, Features):
    """A scored window."""

    id: int = said("Number of the window.", 17)
    risk_score: float = said("0..1, the higher the worse.", 0.8215)
    priority: Priority = said("Of the risk score.", "HIGH")
    failure_probability: float = said("Fails now or within 5 minutes.", 1.0)
    anomaly_score: float = said("0..1, the higher the stranger.", 1.0)
    is_anomaly: bool = said("Strange by the models' threshold.", True)
    usage_cluster: Literal["normal", "heavy", "bot"] = said("How it is used.", "normal")
    thin: bool = said("Fewer calls than `MIN_CALLS`: scores are shrunk.", False)
    simulated_count: int = said("Calls of the product's own simulator.", 0)
    status_counts: dict[str, int] | None = said("Status code -> calls.", {"200": 182, "401": 298})
    model_version: str | None = said("Models it was scored with.", A_VERSION)
    scored_at: Time | None = said("When it was scored last.", A_TIME)
    bot_score: float | None = said("0..1, the higher the more like a program.", None)
    reasons: list[Reason] | None = Field(description="Up to three; of MEDIUM and HIGH.")
    causes: list[Cause] | None = Field(description="Up to three; of endpoint windows.")


class LoggedCall(Answer):
    """A call as it was logged."""

    id: int = said("Number of the call.", 4711)
    timestamp: Time = said("When it came in.", A_TIME)
    endpoint: str = said(OF_ENDPOINT, "/orders/{id}")
    method: str = said(OF_METHOD, "GET")
    response_time_ms: float | None = said("Time to the last byte [ms].", 23.4)
    status_code: int = said("HTTP status.", 200)
    payload_size: int = said("Size of the answer [bytes].", 812)
    ip_address: str = said("Address, or host name, of the caller.", "10.0.0.7")
    user_id: str | None = said("User, where the caller is known.", "u1")
    path: str | None = said("Path without its query.", "/orders/93")
    fingerprint: int | None = said("Equal for identical requests (64 bit).", 88172645463325)
    source: Literal["live", "posted", "import", "simulated"] = said("Where from.", "live")
    received_at: Time | None = said("When the product took it.", A_TIME)
    attack: str | None = said("Kind of attack in its text.", None)
    attack_score: float | None = said("0..1, how sure.", None)


T = TypeVar("T")


class Items(Answer, Generic[T]):
    """A page of a list, newest first."""

    items: list[T]
    next_cursor: str | None = said("`cursor` of the next page; null: this is the last.", None)


class WindowList(Items[Window]):
    """Scored windows, newest first."""


class CallList(Items[LoggedCall]):
    """Logged calls, newest first."""


class GivenVerdict(WindowKey):
    """A verdict on a window, with the window as it was then."""

    id: int = said("Number of the verdict.", 3)
    verdict: Verdict = said("What was said.", "false_alarm")
    who: str = said("Who said it.", "admin")
    at: Time = said("When.", A_TIME)
    features: Features
    simulated_count: int = said("Calls of the product's own simulator.", 0)
    risk_score: float = said("Of the window.", 0.8215)
    priority: Priority = said("Of the window.", "HIGH")
    model_version: str | None = said("Models it was scored with.", A_VERSION)


class VerdictList(Items[GivenVerdict]):
    """Verdicts, newest first."""


class PostedCall(BaseModel):
    """A call of another service; other fields do no harm, and null, "" and "-" say: not known."""

    timestamp: Annotated[int, Field(ge=EARLIEST_MS)] | Time = said(
        "When it came in: ISO 8601 or epoch milliseconds, from 2000 to 5 minutes from now.", A_TIME
    )
    method: str = said(OF_METHOD, "GET")
    path: str = said("Path with its query, of which only a fingerprint is kept.", "/orders/93?a=1")
    status_code: Annotated[int, Field(ge=100, le=999)] = said("HTTP status.", 200)
    ip_address: str = said("Address, or host name, of the caller.", "10.0.0.7")
    user_id: str | int | None = Field(None, description="User, where the caller is known.")
    endpoint: str | None = Field(None, description=f"{OF_ENDPOINT} Made from the path without it.")
    response_time_ms: Annotated[float, Field(ge=0, le=86_400_000)] | None = Field(
        None, description="Time to the last byte [ms]; or `response_time_us`, `response_time_s`."
    )
    payload_size: Annotated[int, Field(ge=0, le=2**40)] | None = Field(
        None, description="Size of the answer [bytes]; 0 without it."
    )
    body: str | None = Field(None, description="Of the request: for the fingerprint, never kept.")


class CallBatch(RootModel[list[PostedCall | Any]]):
    """Calls; what is none of them is listed in the answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                [
                    {
                        "timestamp": A_TIME,
                        "method": "GET",
                        "path": "/orders/93?a=1",
                        "status_code": 200,
                        "ip_address": "10.0.0.7",
                    }
                ]
            ]
        }
    )


class CallLines(RootModel[Annotated[str, Field(pattern=r"\S")]]):
    """Calls, each a JSON object as in the array, on a line of its own."""


class Rejected(Answer):
    """A record that is no call."""

    index: int = said("In the batch, from 0; blank lines don't count.", 1)
    reason: str = said("What is wrong with it.", "status_code 'ok' is not a whole number ...")


class BatchCounts(Answer):
    """What became of a batch."""

    accepted: int = said("Calls that are new in the store.", 998)
    duplicates: int = said("Calls that were stored before, by their key.", 0)
    rejected: int = said("Records that are no calls.", 1)
    errors: list[Rejected] = Field(description="The first 100 of them.")
