"""What the answer is by the glossary: rows, limits, orders, entities, counts, groups, measures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plans import (
    ANOMALY,
    BOT,
    ERROR_RATE,
    ERRORS,
    HIGH,
    MS,
    SIZE,
    SLOW,
    WELL,
    average,
    calls,
    cases,
    code,
    codes,
    compare,
    day,
    different,
    every,
    has,
    having,
    highest,
    last,
    lowest,
    means,
    number,
    per,
    percentile,
    route,
    since,
    sized,
    total,
    windows,
)
from tests.site import DAY, HOUR, MINUTE

CLIENT: Any = {"subject": "client"}
ENDPOINT: Any = {"subject": "endpoint"}
GET = has("method", "GET")
TODAY = {"time": day(0)}

LIMITS = (
    ("default", calls(ERRORS), "errors", "recent errors", "errors of all time"),
    ("all", calls(ERRORS, limit=1000), "all errors", "every error", "everything that failed"),
    ("number", calls(ERRORS, limit=5), "first 5 errors", "top 5 errors", "5 latest errors",
     "last 5 errors", "errors limit 5", "only 5 errors", "up to 5 rows of errors",
     "last five errors"),
    ("hard", calls(ERRORS, limit=1000), "first 5000 errors"),
)  # fmt: skip

ORDERS = (
    ("newest", calls(ERRORS), "errors newest first", "errors, most recent first", "latest errors"),
    ("oldest", calls(ERRORS, down=False), "errors oldest first", "errors earliest first",
     "oldest errors"),
    ("slowest", calls(ERRORS, order=MS), "errors slowest first", "errors sorted by response time"),
    ("fastest", calls(ERRORS, order=MS, down=False), "errors fastest first",
     "errors sorted by response time ascending", "errors sorted by response time, lowest first"),
    ("largest", calls(ERRORS, order=SIZE), "errors largest first", "errors sorted by payload"),
    ("smallest", calls(ERRORS, order=SIZE, down=False), "errors smallest first"),
    ("riskiest", windows(ANOMALY, order="risk_score"), "anomalies riskiest first",
     "anomalies highest risk first", "anomalies sorted by risk score"),
    ("least-risky", windows(order="risk_score", down=False), "windows least risky first"),
    ("to-fail", windows(order="failure_probability"), "windows most likely to fail first"),
    ("score", windows(order="anomaly_score"), "windows sorted by anomaly score"),
    ("window-term", windows(GET, order="risk_score", **ENDPOINT), "GET requests sorted by risk"),
)  # fmt: skip

SUPERLATIVES = (
    ("number", calls(order=MS, limit=10), "the 10 slowest requests", "slowest requests"),
    ("plural", calls(GET, order=MS, limit=10), "slowest GET calls"),
    ("singular", calls(order=MS, limit=1), "the slowest request", "slowest call"),
    ("fastest", calls(order=MS, down=False, limit=3), "3 fastest requests"),
    ("latest", windows(ANOMALY, limit=1), "the latest anomaly", "most recent anomaly"),
    ("oldest", calls(ERRORS, down=False, limit=1), "the oldest error"),
    ("riskiest", windows(order="risk_score", limit=10), "riskiest windows"),
    ("riskiest-one", windows(order="risk_score", limit=1), "the riskiest window"),
    ("least", windows(order="risk_score", down=False, limit=4), "4 least risky windows"),
    ("payloads", calls(order=SIZE, limit=3), "3 biggest payloads", "the 3 largest payloads"),
    ("max-payload", number(calls(), highest(SIZE)), "max payload", "maximum payload"),
)  # fmt: skip

ENTITIES = (
    ("windows", windows(HIGH, **ENDPOINT), "high risk APIs", "which endpoints are high risk?"),
    ("bots", windows(BOT, **CLIENT), "which clients look like bots?"),
    ("which", per("ip_address", calls(code(401), **TODAY)), "which IPs got 401 today"),
    ("list", per("endpoint", calls(SLOW)), "list slow endpoints"),
    ("users", per("user_id", calls(route("/payment"))), "users who called /payment"),
    ("who", per("client", calls(route("/login"))), "who called /login?"),
    ("methods", per("method", calls(ERRORS)), "which methods failed?"),
    ("codes", per("status_code", calls(**TODAY)), "which status codes were returned today?"),
    ("limit", per("ip_address", calls(ERRORS), limit=5), "top 5 IPs by errors"),
    ("more", having(per("user_id", calls()), ">", 10), "users with more than 10 requests"),
    ("at-least", having(per("ip_address", calls(ERRORS)), ">=", 5), "IPs with at least 5 errors"),
    ("fewer", having(per("endpoint", calls()), "<", 100), "endpoints with fewer than 100 calls"),
    ("exactly", having(per("client", calls(code(401))), "in", 2), "clients with exactly 2 401s"),
    ("alerts", having(per("client", windows(HIGH, **CLIENT)), ">", 3),
     "clients with more than 3 alerts"),
    ("anomalies", having(per("endpoint", windows(ANOMALY, **ENDPOINT)), ">", 3),
     "endpoints with more than 3 anomalies"),
    ("who-most", per("client", calls(), limit=1), "who made the most requests?"),
    ("literal", calls(has("user_id", "u017"), ERRORS), "errors of user u017", "user u017 errors"),
    ("literal-ip", calls(has("ip_address", "10.0.0.9")), "client 10.0.0.9"),
    ("slowest", per("endpoint", calls(), average(MS), limit=5), "top 5 slowest endpoints"),
    ("fastest", per("endpoint", calls(), average(MS), limit=10, down=False), "fastest endpoints"),
    ("singular", per("endpoint", calls(), average(MS), limit=1), "slowest endpoint",
     "which endpoint is the slowest?"),
    ("most", per("endpoint", calls(ERRORS), limit=1), "which endpoint has the most errors?"),
    ("busiest", per("ip_address", calls(), limit=10), "busiest IPs", "most active IPs"),
    ("riskiest", per("client", windows(**CLIENT), highest("risk_score"), limit=10),
     "riskiest clients", "highest risk clients"),
)  # fmt: skip

COUNTS = (
    ("rows", number(calls()), "how many requests", "number of calls", "count of requests",
     "how many calls were there?"),
    ("errors", number(calls(ERRORS, **TODAY)), "how many errors today", "number of failures today"),
    ("anomalies", number(windows(ANOMALY)), "how many anomalies", "count the anomalies"),
    ("alerts", number(windows(HIGH)), "how many alerts"),
    ("windows", number(windows()), "how many windows"),
    ("clients", number(calls(), different("client")), "how many clients"),
    ("users", number(calls(route("/login")), different("user_id")),
     "how many users called /login?"),
    ("addresses", number(calls(ERRORS), different("ip_address")), "how many IPs had errors?"),
    ("endpoints", number(windows(HIGH, **ENDPOINT), different("endpoint")),
     "how many high risk endpoints"),
    ("in-windows", number(windows(ANOMALY, **CLIENT), different("client")),
     "how many suspicious users", "number of suspicious clients"),
    ("grouped", per("endpoint", calls(), different("client")), "how many clients per endpoint"),
)  # fmt: skip

GROUPS = (
    ("one", per("endpoint", calls()), "requests per endpoint", "requests by endpoint",
     "requests for each endpoint", "requests grouped by endpoint",
     "requests broken down by endpoint", "number of requests for each endpoint"),
    ("method", per("method", calls(ERRORS)), "errors by method"),
    ("status", per("status_code", calls()), "requests by status code", "calls per status"),
    ("user", per("user_id", calls()), "requests per user"),
    ("client", per("client", calls()), "requests per client"),
    ("priority", per("priority", windows()), "windows by priority"),
    ("cluster", per("usage_cluster", windows()), "windows per usage cluster"),
    ("subject", per("subject", windows(ANOMALY)), "anomalies by subject"),
    ("endpoint-windows", per("endpoint", windows(**ENDPOINT)), "windows per endpoint"),
    ("client-windows", per("client", windows(**CLIENT)), "windows per client", "windows per user",
     "windows per IP"),
    ("two", per("endpoint method", calls()), "requests by endpoint and method"),
    ("two-measures", per("endpoint", calls(), average(MS), highest(MS)),
     "average and max response time by endpoint"),
    ("top", per("endpoint", calls(), limit=3), "top 3 endpoints by requests"),
)  # fmt: skip

CALL_MEASURES = (
    ("count", number(calls(**TODAY)), "total requests today", "request volume today",
     "traffic volume today"),
    ("top", per("endpoint", calls(), limit=10), "top endpoints", "busiest endpoints",
     "endpoints with the most requests"),
    ("average", number(calls(), average(MS)), "average response time", "avg latency",
     "mean response time"),
    ("max", number(calls(), highest(MS)), "max response time", "maximum latency",
     "highest response time", "worst response time"),
    ("min", number(calls(), lowest(MS)), "min response time", "lowest latency"),
    ("median", number(calls(), percentile(50)), "median response time", "p50 latency", "median"),
    ("p95", number(calls(), percentile(95)), "p95", "95th percentile", "p95 response time"),
    ("p90", number(calls(), percentile(90)), "p90 latency"),
    ("p99", per("endpoint", calls(), percentile(99)), "p99 by endpoint"),
    ("p95-payload", number(calls(), percentile(95, SIZE)), "p95 payload"),
    ("average-payload", number(calls(), average(SIZE)), "average payload", "mean payload size"),
    ("total-payload", number(calls(), total(SIZE)), "total payload", "how much data", "bytes"),
    ("most-data", per("client", calls(), total(SIZE), limit=1), "who sent the most data?"),
    ("errors", number(calls(ERRORS)), "error count", "number of failures"),
    ("most-5xx", per("endpoint", calls(codes(500)), limit=1),
     "which endpoint has the most server errors?"),
    ("most-401", per("ip_address", calls(code(401)), limit=1), "which IP has the most 401s?"),
    ("rate", per("endpoint", calls(), ERROR_RATE), "error rate by endpoint",
     "failure rate per endpoint"),
    ("rate-of", number(calls(route("/login")), ERROR_RATE), "error rate of /login"),
    ("clients", number(calls(), different("client")), "unique clients", "distinct clients"),
    ("users", number(calls(), different("user_id")), "unique users", "number of distinct users"),
    ("endpoints", number(calls(), different("endpoint")), "unique endpoints"),
    ("of-rows", number(calls(WELL, sized(">", 10240)), average(MS)),
     "average latency of successful requests with large payloads"),
)  # fmt: skip

WINDOW_MEASURES = (
    ("average", per("endpoint", windows(**ENDPOINT), average("failure_probability")),
     "average failure probability by endpoint"),
    ("max", number(windows(ANOMALY), highest("anomaly_score")), "max anomaly score of anomalies"),
    ("risk", number(windows(**TODAY), highest("risk_score")), "maximum risk score today"),
    ("to-fail", per("endpoint", windows(**ENDPOINT), highest("failure_probability"), limit=1),
     "endpoint most likely to fail"),
    ("anomalous", per("client", windows(ANOMALY, **CLIENT), limit=10), "most anomalous clients",
     "clients with the most anomalies"),
    ("alerts", per("client", windows(HIGH, **CLIENT), limit=1),
     "which client has the most alerts?"),
    ("bots", per("client", windows(BOT, **CLIENT), limit=1),
     "which client has the most bot windows?"),
    ("busiest", per("client", windows(BOT, **CLIENT), total("req_count"), limit=10),
     "busiest bot clients", "bot clients with the most requests"),
    ("response", number(windows(ANOMALY), average("avg_response_time")),
     "average response time of anomalous windows"),
    ("unique", number(windows(), average("unique_endpoints")), "average unique endpoints"),
    ("unique-max", number(windows(), highest("unique_endpoints")), "max unique endpoints"),
)  # fmt: skip

TRENDS = (
    ("minute", every("minute", calls(time=last(HOUR))), "requests per minute over the last hour",
     "requests each minute in the last hour"),
    ("hour", every("hour", calls(ERRORS)), "errors by hour", "hourly errors", "errors per hour"),
    ("day", every("day", calls()), "daily requests", "requests per day"),
    ("every-5", every("minute", calls(time=since(0)), units=5),
     "traffic every 5 minutes since midnight"),
    ("trend-short", every("minute", calls(ERRORS, time=last(2 * HOUR))),
     "trend of errors in the last 2 hours"),
    ("trend-long", every("hour", calls(ERRORS, time=last(2 * HOUR + MINUTE))),
     "trend of errors in the last 121 minutes"),
    ("trend-days", every("hour", calls(time=last(3 * DAY))), "requests over time, last 3 days"),
    ("trend-week", every("day", calls(time=last(4 * DAY))), "requests over time, last 4 days"),
    ("trend-open", every("hour", calls(ERRORS)), "errors over time", "trend of errors"),
    ("of-measure", every("hour", calls(**TODAY), average(MS)), "average latency by hour today"),
    ("of-windows", every("hour", windows(HIGH)), "alerts per hour"),
    ("of-column", every("hour", windows(compare("req_count", ">", 50)), average("risk_score")),
     "average risk by hour of windows with more than 50 requests"),
    ("distinct", every("hour", calls(), different("client")), "unique clients per hour"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "meaning"),
    [
        *cases("2-limits", LIMITS),
        *cases("2-orders", ORDERS),
        *cases("2-superlatives", SUPERLATIVES),
        *cases("2-entities", ENTITIES),
        *cases("2-counts", COUNTS),
        *cases("2-groups", GROUPS),
        *cases("5-call-measures", CALL_MEASURES),
        *cases("5-window-measures", WINDOW_MEASURES),
        *cases("5-trends", TRENDS),
    ],
)
def test_an_answer_is_what_the_glossary_says(asked: str, meaning: Any) -> None:
    means(asked, meaning)
