"""Importing logs into a real store: what is stored, once, and what is reported."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from ingest.access_log import BATCH_LINES, ImportReport, import_log
from ingest.logs.lines import MAX_LINE_BYTES, open_lines
from ml.features import window_features
from settings import Settings
from store import Store, open_store, reads
from store.tables import api_log
from tests.rows import MINUTE, SEAL, T0

ROOT = Path(__file__).parent.parent.parent
NOW = T0 + 60 * MINUTE


def line(second: int = 7, path: str = "/shop", client: str = "192.0.2.7", rest: str = "") -> bytes:
    at = f"18/Mar/2026:15:{30 + second // 60}:{second % 60:02} +0000"
    return f'{client} - - [{at}] "GET {path} HTTP/1.1" 200 512{rest}'.encode()


def imported(store: Store, lines: Iterable[bytes], **options: object) -> ImportReport:
    return import_log(store, lines, **({"format": "combined", "now": NOW, "seal": SEAL} | options))  # type: ignore[arg-type]


def rows(store: Store, *names: str) -> list[tuple]:
    with store.read() as connection:
        columns = [api_log.c[name] for name in names]
        return [tuple(row) for row in connection.execute(select(*columns).order_by(api_log.c.id))]


def whole(report: ImportReport) -> bool:
    parts = report.stored + report.duplicates + report.rejected + report.skipped
    return report.broken_off is None and report.lines == parts


def test_a_line_becomes_a_row_of_all_it_says(store: Store) -> None:
    imported(
        store, [b'192.0.2.7 - ann [18/Mar/2026:15:30:07 +0000] "PUT /shop/17?x=1 HTTP/1.1" 201 64']
    )
    names = ("timestamp", "endpoint", "method", "response_time_ms", "status_code", "payload_size")
    more = ("ip_address", "user_id", "path", "source", "received_at", "attack")
    assert rows(store, *names, *more) == [
        (
            *(T0 + 7_000, "/shop/{id}", "PUT", None, 201, 64),
            *("192.0.2.7", "ann", "/shop/17", "import", NOW, None),
        )
    ]


def test_every_line_is_stored_or_reported_and_none_stops_the_rest(sqlite_store: Store) -> None:
    lines = [
        line(1),
        b"rubbish",
        b"",
        b"\xff\x00\x1b[31m",
        line(2),
        b'1 - - [x] "-" 200 1',
        line(3),
    ]
    report = imported(sqlite_store, lines)
    assert (report.lines, report.stored, report.rejected, report.skipped) == (7, 3, 3, 1)
    assert report.rejects == [
        (2, "no client, identity and user at 'rubbish'"),
        (4, "no client, identity and user at 'ÿ�\\x1b[31m'"),
        (6, "time 'x' is no date and time"),
    ]
    assert (report.first_at, report.last_at) == (T0 + 1_000, T0 + 3_000)


def test_a_request_that_is_not_http_is_stored_without_a_route(sqlite_store: Store) -> None:
    requests = ["-", r"\x16\x03\x01?a", "GET /found HTTP/1.1", "BREW /pot HTTP/1.1"]
    at = "[18/Mar/2026:15:30:07 +0000]"
    imported(
        sqlite_store, [f'192.0.2.7 - - {at} "{request}" 400 -'.encode() for request in requests]
    )
    assert rows(sqlite_store, "method", "endpoint", "path") == [
        ("OTHER", "(unmatched)", "-"),
        ("OTHER", "(unmatched)", r"\x16\x03\x01"),
        ("GET", "/found", "/found"),
        ("OTHER", "/pot", "/pot"),
    ]


def test_the_same_file_twice_stores_nothing_twice(store: Store) -> None:
    lines = [line(second) for second in range(50)]
    assert imported(store, lines).stored == 50
    again = imported(store, lines)
    assert (again.stored, again.duplicates, again.rejected) == (0, 50, 0)
    assert len(rows(store, "id")) == 50


def test_lines_that_a_log_repeats_are_all_kept_and_known_again(store: Store) -> None:
    lines = [line(1), line(1), line(2), line(1)]
    assert imported(store, lines).stored == 4
    assert imported(store, lines).duplicates == 4


def test_a_log_that_grew_brings_only_what_is_new(sqlite_store: Store) -> None:
    first = [line(1), line(1), line(2)]
    imported(sqlite_store, first)
    grown = imported(sqlite_store, [*first, line(1), line(2), line(3)])
    assert (grown.stored, grown.duplicates) == (3, 3)
    assert imported(sqlite_store, [*first, line(1), line(2), line(3)]).stored == 0


def test_a_log_that_grew_keeps_its_endpoint_names(sqlite_store: Store) -> None:
    lines = [
        line(second % 60, f"/tags/t{'abcdefghij'[second % 10]}{second}x") for second in range(90)
    ]
    imported(sqlite_store, lines[:60])
    imported(sqlite_store, lines)
    in_two_parts = rows(sqlite_store, "endpoint")
    with sqlite_store.begin() as connection:
        connection.execute(delete(api_log))
    imported(sqlite_store, lines)
    assert rows(sqlite_store, "endpoint") == in_two_parts


def test_line_ends_do_not_make_another_line(sqlite_store: Store, tmp_path: Path) -> None:
    unix, dos = tmp_path / "unix.log", tmp_path / "dos.log"
    unix.write_bytes(b"\n".join([line(1), line(2)]))
    dos.write_bytes(b"\r\n".join([line(1), line(2)]) + b"\r\n")
    assert from_file(sqlite_store, unix).stored == 2
    assert from_file(sqlite_store, dos).duplicates == 2


def from_file(store: Store, path: Path) -> ImportReport:
    with open_lines(path) as lines:
        return imported(store, lines)


def test_a_packed_log_is_told_by_its_first_bytes_and_is_the_same_log(
    sqlite_store: Store, tmp_path: Path
) -> None:
    content = b"".join(line(second) + b"\n" for second in range(40))
    plain, packed, parts = (tmp_path / name for name in ("a.gz", "b.log", "c"))
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    parts.write_bytes(gzip.compress(content[:500]) + gzip.compress(content[500:]))
    assert from_file(sqlite_store, plain).stored == 40
    for path in (packed, parts):
        assert from_file(sqlite_store, path).duplicates == 40


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_log_comes_from_standard_input(packed: bool, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'foresight.db'}"
    program = (
        "from store import open_store; from ingest.access_log import import_log;"
        "from ingest.logs.lines import open_lines; from tests.rows import SEAL\n"
        f"with open_lines('-') as lines: print(import_log(open_store({url!r}), lines, "
        "format='combined', seal=SEAL).stored, lines.size_bytes, lines.position_bytes)"
    )
    content = b"\n".join(line(second) for second in range(30))
    content = gzip.compress(content) if packed else content
    done = subprocess.run(
        [sys.executable, "-c", program], input=content, capture_output=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == [b"30", b"None", str(len(content)).encode()]


def test_an_empty_file_holds_nothing(sqlite_store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    assert from_file(sqlite_store, tmp_path / "empty.log") == ImportReport()


@pytest.mark.parametrize("kept", [0.5, 0.99], ids=["half", "almost all"])
def test_of_a_packed_log_that_is_cut_the_lines_before_are_stored(
    sqlite_store: Store, tmp_path: Path, kept: float
) -> None:
    lines = [line(n % 60, f"/a/{n * 7919 % 100_003}") for n in range(20_000)]
    packed = gzip.compress(b"\n".join(lines))
    (tmp_path / "cut.gz").write_bytes(packed[: int(len(packed) * kept)])
    report = from_file(sqlite_store, tmp_path / "cut.gz")
    assert report.broken_off is not None
    assert report.broken_off.startswith(f"after line {report.lines}: ")
    assert report.stored == report.lines > 20_000 * (kept - 0.1)


def test_a_line_without_end_is_reported_and_costs_no_memory(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(line(1) + b"\n" + b"x" * (3 * MAX_LINE_BYTES) + b"\n" + line(2) + b"\n")
    report = from_file(sqlite_store, path)
    assert report.stored == 2
    [(number, reason)] = report.rejects
    assert (number, reason[:30]) == (2, f"longer than {MAX_LINE_BYTES} bytes: 'xx")


def test_a_long_line_that_is_not_too_long_is_stored(sqlite_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    long = line(1, "/a?" + "x" * 500_000)
    path.write_bytes(long + b' "-" "' + b"y" * (MAX_LINE_BYTES - len(long) - 7) + b'"\n' + line(2))
    assert from_file(sqlite_store, path).stored == 2
    assert rows(sqlite_store, "path") == [("/a",), ("/shop",)]


def test_a_call_from_the_future_is_reported(sqlite_store: Store) -> None:
    report = imported(sqlite_store, [line(1)], now=T0 - 2 * 86_400_000)
    assert report.rejected == 1
    assert report.rejects[0][1].startswith("the call lies in the future: '192.0.2.7 - - [18/Mar")


def test_a_response_time_that_was_not_logged_is_missing_not_zero(store: Store) -> None:
    times = [" 0.100", " 0.300", " -", ""]
    lines = [line(second, rest=f' "-" "-"{rest}') for second, rest in enumerate(times)]
    lines += [line(60 + second, rest=' "-" "-" -') for second in range(3)]
    report = imported(store, lines, response_time="s")
    assert report.with_response_time == 2
    assert rows(store, "response_time_ms") == [(100.0,), (300.0,), *[(None,)] * 5]
    with store.read() as connection:
        calls = reads.calls_between(connection, T0, T0 + 2 * MINUTE)
    windows = window_features(calls)
    of_endpoint = windows[windows["subject"] == "endpoint"].sort_values("timestamp")
    assert of_endpoint["req_count"].tolist() == [4, 3]
    known, unknown = of_endpoint["avg_response_time"]
    assert known == pytest.approx(200.0)
    assert np.isnan(unknown)


def test_json_lines_are_imported(store: Store) -> None:
    lines = [
        b'{"timestamp":"2026-03-18T15:30:07Z","method":"GET","path":"/shop/17?a=1",'
        b'"status_code":200,"ip_address":"192.0.2.7","response_time_ms":12.5,"user_id":"ann"}',
        b'{"timestamp":1773847808000,"method":"POST","path":"/x/y","endpoint":"/x/<name>",'
        b'"status_code":"404","ip_address":"2001:db8::1","payload_size":null}',
        b'{"timestamp":1773847809000,"method":"","path":"","status_code":400,"ip_address":"a"}',
        b'{"timestamp":1773847808000}',
    ]
    report = imported(store, lines, format="json")
    assert (report.stored, report.rejected) == (3, 1)
    names = ("endpoint", "method", "status_code", "response_time_ms", "payload_size", "user_id")
    assert rows(store, *names) == [
        ("/shop/{id}", "GET", 200, 12.5, 0, "ann"),
        ("/x/<name>", "POST", 404, None, 0, None),
        ("(unmatched)", "OTHER", 400, None, 0, None),
    ]


def test_csv_records_are_imported(store: Store) -> None:
    header = b"\xef\xbb\xbftimestamp,method,path,status_code,ip_address,response_time_ms"
    records = [
        b'2026-03-18T15:30:07Z,GET,"/a,b",200,192.0.2.7,',
        b"2026-03-18T15:30:07Z,GET,/c,200,192.0.2.7,7",
        b"2026-03-18T15:30:07Z,GET,/c,200,192.0.2.7,7",
        b"not,enough",
    ]
    report = imported(store, [header, *records], format="csv")
    assert (report.lines, report.stored, report.rejected, report.skipped) == (5, 3, 1, 1)
    assert report.rejects == [(5, "2 values for 6 names of the header: 'not,enough'")]
    assert rows(store, "endpoint", "response_time_ms") == [("/a,b", None), ("/c", 7.0), ("/c", 7.0)]
    assert imported(store, [header, *records], format="csv").duplicates == 3


def test_the_minutes_of_imported_calls_wait_to_be_scored(sqlite_store: Store) -> None:
    imported(sqlite_store, [line(1), line(59), line(60), line(200)])
    with sqlite_store.read() as connection:
        marks = reads.dirty_marks(connection, NOW, 100)
    assert sorted(marks) == [T0, T0 + MINUTE, T0 + 3 * MINUTE]


def test_progress_is_told_after_each_batch(sqlite_store: Store) -> None:
    seen: list[int] = []
    lines = [line(n % 60, f"/{n}") for n in range(2 * BATCH_LINES + 10)]
    imported(sqlite_store, lines, progress=lambda report: seen.append(report.stored))
    assert seen == [BATCH_LINES, 2 * BATCH_LINES, 2 * BATCH_LINES + 10]


def test_the_position_in_a_file_reaches_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(gzip.compress(b"\n".join(line(n % 60, f"/{n}") for n in range(5_000))))
    with open_lines(path) as lines:
        assert sum(1 for _ in lines) == 5_000
        assert lines.position_bytes == lines.size_bytes == path.stat().st_size


def test_an_import_that_was_interrupted_is_simply_started_again(sqlite_store: Store) -> None:
    lines = [line(n % 60, f"/{n}") for n in range(BATCH_LINES + 100)]

    def breaking() -> Iterator[bytes]:
        yield from lines[: BATCH_LINES + 50]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imported(sqlite_store, breaking())
    report = imported(sqlite_store, lines)
    assert (report.duplicates, report.stored) == (BATCH_LINES, 100)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=400), cut=st.integers(0, 200))
def test_any_file_is_imported_to_its_end(tmp_path: Path, content: bytes, cut: int) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'any.db'}")
    path = tmp_path / "any.log"
    written = line(1)[:cut] + content + b"\n" + line(2)
    assume(not written.startswith(b"\x1f\x8b"))  # gzip that breaks off, and says so
    path.write_bytes(written)
    report = from_file(store, path)
    store.close()
    assert whole(report)
    assert report.stored + report.duplicates >= 1


def test_every_line_of_the_real_logs_is_stored_once(tmp_path: Path) -> None:
    folder = Settings().reference_data_dir / "access_logs"
    logs = sorted(folder.glob("*.gz"))
    if not logs:
        pytest.skip(f"no logs in {folder}, the folder of FORESIGHT_REFERENCE_DATA_DIR")
    for log in logs:
        store = open_store(f"sqlite:///{tmp_path / log.name}.db")
        lines = len(gzip.decompress(log.read_bytes()).splitlines())
        report = from_file(store, log)
        assert whole(report)
        assert (report.lines, report.stored, report.rejected) == (lines, lines, 0)
        assert report.endpoints < 400
        assert {"/", "/robots.txt", "(unmatched)"} <= {name for (name,) in rows(store, "endpoint")}
        again = from_file(store, log)
        assert (again.stored, again.duplicates) == (0, lines)
        store.close()
