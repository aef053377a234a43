"""What can be played in the lab, as cards with a button each; and what can not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import dash_bootstrap_components as dbc
from dash import html

from components import format, quantities
from components.icons import glyph
from components.lab_words import intensity

_ICONS: Final = {
    "credential_stuffing": "key",
    "burst": "tsunami",
    "scraping": "collection",
    "carding": "credit-card-2-front",
    "scalping": "bag-check",
    "enumeration": "folder-x",
    "version_probing": "clock-history",
    "crash": "x-octagon",
    "dependency_down": "plug",
    "retry_storm": "arrow-repeat",
    "leak": "droplet-half",
    "pool_exhaustion": "diagram-3",
}
_UNMATCHED: Final = "(unmatched)"  # endpoint of calls that fit no route
_ARROWS: Final = {"higher": "arrow-up", "lower": "arrow-down"}


class Scenario(Protocol):
    """Something that can be played, in words."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def risk(self) -> str | None: ...
    @property
    def does(self) -> str: ...
    @property
    def wants(self) -> str: ...
    @property
    def gives_away(self) -> str: ...
    @property
    def tells(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def who(self) -> str: ...
    @property
    def expects(self) -> str: ...
    @property
    def scales(self) -> bool: ...
    @property
    def gradual(self) -> bool: ...


def start_id(name: str) -> dict[str, str]:
    """Id of the button that starts a scenario."""
    return {"type": "lab-start", "scenario": name}


def controls(
    strengths: Sequence[float], strength: float, lengths: Sequence[float], length: float
) -> html.Div:
    """How strong and how long what is started next is to be."""
    return html.Div(
        [
            _choice("lab-intensity", "Intensity", {s: intensity(s) for s in strengths}, strength),
            _choice(
                "lab-minutes",
                "Length",
                {m: f"{m:g}{format.NO_BREAK}min" for m in lengths},
                length,
            ),
        ],
        className="lab-controls",
    )


def _choice(id: str, name: str, options: Mapping[float, str], value: float) -> html.Div:
    return html.Div(
        [
            html.Span(name, id=f"{id}-name", className="lab-control-name"),
            html.Div(
                dbc.RadioItems(
                    id=id,
                    options=[{"label": text, "value": key} for key, text in options.items()],
                    value=value,
                    inline=True,
                    className="segments",
                    inputClassName="btn-check",
                    labelClassName="segment",
                ),
                role="group",
                **{"aria-labelledby": f"{id}-name"},
            ),
        ],
        className="lab-control",
    )


def scenario_cards(scenarios: Sequence[Scenario], risks: Mapping[str, str]) -> html.Div:
    """One card a scenario; `risks` are the names of the OWASP categories."""
    return html.Div([_card(scenario, risks) for scenario in scenarios], className="lab-cards")


def _card(scenario: Scenario, risks: Mapping[str, str]) -> html.Article:
    heading = f"lab-title-{scenario.name}"
    return html.Article(
        [
            html.Div(
                [
                    glyph(_ICONS.get(scenario.name, "play"), "lab-card-icon"),
                    html.Div(
                        [
                            html.H3(scenario.title, id=heading, className="card-heading"),
                            html.P(_category(scenario, risks), className="lab-category"),
                        ]
                    ),
                ],
                className="lab-card-head",
            ),
            html.P(scenario.does, className="lab-does"),
            html.Dl(
                [html.Div([html.Dt(name), html.Dd(text)]) for name, text in _lines(scenario)],
                className="lab-lines",
            ),
            html.Div(
                [
                    html.Div([_tell(*tell) for tell in scenario.tells], className="lab-tells"),
                    html.Button(
                        [glyph("play-fill"), "Start"],
                        id=start_id(scenario.name),
                        type="button",
                        className="button lab-start",
                        **{"aria-label": f"Start {scenario.title}"},
                    ),
                ],
                className="lab-card-foot",
            ),
        ],
        className="panel lab-card",
        **{"aria-labelledby": heading},
    )


def _category(scenario: Scenario, risks: Mapping[str, str]) -> str:
    if scenario.risk is None:
        speed = "gradual" if scenario.gradual else "sudden"
        return f"Fault, {speed}; no attack, so no category"
    return f"{scenario.risk}:2023 {risks[scenario.risk]}"


def _lines(scenario: Scenario) -> list[tuple[str, str]]:
    where = ", ".join(_place(name) for name in scenario.names)
    if scenario.kind == "attack":
        wanted, expected = "Wants", f"{scenario.who} {scenario.expects}"
    else:
        these = "this endpoint" if len(scenario.names) == 1 else "these endpoints"
        wanted, expected = "Breaks", f"{these} {scenario.expects}"
    lines = [
        (wanted, scenario.wants),
        ("Signs", scenario.gives_away),
        ("Where", where),
        ("Expected", expected),
    ]
    if not scenario.scales:
        lines.append(("Intensity", "makes no difference"))
    return lines


def _place(name: str) -> str:
    """An endpoint that is not broken between method and path."""
    if name.endswith(_UNMATCHED):
        return "paths that do not exist"
    return name.replace(" ", format.NO_BREAK)


def _tell(feature: str, direction: str) -> html.Span:
    name = quantities.column(feature).name
    return html.Span(
        [
            html.Span(name),
            glyph(_ARROWS[direction]),
            html.Span(f" {direction} than usual", className="visually-hidden"),
        ],
        className="tag lab-tell",
        title=f"{name}: {direction} than usual",
    )


def not_playable(reasons: Mapping[str, str], risks: Mapping[str, str]) -> html.Details:
    """Risks of OWASP that this shop can't show."""
    return html.Details(
        [
            html.Summary(
                [
                    glyph("chevron-right", "lab-caret"),
                    f"{len(reasons)} of the 10 OWASP risks can't be played on this shop",
                ]
            ),
            html.Ul(
                [
                    html.Li([html.Strong(f"{key}:2023 {risks[key]}"), html.Span(text)])
                    for key, text in reasons.items()
                ]
            ),
            html.P(
                [
                    "Where calls can show them, they are played on made-up sites instead: ",
                    html.Code("flask evaluate"),
                    " measures how many are detected, docs/evaluation.md has the figures.",
                ]
            ),
        ],
        className="lab-unplayable",
    )


def closed(command: str) -> html.Div:
    """The whole page outside of demo mode."""
    return html.Div(
        [
            html.Div(glyph("flask"), className="hero-mark"),
            html.H2("The lab is closed"),
            html.P(
                "It attacks and breaks the mock shop of this server. Outside of demo mode nothing "
                "may do that, so nothing can be started here. To open it, start the server as a "
                "demo, best with a data folder of its own:"
            ),
            html.Code(command),
        ],
        className="hero",
    )


def problem(text: str) -> list[Any]:
    """Why something was not started."""
    return [glyph("exclamation-triangle"), html.Span(text)] if text else []
