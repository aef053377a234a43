"""The parts of the written evaluation about time: seen ahead, detected, calm days, real logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from datasets.evaluation.tables import CURVE_FILE, figures_table, number, table

Found = Mapping[str, Any]

_FORECAST: Final = {
    "pr_auc": "PR-AUC",
    "brier_skill": "Brier skill",
    "gradual_seen_ahead": ">= 1 min ahead",
    "seen_ahead_3_minutes": ">= 3 min ahead",
    "median_lead_minutes": "median lead [min]",
    "false_alarms_per_day": "false warnings a day",
    "near_misses_warned": "near misses warned of",
}


def failure_section(found: Found) -> str:
    """How far ahead failures are seen."""
    part = found["failure"]
    models = {"failure probability": part, **part["baselines"]}
    return f"""## Failure probability (simulated)

{_asked(part)}

{figures_table(models, _FORECAST)}

{_families(part)}

**Which input wins**: models of the same kind, trained on the same learnt families, that see more
or less.

{figures_table(part["inputs"], _FORECAST)}

{_importance(part["importance"])}

**Calibration** on the test:

![Reliability curve]({CURVE_FILE})

{_calibration(part)}

{_second_site(part["mock_shop"])}
"""


def _asked(part: Found) -> str:
    """What was forecast, and what the words of the tables mean."""
    share = 100 * part["base_rate"]
    return f"""{number(part["windows"])} endpoint windows of made-up sites that don't fail now and
of which it is known whether they fail within five minutes ({share:.1f} % do),
{part["faults"]} gradual faults of unseen families, {number(part["quiet_days"], 1)} calm days.

Two rules stand beside it: *closeness* to a limit (the larger of error_rate / 0.3 and
avg_response_time / 800), and the same in five minutes by the *straight line* through the last
three windows. A warning is a window at or above the threshold ({number(part["threshold"])}), the
lowest one with at most half a false warning a day (one is allowed; other runs have more) on the
{number(part["threshold_quiet_days"], 1)} calm days of the threshold runs. A false warning is a
spell of them about one endpoint on calm time without a failure in the 30 minutes after. The lead
is from the start of the first warning window under a fault to the start of its first failing
window. Near misses (faults repaired before they hurt) that were warned of are stated apart: they
are neither right nor wrong."""


def _families(part: Found) -> str:
    columns = {"faults": "faults", "seen_ahead": ">= 1 min", "seen_ahead_3_minutes": ">= 3 min"}
    return figures_table(part["by_family"], columns)


def _importance(part: Found) -> str:
    """What the current forecast rests on."""
    columns = {"lost": "PR-AUC lost", "least": "least", "most": "most"}
    return f"""**What it rests on**: PR-AUC that is lost when a part of the inputs is shuffled among
the windows, mean, least and most of {part["shuffles"]} shuffles; with all of them in place it is
{number(part["pr_auc"])} on these {number(part["windows"])} windows.

{figures_table(part["parts"], columns)}"""


def _calibration(part: Found) -> str:
    rows = [
        [f"{row['low']:.1f} to {row['high']:.1f}", number(row["windows"])]
        + [number(row[name]) for name in ("given", "failed")]
        for row in part["reliability"]
    ]
    return table(["probability", "windows", "mean given", "failed"], rows)


def _second_site(shop: Found) -> str:
    rule, ahead = shop["best_baseline"].replace("_", " "), shop["gradual_seen_ahead"]
    return f"""**The mock shop** as a second simulator, with the threshold as it is; its families of
faults were learnt: base rate {number(shop["base_rate"])}, PR-AUC {number(shop["pr_auc"])} ({rule}:
{number(shop["pr_auc_best_baseline"])}), Brier skill {number(shop["brier_skill"])}; share of its
{shop["faults"]} gradual faults that is seen one minute ahead: {number(ahead, 2)}, three minutes
ahead: {number(shop["seen_ahead_3_minutes"], 2)}."""


def detection_section(found: Found) -> str:
    """Steps in real metrics."""
    names = {"petshop": "PetShop", "sockshop": "Sock Shop"}
    parts = [_detected(title, found[name]) for name, title in names.items()]
    return f"""## Time to detect a step (real metrics)

Faults of two real deployments whose onset is a step, so nothing can be seen ahead; minutes from
the onset to the begin of the first alarm (0: in the window of the onset). Both are metrics, not
calls: what they lack is taken as typical. PetShop's issues are milder than the limits of a
failure; each gets hours without an issue put before it as its past. Of Sock Shop, normal and
faulty parts were recorded days apart, so a change is no proof that the fault was seen.

{chr(10).join(parts)}
"""


def _detected(title: str, part: Found) -> str:
    if part["windows"] is None:
        return f"**{title}** not measured: {part['reason']}.\n"
    kinds = {
        "medium": "MEDIUM or HIGH",
        "failure_warning": "failure warning",
        "anomaly": "anomaly",
    }
    columns = {
        "detected": "detected",
        "median_minutes": "median minutes",
        "alarms_before_onset": "alarms before onset",
        "windows_before_onset": "windows before onset",
    }
    rows = figures_table({kinds[name]: part[name] for name in kinds}, columns)
    return f"**{title}**, {part['episodes']} episodes:\n\n{rows}\n"


def calm_section(found: Found) -> str:
    """Calm traffic, and trouble that must be HIGH at once."""
    part, reach = found["calm"], found["calm"]["reach"]
    columns = {
        "days": "days",
        "windows": "windows",
        "endpoint_high": "HIGH endpoints",
        "client_high": "HIGH clients",
        "endpoint_medium": "MEDIUM endpoints",
        "client_medium": "MEDIUM clients",
    }
    rows = {"mock shop": part["shop"], "made-up sites": part["sites"]}
    return f"""## Calm days, and trouble that must be HIGH (simulated)

The shop's day is played in parts with 40 clients of their own each. One without the other is
worth nothing: within {reach["within_windows"]} windows, credential stuffing (every attacking
client) is HIGH in {100 * reach["credential_stuffing"]:.0f} % and a total outage in
{100 * reach["total_outage"]:.0f} % of {reach["seeds"]} runs.

{figures_table(rows, columns)}
"""


def real_logs_section(found: Found) -> str:
    """Alarms on real traffic."""
    parts = [_log(name, part) for name, part in found["real_logs"].items()]
    return f"""## Alarms on real access logs (real)

Read and scored in memory. Nobody labelled them, and almhuette_joomla is full of scans, where an
alarm may be right. The riskiest windows are listed for a person to judge; `--json` names their
clients and endpoints.

{chr(10).join(parts)}"""


def _log(name: str, part: Found) -> str:
    if "reason" in part:
        return f"**{name}** not measured: {part['reason']}.\n"
    counts = {kind: part[kind] for kind in ("endpoints", "clients")}
    columns = {
        "windows": "windows",
        "high": "HIGH",
        "medium": "MEDIUM",
        "high_an_hour": "HIGH an hour",
        "medium_an_hour": "MEDIUM an hour",
        "high_subjects": "subjects with HIGH",
    }
    shown = ("req_count", "error_rate", "unique_endpoints", "repeat_rate", "risk_score")
    rows = [
        [f"{row['at']} {row['subject']}", *(number(row[key], 2) for key in shown), row["priority"]]
        for row in part["top"]
    ]
    head = ["riskiest", "calls", "error rate", "unique endpoints", "repeat rate", "risk", ""]
    top = f"\n{table(head, rows)}\n" if rows else "\nNo window is MEDIUM or above.\n"
    said = f"**{name}**, {number(part['calls'])} calls in {number(part['hours'], 1)} hours:"
    return f"{said}\n\n{figures_table(counts, columns)}\n{top}"
