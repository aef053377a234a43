"""The state of the product for who runs it: facts, jobs, settings, findings of the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import html

from components import cards, format, states
from components.icons import glyph

_TONES: Final = {"ok": "", "warn": "admin-warn", "fail": "admin-fail"}
_ICONS: Final = {"ok": "check-circle", "warn": "exclamation-triangle", "fail": "x-octagon"}
_WORDS: Final = {"ok": "fine", "warn": "see to it", "fail": "mend it"}
_NOTED: Final = 90  # characters of an error in a table


@dataclass(frozen=True)
class Fact:
    """A name and what it is now; `tone` is ok, warn or fail."""

    name: str
    value: str
    tone: str = "ok"
    since: int | None = None  # told relative to now, behind the value [epoch ms]


@dataclass(frozen=True)
class Job:
    """How the last run of a scheduled job went; times are epoch ms."""

    name: str
    succeeded_at: int | None
    took_ms: int | None
    detail: str
    error: str | None


@dataclass(frozen=True)
class Setting:
    """An option; of a secret the values only say whether it is set."""

    name: str
    value: str
    default: str
    means: str

    @property
    def is_changed(self) -> bool:
        """Whether it differs from its default."""
        return self.value != self.default


@dataclass(frozen=True)
class Finding:
    """What one check of the doctor saw, and what to do about it."""

    check: str
    state: str  # ok, warn or fail
    seen: str
    mend: str


def panels(groups: Sequence[tuple[str, str, Sequence[Fact]]], now: int) -> list[Any]:
    """A card for each group of facts: title, what it is about, facts."""
    return [
        cards.card(title, fact_list(facts, now), subtitle=about) for title, about, facts in groups
    ]


def fact_list(facts: Sequence[Fact], now: int) -> html.Dl:
    """One a line; what is not well has a mark, too, not only a colour."""
    return html.Dl(
        [
            html.Div([html.Dt(fact.name), html.Dd(_value(fact, now))], className=_TONES[fact.tone])
            for fact in facts
        ],
        className="admin-facts",
    )


def jobs_table(jobs: Sequence[Job], now: int) -> Any:
    """All scheduled jobs that ever ran."""
    if not jobs:
        return states.empty("clock", "No job has run yet", "One server runs them each minute.")
    head = (("Job", ""), ("Succeeded", ""), ("Took", "number"), ("Result", ""))
    names = [html.Th(name, scope="col", className=kind) for name, kind in head]
    return html.Table(
        [
            html.Thead(html.Tr(names)),
            html.Tbody([_job(job, now) for job in jobs]),
        ],
        className="facts admin-jobs",
    )


def settings_table(settings: Sequence[Setting]) -> html.Table:
    """Every option with its value; what is no default stands out."""
    head = ("Setting", "Value", "Default")
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
            html.Tbody([_setting(setting) for setting in settings]),
        ],
        className="facts admin-settings",
    )


def findings(found: Sequence[Finding], at: int) -> html.Div:
    """What the doctor saw; first what is to be mended."""
    order = list(reversed(_TONES))
    first = sorted(found, key=lambda finding: order.index(finding.state))
    wrong = sum(finding.state != "ok" for finding in found)
    checks = format.plural(len(found), "check")
    said = f"{checks}, nothing to mend" if not wrong else f"{checks}, {wrong} to look at"
    return html.Div(
        [
            html.P([said, f" \u00b7 {format.moment(at, at)}"], className="card-sub"),
            html.Ul([_finding(finding) for finding in first], className="admin-findings"),
        ]
    )


def _value(fact: Fact, now: int) -> list[Any]:
    mark = glyph(_ICONS[fact.tone]) if fact.tone != "ok" else None
    parts: list[Any] = [mark, html.Span(fact.value)] if fact.value else [mark]
    if fact.since is not None:
        parts += [", " if fact.value else None, cards.since(fact.since, now)]
    return parts


def _job(job: Job, now: int) -> html.Tr:
    took = format.milliseconds(job.took_ms)
    result: Any = job.detail or format.MISSING
    if job.error:
        short = format.shortened(job.error, _NOTED)
        result = html.Span([glyph("x-octagon"), short], className="admin-error", title=job.error)
    return html.Tr(
        [
            html.Th(job.name, scope="row"),
            html.Td("never" if job.succeeded_at is None else cards.since(job.succeeded_at, now)),
            html.Td(took, className="number"),
            html.Td(result),
        ]
    )


def _setting(setting: Setting) -> html.Tr:
    return html.Tr(
        [
            html.Th([html.Code(setting.name), html.Small(_with_code(setting.means))], scope="row"),
            html.Td(setting.value, className="admin-changed" if setting.is_changed else ""),
            html.Td(setting.default),
        ]
    )


def _with_code(text: str) -> list[Any]:
    """What stands between backticks is code."""
    parts = text.split("`")
    return [html.Code(part) if place % 2 else part for place, part in enumerate(parts)]


def _finding(finding: Finding) -> html.Li:
    return html.Li(
        [
            glyph(_ICONS[finding.state]),
            html.Div(
                [
                    html.Strong(
                        [
                            finding.check,
                            html.Span(f", {_WORDS[finding.state]}", className="visually-hidden"),
                        ]
                    ),
                    html.P(finding.seen),
                    html.P(["To do: ", *_with_code(finding.mend)], className="admin-mend")
                    if finding.mend
                    else None,
                ]
            ),
        ],
        className=_TONES[finding.state],
    )
