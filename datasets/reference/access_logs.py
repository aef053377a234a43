"""Real access logs of two web sites: ordinary traffic with crawlers and scanners, not labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from datasets.data_set import DataSet
from datasets.reference.calls import call_columns
from datasets.reference.files import existing, lines_in
from ingest.logs.combined import CombinedParser
from ingest.logs.lines import open_lines
from ingest.logs.logged_call import LoggedCall, decoded
from ingest.routes import RouteNames
from settings import Settings

FOLDER: Final = "access_logs"
LOGS: Final = {  # name -> file
    "elastic_apache": "elastic_apache_first60.log.gz",
    "almhuette_joomla": "almhuette_joomla_first60.log.gz",
}


class AccessLog(NamedTuple):
    """The calls of a log, and how many of its lines hold none."""

    calls: dict[str, Any]
    rejected: int


def load(folder: Path, name: str) -> AccessLog:
    """One log as calls, by time; endpoints are named as `flask import-log` names them.

    Parameters
    ----------
    folder : Path
        `access_logs` in the folder of reference data.
    name : str
        One of LOGS.

    Returns
    -------
    AccessLog
        Columns as of `datasets.synthetic.call_columns` without response times, and the number of
        lines that can't be read.

    Raises
    ------
    LookupError
        There is no log of this name; `Absent` when its file is not there.
    """
    if name not in LOGS:
        raise LookupError(f"log {name!r} is none of {', '.join(LOGS)}")
    rows, rejected = _lines(existing(folder / LOGS[name]))
    calls = call_columns(
        timestamp=np.array([row.timestamp for row in rows], np.int64),
        method=[row.method for row in rows],
        target=[row.target for row in rows],
        status_code=np.array([row.status_code for row in rows], np.int64),
        payload_size=np.array([row.payload_size for row in rows], np.int64),
        client=[row.user_id or row.ip_address for row in rows],
        endpoint=RouteNames().name,
    )
    return AccessLog(calls, rejected)


def describe(settings: Settings) -> DataSet:
    """Entry of the catalog."""
    counts = [lines_in(settings.reference_data_dir / FOLDER / file) for file in LOGS.values()]
    found = [count for count in counts if count is not None]
    return DataSet(
        name="access_logs",
        title="Real access logs",
        kind="real",
        source="elastic/examples apache_logs (2015); almhuette-raith.at (2019); real traffic",
        licence="Apache-2.0 (elastic); none stated (almhuette): the user's own copy, not shipped",
        rows=sum(found) if found else None,
        columns=LoggedCall._fields[:6],
        labels="none: used to count alarms on ordinary traffic",
        split="by time, the first 60 % of each log",
        available=len(found) == len(counts),
        note="No response times. The almhuette log holds many scans: an alarm there may be right.",
    )


def _lines(path: Path) -> tuple[list[LoggedCall], int]:
    parse, rows, rejected = CombinedParser(), list[LoggedCall](), 0
    with open_lines(path) as lines:
        for line in lines:
            try:
                row = parse(decoded(line))
            except ValueError:
                rejected += 1
                continue
            if row is not None:
                rows.append(row)
    return rows, rejected
