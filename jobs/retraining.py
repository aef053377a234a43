"""Retraining: models adapted to the stored windows, promoted only through the gate.

The nightly job runs it in a process of its own, so that capture and scoring go on untouched.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jobs import training, versions
from jobs.gate import FROZEN_SEEDS, Decision, gate
from jobs.runtime import FACTORY_MODELS, model_key
from ml.bundle import Bundle
from ml.registry import Models
from settings import Settings, session_key, settings_from_environment
from store import Store, open_store

NIGHTLY: Final = "nightly job"
MOST_SECONDS: Final = 1_800  # a run that takes longer is ended
LOOK_S: Final = 0.5  # between two looks whether the server ends
NICENESS: Final = 10  # the server comes first
ROOT: Final = Path(__file__).parent.parent


def retrain(store: Store, models: Models, now: int, *, who: str = NIGHTLY) -> str:
    """Train on what is stored, decide, keep the version and note the decision.

    Parameters
    ----------
    now : int
        The clock [epoch ms].
    who : str
        Stands in the event.

    Returns
    -------
    str
        What became of it, in words.
    """
    version, base = models.current()
    try:
        bundle, summary = training.train_stored(store, base, now)
    except training.TooFewWindowsError as error:
        return f"not retrained: {error}"
    decision, summary = decided(models, version, base, bundle, summary)
    saved = models.save(bundle, summary, promote=False)
    said: dict[str, Any] = {"who": who, "reason": decision.reason, "at": now}
    detail = event_detail(summary)
    if not decision.promote:
        versions.note(store, saved, "refused", detail=detail, **said)
        return f"{saved} refused: {decision.reason}"
    if models.version() != version:
        said["reason"] = f"it was compared with {version}, which is no longer current"
        versions.note(store, saved, "refused", detail=detail, **said)
        return f"{saved} refused: {said['reason']}"
    versions.promote(store, models, saved, detail=detail, **said)
    return f"{saved} promoted: {decision.reason}"


def decided(
    models: Models, version: str, base: Bundle, bundle: Bundle, summary: Mapping[str, Any]
) -> tuple[Decision, dict[str, Any]]:
    """The gate's decision on a bundle adapted from `base`, and the summary with its figures."""
    kept = models.manifest().get("reference", {})
    floor = kept.get("figures") if kept.get("seeds") == FROZEN_SEEDS else None
    decision = gate(base, bundle, floor)
    reference = {"seeds": FROZEN_SEEDS, "figures": decision.figures["floor"]}
    return decision, {
        "source": "stored",
        "base": version,
        **summary,
        "gate": {"reason": decision.reason, **decision.figures},
        "reference": reference,
    }


def event_detail(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What of a summary belongs to the event: what it was compared with, before and after."""
    names = ("base", "gate", "feedback", "alarms_on_feedback", "normal_windows", "left_out")
    return {name: summary[name] for name in names if name in summary}


def retrain_apart(settings: Settings, go_on: Callable[[], bool]) -> str:
    """Run `retrain` in a process of its own.

    Parameters
    ----------
    go_on : callable
        Asked all the time; when it says no the process is ended, and nothing has changed.

    Returns
    -------
    str
        What became of it, in words.

    Raises
    ------
    RuntimeError
        The process failed or took too long; with the last line that it said.
    """
    with subprocess.Popen(  # this product's own code  # nosec B603
        [sys.executable, "-P", "-m", "jobs.retraining"],  # -P: not what lies in the current folder
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said = _awaited(process, go_on)
        finally:
            process.kill()
    if said is None:
        return "not retrained: the server ended"
    output, errors = said
    if process.returncode:
        last = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise RuntimeError(f"retraining failed: {last}")
    detail: str = json.loads(output)["detail"]
    return detail


def _awaited(process: subprocess.Popen[str], go_on: Callable[[], bool]) -> tuple[str, str] | None:
    """What the process says on its two streams, when it is let to end."""
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK_S)
        if not go_on():
            return None
        if time.monotonic() > deadline:
            raise RuntimeError(f"retraining took more than {MOST_SECONDS} s and was ended")


def _environment(settings: Settings) -> dict[str, str]:
    """The same store, windows, models and key, wherever the server got its settings from."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return os.environ | {
        "PYTHONPATH": path,
        "FORESIGHT_DATA_DIR": str(settings.data_dir.absolute()),
        "FORESIGHT_DATABASE_URL": settings.store_url,
        "FORESIGHT_SECRET_KEY": session_key(settings),
        "FORESIGHT_WINDOW_SECONDS": str(settings.window_seconds),
        "FORESIGHT_STEP_SECONDS": str(settings.step_seconds),
    }


def main() -> None:
    """Retrain with the settings of the environment; what became of it goes to standard output."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    settings = settings_from_environment()
    store = open_store(settings.store_url, settings.window_ms, settings.step_ms)
    try:
        key = model_key(session_key(settings))
        models = Models(settings.models_dir, FACTORY_MODELS, key)
        detail = retrain(store, models, time.time_ns() // 1_000_000)
    finally:
        store.close()
    print(json.dumps({"detail": detail}))


if __name__ == "__main__":
    main()
