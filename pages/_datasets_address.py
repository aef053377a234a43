"""What the address of the data sets page says, and the addresses of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from components import format
from jobs.dataset_shelf import OWN
from pages import _datasets_sets as sets
from store.times import iso


def known(value: str | None, names: tuple[str, ...], what: str, wrong: list[str]) -> str:
    """The feature or label that was asked for, else the first; what is unknown is told."""
    if value and value not in names:
        wrong.append(
            f"This set has no {what} “{value}”; it has {', '.join(names)}."
            f" Shown instead: {names[0]}."
        )
    return value if value in names else names[0]


def model(text: str | None) -> Any:
    """The filters of an address; a text that can't be read is kept for the message."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {"filter": text}
    return found if isinstance(found, dict) else {"filter": text}


def file_address(
    key: str, kind: str, model: Mapping[str, Any], search: str | None, by: list[tuple[str, bool]]
) -> str:
    """Where the rows of a set are a file, as filtered and sorted."""
    name, start, end = sets.parsed(key)
    query = {"format": kind}
    if name == OWN:
        query |= {"from": str(iso(start)), "to": str(iso(end))}
    if model:
        query["filter"] = json.dumps(model, separators=(",", ":"))
    if search:
        query["search"] = search
    if by:
        query["sort"] = ",".join(f"-{column}" if down else column for column, down in by)
    return f"/api/datasets/{name}/rows?{urlencode(query)}"


def count(shown: int, all_: int) -> str:
    """Rows that match, of how many."""
    if shown == all_:
        return format.plural(all_, "row")
    return f"{format.number(shown)} of {format.plural(all_, 'row')}"


def one(given: Any) -> str:
    """A parameter of the address; the last one when it is there more than once."""
    return str(given[-1] if isinstance(given, list) else given)
