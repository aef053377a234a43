"""The parts of the written evaluation about scores of windows: anomaly, usage, bots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from datasets.evaluation.tables import NOT_KNOWN, figures_table, number, table
from datasets.owasp import SCENARIOS, UNSHOWN

Found = Mapping[str, Any]

RECALL_SHOWN: Final = 0.9  # scenarios below it get the reason beside them
_DETECTION: Final = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "recall_at_1pct_fpr": "recall at 1 %",
    "false_positive_rate": "false positives",
    "recall_at_1pct_fpr_of_test": "recall at 1 % of the test",
}


def anomaly_section(found: Found) -> str:
    """Attacks and faults against normal windows."""
    part = found["anomaly"]
    return f"""## Anomaly score (simulated)

Windows of attacking clients against normal client windows: OWASP API Security Top 10 scenarios,
each on made-up sites of its own, and misuse of the mock shop. {number(part["strange_windows"])}
windows of attackers, {number(part["normal_windows"])} normal ones. The last column takes the
threshold from the test itself and is there for comparison.

{_detection_table(part)}

Endpoints: attacked ones during the attack and failing ones during a fault, against normal ones.
Calls that no route fits share one endpoint, whose errors say nothing by design: who strays shows
as a client.

{_detection_table(part["endpoints"])}

By scenario, recall at the frozen threshold:

{_scenario_table(part)}

{_missed(part)}

No calls that come in can show: {" ".join(f"*{risk}*: {why}" for risk, why in UNSHOWN.items())}
"""


def _detection_table(part: Found) -> str:
    return figures_table({"anomaly score": part, **part["baselines"]}, _DETECTION)


def _scenario_table(part: Found) -> str:
    clients, endpoints = part["by_scenario"], part["endpoints"]["by_scenario"]
    rows = [
        [name, *_cells(clients.get(name)), *_cells(endpoints.get(name))]
        for name in sorted({*clients, *endpoints})
    ]
    head = ["scenario", "client windows", "AUC", "recall", "endpoint windows", "AUC", "recall"]
    return table(head, rows)


def _cells(row: Found | None) -> list[str]:
    if row is None:
        return [NOT_KNOWN] * 3
    return [number(row["windows"]), number(row["roc_auc"]), number(row["recall_at_1pct_fpr"], 2)]


def _missed(part: Found) -> str:
    """What the features tell of the scenarios that are often missed."""
    looks = {f"{known.risk} {known.name}": known.looks_like for known in SCENARIOS}
    lines = [
        f"- **{name}**, recall {number(row['recall_at_1pct_fpr'], 2)}: {looks[name]}"
        for name, row in part["by_scenario"].items()
        if name in looks and row["recall_at_1pct_fpr"] < RECALL_SHOWN
    ]
    if not lines:
        return "No scenario is often missed."
    return "Often missed, with what there is to be seen:\n\n" + "\n".join(lines)


def usage_section(found: Found) -> str:
    """Kinds of clients."""
    part = found["usage"]
    rows = [
        [f"is {kind}", *(number(count) for count in counts)]
        for kind, counts in zip(part["kinds"], part["confusion"], strict=True)
    ]
    head = ["", *(f"said {kind}" for kind in part["kinds"])]
    models = {"usage cluster": part, **part["baselines"]}
    return f"""## Usage cluster (simulated)

Client windows of the mock shop outside of misuse and faults.

{table(head, rows)}

{figures_table(models, {"macro_f1": "macro-F1"})}
"""


def web_bots_section(found: Found) -> str:
    """Real programs and real people."""
    part = found["web_bots"]
    if part["roc_auc"] is None:
        return f"## Bot score (real sessions)\n\nNot measured: {part['reason']}.\n"
    return f"""## Bot score (real sessions)

{part["sessions"]} sessions of web_bots, {part["bots"]} of them programs, as calls (method, path,
status, bytes and times alone); a session's score is the mean `bot_score` of its windows, as the
product stores it. The current models may have learnt from these very sessions, so the figure is
out of fold: the model of bots is fitted {part["folds"]} times without the sessions that it then
scores.

| score | AUC by session |
| --- | ---: |
| out of fold | {number(part["roc_auc"])} |
| the model without any real session | {number(part["roc_auc_without_real_sessions"])} |
| the current models, which may have seen them | {number(part["roc_auc_of_current_models"])} |
| calls alone | {number(part["baselines"]["req_count"]["roc_auc"])} |
| error rate alone | {number(part["baselines"]["error_rate"]["roc_auc"])} |

The second line says what simulated programs alone teach about real ones.
"""
