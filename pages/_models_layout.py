"""The Models page before its figures are there: chapters of cards with skeletons."""

from __future__ import annotations

from typing import Any, Final

from dash import html

from components import cards, model_evaluation, states

CURVE_PX: Final = 496
ELBOW_PX: Final = 268


def chapters() -> list[Any]:
    """From which version scores to how it became so."""
    return [*_standing(), *_checked(), *_measured(), *_insides(), *_drifting(), *_past()]


def _chapter(title: str, lead: str) -> html.Header:
    return html.Header([html.H2(title), html.P(lead)], className="models-chapter")


def _filled(id: str, kind: str = "rows") -> html.Div:
    """Where a part comes to stand; a skeleton until then."""
    return html.Div(states.skeleton(kind), id=f"models-{id}", className="models-part")


def _standing() -> list[Any]:
    return [
        html.Div(
            [
                cards.card(
                    "Current version",
                    _filled("current"),
                    subtitle="Scores each closed minute",
                    className="span-5",
                ),
                cards.card(
                    "What it learnt from",
                    _filled("origin", "bars"),
                    subtitle="Windows by source; simulated ones are named so",
                    className="span-4",
                ),
                cards.card(
                    "What people said",
                    _filled("people", "bars"),
                    subtitle="Verdicts on alerts; the nightly training learns them",
                    className="span-3",
                ),
            ],
            className="models-row",
        )
    ]


def _checked() -> list[Any]:
    return [
        _chapter(
            "Checked in public",
            "Every failure probability that was given here, compared with what happened in the "
            "five minutes after.",
        ),
        html.Div(
            [
                cards.card(
                    "Forecast scorecard",
                    _filled("score"),
                    subtitle="With 95 % intervals; minutes that fail already don't count",
                    className="span-7",
                ),
                cards.card(
                    "Reliability",
                    cards.chart("models-reliability", "Reliability of forecasts", CURVE_PX),
                    subtitle="On the dotted line, what was said is what came",
                    aside=cards.key([("Live", "accent"), ("Evaluation", "quiet")]),
                    className="span-5",
                ),
            ],
            className="models-row",
        ),
    ]


def _measured() -> list[Any]:
    return [
        _chapter(
            "Measured offline",
            "On runs, sites and kinds of fault that no model has learnt from; thresholds were "
            "frozen before. Simulated, unless marked as real data.",
        ),
        cards.card(
            "Evaluation",
            _filled("evaluated"),
            subtitle="Each figure with its 95 % interval, its target and what a simple rule gets",
            aside=model_evaluation.scale_key(),
        ),
    ]


def _insides() -> list[Any]:
    return [
        _chapter("What it has learnt", "What the forecast looks at, and how usage is told apart."),
        html.Div(
            [
                cards.card(
                    "What the forecast rests on",
                    _filled("rests-on", "bars"),
                    subtitle="Ranking of endpoint failures that is lost without it (shuffled)",
                    className="span-4",
                ),
                cards.card(
                    "Feature importance",
                    _filled("forests", "bars"),
                    subtitle="How much each input sorts failures from calm in the forests",
                    className="span-8",
                ),
            ],
            className="models-row",
        ),
        html.Div(
            [
                cards.card(
                    "Elbow",
                    cards.chart("models-elbow", "Spread by number of clusters", ELBOW_PX),
                    subtitle="More clusters than three take little more of the spread",
                    aside=html.Div(id="models-elbow-key"),
                    className="span-4",
                ),
                cards.card(
                    "Usage clusters",
                    _filled("profiles"),
                    subtitle="Their centres: what a typical quarter of an hour is like",
                    className="span-8",
                ),
            ],
            className="models-row",
        ),
    ]


def _drifting() -> list[Any]:
    return [
        _chapter(
            "Is the world drifting?",
            "Each hour's windows against those of the training. Population stability index (PSI): "
            "stable below 0.1, moving up to 0.25, drifted above.",
        ),
        cards.card("Drift of the features", _filled("drift")),
    ]


def _past() -> list[Any]:
    return [
        _chapter(
            "History",
            "A new version becomes current only if it is not worse on frozen scenarios (the gate), "
            "or by hand.",
        ),
        html.Div(
            [
                cards.card(
                    "Versions",
                    _filled("history"),
                    subtitle="The newest ten, and the one that came with the product",
                    className="span-8",
                ),
                cards.card(
                    "What happened",
                    _filled("happened"),
                    subtitle="Who changed what, when and why",
                    className="span-4",
                ),
            ],
            className="models-row",
        ),
    ]
