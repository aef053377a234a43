"""Incidents from rows written by hand."""

from __future__ import annotations

import json
from typing import Any

from jobs.incidents import Incident, incidents_of, together
from store.tables import WINDOW_COLUMNS
from tests.rows import MINUTE, T0, window


def risky(minute: int, **fields: Any) -> dict[str, Any]:
    """A HIGH window of GET /search that starts `minute` minutes after T0."""
    told = {"risk_score": 0.9, "priority": "HIGH"} | fields
    for name in ("reasons", "causes", "status_counts"):
        if name in told and told[name] is not None:
            told[name] = json.dumps(told[name])
    return dict(zip(WINDOW_COLUMNS, window(T0 + minute * MINUTE, **told), strict=True))


def reasons(**shares: float | None) -> list[dict[str, Any]]:
    return [{"feature": name, "share": share, "text": name} for name, share in shares.items()]


def failing(minute: int, endpoint: str = "/payment", **fields: Any) -> dict[str, Any]:
    """A window of an endpoint that answers 503 to most."""
    told = {
        "endpoint": endpoint,
        "method": "POST",
        "status_counts": {"201": 20, "503": 80},
        "reasons": reasons(error_rate=0.8),
    }
    return risky(minute, **(told | fields))


def client(minute: int, name: str = "u1", **fields: Any) -> dict[str, Any]:
    """A window of a client that got mostly 503."""
    told = {
        "subject": "client",
        "endpoint": "*",
        "method": "*",
        "client": name,
        "status_counts": {"200": 2, "503": 8},
        "reasons": reasons(error_rate=0.8),
    }
    return risky(minute, **(told | fields))


def names(incidents: list[Incident]) -> list[str]:
    return [one.subject.client or one.subject.endpoint for one in incidents]


def test_nothing_risky_is_no_incident() -> None:
    assert incidents_of([]) == []


def test_windows_of_a_subject_are_one_incident_until_it_was_quiet_for_five_minutes() -> None:
    rows = [risky(0), risky(1), risky(6), risky(12)]  # 4 minutes of quiet, then 5
    second, first = incidents_of(rows)
    assert [row["timestamp"] for row in first.windows] == [T0, T0 + MINUTE, T0 + 6 * MINUTE]
    assert (first.start, first.end) == (T0, T0 + 7 * MINUTE)
    assert (second.start, second.end) == (T0 + 12 * MINUTE, T0 + 13 * MINUTE)


def test_the_order_of_the_rows_makes_no_difference() -> None:
    rows = [failing(0), failing(1), client(0), client(1, "u2"), risky(20)]
    assert incidents_of(rows[::-1]) == incidents_of(rows)


def test_another_method_is_another_subject() -> None:
    assert len(incidents_of([risky(0), risky(0, method="POST")])) == 2


def test_the_worst_window_gives_priority_and_reasons() -> None:
    rows = [
        risky(0, risk_score=0.6, priority="MEDIUM"),
        risky(1, risk_score=0.85, req_count=3),
        risky(2, risk_score=0.85, req_count=30),
    ]
    (incident,) = incidents_of(rows)
    assert incident.priority == "HIGH"
    assert incident.worst == rows[2]
    assert incidents_of(rows[:1])[0].priority == "MEDIUM"


def test_it_is_ongoing_until_it_has_been_quiet() -> None:
    (incident,) = incidents_of([risky(0)])
    assert incident.is_ongoing(T0 + 5 * MINUTE)
    assert not incident.is_ongoing(T0 + 6 * MINUTE)


def test_clients_that_get_the_errors_of_a_failing_endpoint_are_part_of_its_incident() -> None:
    rows = [failing(0), failing(1), client(0), client(1), client(1, "u2")]
    (incident,) = incidents_of(rows)
    assert incident.subject.endpoint == "/payment"
    assert [(one.client, len(one.windows)) for one in incident.suffering] == [("u1", 2), ("u2", 1)]
    assert len(incident.all_windows) == 5


def test_clients_that_wait_for_a_slow_endpoint_are_part_of_its_incident() -> None:
    slow = reasons(avg_response_time=0.6, max_response_time=0.2)
    rows = [
        risky(0, status_counts={"200": 50}, reasons=slow),
        client(0, status_counts={"200": 5}, reasons=slow),
    ]
    assert names(incidents_of(rows)) == ["/search"]


def test_a_client_that_is_the_cause_has_an_incident_of_its_own() -> None:
    rows = [failing(0, causes=[{"client": "u1"}]), client(0), client(0, "u2")]
    endpoint, cause = incidents_of(rows)
    assert endpoint.causes == ("u1",)
    assert [one.client for one in endpoint.suffering] == ["u2"]
    assert cause.subject.client == "u1"


def test_who_suffers_for_longer_than_he_is_named_as_the_cause_suffers() -> None:
    rows = [failing(0), failing(1), failing(2, causes=[{"client": "u1"}]), client(0), client(1)]
    (incident,) = incidents_of(rows)
    assert incident.causes == ()
    assert [one.client for one in incident.suffering] == ["u1"]


def test_a_client_at_risk_by_what_it_does_stands_alone_also_during_an_outage() -> None:
    flood = client(0, reasons=reasons(req_count=0.5, error_rate=0.3))
    guessing = client(0, "u2", status_counts={"401": 40, "503": 2})
    assert names(incidents_of([failing(0), flood, guessing])) == ["/payment", "u1", "u2"]


def test_what_a_client_is_like_at_all_times_does_not_keep_it_out_of_an_outage() -> None:
    bot = client(0, reasons=reasons(usage_cluster=0.4, error_rate=0.3))
    assert names(incidents_of([failing(0), bot])) == ["/payment"]


def test_reasons_that_were_not_measured_count_alike() -> None:
    rows = [failing(0), client(0, reasons=reasons(error_rate=None, status_entropy=None))]
    assert names(incidents_of(rows)) == ["/payment"]


def test_clients_with_other_errors_than_the_endpoint_do_not_suffer_from_it() -> None:
    other = client(0, status_counts={"500": 8})
    assert names(incidents_of([failing(0), other])) == ["/payment", "u1"]


def test_a_client_may_feel_an_outage_a_minute_before_its_endpoint() -> None:
    (incident,) = incidents_of([failing(1), client(0)])
    assert incident.start == T0
    assert len(incidents_of([failing(2), client(0)])) == 2


def test_of_two_failing_endpoints_a_client_suffers_from_the_one_that_explains_most() -> None:
    login = failing(0, "/login", status_counts={"200": 30, "503": 3})
    payment = failing(0, "/payment")
    found = {one.subject.endpoint: one for one in incidents_of([login, payment, client(0)])}
    assert found["/login"].suffering == ()
    assert [one.client for one in found["/payment"].suffering] == ["u1"]


def test_windows_without_reasons_or_codes_stand_alone() -> None:
    rows = [failing(0), client(0, reasons=None), client(0, "u2", status_counts=None)]
    assert len(incidents_of(rows)) == 3


def test_endpoints_that_fail_together_stand_side_by_side_with_who_is_the_cause() -> None:
    rows = [
        failing(0, "/login"),
        failing(1, "/login"),
        client(0, "stranger", reasons=reasons(req_count=0.9)),
        failing(1, "/payment", causes=[{"client": "attacker"}]),
        client(1, "attacker", reasons=reasons(req_count=0.9)),
        failing(30, "/login"),
    ]
    groups = together(incidents_of(rows))
    assert [sorted(names(group)) for group in groups] == [
        ["/login"],
        ["/login", "/payment", "attacker"],
        ["stranger"],
    ]
