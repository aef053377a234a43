"""What the API answers of alerts; the rest is in `api.schemas`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.query import OF_CLIENT, OF_ENDPOINT, OF_METHOD, OF_SUBJECT
from api.schemas import A_TIME, Answer, Items, Priority, Reason, SubjectName, Time, WindowKey, said

State = Literal["open", "acknowledged", "false_alarm", "confirmed"]


class Sufferer(Answer):
    """A client that got the failed or slow answers of an endpoint at risk."""

    client: str = said(OF_CLIENT, "u1")
    windows: int = said("Its risky windows of that time; they are no alerts of their own.", 3)


class Alert(Answer):
    """An incident: risky windows of one subject until it was quiet for 5 minutes."""

    id: int = said("Number of its first window.", 17)
    subject: SubjectName = said(OF_SUBJECT, "endpoint")
    endpoint: str = said(f"{OF_ENDPOINT} `*` for clients.", "/payment")
    method: str = said(f"{OF_METHOD} `*` for clients.", "POST")
    client: str | None = said(f"{OF_CLIENT} Null for endpoints.", None)
    start: Time = Field(alias="from", description="Start of the first window.", examples=[A_TIME])
    end: Time = Field(alias="to", description="End of the last window.", examples=[A_TIME])
    ongoing: bool = said("It was not quiet for 5 minutes yet.", True)
    began_earlier: bool = said("Windows of before may belong to it, and were not read.", False)
    priority: Priority = said("The highest of its windows.", "HIGH")
    risk_score: float = said("The highest of its windows.", 0.8215)
    window_ids: list[int] = said("Its own windows, oldest first.", [17, 23])
    req_count: int = said("Calls of them.", 480)
    error_rate: float = said("Share of them with a status from 400 on.", 0.62)
    simulated_count: int = said("Calls of the product's own simulator among them.", 0)
    reasons: list[Reason] = Field(description="Of the riskiest window, the weightiest first.")
    causes: list[str] = said("Clients because of whom an endpoint is at risk.", ["10.0.0.7"])
    suffering: list[Sufferer] = Field(description="Clients that suffer from an endpoint.")
    state: State = said("What people made of it.", "acknowledged")
    who: str | None = said("Who said so; null while it is open.", "admin")
    at: Time | None = said("When.", A_TIME)


class AlertCounts(Answer):
    """Alerts of the range by state, whatever priority and state are asked for."""

    open_high: int = said("HIGH ones that nobody has taken note of.", 1)
    open_medium: int = said("The same of MEDIUM.", 2)
    acknowledged: int = said("Seen, but not judged.", 1)
    false_alarms: int = said("Said to be harmless.", 0)
    confirmed: int = said("Said to be what they look like.", 3)
    acknowledged_ms: int | None = said(
        "Median time from the end of the first window to the acknowledgement [ms].", 90_000
    )


class AlertList(Items[Alert]):
    """Alerts by their start, newest first."""

    counts: AlertCounts
    since: Time | None = said(
        "Where the windows begin that were read, when older ones were left out; null: all were.",
        None,
    )


class Acknowledged(Answer):
    """What was acknowledged, or taken back."""

    windows: list[WindowKey] = Field(
        description="Those that changed; empty when all was so before."
    )
    who: str = said("Who asked.", "admin")
    at: Time = said("When.", A_TIME)
