"""Files and bodies that are made to do harm: bombs, paths that lead elsewhere, formulas."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import resource
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from flask.testing import FlaskClient

from api import calls as calls_api
from datasets import row_files
from datasets.formulas import BEGINNINGS, defused
from ingest.access_log import import_log
from ingest.call import POSTED
from ingest.logs.lines import open_lines
from ingest.posted import MAX_RECORD_BYTES, MAX_RECORDS
from jobs.runtime import Foresight
from pages._export import Column, Exported, csv_file, file_name, xlsx_file
from store import Store, writes
from tests.rows import SEAL, T0, call, window
from tests.server import ROOT, Server, running_server

MIB = 1 << 20
LINE = b'192.0.2.7 - - [18/Mar/2026:15:30:07 +0000] "GET /shop HTTP/1.1" 200 512\n'
GZIPPED = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


def packed(file: Path, piece: bytes, times: int) -> Path:
    """A gzip file of a piece many times over, written without unpacking it."""
    packer = zlib.compressobj(9, wbits=31)
    with file.open("wb") as out:
        for _ in range(times):
            out.write(packer.compress(piece))
        out.write(packer.flush())
    return file


IMPORT = """
import resource, sys
from ingest.access_log import import_log
from ingest.logs.lines import open_lines
from store import open_store
from tests.rows import SEAL
store = open_store("sqlite:///" + sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open_lines(sys.argv[1]) as lines:
    report = import_log(store, lines, format="combined", seal=SEAL)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown, report.lines, report.stored, report.broken_off, sep="|")
"""


def imported(file: Path, folder: Path) -> tuple[int, int, int, str]:
    """Memory that an import took beyond its start [KiB], lines, calls stored, why it broke off."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(file), str(folder / "foresight.db")],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    grown, read, stored, reason = done.stdout.strip().split("|")
    return int(grown), int(read), int(stored), reason


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (bytes(MIB), "no end within 64 MiB"),
        (b"\n" * MIB, "1000000 lines in a row hold no call"),
        (b"x\n" * (MIB // 2), "1000000 lines in a row hold no call"),
        ((b"x" * 2_000_000 + b"\n")[:MIB], "no end within 64 MiB"),
        (b"x" * (MIB - 1) + b"\n", "None"),
    ],
    ids=["zeros", "empty lines", "short lines", "one long line", "long lines"],
)
def test_a_gzip_bomb_ends_early_and_takes_little_memory(
    piece: bytes, reason: str, tmp_path: Path
) -> None:
    file = packed(tmp_path / "bomb.gz", LINE * 100, 1)
    with file.open("ab") as more:  # a second part of the same file
        more.write(packed(tmp_path / "part.gz", piece, 80).read_bytes())
    grown_kib, _, stored, why = imported(file, tmp_path)
    assert reason in why
    assert grown_kib < 64 * 1024
    assert stored == 100  # what stood before it


def test_a_line_without_an_end_takes_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "sparse.log"
    with file.open("wb") as out:
        out.truncate(1 << 30)  # a GiB of zeros that takes no room
    grown_kib, _, stored, why = imported(file, tmp_path)
    assert "a line has no end within 64 MiB: this is no log" in why
    assert (grown_kib < 32 * 1024, stored) == (True, 0)


@pytest.mark.parametrize("kind", ["gzip in gzip", "zip"])
def test_a_file_inside_of_a_file_is_no_log(kind: str, sqlite_store: Store, tmp_path: Path) -> None:
    file = tmp_path / "nested"
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("access.log", LINE * 100_000)
    else:
        file.write_bytes(gzip.compress(gzip.compress(LINE * 100_000)))
    with open_lines(file) as found:
        report = import_log(sqlite_store, found, format="combined", seal=SEAL)
    assert report.stored == 0
    assert report.rejected == report.lines > 0


@pytest.mark.parametrize(
    "content", [LINE * 20 + b"\n", b'{"a": ' * 100_000 + b"\n", b'"' * 500_000 + b"\n"]
)
@pytest.mark.parametrize("format", ["combined", "json", "csv"])
def test_a_line_that_is_hard_to_read_is_read_fast(
    content: bytes, format: Any, sqlite_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(content)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with open_lines(tmp_path / "log") as found:
        import_log(sqlite_store, found, format=format, seal=SEAL)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - began < 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("hostile"), scheduler=0) as started:
        yield started


def peak_kib(server: Server) -> int:
    """The most memory that a process of the server ever took."""
    pids = [server.process.pid]
    children = Path(f"/proc/{pids[0]}/task/{pids[0]}/children")
    pids += map(int, children.read_text().split())
    return max(
        int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system has no /proc")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" + b"1," * 4_900_000 + b"1]", 413),
        (b"[" + b"[]," * 3_300_000 + b"1]", 413),
        (b'[{"body": [' + b"[]," * 3_300_000 + b"1]}]", 413),
        (b"[" * 9_900_000, 400),
        (bytes(9_900_000), 400),
    ],
    ids=["numbers", "arrays", "one large record", "deep", "zeros"],
)
def test_a_body_that_takes_many_times_its_size_takes_no_memory(
    server: Server, body: bytes, status: int
) -> None:
    before = peak_kib(server)
    answer = server.request("POST", "/api/calls", gzip.compress(body), **GZIPPED)
    assert answer[0] == status, answer[2][:300]
    assert peak_kib(server) - before < 90 * 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system has no /proc")
def test_a_gzip_bomb_of_a_body_is_refused_without_being_unpacked(server: Server) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(512)) + packer.flush()
    before = peak_kib(server)
    status, _, answer = server.request("POST", "/api/calls", bomb, **GZIPPED)
    assert status == 413
    assert f"larger than {calls_api.MAX_BODY_BYTES} bytes when unpacked" in answer.decode()
    assert peak_kib(server) - before < 64 * 1024


def test_a_record_that_is_too_large_is_refused_alone(client: FlaskClient) -> None:
    good = {"timestamp": T0, "method": "GET", "path": "/a", "status_code": 200}
    good |= {"ip_address": "192.0.2.7"}
    body = [good, good | {"body": "x" * MAX_RECORD_BYTES}]
    answer = client.post("/api/calls", json=body).get_json()
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert f"longer than {MAX_RECORD_BYTES} bytes" in answer["errors"][0]["reason"]


SECRETS = ("secret_key", "foresight.db", "journal/drainer.lock", "models/current", "../app.py")
UP = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "....//", "%252e%252e%252f")
BELOW = (
    "/api/datasets/files/",
    "/dashboard/assets/",
    "/dashboard/_dash-component-suites/",
    "/dashboard/assets/vendor/",
    "/api/docs/",
)


@pytest.mark.parametrize("below", BELOW)
def test_no_path_leads_out_of_a_folder_that_is_served(server: Server, below: str) -> None:
    (server.data_dir / "datasets").mkdir(exist_ok=True)
    key = (server.data_dir / "secret_key").read_bytes()
    asked = [f"{below}{up * depth}{name}" for up in UP for depth in (1, 2) for name in SECRETS]
    asked += [f"{below}{server.data_dir}/secret_key", f"{below}/etc/passwd"]
    for path in asked:
        status, headers, body = server.request("GET", path)
        shown = status == 200 and "text/html" not in headers.get("content-type", "")
        assert not shown, (path, status, body[:100])
        assert key not in body, path
        assert b"root:" not in body, path


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "%2e%2e", "own%2f..", "synthetic%00", "own;x"])
def test_a_data_set_has_no_path_for_a_name(server: Server, name: str) -> None:
    status, _, body = server.request("GET", f"/api/datasets/{name}/rows")
    assert status == 404, body
    status, _, body = server.request("GET", f"/api/datasets/files/{name}")
    assert status == 404, body


@pytest.mark.parametrize(
    "name", ["../../x", "a/b", "a\\b", "..", "", "a\r\nSet-Cookie: b", "é" * 9]
)
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_the_name_of_a_saved_grid_is_no_path(name: str, format: Any) -> None:
    found = file_name(Exported(name, format, [], []), T0)
    assert found.startswith("foresight-")
    assert not set(found) & set('/\\\r\n\0"')
    assert ".." not in found


FORMULAS = tuple(f"{mark}cmd|' /C calc'!A0" for mark in sorted(BEGINNINGS))


def test_every_beginning_of_a_formula_is_defused_and_can_be_had_back() -> None:
    for text in FORMULAS:
        assert defused(text) == f"'{text}"
    for text in ("", "cmd", "1+1", "a=b", "/path", "10.0.0.1", "u-7f3a"):
        assert defused(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_grid_saves_no_formula(text: str) -> None:
    columns = [Column(text, "text"), Column("n", "number")]
    grid = Exported("grid", "csv", columns, [[text, -5], [text, -0.5]])
    rows = list(csv.reader(io.StringIO(csv_file(grid).decode("utf-8-sig"), newline="")))
    assert rows == [[f"'{text}", "n"], [f"'{text}", "-5"], [f"'{text}", "-0.5"]]
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_file(grid))).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows(max_col=1) for cell in row} == {"s"}
    assert [cell.value for cell in sheet["B"]][1:] == [-5, -0.5]


def test_a_workbook_makes_no_link_of_an_address() -> None:
    grid = Exported("grid", "xlsx", [Column("a", "text")], [["http://evil.example"]])
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_file(grid))).active
    assert sheet is not None
    assert sheet["A2"].hyperlink is None


@pytest.mark.parametrize("dtype", ["category", "str", object])
def test_rows_of_a_data_set_save_no_formula(dtype: Any) -> None:
    rows = pd.DataFrame({"client": pd.Series(FORMULAS, dtype=dtype), "n": -5})
    places = rows.index.to_numpy()
    found = list(
        csv.DictReader(
            io.StringIO(b"".join(row_files.csv_pieces(rows, places)).decode(), newline="")
        )
    )
    assert [row["client"] for row in found] == [f"'{text}" for text in FORMULAS]
    assert {row["n"] for row in found} == {"-5"}


def test_lists_as_csv_have_no_formula_and_ndjson_has_the_text_as_it_is(
    client: FlaskClient, parts: Foresight
) -> None:
    with parts.store.begin() as connection:
        calls = [
            call(T0 + n, user_id=text, path=text, source=POSTED) for n, text in enumerate(FORMULAS)
        ]
        writes.add_calls(connection, calls, parts.store.grid)
        named = {"subject": "client", "endpoint": "*", "method": "*"}
        windows = [window(T0, client=text, **named) for text in FORMULAS]
        writes.save_windows(connection, windows)
    for path, name in (("/api/logs", "user_id"), ("/api/anomalies", "client")):
        text = client.get(path, headers={"Accept": "text/csv"}).get_data(as_text=True)
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert sum(cell[:1] == "'" for cell in cells) >= len(FORMULAS)
        assert not [cell for cell in cells if cell[:1] in BEGINNINGS - {"'"}]
        told = client.get(path, headers={"Accept": "application/x-ndjson"}).data.splitlines()
        assert {json.loads(line)[name] for line in told} == set(FORMULAS)


def test_too_many_records_are_refused_also_packed(client: FlaskClient) -> None:
    body = gzip.compress(b"[" + b"{}," * MAX_RECORDS + b"{}]")
    assert client.post("/api/calls", data=body, headers=GZIPPED).status_code == 413
