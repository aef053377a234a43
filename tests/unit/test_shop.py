"""The mechanisms of the mock shop, each against waiting times worked out by hand."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random

import pytest

from ingest.shop.catalogue import PRODUCTS, products
from ingest.shop.faults import Fault
from ingest.shop.front import Request, issued, luhn_sum
from ingest.shop.mechanisms import TIMEOUT_S, Connections, Host, Memory, Pace, Workers
from ingest.shop.model import ROUTES, Shop
from ingest.shop.provider import Provider

SEARCH = Request("GET", "/search", "q=lamp&page=1")
HEALTH = Request("GET", "/health")
PAYMENT = Request(
    "POST", "/payment", "", b'{"amount": 5, "currency": "EUR", "card": "4000000000000051"}', "u001"
)


def serve_evenly(shop: Shop, request: Request, per_s: float, seconds: float, start: float = 0.0):  # type: ignore[no-untyped-def]
    """Outcomes of requests that come at even distances."""
    return [shop.serve(request, start + n / per_s) for n in range(int(per_s * seconds))]


def mean_ms(outcomes) -> float:  # type: ignore[no-untyped-def]
    return 1_000 * sum(outcome.latency_s for outcome in outcomes) / len(outcomes)


# ---------------------------------------------------------------- workers


def test_two_workers_take_two_requests_at_once_and_the_third_waits_for_the_earlier_end() -> None:
    workers = Workers(2, queue_limit=10)
    waits = []
    for now, takes in [(0.0, 1.0), (0.1, 0.5), (0.2, 1.0), (0.3, 0.1), (5.0, 1.0)]:
        start = workers.start(now)
        assert start is not None
        workers.occupy(start, start + takes, now)
        waits.append(round(start - now, 6))
    # ends: 1.0, 0.6; third starts 0.6 (ends 1.6); fourth starts 1.0; the fifth finds both free
    assert waits == [0.0, 0.0, 0.4, 0.7, 0.0]


def test_a_full_queue_turns_the_next_request_away() -> None:
    workers = Workers(1, queue_limit=2)
    for _ in range(3):  # one in work, two waiting
        start = workers.start(0.0)
        assert start is not None
        workers.occupy(start, start + 1.0, 0.0)
    assert workers.waiting(0.0) == 2
    assert workers.start(0.0) is None
    assert workers.start(1.5) == 3.0  # the second is in work by then, the third waits


def test_a_pause_delays_whoever_comes_during_it() -> None:
    workers = Workers(2, queue_limit=10)
    workers.pause(10.0, 0.25)
    assert workers.start(10.1) == 10.25
    assert workers.start(10.3) == 10.3


def test_who_would_wait_longer_than_the_gateway_gets_504_and_is_not_worked_on() -> None:
    shop = Shop(seed=1)
    shop.workers.pause(0.0, TIMEOUT_S + 5.0)
    assert shop.serve(SEARCH, 0.0)[:2] == (504, TIMEOUT_S)
    assert shop.workers.start(TIMEOUT_S + 5.0) == TIMEOUT_S + 5.0


def test_a_flood_over_the_capacity_fills_the_queue_and_gets_503() -> None:
    outcomes = serve_evenly(Shop(seed=1), SEARCH, per_s=2_000, seconds=1)
    statuses = {outcome.status for outcome in outcomes}
    assert statuses == {200, 503}
    assert outcomes[0].latency_s < 0.03 < outcomes[-1].latency_s or outcomes[-1].status == 503


def test_latency_grows_with_the_load() -> None:
    means = [mean_ms(serve_evenly(Shop(seed=1), PAYMENT, rate, 20)) for rate in (1, 10, 25)]
    assert means == sorted(means)
    assert means[2] > 2 * means[0]


# ---------------------------------------------------------------- connections


def test_a_pool_without_loss_never_runs_out() -> None:
    pool = Connections(2, Random(1))
    ends = [pool.use(at, 1.0) for at in (0.0, 0.0, 0.0)]
    assert ends == [1.0, 1.0, 2.0]
    assert pool.use(0.5, 1.0) == 2.0
    assert pool.use(0.6, 1.0) is None  # both are busy until 2.0, longer than 1.2 s away


def test_a_pool_that_gets_no_connection_back_runs_out_and_a_restart_brings_all_back() -> None:
    pool = Connections(3, Random(1))
    pool.loss = 1.0
    used = [pool.use(float(at), 0.01) is not None for at in range(5)]
    assert used == [True, True, True, False, False]
    assert pool.lost == 3
    pool.loss = 0.0
    pool.restart()
    assert pool.use(6.0, 0.01) == 6.01


def test_the_database_closes_an_abandoned_connection_in_the_end() -> None:
    pool = Connections(1, Random(1))
    pool.loss = 1.0
    pool.use(0.0, 0.01)
    pool.loss = 0.0
    assert pool.use(1.0, 0.01) is None
    assert pool.use(50 * Connections.LOST_MEAN_S, 0.01) is not None


def test_lost_connections_hold_locks_that_slow_the_others_before_any_request_fails() -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("pool_exhaustion", 1.0))
    outcomes = serve_evenly(shop, SEARCH, per_s=10, seconds=900)
    failed_at = next(n for n, outcome in enumerate(outcomes) if outcome.status >= 500)
    before = outcomes[failed_at - 1_000 : failed_at - 300]
    assert mean_ms(before) > 4 * mean_ms(outcomes[:300])


# ---------------------------------------------------------------- memory


def test_a_fresh_heap_is_collected_rarely_and_shortly_and_a_full_one_often_and_long() -> None:
    fresh, full = Memory(), Memory()
    full.used_mb = 0.95 * Memory.LIMIT_MB
    rare, often = (
        [pause for pause in (heap.allocate() for _ in range(1_000)) if pause]
        for heap in (fresh, full)
    )
    assert len(rare) == 14  # each 67: 804 MB of headroom / 6 / 2 MB
    assert len(often) == 200  # each 5: 51.2 MB / 6 / 2 MB
    assert rare[0] == pytest.approx(0.6 * (220 / 1024) ** 3)  # 6 ms
    assert often[0] == pytest.approx(0.6 * 0.95**3)  # 514 ms


def test_a_leak_raises_latency_before_it_fails_and_the_restart_heals_it() -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("leak", 1.0))
    outcomes = serve_evenly(shop, SEARCH, per_s=10, seconds=1_050)
    failed_at = next(n for n, outcome in enumerate(outcomes) if outcome.status >= 500)
    two_minutes_before = outcomes[failed_at - 1_200 : failed_at - 600]
    assert mean_ms(two_minutes_before) > 1.5 * mean_ms(outcomes[:600])
    assert shop.memory.used_mb < 0.5 * Memory.LIMIT_MB  # killed and fresh again
    assert outcomes[-1].status == 200


def test_a_leak_that_is_repaired_in_time_never_hurts() -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("leak", 1.0))
    outcomes = serve_evenly(shop, SEARCH, per_s=10, seconds=400)
    shop.set_fault(None)
    outcomes += serve_evenly(shop, SEARCH, per_s=10, seconds=1_200, start=400.0)
    assert {outcome.status for outcome in outcomes} == {200}
    assert mean_ms(outcomes[-6_000:]) < 1.5 * mean_ms(outcomes[:600])


# ---------------------------------------------------------------- provider


def attempts(provider: Provider, per_s: float, seconds: float) -> list[tuple[float, str]]:
    return [provider.attempt(n / per_s) for n in range(int(per_s * seconds))]


def test_the_provider_answers_nearly_always_at_its_usual_load() -> None:
    results = [result for _, result in attempts(Provider(Random(1)), 1.0, 3_600)]
    assert results.count("ok") >= 0.998 * len(results)


def test_retries_of_late_attempts_drown_a_provider_that_is_too_busy() -> None:
    busy = Provider(Random(1))
    busy.load = 0.85
    attempts(busy, 1.0, 1_800)
    assert busy.total_load > 2.0  # 0.85 of first attempts, the rest are retries


@pytest.mark.parametrize(
    ("load", "busy_s", "recovers"), [(0.78, 30, True), (0.85, 300, False)], ids=["short", "long"]
)
def test_a_provider_that_was_busy_recovers_by_itself_only_when_few_retry(
    load: float, busy_s: int, recovers: bool
) -> None:
    for seed in range(10):
        provider = Provider(Random(seed))
        provider.load = load
        for second in range(busy_s):
            provider.attempt(float(second))
        provider.load = Provider.USUAL_LOAD
        for second in range(busy_s, busy_s + 1_200):
            provider.attempt(float(second))
        assert (provider.total_load < 0.8) is recovers


def test_our_own_retries_add_to_the_load_of_the_provider() -> None:
    few, many = Provider(Random(1)), Provider(Random(1))
    attempts(few, 1.0, 120)
    attempts(many, 5.0, 120)
    assert many.total_load - few.total_load == pytest.approx(0.2, abs=0.12)  # 4/s * 0.05 s


@pytest.mark.parametrize(
    ("severity", "status", "at_least_s"),
    [(1.0, 502, 0.0), (1.5, 504, 2.7)],
    ids=["refusing", "silent"],
)
def test_a_provider_that_is_down_fails_payments_but_not_searches(
    severity: float, status: int, at_least_s: float
) -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("dependency_down", severity))
    paid = shop.serve(PAYMENT, 0.0)
    assert paid.status == status
    assert paid.latency_s >= at_least_s
    assert shop.serve(SEARCH, 10.0).status == 200


def test_waiting_for_a_silent_provider_holds_the_workers_that_searches_need() -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("dependency_down", 2.0))
    for _ in range(4):
        shop.serve(PAYMENT, 0.0)
    assert shop.serve(SEARCH, 0.1).latency_s > 2.0


# ---------------------------------------------------------------- the shop


def test_a_crashed_shop_answers_everything_with_503_until_it_is_repaired() -> None:
    shop = Shop(seed=1)
    shop.set_fault(Fault("crash"))
    assert [shop.serve(request, 1.0).status for request in (SEARCH, PAYMENT, HEALTH)] == [503] * 3
    shop.set_fault(None)
    assert [shop.serve(request, 2.0).status for request in (SEARCH, PAYMENT, HEALTH)] == [
        200,
        201,
        200,
    ]


def test_the_same_seed_gives_the_same_outcomes() -> None:
    first, second = (serve_evenly(Shop(seed=7), PAYMENT, 5, 60) for _ in range(2))
    assert first == second
    assert first != serve_evenly(Shop(seed=8), PAYMENT, 5, 60)


def test_an_idle_search_takes_at_most_30_ms() -> None:
    outcomes = [Shop(seed=seed).serve(SEARCH, 0.0) for seed in range(300)]
    assert sorted(outcome.latency_s for outcome in outcomes)[294] <= 0.030  # 98 of 100
    assert mean_ms(outcomes) < 15


@pytest.mark.parametrize("path", ["/", "/search/", "/Search", "/wp-login.php", "", "/\0"])
def test_an_unknown_path_is_404(path: str) -> None:
    assert Shop(seed=1).serve(Request("GET", path), 0.0).status == 404


@pytest.mark.parametrize(("path", "method"), ROUTES.items())
def test_another_method_is_405(path: str, method: str) -> None:
    assert Shop(seed=1).serve(Request("PUT", path), 0.0).status == 405
    assert Shop(seed=1).serve(Request(method, path), 0.0).status != 405


def test_every_answer_is_json_and_errors_have_one_shape() -> None:
    shop = Shop(seed=1)
    outcomes = [
        shop.serve(request, float(at))
        for at, request in enumerate(
            [SEARCH, PAYMENT, HEALTH, PAYMENT._replace(user=None), Request("GET", "/x")]
        )
    ]
    for outcome in outcomes:
        body = json.loads(outcome.body)
        assert (outcome.status >= 400) == ("error" in body)
        if "error" in body:
            assert set(body["error"]) == {"code", "message", "details"}


def test_the_catalogue_is_the_same_everywhere_and_every_product_has_its_own_name() -> None:
    assert len(products()) == PRODUCTS
    assert len({name for name, _ in products()}) == PRODUCTS
    assert products()[0][0] == products.__wrapped__()[0][0]


@pytest.mark.parametrize(
    ("card", "total"), [("4242424242424242", 0), ("79927398713", 0), ("79927398710", 7), ("0", 0)]
)
def test_luhn_sums_worked_out_by_hand(card: str, total: int) -> None:
    assert luhn_sum(card) == total


def test_about_one_card_in_eight_is_issued() -> None:
    cards = [f"4{number:015d}" for number in range(20_000)]
    assert sum(map(issued, cards)) / len(cards) == pytest.approx(1 / 8, abs=0.01)


# ---------------------------------------------------------------- the machine


def test_the_pace_wanders_around_one() -> None:
    pace = Pace(Random(1))
    seen = []
    for second in range(0, 200_000, 5):
        pace.advance(float(second))
        seen.append(pace.factor)
    assert 0.6 < min(seen) < 0.85 < 1.2 < max(seen) < 1.6
    assert sum(seen) / len(seen) == pytest.approx(1.0, abs=0.04)


def test_a_stall_of_the_host_ends_all_answers_that_fall_into_it_at_once() -> None:
    host = Host(Random(1))
    ends = [at + host.latency(at, 0.010) for at in (n / 100 for n in range(100_000))]
    assert max(earlier - later for earlier, later in pairwise(ends)) < 0.002
    delayed = sum(end - n / 100 > 0.02 for n, end in enumerate(ends))
    assert 0 < delayed < 0.02 * len(ends)
