"""CSIC 2010: requests to a Spanish web shop, normal and anomalous, made by a generator.

Of 97,065 requests only 34,594 differ, and attacks come in families that share a value. So rows are
unique, and the split is by group: a request, whatever its method, and all that share an attack's
value with it stay on one side.

References
----------
C. Torrano-Gimenez, A. Perez-Villegas, G. Alvarez-Maranon, HTTP DATASET CSIC 2010, Information
Security Institute of CSIC.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, urlsplit

import pandas as pd

from datasets.data_set import DataSet
from datasets.reference.files import Absent, existing, known, lines_in
from settings import Settings

FOLDER: Final = "csic2010"
CSV_FILE: Final = "csic2010_shared.csv.gz"
ORIGINALS: Final = {  # file -> label
    "normalTrafficTraining.txt": 0,
    "normalTrafficTest.txt": 0,
    "anomalousTrafficTest.txt": 1,
}
HASHES: Final = {
    CSV_FILE: "15974db1e2d2f9a5cfb9f70a3cfd7abb25a7528cccc970ffcc4b498d946e6ba4",
    "normalTrafficTraining.txt": "d3344377d4721b03b906ca232ab44bfd81b9c1356f967ec9d348532ec420f000",
    "normalTrafficTest.txt": "f4526669566789be7fd99f79e1bc2989ab39e74ab7ed5d667621fe23dce4ea6f",
    "anomalousTrafficTest.txt": "ec77d784966896330869c5b596ede6a716101c14b5f139144915bb10822a03e1",
}
WARNING: Final = (
    "Random splits of CSIC 2010 inflate results: most requests occur several times, each parameter"
    " string as GET and as POST, and attacks share their values. Use the column `split`."
)
COLUMNS: Final = ("label", "method", "path", "query", "body", "content_type", "group", "split")
TEST_SHARE: Final = 0.3
_SALT: Final = "foresight csic|"
_ENCODING: Final = "latin-1"
_IDENTITY: Final = ["method", "path", "query", "body"]
_ORDINARY: Final = re.compile(r"[\w\s.,@/ºª+-]*")  # a parameter value without signs of an attack


class _Request(NamedTuple):
    label: int
    method: str
    path: str
    query: str
    body: str
    content_type: str


def load(folder: Path, hashes: Mapping[str, str] = HASHES) -> pd.DataFrame:
    """Unique requests, from the shared CSV or else from the three original text files.

    Parameters
    ----------
    folder : Path
        `csic2010` in the folder of reference data.
    hashes : mapping of str to str
        File name -> SHA-256 that it must have.

    Returns
    -------
    DataFrame
        `label` (0 normal, 1 anomalous), `method`, `path`, `query` and `body` (raw, percent-encoded
        latin-1), `content_type`, `group` (what must stay together) and `split` (train or test).

    Raises
    ------
    Absent
        Neither the CSV nor the three files are there.
    ValueError
        A file is not the published one.
    """
    rows = (
        _from_csv(folder, hashes) if (folder / CSV_FILE).is_file() else _from_text(folder, hashes)
    )
    rows["split"] = rows["group"].map(_split)
    return rows[list(COLUMNS)]


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    lines = lines_in(settings.reference_data_dir / FOLDER / CSV_FILE)
    originals = settings.reference_data_dir / FOLDER
    return DataSet(
        name="csic2010",
        title="HTTP DATASET CSIC 2010",
        kind="generated",
        source="Information Security Institute of CSIC; generated requests to a web shop",
        licence="none attached; for research with acknowledgement, not part of the product",
        rows=None if lines is None else lines - 1,
        columns=COLUMNS,
        labels="label: 0 normal, 1 anomalous (attacks and malformed values)",
        split="70/30 by payload group",
        available=lines is not None or all((originals / name).is_file() for name in ORIGINALS),
        note=WARNING,
    )


def _split(group: str) -> str:
    digest = hashlib.sha256(f"{_SALT}{group}".encode()).digest()
    return "test" if int.from_bytes(digest[:4]) < TEST_SHARE * 2**32 else "train"


def _from_csv(folder: Path, hashes: Mapping[str, str]) -> pd.DataFrame:
    path = known(folder / CSV_FILE, hashes)
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows["label"] = rows["label"].astype(int)
    return rows.drop_duplicates(_IDENTITY, ignore_index=True)


def _from_text(folder: Path, hashes: Mapping[str, str]) -> pd.DataFrame:
    try:
        files = [existing(folder / name) for name in ORIGINALS]
    except Absent as absent:
        raise Absent(f"{absent}, nor is {CSV_FILE}") from None
    requests = [
        request
        for path in files
        for request in requests_in(
            known(path, hashes).read_bytes().decode(_ENCODING), ORIGINALS[path.name]
        )
    ]
    return unique_requests(pd.DataFrame(requests))


def requests_in(text: str, label: int) -> Iterator[_Request]:
    """The requests of an original file: a head, an empty line, and a body if the head says so."""
    lines = iter(text.replace("\r\n", "\n").split("\n"))  # splitlines would also cut at U+0085
    for line in lines:
        if not line:
            continue
        method, target = line.split(" ")[:2]
        headers = dict(header.split(": ", 1) for header in iter(lambda: next(lines, ""), ""))
        body = next(lines, "") if int(headers.get("Content-Length", 0)) else ""
        parts = urlsplit(target)
        content_type = headers.get("Content-Type", "")
        yield _Request(label, method, parts.path, parts.query, body, content_type)


def unique_requests(requests: pd.DataFrame) -> pd.DataFrame:
    """Each request once with its group.

    An anomalous request that is equal to a normal one is normal; one that differs from it in the
    method alone is left out.
    """
    requests = requests.sort_values("label", kind="stable")  # normal first: it stays
    requests = requests.drop_duplicates(_IDENTITY, ignore_index=True)
    what = requests["path"] + "?" + requests["query"] + requests["body"]
    also_normal = what.isin(what[requests["label"] == 0])
    kept = requests[(requests["label"] == 0) | ~also_normal].reset_index(drop=True)
    kept["group"] = _groups(kept)
    return kept


def _groups(requests: pd.DataFrame) -> list[str]:
    """Name of each row's group: its path and parameters, united over what anomalous rows share."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.setdefault(name, name)) != name:
            parents[name] = parents.get(parent, parent)
            name = parent
        return name

    normal_paths = set(requests.loc[requests["label"] == 0, "path"])
    own = (requests["path"] + "?" + requests["query"] + requests["body"]).tolist()
    for name, label, path, query, body in zip(
        own, *(requests[column] for column in ("label", "path", "query", "body")), strict=True
    ):
        if label:
            for shared in _shared(path, query + "&" + body, normal_paths):
                parents[root(shared)] = root(name)
    return [hashlib.sha256(root(name).encode()).hexdigest()[:12] for name in own]


def _shared(path: str, parameters: str, normal_paths: set[str]) -> Iterator[str]:
    """What ties an anomalous request to others: an unknown path, values that look so."""
    if path not in normal_paths:
        yield f"path {path}"
    for parameter in parameters.split("&"):
        value = unquote_plus(parameter.partition("=")[2], encoding=_ENCODING)
        if not _ORDINARY.fullmatch(value):
            yield f"value {value}"
