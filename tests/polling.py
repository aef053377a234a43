"""What a browser sends when a page polls, made of the callbacks that the dashboard lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEPENDENCIES = "/dashboard/_dash-dependencies"
CALLBACKS = "/dashboard/_dash-update-component"
EVERYTHING = {"range": "all"}


def polls(dependencies: Iterable[Mapping[str, Any]]) -> dict[str, Poll]:
    """The polls of all pages by what their clock is `of`."""
    found = {}
    for one in dependencies:
        clocks = [given["id"] for given in one["inputs"] if '"shell-tick"' in given["id"]]
        if clocks and not one["clientside_function"]:
            found[json.loads(clocks[0])["of"]] = Poll(one["output"], one["inputs"], one["state"])
    return found


@dataclass
class Poll:
    """One browser's poll; it learns the states that answers set."""

    output: str
    inputs: list[Mapping[str, str]]
    state: list[Mapping[str, str]]
    values: dict[str, Any] = field(
        default_factory=lambda: {"shell-range.data": EVERYTHING, "shell-theme.data": "dark"}
    )
    ticks: int = 1

    def body(self) -> dict[str, Any]:
        """What is sent next."""
        outputs = [_output(one) for one in self.output.strip(".").split("...")]
        return {
            "output": self.output,
            "outputs": outputs if self.output.startswith("..") else outputs[0],
            "inputs": [self._valued(one) for one in self.inputs],
            "state": [self._valued(one) for one in self.state],
            "changedPropIds": [f"{self.inputs[0]['id']}.n_intervals"],
        }

    def learn(self, answer: Mapping[str, Any]) -> None:
        """Take over what an answer has set, as the page does."""
        self.ticks += 1
        for id, properties in answer["response"].items():
            for property, value in properties.items():
                self.values[f"{id}.{property}"] = value

    def _valued(self, one: Mapping[str, str]) -> Any:
        id, property = one["id"], one["property"]
        if '["ALL"]' in id:
            return []
        value = self.ticks if property == "n_intervals" else self.values.get(f"{id}.{property}")
        return {"id": _id(id), "property": property, "value": value}


def _output(name: str) -> Any:
    id, _, property = name.rpartition(".")
    return [] if '["ALL"]' in id else {"id": _id(id), "property": property}


def _id(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def stores(layout: Any) -> dict[str, Any]:
    """What the stores and fields of a page hold when it is opened, by `id.property`."""
    found: dict[str, Any] = {}
    for part in _parts(layout):
        id = part["props"].get("id")
        for property in ("data", "value"):
            if id and property in part["props"]:
                name = id if isinstance(id, str) else json.dumps(id, sort_keys=True)
                found[f"{name}.{property}"] = part["props"][property]
    return found


def page_question(dependencies: Iterable[Mapping[str, Any]], path: str, query: str) -> Any:
    """What a browser asks to get the layout of a page."""
    [one] = [d for d in dependencies if d["output"].startswith(".._pages_content.children")]
    asked = {"pathname": path, "search": query}
    return {
        "output": one["output"],
        "outputs": [_output(name) for name in one["output"].strip(".").split("...")],
        "inputs": [dict(given) | {"value": asked[given["property"]]} for given in one["inputs"]],
        "state": [dict(given) | {"value": None} for given in one["state"]],
        "changedPropIds": [],
    }


def _parts(layout: Any) -> Iterator[dict[str, Any]]:
    if isinstance(layout, list):
        for one in layout:
            yield from _parts(one)
    elif isinstance(layout, dict) and "props" in layout:
        yield layout
        for value in layout["props"].values():
            yield from _parts(value)
