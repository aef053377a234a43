"""The evaluation as a page: `docs/evaluation.md`, written by `flask evaluate`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from datasets.evaluation.sections_scores import anomaly_section, usage_section, web_bots_section
from datasets.evaluation.sections_time import (
    calm_section,
    detection_section,
    failure_section,
    real_logs_section,
)
from datasets.evaluation.tables import CURVE_FILE, interval, number, reliability_svg, table

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "evaluation.md"
SECTIONS: Final = (
    anomaly_section,
    usage_section,
    web_bots_section,
    failure_section,
    detection_section,
    calm_section,
    real_logs_section,
)


TRAINED: Final = (  # of a manifest: the same in both, and the figures of one are the other's
    "seed",
    "sources",
    "windows",
    "windows_by_episode",
    "failing_windows",
)


class Target(NamedTuple):
    """A figure that was promised."""

    text: str
    path: tuple[str, ...]  # to the figure
    least: float | None  # at least so much; or
    most: float | None = None  # at most
    digits: int = 3


TARGETS: Final = (
    Target("anomaly ROC-AUC, clients", ("anomaly", "roc_auc"), 0.97),
    Target("anomaly average precision, clients", ("anomaly", "average_precision"), None),
    Target("anomaly recall at 1 % false positives", ("anomaly", "recall_at_1pct_fpr"), 0.90),
    Target("usage macro-F1", ("usage", "macro_f1"), 0.95),
    Target("web_bots ROC-AUC by session", ("web_bots", "roc_auc"), 0.85),
    Target("failure PR-AUC", ("failure", "pr_auc"), None),
    Target("failure PR-AUC of the best rule", ("failure", "pr_auc_best_baseline"), None),
    Target("failure PR-AUC / best rule", ("failure", "pr_auc_over_best_baseline"), 1.5),
    Target("failure base rate", ("failure", "base_rate"), None),
    Target("gradual faults seen >= 1 min ahead", ("failure", "gradual_seen_ahead"), 0.60),
    Target("gradual faults seen >= 3 min ahead", ("failure", "seen_ahead_3_minutes"), 0.40),
    Target("median lead, minutes", ("failure", "median_lead_minutes"), None, None, 1),
    Target("false warnings a day", ("failure", "false_alarms_per_day"), None, 1.0, 2),
    Target("Brier skill", ("failure", "brier_skill"), 0.15),
    Target("HIGH windows on a calm day", ("calm_day_high_windows",), None, 1.0, 1),
    Target("credential stuffing HIGH at once", ("calm", "reach", "credential_stuffing"), 1.0),
    Target("total outage HIGH at once", ("calm", "reach", "total_outage"), 1.0),
)

_HEAD: Final = """# Evaluation

Written by `flask evaluate` for the model version `{version}` in {seconds:.0f} seconds; edits are
overwritten. `flask evaluate --json` prints the same figures, and names what is only described
here.

**Everything below is simulated** unless a line says *real*: the mock shop, the made-up sites and
the attacks on both are this project's own simulators. Real are the sessions of web_bots, the
access logs, PetShop and Sock Shop, each read from the user's own copy; a dash stands where there
is none.
"""

_HOW: Final = """## How it is measured

- **Nothing is on two sides.** Runs of training, of thresholds and of the test have different
  seeds; the command ends with an error if one stands on two sides. A session of web_bots is
  learnt from or scored, never both.
- **Thresholds are frozen.** What is chosen (a score that 1 % of normal windows reach, a
  probability that is a warning) is chosen on threshold runs, whose families of faults the models
  know, and then applied to the test as it is. So the false positives that the test then has are
  measured, too.
- **Faults of the test are of families that no model has seen**; the families were split before
  the first fit (`datasets/sites/faults.py`). That two forests forecast, and not one,
  was chosen on other runs of these families, and the margin of the warning threshold after a
  first look at this test; how real sessions weigh in the bot score was chosen on these sessions.
- **Intervals** are 95 %, by bootstrap over whole runs, sites or sessions, never over windows;
  counts of a calm day have the exact Poisson interval.
- **Thin windows** (fewer than 5 calls) are scored like all others but count neither as attack nor
  as normal.
- **Baselines** stand beside every model and get their thresholds in the same way.
"""


def write_page(
    found: Mapping[str, Any], version: str, page: Path, manifest: Mapping[str, Any]
) -> list[Path]:
    """Write the page, and beside it its drawing and the figures as JSON; returns the files.

    Parameters
    ----------
    found : mapping
        Of `datasets.evaluation.evaluate`.
    version : str
        Of the models.
    page : Path
        Ends in `.md`.
    manifest : mapping
        Of that version: what it was trained on stands in the JSON.
    """
    curve, figures = page.with_name(CURVE_FILE), page.with_suffix(".json")
    told = {"version": version, "trained": trained_on(manifest), "figures": found}
    page.write_text(markdown(found, version), encoding="utf-8")
    curve.write_text(reliability_svg(found["failure"]["reliability"]), encoding="utf-8")
    figures.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return [page, curve, figures]


def trained_on(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What two versions have in common that were trained on the same windows in the same way."""
    return {name: manifest.get(name) for name in TRAINED}


def written_figures(file: Path) -> dict[str, Any] | None:
    """The JSON that `write_page` wrote: `version`, `trained` and `figures`; None: there is none.

    Raises
    ------
    ValueError
        The file is no such JSON.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(told, dict) or {"version", "trained", "figures"} - told.keys():
            raise ValueError("it lacks version, trained or figures")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{file} is not of `flask evaluate`: {error}") from None
    return told


def markdown(found: Mapping[str, Any], version: str) -> str:
    """The page.

    Parameters
    ----------
    found : mapping
        Of `datasets.evaluation.evaluate`.
    version : str
        Of the models.
    """
    head = _HEAD.format(version=version, seconds=found["seconds"])
    sections = [section(found) for section in SECTIONS]
    return "\n".join([head, _targets(found), _HOW, *sections])


def _targets(found: Mapping[str, Any]) -> str:
    rows = [_target_row(found, target) for target in TARGETS]
    head = ["figure", "value", "95 % interval", "target", ""]
    return f"## The figures\n\n{table(head, rows)}\n"


def _target_row(found: Mapping[str, Any], target: Target) -> list[str]:
    part: Mapping[str, Any] = found
    for name in target.path[:-1]:
        part = part[name]
    value, digits = part[target.path[-1]], target.digits
    return [
        target.text,
        number(value, digits),
        interval(part, target.path[-1], digits),
        _wanted(target),
        _verdict(value, target),
    ]


def _wanted(target: Target) -> str:
    if target.least is not None:
        return f">= {target.least:g}"
    return f"<= {target.most:g}" if target.most is not None else ""


def _verdict(value: float | None, target: Target) -> str:
    if value is None or (target.least is None and target.most is None):
        return ""
    short = target.least - value if target.least is not None else value - (target.most or 0.0)
    return "reached" if short <= 0 else f"missed by {number(short, target.digits)}"
