"""The report on the training set in plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from datasets.data_set import DataSet
from ml.features import FEATURES

WIDTH: Final = 100  # characters
CLASS_COLUMNS: Final = ("subject", "data", "normal", "episode", "kind", "client_kind")
MOST_CLASSES: Final = 60  # lines of one column

_MODELS: Final = (
    (
        "Anomaly",
        "Isolation Forest, one for endpoints and one for clients, on the distance of the features"
        " to what is usual for the subject and its site. Score 0 to 1: 0.5 at the contamination"
        " threshold, exactly 1 far outside of training.",
    ),
    (
        "Usage",
        "K-Means with clusters named normal, heavy and bot by volume, repetition and variety over"
        " a quarter of an hour, volume beside the other clients of the site.",
    ),
    (
        "Failure",
        "A Random Forest over an endpoint's last hour that gives the probability that the subject"
        " fails now or within the next five minutes, calibrated on runs of its own. Failing:"
        " error_rate > 0.3 or avg_response_time > 800 ms.",
    ),
    (
        "Risk",
        "0.45 * anomaly score + 0.35 * failure probability + 0.20 * is_bot, rounded to 4 places;"
        " HIGH from 0.8, MEDIUM from 0.5, else LOW.",
    ),
)
_PIPELINE: Final = (
    "A call is written to a journal before its answer ends, and drained into the store.",
    "Each closed minute becomes windows: one for each endpoint with method, one for each client.",
    "Each window gets the 8 features.",
    "The three models score the window; thin windows (fewer than 5 calls) lean on the past.",
    "The scores add up to the risk score and its priority.",
)


def report(
    windows: pd.DataFrame,
    statistics: pd.DataFrame,
    sets: Sequence[DataSet],
    models: Mapping[str, Any],
) -> str:
    """Overview, sources, class balance, features, models and pipeline.

    Parameters
    ----------
    windows : DataFrame
        Features, `provenance`, `data` (kind of the data) and labels.
    statistics : DataFrame
        One row a feature, as of `datasets.export.summary`.
    models : mapping
        Manifest of the current models; may be empty.
    """
    sections = (
        ("OVERVIEW", _overview(windows)),
        ("SOURCES AND LICENCES", _sources(sets)),
        ("CLASS BALANCE", _balance(windows)),
        ("FEATURES", _features(statistics)),
        ("MODELS", _models(models)),
        ("PIPELINE", [f"{number}. {step}" for number, step in enumerate(_PIPELINE, start=1)]),
    )
    lines = ["FORESIGHT: REPORT ON THE TRAINING SET"]
    for number, (title, text) in enumerate(sections, start=1):
        lines += ["", "", f"{number}. {title}", "-" * WIDTH, *text]
    return "\n".join(lines) + "\n"


def _overview(windows: pd.DataFrame) -> list[str]:
    first, last = (
        pd.to_datetime(at, unit="ms", utc=True).strftime("%Y-%m-%d %H:%M")
        for at in (windows["timestamp"].min(), windows["timestamp"].max())
    )
    kinds = windows["data"].value_counts()
    shares = ", ".join(f"{kind} {_share(count, len(windows))}" for kind, count in kinds.items())
    return [
        *_wrapped(
            f"{len(windows):,} windows of one minute from {windows['provenance'].nunique():,} runs,"
            f" {first} to {last} UTC. By origin: {shares}."
        ),
        *_wrapped(
            "Simulated windows come from simulated traffic on a virtual clock, in times of their"
            " own; they are no record of any real site. Each row names its data set and run in the"
            " column provenance."
        ),
    ]


def _sources(sets: Sequence[DataSet]) -> list[str]:
    lines: list[str] = []
    for data_set in sets:
        rows = "made on demand" if data_set.rows is None else f"{data_set.rows:,} rows"
        there = rows if data_set.available else "not on this machine"
        lines += [f"{data_set.title} ({data_set.name}): {data_set.kind}, {there}"]
        for label, text in (
            ("source", data_set.source),
            ("licence", data_set.licence),
            ("labels", data_set.labels),
            ("split", data_set.split),
            ("note", data_set.note),
        ):
            lines += _wrapped(f"{label}: {text}", "    ") if text else []
        lines.append("")
    return lines[:-1]


def _balance(windows: pd.DataFrame) -> list[str]:
    lines: list[str] = []
    for name in (name for name in CLASS_COLUMNS if name in windows):
        counts = windows[name].astype(object).fillna("").replace("", "(none)").value_counts()
        lines.append(f"{name}:")
        for value, count in counts.head(MOST_CLASSES).items():
            lines.append(f"    {value!s:<40} {count:>10,} {_share(count, len(windows)):>8}")
        if len(counts) > MOST_CLASSES:
            lines.append(f"    and {len(counts) - MOST_CLASSES:,} more")
    return lines


def _features(statistics: pd.DataFrame) -> list[str]:
    numbers = ("min", "max", "mean", "std")
    lines = [f"{'feature':<20}" + "".join(f"{name:>14}" for name in numbers) + f"{'missing':>10}"]
    for name in FEATURES:
        row = statistics.loc[name]
        values = "".join(f"{row[number]:>14,.3f}" for number in numbers)
        lines.append(f"{name:<20}{values}{row['missing']:>10,}")
    units = (f"{name}: {unit}" for name, unit in statistics["unit"].items())
    return [*lines, "", *_wrapped("Units. " + "; ".join(units) + ".")]


def _models(manifest: Mapping[str, Any]) -> list[str]:
    lines = [line for name, text in _MODELS for line in _wrapped(f"{name}: {text}")]
    if version := manifest.get("version"):
        made = manifest.get("created_at", "unknown")
        sources = ", ".join(manifest.get("sources", ())) or "unknown"
        lines += _wrapped(f"Current version: {version}, made {made}, trained on: {sources}.")
    return lines


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
