"""The list and the panel of alerts, as values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from components import alert_detail, alerts
from components.alerts import AlertCard
from tests.rows import MINUTE, T0

NOW = T0 + 60 * MINUTE
CARD = AlertCard(
    id=17,
    priority="HIGH",
    subject="endpoint",
    name="POST /payment",
    href="/endpoint?endpoint=/payment",
    start=T0,
    end=T0 + 14 * MINUTE,
    ongoing=False,
    began_earlier=False,
    windows=12,
    risk=0.8999,
    risks=[0.6, None, 0.9],
    why="error_rate 0.84, usually 0.00-0.03",
    causes=[("u1", "/client?client=u1"), ("u2", None), ("u3", None), ("u4", None)],
    suffering=1,
    calls=1204,
    error_rate=0.62,
    share_simulated=0.0,
    state="open",
    who=None,
    at=None,
)
SEEN = replace(CARD, state="acknowledged", who="ann", at=NOW - 2 * MINUTE)


def plain(component: Any) -> Any:
    """A component as the browser gets it."""
    return json.loads(json.dumps(component, cls=PlotlyJSONEncoder))


def text(component: Any) -> str:
    """All words of a component."""
    part = plain(component)
    if isinstance(part, list):
        return "".join(map(text, part))
    return text(part["props"].get("children") or "") if isinstance(part, dict) else str(part)


def props(component: Any) -> dict[str, Any]:
    found: dict[str, Any] = plain(component)["props"]
    return found


def test_a_row_says_what_where_since_when_and_why() -> None:
    row = text(alerts.alert_list([[CARD]], NOW))
    assert row.startswith("OpenHIGHPOST /payment")
    assert "error_rate 0.84" in row
    assert "15:30 \u2013 15:44 UTC · 14\u00a0min · 12 windows" in row
    assert "because of u1, u2, u3 and 1 more" in row
    assert "1 client suffers" in row
    assert "Risk 0.89" in row
    assert "1,204 calls62\u00a0% errors" in row


def test_what_goes_on_has_no_end() -> None:
    assert alerts.span_words(replace(CARD, ongoing=True), NOW) == "since 15:30 UTC"
    earlier = replace(CARD, ongoing=True, began_earlier=True)
    assert alerts.span_words(earlier, NOW) == "since 15:30 UTC or earlier"


def test_who_said_what_when() -> None:
    assert alerts.state_words(CARD, NOW) == []
    assert text(alerts.state_words(SEEN, NOW)) == "Acknowledgedby ann, 2\u00a0min ago"


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("open", ["acknowledge", "confirmed", "false_alarm"]),
        ("acknowledged", ["undo", "confirmed", "false_alarm"]),
        ("false_alarm", ["undo"]),
        ("confirmed", ["undo"]),
    ],
)
def test_only_what_makes_sense_is_offered(state: str, offered: list[str]) -> None:
    buttons = alerts.actions(17, state, "x", words=False)
    assert [props(button)["data-act"] for button in buttons] == offered


def test_buttons_without_words_have_a_name() -> None:
    for button in alerts.actions(17, "open", "POST /payment", words=False):
        assert "POST /payment" in props(button)["aria-label"]


def test_sections_are_by_state_and_groups_share_a_frame() -> None:
    open_one, seen, judged = alerts.alert_list(
        [[CARD, replace(CARD, id=18)], [SEEN], [replace(SEEN, state="confirmed")]], NOW
    )
    titles = [text(props(part)["children"][0]) for part in (open_one, seen, judged)]
    assert titles == ["Open", "Acknowledged", "Judged"]
    frame = props(open_one)["children"][1]
    assert (len(frame["props"]["children"]), frame["type"]) == (2, "Ul")


def test_a_spark_has_a_bar_a_minute_and_a_low_one_where_nothing_was_at_risk() -> None:
    shape = props(alerts.spark([0.5, None], "HIGH", room=2))["style"]["clipPath"]
    assert shape == (
        "polygon(0% 100%, 0.0% 100%, 0.0% 50%, 39.0% 50%, 39.0% 100%, "
        "50.0% 100%, 50.0% 94%, 89.0% 94%, 89.0% 100%, 100% 100%)"
    )


def test_a_long_incident_has_no_more_bars_than_fit() -> None:
    shape = props(alerts.spark([0.2] * 1000 + [1.0], "MEDIUM"))["style"]["clipPath"]
    assert shape.count(" 0%") == 2, "the highest of its minutes is kept"
    assert shape.count(",") < 4 * alerts.MOST_BARS + 2


def test_counts_tell_the_share_of_false_alarms_and_how_long_people_took() -> None:
    found = text(alerts.numbers(1, 2, 3, 1, 3, 90_000))
    assert "25\u00a0% of 4 judged" in found
    assert "1\u00a0min to acknowledge (median)" in found
    assert "none judged yet" in text(alerts.numbers(0, 0, 0, 0, 0, None))


def test_more_is_offered_only_when_there_is_more() -> None:
    assert alerts.more_button(0) == []
    assert "(7 alerts left)" in text(alerts.more_button(7))


def test_names_of_attackers_are_text() -> None:
    evil = replace(CARD, name="<script>x</script>", href=None)
    assert "<script>x</script>" in text(alerts.alert_list([[evil]], NOW)), "and no markup"


def test_the_panel_folds_out_many_clients() -> None:
    clients = [((f"u{n}", None), 20 - n) for n in range(15)]
    body = text(alert_detail.body(CARD, ["first", "second"], clients))
    assert "15 clients suffer" in body
    assert "3 more" in body
    assert "firstsecond" in body


def test_a_window_says_what_was_said_of_it_and_leads_to_its_calls() -> None:
    stored = {
        "id": 3,
        "timestamp": T0,
        "subject": "endpoint",
        "endpoint": "/payment",
        "method": "POST",
        "client": None,
        "priority": "HIGH",
        "risk_score": 0.9,
        "req_count": 10,
        "error_rate": 0.5,
        "avg_response_time": None,
        "thin": 0,
        "simulated_count": 5,
        "reasons": None,
        "causes": None,
        "verdict": None,
        "judged_by": None,
        "acknowledged_by": "ann",
        "acknowledged_at": T0,
    }
    (row,) = alert_detail.windows_rows([(stored, "/page", "/calls")])
    assert (row["id"], row["said"], row["by"]) == ("3", "Acknowledged", "ann")
    assert (row["calls"], row["calls_href"], row["simulated"]) == (10, "/calls", 0.5)
    judged = alert_detail.windows_rows([(stored | {"verdict": "confirmed"}, None, None)])
    assert judged[0]["said"] == "Confirmed"
