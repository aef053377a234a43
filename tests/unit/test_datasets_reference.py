"""Loaders of public data sets: tiny files of the same form, and the user's own copy where it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets.reference import access_logs, csic2010, petshop, sockshop, web_bots
from datasets.reference.files import Absent, lines_in, sha256
from ml.features import FEATURES, window_features
from settings import Settings

LOADERS = {
    "csic2010": csic2010.load,
    "web_bots": web_bots.load,
    "web_bots sessions": web_bots.sessions,
    "access_logs": lambda folder: access_logs.load(folder, "elastic_apache"),
    "petshop": petshop.load,
    "sockshop": sockshop.load,
}


def packed(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


def users_copy(name: str) -> Path:
    folder = Settings().reference_data_dir / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not in FORESIGHT_REFERENCE_DATA_DIR")
    return folder


@pytest.mark.parametrize("name", LOADERS)
def test_a_set_that_is_absent_is_told_with_its_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(Absent, match=r"is not in .*FORESIGHT_REFERENCE_DATA_DIR"):
        LOADERS[name](tmp_path)


CSIC_HEAD = "label,method,path,query,body,content_type,group\n"


def csic_csv(folder: Path, *rows: str) -> dict[str, str]:
    path = packed(folder / csic2010.CSV_FILE, CSIC_HEAD + "\n".join(rows) + "\n")
    return {path.name: sha256(path)}


def test_a_csic_file_of_unknown_content_is_refused_with_its_hash(tmp_path: Path) -> None:
    hashes = csic_csv(tmp_path, "0,GET,/a,,,,g1")
    with pytest.raises(ValueError, match=f"SHA-256 {hashes[csic2010.CSV_FILE]}, published was"):
        csic2010.load(tmp_path)


def test_duplicates_of_csic_are_removed_and_groups_stay_together(tmp_path: Path) -> None:
    rows = [f"{n % 2},GET,/a,q={n},,,g{n // 4}" for n in range(400)]
    found = csic2010.load(tmp_path, csic_csv(tmp_path, *rows, *rows[:50]))
    assert len(found) == 400
    assert found.groupby("group")["split"].nunique().max() == 1
    assert 0.2 < (found["split"] == "test").mean() < 0.4
    assert found["label"].sum() == 200


def request(method: str, target: str, body: str = "") -> str:
    head = f"{method} http://localhost:8080{target} HTTP/1.1\r\nHost: localhost:8080\r\n"
    if body:
        head += (
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        )
    return f"{head}Connection: close\r\n\r\n" + (f"{body}\r\n\r\n" if body else "\r\n")


def csic_texts(folder: Path, training: str, test: str, anomalous: str) -> dict[str, str]:
    for name, text in zip(csic2010.ORIGINALS, (training, test, anomalous), strict=True):
        (folder / name).write_bytes(text.encode("latin-1"))
    return {name: sha256(folder / name) for name in csic2010.ORIGINALS}


def test_the_original_texts_of_csic_give_unique_requests(tmp_path: Path) -> None:
    normal = request("GET", "/shop/pay.jsp?id=2&name=Delb%F3n") + request("POST", "/in.jsp", "a=1")
    found = csic2010.load(
        tmp_path,
        csic_texts(tmp_path, normal, normal, request("POST", "/in.jsp", "a=%27OR+1%3D1")),
    )
    assert found[["label", "method", "path", "query", "body"]].to_numpy().tolist() == [
        [0, "GET", "/shop/pay.jsp", "id=2&name=Delb%F3n", ""],
        [0, "POST", "/in.jsp", "", "a=1"],
        [1, "POST", "/in.jsp", "", "a=%27OR+1%3D1"],
    ]


def test_an_anomalous_request_that_is_a_normal_one_but_for_the_method_is_left_out(
    tmp_path: Path,
) -> None:
    normal = request("GET", "/in.jsp?a=1")
    anomalous = request("POST", "/in.jsp?a=1") + request("GET", "/in.jsp?a=1")
    found = csic2010.load(tmp_path, csic_texts(tmp_path, normal, "", anomalous))
    assert found[["label", "method"]].to_numpy().tolist() == [[0, "GET"]]


def test_anomalous_requests_that_share_an_attack_are_one_group(tmp_path: Path) -> None:
    normal = request("GET", "/in.jsp?a=1") + request("GET", "/in.jsp?a=2")
    shared = request("GET", "/in.jsp?a=%3Cscript%3E&b=3") + request(
        "POST", "/in.jsp", "c=%3Cscript%3E"
    )
    other = request("GET", "/in.jsp?a=%27--")
    found = csic2010.load(tmp_path, csic_texts(tmp_path, normal, "", shared + other))
    groups = found["group"].tolist()
    assert groups[2] == groups[3]
    assert len(set(groups)) == 4


def test_the_users_csic_is_read_whole() -> None:
    found = csic2010.load(users_copy("csic2010"))
    assert len(found) == 24_305
    assert found["label"].sum() == 11_235
    sides = found.groupby("split")
    assert sides["group"].nunique().sum() == found["group"].nunique()
    assert abs(sides["label"].mean().diff().iloc[-1]) < 0.05


BOTS = (
    "session,timestamp,method,path,status,bytes,referer,user_agent,label\n"
    "S1,2019-11-01T11:03:16+00:00,GET,/item/12345?page=2,200,764,-,Agent,human\n"
    "S2,2019-11-01T11:03:15+00:00,POST,/no,404,10,-,Agent,advanced_bot\n"
)
SESSIONS = "session,label,in_official_annotation,n_requests\nS1,human,1,1\nS2,advanced_bot,0,1\n"


def test_bot_requests_become_calls_of_their_session_by_time(tmp_path: Path) -> None:
    packed(tmp_path / web_bots.REQUESTS_FILE, BOTS)
    calls = web_bots.load(tmp_path)
    assert calls["client"].tolist() == ["S2", "S1"]
    assert calls["endpoint"].tolist() == ["(unmatched)", "/item/{id}"]
    assert calls["path"].tolist() == ["/no", "/item/12345"]
    assert calls["timestamp"].tolist() == [1_572_606_195_000, 1_572_606_196_000]
    assert calls["payload_size"].tolist() == [10, 764]
    assert np.isnan(calls["response_time_ms"]).all()
    assert len(window_features(calls)) == 4


def test_calls_carry_nothing_that_tells_how_the_bots_were_recorded(tmp_path: Path) -> None:
    packed(tmp_path / web_bots.REQUESTS_FILE, BOTS)
    assert set(web_bots.load(tmp_path)) == {
        "timestamp", "endpoint", "method", "client", "path", "response_time_ms", "status_code",
        "payload_size", "fingerprint", "simulated",
    }  # fmt: skip


def test_sessions_have_a_label_and_their_official_part(tmp_path: Path) -> None:
    packed(tmp_path / web_bots.SESSIONS_FILE, SESSIONS)
    assert web_bots.sessions(tmp_path).to_numpy().tolist() == [
        ["S1", "human", False, "train"],
        ["S2", "advanced_bot", True, "unannotated"],
    ]


def test_every_session_of_the_users_copy_has_calls() -> None:
    folder = users_copy("web_bots")
    sessions = web_bots.sessions(folder)
    assert set(web_bots.load(folder)["client"]) == set(sessions["session"])
    assert sessions["is_bot"].sum() == 64


LOG = (
    '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /b?x=1 HTTP/1.1" 200 20 "-" "Agent"\n'
    "no call at all\n"
    '10.0.0.2 - - [17/May/2015:10:05:00 +0000] "GET /a HTTP/1.1" 404 10 "-" "Agent"\n'
)


def test_an_access_log_becomes_calls_by_time_and_counts_what_it_can_not_read(
    tmp_path: Path,
) -> None:
    packed(tmp_path / access_logs.LOGS["elastic_apache"], LOG)
    calls, rejected = access_logs.load(tmp_path, "elastic_apache")
    assert calls["client"].tolist() == ["10.0.0.2", "10.0.0.1"]
    assert calls["endpoint"].tolist() == ["(unmatched)", "/b"]
    assert rejected == 1


def test_an_unknown_log_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="log 'nginx' is none of elastic_apache"):
        access_logs.load(tmp_path, "nginx")


@pytest.mark.parametrize("name", access_logs.LOGS)
def test_every_line_of_the_users_logs_is_read(name: str) -> None:
    calls, rejected = access_logs.load(users_copy("access_logs"), name)
    assert (len(calls["path"]), rejected) == (6_000, 0)


PETSHOP = (
    "scenario,episode,unix_ts,requests,latency_avg,latency_p99,availability_pct,incident,"
    "target_metric,root_cause\n"
    "low,train_issue_0,1681855620,505,0.2,1.5,75.0,1,latency,svc\n"
    "low,noissue,1692608400,500,0.1,0.4,100.0,0,,\n"
)


def test_petshop_rows_become_windows_a_minute(tmp_path: Path) -> None:
    packed(tmp_path / petshop.FILE, PETSHOP)
    first, second = petshop.load(tmp_path).to_dict("records")
    assert (first["episode"], second["episode"]) == ("noissue", "train_issue_0")
    assert second["timestamp"] == 1_681_855_620_000
    assert second["endpoint"] == "/petsite/low"
    assert second["req_count"] == 101
    assert second["error_rate"] == 0.25
    assert second["avg_response_time"] == pytest.approx(200.0)
    assert second["max_response_time"] == pytest.approx(1_500.0)
    assert second["status_entropy"] == pytest.approx(0.811278)  # of 1/4 and 3/4
    assert second["failing"]
    assert first["status_entropy"] == 0.0
    assert first["target_metric"] is None
    assert np.isnan(first["payload_mean"])


def test_the_users_petshop_has_all_features_as_columns() -> None:
    windows = petshop.load(users_copy("petshop"))
    assert len(windows) == 688
    assert set(FEATURES) <= set(windows)
    assert windows["failing"].sum() == 80


def sockshop_text(normal_s: int, fault_s: int) -> str:
    names = [f"{s}_{m}" for s in sockshop.SERVICES for m in ("lod", "lat_50", "lat_99")]
    lines = [",".join(["fault", "run", "label", "time", *names])]
    for second in range(normal_s + fault_s):
        failing = int(second >= normal_s)
        values = ["2", "0.5" if failing else "0.1", "0.9"] * len(sockshop.SERVICES)
        lines.append(
            ",".join(["carts-cpu", "1", str(failing), str(1000 + 500 * failing + second), *values])
        )
    return "\n".join(lines) + "\n"


def test_a_fault_of_sockshop_begins_with_a_window(tmp_path: Path) -> None:
    packed(tmp_path / sockshop.FILE, sockshop_text(normal_s=150, fault_s=130))
    windows = sockshop.load(tmp_path)
    carts = windows[windows["service"] == "carts"]
    assert carts["failing"].tolist() == [False, False, True, True]
    assert carts["timestamp"].diff().dropna().tolist() == [60_000] * 3
    assert carts["req_count"].tolist() == [120] * 4
    assert carts["avg_response_time"].tolist() == pytest.approx([100, 100, 500, 500])
    assert carts["max_response_time"].tolist() == pytest.approx([900] * 4)
    assert carts["error_rate"].isna().all()


def test_each_run_of_the_users_sockshop_has_time_before_and_after_the_fault() -> None:
    windows = sockshop.load(users_copy("sockshop"))
    runs = windows.groupby(["fault", "run", "service"])["failing"]
    assert runs.ngroups == 90
    assert runs.sum().min() >= 3
    assert (runs.size() - runs.sum()).min() >= 3
    assert not windows.duplicated(["timestamp", "endpoint"]).any()


def test_lines_are_counted_in_plain_and_packed_files(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("a\nb\n")
    assert lines_in(plain) == 2
    assert lines_in(packed(tmp_path / "packed.gz", "a\nb\nc\n")) == 3
    assert lines_in(tmp_path / "none") is None
