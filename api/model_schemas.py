"""What the API answers of models: versions, scorecard, drift; the rest is in `api.schemas`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, RootModel

from api.schemas import A_TIME, A_VERSION, Answer, Time, said


class Current(Answer):
    """Which models score from now on."""

    current: str = said("Version of the models.", A_VERSION)


class ModelVersion(Answer):
    """A version of the models."""

    version: str = said("Its name.", A_VERSION)
    current: bool = said("Whether it scores now.", True)
    factory: bool = said("Whether it came with the product.", False)
    manifest: dict[str, Any] = said(
        "What it was trained on and with; empty when it can't be read.", {"seed": 1}
    )
    problem: str | None = said("Why the manifest can't be read.", None)


class ModelEvent(Answer):
    """What became of a version."""

    id: int = said("Number of the event.", 5)
    at: Time = said("When.", A_TIME)
    version: str = said("Version of the models.", A_VERSION)
    event: str = said("`trained`, `promoted`, `refused` or `rolled_back`.", "promoted")
    who: str = said("Who did it.", "admin")
    reason: str = said("Why.", "by hand")
    detail: dict[str, Any] | None = said("Figures of the decision.", None)


class VerdictCounts(Answer):
    """Number of windows by verdict."""

    false_alarm: int = said("Said to be harmless.", 4)
    confirmed: int = said("Said to be what they look like.", 2)


class ModelList(Answer):
    """Versions, and what became of them."""

    current: str | None = said("Version that scores now; null: there is none.", A_VERSION)
    versions: list[ModelVersion]
    events: list[ModelEvent] = Field(description="Newest first.")
    feedback: VerdictCounts


class Share(Answer):
    """A share with its Wilson 95 % interval; null where there is nothing to take a share of."""

    value: float | None = said("The share.", 0.75)
    low: float | None = said("Lower end of the interval.", 0.57)
    high: float | None = said("Upper end of the interval.", 0.87)
    n: int = said("Of so many.", 28)


class Reliability(Answer):
    """What was said and what happened in one tenth of the probability."""

    start: float = Field(alias="from", description="Lower end of the tenth.", examples=[0.9])
    end: float = Field(alias="to", description="Upper end of the tenth.", examples=[1.0])
    given: float = said("Mean probability that was given.", 0.94)
    failed: Share = Field(description="Windows that failed within 5 minutes.")


class Card(Answer):
    """How forecasts held up; null where nothing says so yet."""

    forecasts: int = said("Windows compared.", 3120)
    base_rate: Share = Field(description="Windows that failed within 5 minutes.")
    brier: float | None = said("Mean squared error, the lower the better.", 0.011)
    brier_skill: float | None = said(
        "1 is perfect, 0 as good as always saying the base rate, below 0 worse.", 0.48
    )
    precision: Share = Field(
        description="Warnings after which the subject failed within 5 minutes."
    )
    recall: Share = Field(
        description="Failures that were warned of; of those that began after 5 minutes without "
        "one, with a forecast in the 15 minutes before."
    )
    onsets_without_forecast: int = said("The other failures: nothing was seen before.", 2)
    median_lead_minutes: float | None = said(
        "From the first window of the warning to the first that failed [minutes].", 3.0
    )
    reliability: list[Reliability] = Field(description="Tenths of the probability that were given.")


class ScorecardRange(Answer):
    """Scorecards of the whole hours that were asked for in part."""

    start: Time = Field(alias="from", description="Start of the first hour.", examples=[A_TIME])
    end: Time = Field(alias="to", description="End of the last hour.", examples=[A_TIME])
    endpoint: Card
    client: Card


class _Forecasts(Answer):
    warning: float = said("From this probability on a window is a warning.", 0.5)
    horizon_minutes: int = said("How far a forecast looks ahead [minutes].", 5)


class LastScorecards(_Forecasts):
    """What is answered unasked."""

    day: ScorecardRange = Field(description="The last day.")
    week: ScorecardRange = Field(description="The last week.")


class AskedScorecard(_Forecasts):
    """What is answered with `from` or `to`."""

    range: ScorecardRange = Field(description="The range asked for.")


class Scorecard(RootModel[LastScorecards | AskedScorecard]):
    """How forecasts held up."""


class FeatureDrift(Answer):
    """How far a feature is from the training data."""

    psi: float = said("Population stability index.", 0.04)
    reading: Literal["stable", "moving", "drifted"] = said("What is usually read of it.", "stable")


class DriftHour(Answer):
    """Drift of one hour."""

    timestamp: Time = said("Start of the hour.", A_TIME)
    windows: int = said("Windows it was measured on.", 240)
    model_version: str = said("Models of that time.", A_VERSION)
    features: dict[str, FeatureDrift] = said(
        "Feature -> drift.", {"error_rate": {"psi": 0.04, "reading": "stable"}}
    )


class SubjectDrift(Answer):
    """Drift of the windows of one kind of subject."""

    latest: DriftHour | None = Field(description="Newest hour; null: none was measured.")
    hours: list[DriftHour] = Field(description="Oldest first.")


class Drift(Answer):
    """Population stability indices by the hour."""

    start: Time = Field(alias="from", description="Start of the range.", examples=[A_TIME])
    end: Time = Field(alias="to", description="End of the range.", examples=[A_TIME])
    stable_below: float = said("Below it a feature is stable.", 0.1)
    drifted_above: float = said("Above it a feature has drifted.", 0.25)
    least_windows: int = said("With fewer, the day up to the hour's end is measured.", 100)
    endpoint: SubjectDrift
    client: SubjectDrift
