"""Models adapted to a site: what is normal is learnt anew, the rest is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.bundle import Bundle
from tests.windows import CLIENT, NOTHING, frame, minutes, window


def a_site(clients: int = 8, length: int = 60) -> pd.DataFrame:
    """An hour of a site on which one client calls fifty times as much as the others."""
    rng = np.random.default_rng(11)
    rows = [
        window(back, **(CLIENT | {"client": f"u{n}"}), req_count=int(rng.integers(8, 16)))
        for n in range(clients)
        for back in range(length)
    ]
    rows += [
        window(back, endpoint=path, req_count=int(calls), avg_response_time=rng.gamma(9, 5))
        for path in ("/search", "/pay", "/item")
        for back, calls in enumerate(rng.integers(50, 150, length))
    ]
    rows += minutes(length, first=0, **(CLIENT | {"client": "job"}), req_count=600)
    return frame(*rows)


def test_adapted_models_keep_what_they_know_of_failures_and_bots(bundle: Bundle) -> None:
    site = a_site()
    adapted = bundle.adapted(site, normal=np.ones(len(site), np.bool_))
    for kind, models in adapted.subjects.items():
        assert models.failure is bundle.subjects[kind].failure
        assert models.anomaly is not bundle.subjects[kind].anomaly
    assert adapted.bots is bundle.bots
    outage = adapted.score(frame(window(error_rate=1.0)), NOTHING, min_calls=5)
    assert outage.priority.tolist() == ["HIGH"]


def test_a_client_that_was_marked_as_a_false_alarm_is_quiet_and_others_are_not(
    bundle: Bundle,
) -> None:
    site = a_site()
    job = (site["client"] == "job").to_numpy()
    harmless = site[job].reset_index(drop=True)
    adapted = bundle.adapted(site, normal=~job, harmless=harmless)
    scored = adapted.score(site, NOTHING, min_calls=5)
    assert (scored.anomaly_score[job] == 0).all()
    untold = bundle.adapted(site, normal=~job).score(site, NOTHING, min_calls=5)
    assert (untold.anomaly_score[job] > 0.5).mean() > 0.9
    attack = window(**(CLIENT | {"client": "x"}), req_count=600, error_rate=0.9)
    assert adapted.score(frame(attack), NOTHING, min_calls=5).priority.tolist() == ["HIGH"]
