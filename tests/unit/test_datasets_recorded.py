"""The shipped recording: what is in it, and that it is what the models see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from datasets import recorded
from ingest.traffic import FAULTS, MISUSE, Episode, History
from ml.features import FEATURES, KEY
from tests.rows import MINUTE, T0

MOST_BYTES = 300_000


def windows_of(*clients: str | None) -> pd.DataFrame:
    rows = [
        {"timestamp": T0, "subject": "client" if client else "endpoint", "client": client}
        | {"endpoint": "*" if client else "/login", "method": "*" if client else "POST"}
        | dict.fromkeys(FEATURES, 1.0)
        for client in clients
    ]
    windows = pd.DataFrame(rows)
    windows["client"] = pd.Series(clients, dtype=object)
    return windows


def truth(name: str, kind: str) -> History:
    episode = Episode(name, kind, "/login", ("thief",), T0 + 1_000, T0 + MINUTE)
    return History([], {"thief": "bot", "anna": "normal"}, (episode,))


def test_misuse_marks_the_windows_of_its_clients_and_of_its_endpoint() -> None:
    found = recorded.labelled(
        windows_of(None, "thief", "anna"), truth("credential_stuffing", "misuse")
    )
    assert found["kind"].tolist() == ["misuse", "misuse", "none"]
    assert found["episode"].tolist() == ["credential_stuffing", "credential_stuffing", ""]
    assert found["client_kind"].tolist()[1:] == ["bot", "normal"]


def test_a_fault_marks_every_window() -> None:
    found = recorded.labelled(windows_of(None, "anna"), truth("crash", "fault"))
    assert found["kind"].tolist() == ["fault", "fault"]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    windows = recorded.labelled(windows_of(None, "anna"), truth("crash", "fault"))
    windows.loc[0, "avg_response_time"] = np.nan
    file = tmp_path / "other.csv.gz"
    recorded.save(windows, {"rows": 2}, file)
    loaded = recorded.load(file)
    assert loaded["provenance"].tolist() == ["recorded", "recorded"]
    pd.testing.assert_frame_equal(
        loaded.drop(columns="provenance"), windows, check_dtype=False, rtol=1e-5
    )
    assert loaded.loc[0, "client"] is None
    assert json.loads((tmp_path / "other.json").read_text()) == {"rows": 2}


def test_the_same_windows_give_the_same_file(tmp_path: Path) -> None:
    windows = recorded.labelled(windows_of("anna"), truth("crash", "fault"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        recorded.save(windows, {}, tmp_path / name / "windows.csv.gz")
    first, second = ((tmp_path / name / "windows.csv.gz").read_bytes() for name in ("one", "two"))
    assert first == second


def test_the_shipped_file_is_small_and_has_at_least_1000_windows() -> None:
    assert recorded.FILE.stat().st_size < MOST_BYTES
    windows = recorded.load()
    assert len(windows) >= 1_000
    assert not windows.duplicated(list(KEY)).any()


def test_the_shipped_windows_have_the_types_of_computed_ones() -> None:
    windows = recorded.load()
    assert windows[list(FEATURES)].dtypes.map(pd.api.types.is_numeric_dtype).all()
    assert windows.loc[windows["subject"] == "endpoint", "client"].isna().all()
    assert windows.loc[windows["subject"] == "client", "client"].notna().all()


def test_the_recording_has_calm_times_and_every_fault_and_misuse() -> None:
    windows = recorded.load()
    assert set(windows["episode"]) == {"", *FAULTS, *MISUSE}
    assert (windows["kind"] == "none").mean() > 0.2


def test_attackers_of_the_recording_are_found_in_its_clients() -> None:
    windows = recorded.load()
    of_clients = windows[(windows["subject"] == "client") & (windows["kind"] == "misuse")]
    assert set(of_clients["episode"]) == set(MISUSE)


def test_faults_of_the_recording_are_felt() -> None:
    windows = recorded.load()
    endpoints = windows[(windows["subject"] == "endpoint") & (windows["req_count"] >= 20)]
    calm = endpoints[endpoints["kind"] == "none"]
    for name in FAULTS:
        during = endpoints[endpoints["episode"] == name]
        slower = during["avg_response_time"].max() > 3 * calm["avg_response_time"].median()
        assert slower or during["error_rate"].max() > 0.3, name
