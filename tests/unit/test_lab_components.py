"""The lab as values: verdicts, timeline, split, cards, rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dash.development.base_component import Component

from components import lab_cards, lab_history, lab_run, lab_timeline, lab_words
from datasets.owasp.scenarios import RISKS
from jobs.lab import scenarios
from store.scenario_runs import Run
from tests.rows import MINUTE, T0

ASKED = Run(
    id=7, scenario="burst", kind="attack", intensity=1.0, minutes=3, who="admin", asked_at=T0
)
PLAYING = replace(
    ASKED,
    player="p",
    heartbeat_at=T0 + 20_000,
    begins_at=T0 + 500,
    first_at=T0 + 1_000,
    subjects=("192.0.2.1", "192.0.2.2"),
)
MEDIUM = replace(
    PLAYING,
    medium_at=T0 + 65_000,
    medium_start=T0,
    medium_subject="192.0.2.1",
    risk_score=0.66,
)
HIGH = replace(
    MEDIUM,
    high_at=T0 + 125_000,
    high_start=T0 + MINUTE,
    high_subject="192.0.2.2",
    subjects_high=1,
    risk_score=0.83,
)


def ended(run: Run, reason: str = "finished", *, settled: bool = True) -> Run:
    over = replace(run, ended_at=T0 + 181_000, end_reason=reason)
    return replace(over, settled_at=T0 + 246_000) if settled else over


def text_of(node: Any) -> str:
    if isinstance(node, Component):
        return text_of(getattr(node, "children", None))
    if isinstance(node, list | tuple):
        return " ".join(filter(None, map(text_of, node)))
    return "" if node is None else str(node)


def found(node: Any, name: str) -> list[Component]:
    """All components of a class."""
    if isinstance(node, list | tuple):
        return [hit for child in node for hit in found(child, name)]
    if not isinstance(node, Component):
        return []
    own = [node] if name in (getattr(node, "className", "") or "").split() else []
    return own + found(getattr(node, "children", None), name)


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [
        (8_240, "8.2\u00a0s"),
        (54_114, "54\u00a0s"),
        (119_400, "119\u00a0s"),
        (120_000, "2\u00a0min"),
        (191_000, "3\u00a0min 11\u00a0s"),
    ],
)
def test_a_time_to_detection_is_told_in_seconds_and_minutes(length_ms: int, text: str) -> None:
    assert lab_words.took(length_ms) == text


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (ASKED, "Asked for."),
        (replace(ASKED, player="p", begins_at=T0), "The simulated clients are starting."),
        (replace(ASKED, player="p", begins_at=T0 + MINUTE), "switched on at 15:31:00 UTC"),
        (PLAYING, "Its first minute closes at 15:31:00 UTC"),
        (replace(PLAYING, risk_score=0.31), "all was LOW so far, up to a risk of 0.31"),
        (MEDIUM, "MEDIUM after 64\u00a0s, not HIGH yet."),
        (HIGH, "Detected: 192.0.2.2 was HIGH 2\u00a0min 4\u00a0s after the first call. 1 of 2"),
        (ended(PLAYING, settled=False), "its last minute is still to be scored"),
        (ended(replace(PLAYING, risk_score=0.43)), "Not detected in 3\u00a0min"),
        (ended(PLAYING, "stopped"), "Not measured"),
        (ended(MEDIUM), "Seen as MEDIUM, never HIGH: 192.0.2.1 was MEDIUM after 64\u00a0s."),
        (ended(ASKED, "failed"), "its clients could not call the shop"),
        (ended(ASKED, "stopped"), "ended before its first call"),
    ],
)
def test_the_verdict_says_what_is_known(run: Run, said: str) -> None:
    assert said in lab_words.verdict(run, T0 + 1_000, lost=False)


def test_a_run_that_nobody_plays_is_said_to_be_lost() -> None:
    assert "no sign of life" in lab_words.verdict(PLAYING, T0, lost=True)
    assert lab_words.phase(PLAYING, lost=True) == "No sign of life"


def windows() -> list[dict[str, Any]]:
    shared = {"client": "192.0.2.1", "endpoint": "*", "method": "*"}
    return [
        {**shared, "timestamp": T0, "risk_score": 0.66, "priority": "MEDIUM"},
        {**shared, "timestamp": T0, "risk_score": 0.20, "priority": "LOW", "client": "192.0.2.2"},
        {**shared, "timestamp": T0 + MINUTE, "risk_score": 0.83, "priority": "HIGH"},
    ]


def test_the_timeline_shows_the_riskiest_subject_of_each_scored_minute() -> None:
    drawn = lab_timeline.timeline(HIGH, windows(), T0 + 2 * MINUTE, T0 + 130_000, MINUTE)
    assert [text_of(bar) for bar in found(drawn, "lab-bar")] == ["0.66", "0.83"]
    assert len(found(drawn, "lab-bar-high")) == len(found(drawn, "lab-bar-medium")) == 1
    assert "192.0.2.2 0.20 LOW" in found(drawn, "lab-minute")[0].title
    label = found(drawn, "lab-plot")[0].to_plotly_json()["props"]["aria-label"]
    assert label == "Risk by minute: 15:30 MEDIUM 0.66, 15:31 HIGH 0.83"


def test_a_minute_is_open_then_being_scored_and_a_scored_one_without_calls_is_empty() -> None:
    def awaited(scored_to: int, now: int) -> list[str]:
        drawn = lab_timeline.timeline(PLAYING, [], scored_to, now, MINUTE)
        return [text_of(column) for column in found(drawn, "lab-unscored")]

    assert awaited(T0, T0 + 30_000) == ["open"]
    assert awaited(T0, T0 + 62_000) == ["scoring", "open"]
    assert awaited(T0 + MINUTE, T0 + 66_000) == ["open"]


def test_marks_stand_where_a_run_began_was_seen_and_ends() -> None:
    drawn = lab_timeline.timeline(HIGH, windows(), T0 + 2 * MINUTE, T0 + 130_000, MINUTE)
    marks = {text_of(mark): mark.style["left"] for mark in found(drawn, "lab-mark")}
    assert list(marks) == [
        "First call",
        "Ends",
        "MEDIUM after 64\u00a0s",
        "HIGH after 2\u00a0min 4\u00a0s",
    ]
    places = [float(left.rstrip("%")) for left in marks.values()]
    # from two minutes before to 15 s after the minute of the planned end: 375 s
    assert places == [round(100 * (120 + s) / 375, 2) for s in (1, 181, 65, 125)]


def test_the_split_tells_only_the_parts_that_took_time() -> None:
    shown = lab_run.split_bar(lab_run.Split(0, 54_000, 5_600), T0, MINUTE)
    assert len(found(shown, "lab-split-bar")[0].children) == 2
    assert "54\u00a0s until the minute closed at 15:31" in text_of(shown)
    assert "earlier minutes" not in text_of(shown)


def test_the_facts_of_a_run_that_was_not_seen_say_so() -> None:
    run = ended(replace(PLAYING, calls_sent=1_234, calls_stored=1_200, risk_score=0.4))
    text = text_of(lab_run.facts(run, None, MINUTE))
    assert "1,234" in text
    assert "first at 15:30:01 UTC" in text
    assert "Not detected all windows LOW" in text


def test_every_scenario_is_a_card_with_a_named_button_and_its_category() -> None:
    cards = found(lab_cards.scenario_cards(scenarios.SCENARIOS, RISKS), "lab-card")
    assert len(cards) == len(scenarios.SCENARIOS)
    for card, scenario in zip(cards, scenarios.SCENARIOS, strict=True):
        button = found(card, "lab-start")[0]
        assert button.id == {"type": "lab-start", "scenario": scenario.name}
        assert button.to_plotly_json()["props"]["aria-label"] == f"Start {scenario.title}"
        category = text_of(found(card, "lab-category"))
        assert category.startswith(f"{scenario.risk}:2023" if scenario.risk else "Fault")


def test_each_risk_of_owasp_is_played_or_said_not_to_be_playable() -> None:
    played = {scenario.risk for scenario in scenarios.SCENARIOS if scenario.risk}
    assert played | set(scenarios.NOT_PLAYABLE) == set(RISKS)
    assert played.isdisjoint(scenarios.NOT_PLAYABLE)


def test_the_closed_lab_says_how_to_open_it() -> None:
    text = text_of(lab_cards.closed("FORESIGHT_DEMO=1 run"))
    assert "The lab is closed" in text
    assert "FORESIGHT_DEMO=1 run" in text


@pytest.mark.parametrize(
    ("run", "result"),
    [
        (ended(HIGH), "HIGH"),
        (HIGH, "HIGH"),
        (ended(MEDIUM), "MEDIUM"),
        (MEDIUM, "Playing"),
        (ended(PLAYING), "Not measured"),
        (ended(replace(PLAYING, risk_score=0.4)), "Not detected"),
        (ended(ASKED, "stopped"), "Not played"),
    ],
)
def test_the_result_of_a_run_is_one_of_few_words(run: Run, result: str) -> None:
    assert lab_history.result(run) == result


def test_a_row_has_seconds_as_numbers_and_a_link_to_its_run() -> None:
    row = lab_history.rows(
        [ended(HIGH)], {7: "Flood"}, {7: "API4"}, lambda _: "HIGH", lambda id: f"/lab?run={id}"
    )[0]
    assert (row["id"], row["title_href"], row["owasp"]) == ("7", "/lab?run=7", "API4")
    assert (row["high_s"], row["medium_s"], row["caught"]) == (124, 64, "1 of 2")
    fields = {column["field"] for column in lab_history.columns()}
    assert fields <= set(row)
