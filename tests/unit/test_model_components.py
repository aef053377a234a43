"""The parts of the Models page as values: figures with their uncertainty, versions, drift."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import (
    model_dialog,
    model_drift,
    model_evaluation,
    model_figures,
    model_learnt,
    model_scorecard,
    model_versions,
    model_words,
)
from components.model_evaluation import Figure
from components.model_scorecard import Period
from components.model_versions import Event, VersionFacts
from ml.features import FEATURES
from ml.history import INPUTS
from ml.scorecard import Bin, Card, card

NOW = 1_773_847_800_000  # 2026-03-18T15:30:00Z
HOUR = 3_600_000


def text(component: Any) -> str:
    """All text of a component, in order."""
    if component is None:
        return ""
    if isinstance(component, str | int | float):
        return str(component)
    if isinstance(component, list | tuple):
        return " ".join(filter(None, map(text, component)))
    return text(getattr(component, "children", None))


def plain(component: Any) -> str:
    """The text with single spaces."""
    return " ".join(text(component).split())


def props(component: Any, name: str) -> list[Any]:
    """Values of a property in a tree of components."""
    tree = component.to_plotly_json()["props"]
    own = [tree[name]] if name in tree else []
    children = tree.get("children")
    below = children if isinstance(children, list | tuple) else [children]
    return own + [v for c in below if hasattr(c, "to_plotly_json") for v in props(c, name)]


def a_card(*bins: Bin, leads: dict[int | None, int] | None = None) -> Card:
    return card(bins, leads or {}, 2)


SEEN = a_card(
    Bin(0, 900, 9, 45.0, 10.0),
    Bin(6, 10, 6, 6.5, 2.4),
    leads={180_000: 3, None: 1},
)


def version(**more: Any) -> VersionFacts:
    known = {"name": "v-2", "state": "waiting", "origin": "the product", "base": ""}
    return VersionFacts(**{**known, "trained_at": NOW - HOUR, "windows": 1200, **more})


def test_the_scorecard_in_a_sentence_counts_what_was_forecast() -> None:
    said = model_scorecard.sentence(Period("Last week", SEEN)).replace("\u00a0", " ")
    assert said == (
        "Last week: 910 forecasts checked. 3 of 4 failures forecast, 3 min ahead (median); "
        "6 of 10 warnings came true."
    )


def test_a_calm_week_says_that_nothing_could_be_forecast() -> None:
    calm = a_card(Bin(0, 50, 0, 1.0, 0.1))
    said = model_scorecard.sentence(Period("Last day", calm))
    assert said.endswith("no failure began that could be forecast, no warning given.")


def test_each_figure_of_the_scorecard_has_its_interval_and_each_period_a_column() -> None:
    empty = a_card()
    table = plain(model_scorecard.scorecard([Period("Last day", empty), Period("Week", SEEN)]))
    assert "75 % 30.1 % to 95.4 %, of 4" in table  # Wilson's interval of 3 of 4
    assert "of 0 failures" in table
    assert "False warnings no failure within 5 minutes 0 of 0 warnings 4 of 10 warnings" in table


def test_a_negative_skill_is_said_to_be_worse_than_the_base_rate() -> None:
    bad = a_card(Bin(9, 10, 1, 9.5, 8.0))
    assert "below the base rate" in plain(model_scorecard.scorecard([Period("Week", bad)]))


def test_the_reliability_curve_has_bars_from_low_to_high_and_faint_dots_where_few() -> None:
    figure = model_figures.reliability(SEEN.reliability, [(0.1, 0.05)], "dark")
    ideal, offline, live = figure["data"]
    assert ideal["x"] == ideal["y"] == [0, 1]
    assert offline["y"] == [0.05]
    assert live["y"] == [0.01, 0.6]
    for value, up, down, point in zip(
        live["y"],
        live["error_y"]["array"],
        live["error_y"]["arrayminus"],
        SEEN.reliability,
        strict=True,
    ):
        assert value + up == pytest.approx(point.failed.high)
        assert value - down == pytest.approx(point.failed.low)
    many, few = live["marker"]["color"]
    assert many != few
    assert live["marker"]["size"][0] > live["marker"]["size"][1]
    json.dumps(figure)


def test_a_reliability_curve_of_nothing_is_drawn_empty() -> None:
    assert model_figures.reliability([], [], None)["data"][2]["x"] == []


def test_the_elbow_is_a_share_of_one_cluster_and_marks_the_chosen_number() -> None:
    curves = {"client": {1: 200.0, 2: 100.0, 3: 50.0}, "endpoint": {1: 10.0, 2: 4.0, 3: 2.0}}
    figure = model_figures.elbow(curves, "client", 3, "light")
    assert [line["name"] for line in figure["data"]] == ["endpoint", "client"]  # chosen on top
    assert figure["data"][1]["y"] == [1.0, 0.5, 0.25]
    assert figure["data"][1]["marker"]["size"][2] > figure["data"][1]["marker"]["size"][1]
    assert figure["layout"]["shapes"][0]["x0"] == 3


@pytest.mark.parametrize(
    ("value", "target", "at_least", "reached", "said"),
    [
        (0.965, 0.97, True, False, "missed by 0.005"),
        (0.97, 0.97, True, True, "reached"),
        (0.83, 1.0, False, True, "reached"),
        (1.5, 1.0, False, False, "missed by 0.500"),
        (None, 1.0, True, None, ""),
        (0.5, None, True, None, ""),
    ],
)
def test_a_figure_reaches_its_target_or_says_by_how_much_not(
    value: float | None, target: float | None, at_least: bool, reached: bool | None, said: str
) -> None:
    figure = Figure("Name", "meaning", value, None, target, at_least)
    assert figure.reached is reached
    assert said in plain(model_evaluation.figures_table([figure]))


def test_a_figure_that_was_not_measured_says_why() -> None:
    figure = Figure("Name", "meaning", None, None, 0.9, missing="web_bots is not in ./data")
    assert "web_bots is not in ./data" in plain(model_evaluation.figures_table([figure]))


def test_marks_stay_on_the_scale() -> None:
    figure = Figure("N", "m", 7.0, (-1.0, 9.0), 1.0, baselines=(("rule", 12.0),), top=6.0)
    lefts = [style["left"] for style in props(model_evaluation.figures_table([figure]), "style")]
    assert lefts == ["100%", "0%", "16.67%", "100%"]


def test_targets_that_are_reached_are_counted_of_those_that_were_judged() -> None:
    figures = [Figure("a", "", 1.0, None, 0.5), Figure("b", "", None, None, 0.5)]
    assert model_evaluation.reached(figures) == "1 of 1 target reached"


def test_the_furthest_moved_feature_is_first_and_its_highest_hour_is_said() -> None:
    hours = [
        model_drift.Hour(NOW - 2 * HOUR, 0.4, "drifted"),
        model_drift.Hour(NOW - HOUR, None, "stable"),
        model_drift.Hour(NOW, 0.2, "moving"),
    ]
    rows = [
        model_drift.Drift("error_rate", 0.01, "stable", hours[-1:]),
        model_drift.Drift("req_count", 0.2, "moving", hours),
    ]
    table = model_drift.drift_table(rows, NOW)
    said = plain(table)
    assert said.index("Calls") < said.index("Error rate")
    assert "0.40 13:30 UTC" in said
    assert "Last 3 hours" in said
    style = next(style for style in props(table, "style") if "clipPath" in style)
    assert "33.33% 100%, 66.67% 100%" in style["clipPath"]  # the hour that was not measured
    assert style["background"].count("var(--high)") == 1


def test_an_index_above_the_top_of_the_chart_is_cut_off() -> None:
    row = model_drift.Drift("req_count", 9.0, "drifted", [model_drift.Hour(NOW, 9.0, "drifted")])
    style = next(s for s in props(model_drift.drift_table([row], NOW), "style") if "clipPath" in s)
    assert style["clipPath"] == "polygon(0% 100%, 0% 0%, 100% 0%, 100% 100%)"


def test_every_input_of_the_models_has_words() -> None:
    for name in (*INPUTS, *FEATURES):
        words = model_words.of_input(name)
        assert words.name != name, name
        assert words.meaning, name
    assert model_words.of_input("time_z_3") == ("Time beyond its noise", "over 3 min")
    assert model_words.of_input("something_else").name == "something_else"


def test_bars_are_as_long_as_their_share_and_never_negative() -> None:
    words = model_words.Words("Sites", "")
    bars = model_learnt.bars(
        [
            model_learnt.Bar(words, 0.5, "12", "simulated"),
            model_learnt.Bar(words, -0.1, "0"),
        ],
        "By source",
    )
    assert [style["width"] for style in props(bars, "style")] == ["50%", "0%"]
    assert "Sites simulated 12" in plain(bars)


def test_profiles_are_drawn_against_the_largest_of_their_column() -> None:
    table = model_learnt.profiles(
        [
            model_learnt.Profile("normal", 0.5, 2.0, 0.0, 0.0),
            model_learnt.Profile("bot", 2.0, 1.0, 0.7, 0.0),
        ]
    )
    widths = [style["width"] for style in props(table, "style")]
    assert widths == ["25%", "100%", "0%", "0%", "100%", "50%", "100%", "0%"]
    assert "0.5\u00d7" in plain(table)


def test_the_current_version_names_who_chose_it_and_the_way_back() -> None:
    event = Event(NOW - HOUR, "v-2", "promoted", "admin", "it was calmer")
    shown = model_versions.current(version(state="current"), event, "v-1", NOW)
    said = plain(shown)
    assert "60 min ago , by admin" in said
    assert "it was calmer" in said
    assert "Before it v-1 was current." in said
    assert props(shown, "disabled") == [False]
    assert props(model_versions.current(version(), None, None, NOW), "disabled") == [True]


def test_every_version_but_the_current_and_a_broken_one_can_be_promoted() -> None:
    states = ["current", "earlier", "waiting", "refused", "broken"]
    table = model_versions.versions_table([version(state=state) for state in states], NOW)
    assert props(table, "disabled") == [True, False, False, False, True]
    assert props(table, "aria-label") == ["Promote v-2"] * 5


def test_the_dialog_names_the_version_and_what_changes() -> None:
    now_facts = version(name="v-3", base="v-2", origin="this site's windows", windows=50_000)
    said = plain(model_dialog.question("promote", version(), now_facts, NOW))
    assert "Promote v-2 ?" in said
    assert "1,200 windows" in said
    assert "50,000 windows" in said
    assert "Roll back returns to v-3." in said
    back = plain(model_dialog.question("rollback", version(), now_facts, NOW))
    assert "Roll back to v-2 ?" in back
    assert "can be promoted again" in back


def test_the_dialog_warns_of_a_version_that_the_gate_refused() -> None:
    said = plain(model_dialog.question("promote", version(state="refused"), None, NOW))
    assert "The gate refused it" in said


def test_a_version_without_known_windows_says_nothing_of_them() -> None:
    said = plain(model_dialog.question("promote", version(windows=None), version(), NOW))
    assert "None" not in said


@pytest.mark.parametrize("kind", ["trained", "promoted", "refused", "rolled_back"])
def test_every_kind_of_event_is_told(kind: str) -> None:
    said = plain(model_versions.events([Event(NOW, "v-2", kind, "admin", "why")], NOW))
    assert "v-2" in said
    assert "admin" in said


def test_no_event_is_said() -> None:
    assert "No version was trained" in plain(model_versions.events([], NOW))
