"""Simulated clients on a virtual clock: shares, behaviour, episodes, and that it all repeats."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from itertools import islice, pairwise
from random import Random
from statistics import mean

import pytest

from ingest.call import SIMULATED, UNMATCHED, Call, fingerprint
from ingest.shop.faults import FAULTS, GRADUAL
from ingest.shop.model import ROUTES
from ingest.simulator.clients import Client, population
from ingest.simulator.demo import QUIET_END_MINUTES, history
from ingest.simulator.episodes import NAMES, Planned, planned_episodes
from ingest.simulator.misuse import MISUSE, attackers
from ingest.simulator.pacing import BackOff, Pacer
from ingest.traffic import History, rhythm, simulate

T0 = 1_773_846_000_000  # 2026-03-18T15:00:00Z, the busiest hour
MINUTE = 60_000


@pytest.fixture(scope="module")
def calm() -> History:
    """Half an hour without an episode."""
    return simulate(seed=1, start_ms=T0, minutes=30, episodes=False)


def with_episode(name: str, minutes: float, severity: float, seed: int = 1) -> History:
    """Five calm minutes, an episode, and five calm minutes."""
    return simulate(
        seed=seed,
        start_ms=T0,
        minutes=minutes + 10,
        episodes=[Planned(name, 5.0, minutes, severity)],
    )


def between(history: History, first: float, last: float, endpoint: str | None = None) -> list[Call]:
    """Calls of some minutes since the start."""
    return [
        call
        for call in history.calls
        if T0 + first * MINUTE <= call.timestamp < T0 + last * MINUTE
        and endpoint in (None, call.endpoint)
    ]


def error_rate(calls: list[Call]) -> float:
    return mean(call.status_code >= 400 for call in calls)


def latency(calls: list[Call]) -> float:
    return mean(call.response_time_ms or 0.0 for call in calls)


def by_client(calls: list[Call]) -> dict[str, list[Call]]:
    groups = defaultdict(list)
    for call in calls:
        groups[call.user_id or call.ip_address].append(call)
    return groups


def repeat_rate(calls: list[Call]) -> float:
    """Of the minutes of one client."""
    windows = defaultdict(list)
    for call in calls:
        windows[call.timestamp // MINUTE].append(call.fingerprint)
    return mean(1 - len(set(prints)) / len(prints) for prints in windows.values())


# ---------------------------------------------------------------- clients


@pytest.mark.parametrize(
    ("size", "normal", "heavy", "bots"),
    [(40, 24, 10, 6), (100, 60, 25, 15), (20, 12, 5, 3), (7, 4, 2, 1), (1, 1, 0, 0)],
)
def test_clients_are_60_percent_normal_25_heavy_and_15_bots(
    size: int, normal: int, heavy: int, bots: int
) -> None:
    kinds = Counter(client.kind for client in population(size, seed=1))
    assert (kinds["normal"], kinds["heavy"], kinds["bot"]) == (normal, heavy, bots)


def test_every_client_has_an_address_of_its_own_and_people_an_account_of_their_own() -> None:
    clients = population(200, seed=1)
    assert len({client.address for client in clients}) == 200
    users = [client.user for client in clients if client.user is not None]
    assert len(set(users)) == len(users) == 170  # bots are anonymous


@pytest.mark.parametrize("size", [0, -1, 601])
def test_more_clients_than_accounts_or_none_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"clients={size}"):
        population(size, seed=1)


def test_attackers_come_from_networks_for_documentation() -> None:
    for name in MISUSE:
        gang = attackers(name, Random(1))
        assert all(client.address.startswith(("203.0.113.", "198.51.100.")) for client in gang)
        assert len({client.address for client in gang}) == len(gang)


def test_bots_repeat_themselves_and_heavy_clients_call_more_than_normal_ones(calm: History) -> None:
    repeats, counts = defaultdict(list), defaultdict(list)
    for client, calls in by_client(calm.calls).items():
        if len(calls) >= 30:
            repeats[calm.client_kind[client]].append(repeat_rate(calls))
            counts[calm.client_kind[client]].append(len(calls))
    assert mean(repeats["bot"]) > 0.5 > 0.2 > mean(repeats["heavy"])
    assert mean(counts["heavy"]) > 3 * mean(counts["normal"])


# ---------------------------------------------------------------- history


def test_the_same_arguments_give_the_same_history_in_every_process() -> None:
    program = (
        "from ingest.traffic import simulate;"
        f"h = simulate(seed=3, start_ms={T0}, minutes=8, clients=60);"
        "import hashlib; print(hashlib.sha256(repr((h.calls, h.client_kind, h.episodes))"
        ".encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(digests) == 1


def test_another_seed_gives_another_history() -> None:
    first, second = (simulate(seed=seed, start_ms=T0, minutes=2) for seed in (1, 2))
    assert first.calls != second.calls
    assert {call.ip_address for call in first.calls} != {call.ip_address for call in second.calls}


def test_one_population_can_live_through_different_histories() -> None:
    first, second = (
        simulate(seed=seed, start_ms=T0, minutes=2, population_seed=9) for seed in (1, 2)
    )
    assert first.calls != second.calls
    assert set(first.client_kind) == set(second.client_kind)


def test_calls_are_in_order_within_the_time_and_marked_as_simulated(calm: History) -> None:
    times = [call.timestamp for call in calm.calls]
    assert times == sorted(times)
    assert T0 <= times[0] < times[-1] < T0 + 30 * MINUTE
    assert {call.source for call in calm.calls} == {SIMULATED}
    assert all(call.received_at == call.timestamp for call in calm.calls)
    assert all(0 < (call.response_time_ms or 0.0) <= 4_000 for call in calm.calls)


def test_forty_clients_make_about_ten_calls_a_second(calm: History) -> None:
    assert len(calm.calls) / (30 * 60) == pytest.approx(11.5, abs=1.5)  # the busiest hour


def test_intensity_scales_the_traffic() -> None:
    counts = [
        len(simulate(seed=1, start_ms=T0, minutes=5, episodes=False, intensity=value).calls)
        for value in (0.5, 1.0, 3.0)
    ]
    assert counts[1] / counts[0] == pytest.approx(2, rel=0.2)
    assert counts[2] / counts[1] == pytest.approx(3, rel=0.2)


def test_every_client_of_a_call_is_known_by_its_kind() -> None:
    known = simulate(seed=5, start_ms=T0, minutes=40)
    assert set(by_client(known.calls)) <= set(known.client_kind)
    assert set(known.client_kind.values()) == {"normal", "heavy", "bot"}


def test_what_no_route_fits_is_unmatched_and_404(calm: History) -> None:
    assert {call.endpoint for call in calm.calls} == {*ROUTES, UNMATCHED}
    for call in calm.calls:
        assert (call.endpoint == UNMATCHED) == (call.status_code == 404)
        assert call.endpoint in (call.path, UNMATCHED)


def test_a_calm_day_has_ordinary_errors_but_none_of_the_server(calm: History) -> None:
    statuses = Counter(call.status_code for call in calm.calls)
    assert {200, 201, 400, 401, 402, 404} == set(statuses)
    assert error_rate(calm.calls) < 0.03
    assert latency(calm.calls) < 60


def test_the_size_of_an_answer_varies_with_what_was_found(calm: History) -> None:
    sizes = {call.payload_size for call in calm.calls if call.endpoint == "/search"}
    assert len(sizes) > 50
    assert min(sizes) < 300 < 3_000 < max(sizes)


def test_identical_requests_of_a_client_share_a_fingerprint() -> None:
    one = simulate(seed=1, start_ms=T0, minutes=1, episodes=False).calls
    health = [call for call in one if call.endpoint == "/health"]
    expected = fingerprint(health[0].ip_address, "GET", "/health", "")
    assert {call.fingerprint for call in health} == {expected}


def test_the_day_has_a_busy_afternoon_and_a_quiet_night() -> None:
    hours = [rhythm(hour * 3_600) for hour in range(24)]
    assert hours.index(max(hours)) == 15
    assert hours.index(min(hours)) == 3
    assert mean(hours) == pytest.approx(1.0)
    night = simulate(seed=1, start_ms=T0 - 12 * 3_600_000, minutes=10, episodes=False)
    day = simulate(seed=1, start_ms=T0, minutes=10, episodes=False)
    assert len(day.calls) > 1.3 * len(night.calls)


@pytest.mark.parametrize("intensity", [0.0, -1.0, float("nan"), 1_001.0])
def test_a_senseless_intensity_is_refused(intensity: float) -> None:
    with pytest.raises(ValueError, match="intensity="):
        simulate(seed=1, start_ms=T0, minutes=1, intensity=intensity)


def test_three_hours_are_simulated_in_seconds() -> None:
    began = time.perf_counter()
    calls = simulate(seed=1, start_ms=T0, minutes=30).calls
    print(f"{len(calls) / (time.perf_counter() - began):,.0f} calls/s simulated")
    assert len(calls) > 10_000


# ---------------------------------------------------------------- misuse


@pytest.mark.parametrize(
    ("name", "endpoint", "status", "times"),
    [
        ("credential_stuffing", "/login", 401, 5),
        ("carding", "/payment", 402, 1.5),
        ("enumeration", UNMATCHED, 404, 20),
        ("scraping", "/search", 200, 1.4),
        ("burst", "/search", 200, 2),
    ],
)
def test_a_misuse_shows_on_its_endpoint_by_its_clients_and_ends(
    name: str, endpoint: str, status: int, times: float
) -> None:
    misused = with_episode(name, 4, 1.0)
    (episode,) = misused.episodes
    assert (episode.kind, episode.endpoint) == ("misuse", endpoint)
    assert (episode.start, episode.end) == (T0 + 5 * MINUTE, T0 + 9 * MINUTE)
    before, during = between(misused, 0, 4, endpoint), between(misused, 5, 9, endpoint)
    assert len(during) > times * max(1, len(before))
    theirs = [call for call in during if (call.user_id or call.ip_address) in episode.clients]
    assert mean(call.status_code == status for call in theirs) > 0.6
    assert all(misused.client_kind[client] == "bot" for client in episode.clients)
    later = between(misused, 9, 15)
    assert not [call for call in later if (call.user_id or call.ip_address) in episode.clients]


def test_a_stronger_misuse_makes_more_calls() -> None:
    counts = [len(with_episode("scraping", 3, strength).calls) for strength in (0.5, 1.0, 2.0)]
    assert counts == sorted(counts)


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("name", "severity", "endpoint"),
    [
        ("crash", 1.0, "/search"),
        ("crash", 1.0, "/health"),
        ("dependency_down", 1.0, "/payment"),
        ("dependency_down", 2.0, "/payment"),
    ],
)
def test_a_sudden_fault_fails_at_once_and_is_over_at_its_end(
    name: str, severity: float, endpoint: str
) -> None:
    faulty = with_episode(name, 3, severity)
    assert error_rate(between(faulty, 0, 5, endpoint)) < 0.15
    assert error_rate(between(faulty, 5.1, 8, endpoint)) > 0.95
    assert error_rate(between(faulty, 9, 13, endpoint)) < 0.15


@pytest.mark.parametrize(
    ("name", "severity", "endpoint"),
    [
        ("leak", 1.6, "/search"),
        ("pool_exhaustion", 1.5, "/search"),
        ("retry_storm", 1.1, "/payment"),
    ],
)
def test_a_gradual_fault_slows_the_shop_for_minutes_before_it_fails(
    name: str, severity: float, endpoint: str
) -> None:
    minutes_ahead = []
    for seed in (1, 2, 3):
        faulty = with_episode(name, 16, severity, seed)
        usual = mean(latency(between(faulty, m, m + 1, endpoint)) for m in range(4))
        windows = [between(faulty, m, m + 1, endpoint) for m in range(5, 21)]
        failed = next(m for m, w in enumerate(windows) if latency(w) > 800 or error_rate(w) > 0.3)
        slower = next(m for m, w in enumerate(windows) if latency(w) > 1.3 * usual)
        minutes_ahead.append(failed - slower)
        assert error_rate(between(faulty, 23, 26, endpoint)) < 0.2  # repaired
    assert sorted(minutes_ahead)[1] >= 2


@pytest.mark.parametrize("name", GRADUAL)
def test_a_gradual_fault_that_is_repaired_early_is_a_near_miss(name: str) -> None:
    near = with_episode(name, 6, 0.5)
    for minute in range(16):
        window = between(near, minute, minute + 1, "/payment")
        assert latency(window) < 800
        assert error_rate(window) <= 0.3


def test_clients_send_failed_requests_again_so_that_a_fault_makes_more_calls() -> None:
    faulty = with_episode("dependency_down", 4, 1.0)
    before, during = between(faulty, 0, 4, "/payment"), between(faulty, 5, 9, "/payment")
    assert len(during) > 2 * len(before)
    prints = Counter(call.fingerprint for call in during)
    assert max(prints.values()) >= 4  # one request and its retries


# ---------------------------------------------------------------- plan


def test_a_plan_takes_every_name_once_a_round_with_calm_between() -> None:
    plan = list(islice(planned_episodes(1, calm=(6.0, 12.0)), 30))
    for start in range(0, 30, 10):
        assert {planned.name for planned in plan[start : start + 10]} == set(NAMES)
    gaps = [later.start - earlier.end for earlier, later in pairwise(plan)]
    assert min(gaps) >= 6.0
    assert max(gaps) <= 12.0


def test_a_plan_repeats_for_its_seed_and_has_near_misses_of_gradual_faults_only() -> None:
    plan = list(islice(planned_episodes(1), 200))
    assert plan == list(islice(planned_episodes(1), 200))
    near = [planned for planned in plan if planned.near_miss]
    assert 5 < len(near) < 40
    assert {planned.name for planned in near} == set(GRADUAL)


def test_a_mix_can_leave_families_out() -> None:
    mixed = simulate(seed=1, start_ms=T0, minutes=60, names=("leak", "burst"))
    assert {episode.name for episode in mixed.episodes} == {"leak", "burst"}


@pytest.mark.parametrize(
    "planned", [("earthquake", 0, 1), ("leak", -1, 1), ("leak", 0, 0), ("leak", 0, 1, 0.0)]
)
def test_a_senseless_episode_is_refused(planned: tuple[str, float, float]) -> None:
    with pytest.raises(ValueError, match=r"earthquake|must start"):
        Planned(*planned)


def test_names_of_misuse_and_faults_are_distinct() -> None:
    assert len(set(MISUSE + FAULTS)) == len(MISUSE) + len(FAULTS) == 10


# ---------------------------------------------------------------- pace of the real outlet


def test_the_tempo_is_set_by_the_rate_and_corrected_by_what_came_out() -> None:
    pacer = Pacer(20.0, clients=40)
    pacer.adjust(0, calm=True)
    assert pacer.tempo.value == 2.0  # 40 clients make 10 calls/s at 1
    pacer.adjust(100, calm=True)  # half of the 200 expected, weighed by 200 / (200 + 100)
    assert pacer.tempo.value == pytest.approx(2.0 * 2 ** (2 / 3))
    pacer.adjust(300, calm=True)
    assert pacer.tempo.value == pytest.approx(2.0 * 2 ** (2 / 3))


def test_the_tempo_is_not_corrected_in_a_fault() -> None:
    pacer = Pacer(20.0, clients=40)
    for answers in (0, 1_000, 5_000):
        pacer.adjust(answers, calm=False)
    assert pacer.tempo.value == 2.0


def test_a_server_that_is_away_is_asked_less_and_less_often() -> None:
    back_off, waits = BackOff(), []
    for _ in range(6):
        now = max(0.0, back_off.until)
        back_off.missed(now)
        back_off.missed(now + 0.1)  # sent before, fails together
        waits.append(back_off.until - now)
    assert waits == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    back_off.reached()
    back_off.missed(100.0)
    assert back_off.until == 100.5


# ---------------------------------------------------------------- the demo's past


def test_the_past_of_the_demo_ends_now_and_calmly() -> None:
    now = T0 + 12_345
    past = history(seed=1, now_ms=now, hours=1)
    assert now - 3_600_000 <= past.calls[0].timestamp < now - 3_590_000
    assert now - 5_000 < past.calls[-1].timestamp < now
    assert past.episodes
    assert past.episodes[-1].end <= now - QUIET_END_MINUTES * MINUTE


def test_the_clients_of_the_past_are_the_same_for_every_seed() -> None:
    def usual(seed: int) -> set[str]:
        return {c for c in history(seed, T0, 0.05).client_kind if not c.startswith(("203", "198"))}

    assert usual(1) == usual(2)


def test_clients_keep_their_addresses_whatever_the_key() -> None:
    def addresses(clients: list[Client]) -> list[str]:
        return [client.address for client in clients]

    assert addresses(population(40, 1, b"a")) == addresses(population(40, 1, b"b"))
