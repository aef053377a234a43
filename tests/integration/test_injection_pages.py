"""SQL and templates in all that a browser sends for a page: each callback, each value of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Flask

from jobs.runtime import EXTENSION, Foresight
from tests import hostile
from tests.hostile import Watch
from tests.people import PASSWORD
from tests.rows import MINUTE, T0
from tests.server import TOKEN

CALLBACKS: Final = "/dashboard/_dash-update-component"
RANGE: Final = {"from": "2026-03-18T15:00Z", "to": "2026-03-18T16:00Z"}
OWN_OF_SERVER: Final = re.compile(  # clicks, clocks, and what only the server writes
    r"\.n_\w+$|-(drawn|at|acted|changed|place|stopped|seen|news)\.data$"
)
OWN: Final = f"own {T0} {T0 + 10 * MINUTE}"  # key of the server's own windows
FILTERS: Final = {
    "endpoint": {"filterType": "text", "type": "contains", "filter": "s"},
    "method": {"values": ["GET"]},
}
VALUES: Final[dict[tuple[str, str], Any]] = {  # what only a browser puts there
    ("_pages_location", "pathname"): "/dashboard/client",
    ("_pages_location", "search"): "?client=u1&endpoint=%2Fsearch&q=errors&set=own",
    ("admin-chosen", "data"): {"view": "token", "of": ""},
    ("admin-field", "id"): [
        {"type": "admin-field", "name": name}
        for name in ("name", "role", "scope", "expiry", "until", "password", "again")
    ],
    ("admin-field", "value"): ["ci", "viewer", "all", "30", "", PASSWORD, PASSWORD],
    ("admin-grid", "id"): [{"type": "admin-grid", "tab": "users"}],
    ("admin-group", "data"): "login",
    ("alerts-asked", "data"): {"do": "acknowledge", "windows": ["1", "2"]},
    ("alerts-filters", "data"): {"view": "windows", "priority": "HIGH", "q": "x", "client": "u1"},
    ("alerts-open", "data"): 1,
    ("alerts-shown", "data"): 50,
    ("analytics-filters", "data"): {"endpoint": "/search", "method": "GET", "sort": "calls"},
    ("ask-asked", "data"): {"q": "errors on /search"},
    ("ask-forget", "n_clicks"): [],
    ("ask-name", "value"): "Failed",
    ("client-of", "data"): "u1",
    ("datasets-again", "n_clicks"): [],
    ("datasets-colour", "value"): "priority",
    ("datasets-feature", "value"): "error_rate",
    ("datasets-key", "data"): OWN,
    ("datasets-map", "clickData"): {"points": [{"customdata": ["0"]}]},
    ("datasets-rows", "cellClicked"): [{"rowId": "0", "colId": "endpoint", "value": "x"}],
    ("datasets-rows", "filterModel"): [FILTERS],
    ("datasets-rows", "getRowsRequest"): [
        {
            "startRow": 0,
            "endRow": 5,
            "sortModel": [{"colId": "timestamp", "sort": "asc"}],
            "filterModel": FILTERS,
        }
    ],
    ("datasets-rows", "id"): [{"type": "datasets-rows", "of": OWN}],
    ("datasets-search", "value"): "search",
    ("datasets-wanted", "data"): {"set": "own", "feature": "error_rate", "search": "x"},
    ("endpoint-asked", "data"): {"endpoint": "/search", "method": "GET"},
    ("grid-exported", "data"): {
        "name": "alerts",
        "format": "csv",
        "columns": [{"title": "Client", "kind": "text", "unit": ""}],
        "rows": [["u1"]],
    },
    ("lab-chosen", "data"): None,
    ("lab-intensity", "value"): "1",
    ("lab-minutes", "value"): "3",
    ("lab-url", "search"): "?range=3h",
    ("lab-start", "id"): [{"type": "lab-start", "scenario": "x"}],
    ("lab-start", "n_clicks"): [],
    ("models-promote", "n_clicks"): [],
    ("models-asked", "data"): {"event": "promote", "version": "factory"},
    ("models-reason", "value"): "better",
    ("models-subject", "value"): "endpoint",
    ("models-version", "data"): "factory",
    ("shell-range", "data"): RANGE,
    ("shell-theme", "data"): "dark",
}


def parsed(text: str) -> tuple[Any, bool]:
    """A component's id as a browser sends it, and whether it stands for all that are like it."""
    if not text.startswith("{"):
        return text, False
    parts = json.loads(text)
    name = {key: "x" if isinstance(part, list) else part for key, part in parts.items()}
    return name, ["ALL"] in parts.values()


def named(part: Mapping[str, Any]) -> tuple[str, str]:
    """Component, or the type of several, and property of an input or a state."""
    name, _ = parsed(part["id"])
    return name["type"] if isinstance(name, dict) else name, part["property"]


def value_of(part: Mapping[str, Any]) -> Any:
    """What a browser sends for an input or a state; of several components a list."""
    return VALUES.get(named(part), [] if parsed(part["id"])[1] else None)


def sent(part: Mapping[str, Any], value: Any) -> Any:
    name, several = parsed(part["id"])
    if not several:
        return {"id": name, "property": part["property"], "value": value}
    return [{"id": name, "property": part["property"], "value": one} for one in value]


def asked(one: Mapping[str, Any], values: list[Any]) -> dict[str, Any]:
    """The request for a callback with these values of its inputs and states."""
    parts, count = [*one["inputs"], *one["state"]], len(one["inputs"])
    outputs = []
    for output in one["output"].removeprefix("..").removesuffix("..").split("..."):
        name, several = parsed(output.rpartition(".")[0])
        place = {"id": name, "property": output.rpartition(".")[2]}
        outputs.append([place] if several else place)
    told = [sent(part, value) for part, value in zip(parts, values, strict=True)]
    return {
        "output": one["output"],
        "outputs": outputs if one["output"].startswith("..") else outputs[0],
        "inputs": told[:count],
        "state": told[count:],
        "changedPropIds": [f"{part['id']}.{part['property']}" for part in one["inputs"]][-1:],
    }


def bodies(one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Requests for a callback, each with an attack in the place of one of its texts."""
    values = [value_of(part) for part in [*one["inputs"], *one["state"]]]
    for place, value in enumerate(values):
        if value is None:  # a click, or what the server itself has put there
            continue
        for text in hostile.POLYGLOTS:
            for other in hostile.replaced(value, text):
                yield asked(one, [*values[:place], other, *values[place + 1 :]])


def test_no_value_of_a_page_is_run_or_calculated(attacked: Flask) -> None:
    parts: Foresight = attacked.extensions[EXTENSION]
    client = attacked.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    watch, used = Watch(parts), set()
    found = client.get("/dashboard/_dash-dependencies").get_json()
    for one in (each for each in found if not each["clientside_function"]):
        used |= {named(part) for part in [*one["inputs"], *one["state"]]}
        for body in bodies(one):
            watch(client, "POST", CALLBACKS, json=body)
    assert watch.asked > 150
    assert set(VALUES) <= used, "a value that no callback takes any more"
    forgotten = {one for one in used - set(VALUES) if not OWN_OF_SERVER.search(".".join(one))}
    assert forgotten == set(), "values that nobody attacks"
    grown = watch.grown()
    assert grown["audit"] >= grown["question"] > 0
