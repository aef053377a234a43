"""Lab: attacks and faults played on the mock shop, and how long it takes until they are seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import dash
from dash import (
    ALL,
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    ctx,
    dcc,
    html,
    no_update,
)

from components import cards, lab_cards, lab_history, shell, states, tables
from components.icons import glyph
from datasets.owasp.scenarios import RISKS
from jobs.access.roles import Role
from jobs.lab import scenarios
from jobs.lab.orders import LabClosedError, order_run, order_stop
from pages import _lab_view, current, now_ms, only, who
from pages._drawn import fingerprint
from store import scenario_runs
from store.scenario_runs import RunOpenError

dash.register_page(__name__, path="/lab", name="Lab", title="Lab · Foresight", order=6)

FAST_MS: Final = 2_000  # between two polls while a run is open
MOST_RUNS: Final = 200  # listed
HISTORY_PX: Final = 360
DEMO_COMMAND: Final = "FORESIGHT_DEMO=1 FORESIGHT_DATA_DIR=var-demo .venv/bin/python app.py"
_TICK: Final = shell.tick_id("lab")
_START: Final = {"type": "lab-start", "scenario": ALL}
_STOP_WORDS: Final = {"measuring": "Don't wait"}
_ABOUT: Final = (
    "Play an attack or a fault on the mock shop, and measure how long it takes until it is seen. "
    "All of it is simulated."
)
_PARTS: Final = {
    "head": Output("lab-head", "children"),
    "verdict": Output("lab-verdict", "children"),
    "body": Output("lab-body", "children"),
    "stop_hidden": Output("lab-stop", "hidden"),
    "stop_word": Output("lab-stop-word", "children"),
    "runs": Output("lab-runs-grid", "rowData"),
    "runs_state": Output("lab-runs-grid-state", "children"),
    "pace": Output(_TICK, "interval"),
}


def _layout(run: Any = "", intensity: Any = "", minutes: Any = "", **_: Any) -> html.Div:
    """The run of the address (else the open or the latest one), all scenarios, all runs."""
    if not current().settings.demo:
        return shell.page("Lab", lab_cards.closed(DEMO_COMMAND), id="lab", subtitle="")
    return shell.page(
        "Lab",
        dcc.Location(id="lab-url", refresh="callback-nav"),
        shell.tick("lab"),
        dcc.Store(id="lab-chosen", data=str(run).strip() or None),
        dcc.Store(id="lab-shown"),
        dcc.Store(id="lab-drawn"),
        dcc.Store(id="lab-stopped"),
        html.Div(
            [
                _stage(),
                _to_play(
                    _one_of(scenarios.INTENSITIES, intensity, 1.0),
                    _one_of(scenarios.MINUTES, minutes, scenarios.DEFAULT_MINUTES),
                ),
                cards.card(
                    "Runs",
                    tables.grid(
                        "lab-runs-grid",
                        lab_history.columns(),
                        HISTORY_PX,
                        label="Runs of the lab",
                        export_name="lab-runs",
                    ),
                    subtitle=f"The newest {MOST_RUNS} that were played on this store",
                ),
            ],
            className="page-rows",
        ),
        id="lab",
        subtitle=_ABOUT,
    )


layout = only(Role.ADMIN, _layout)


def _stage() -> html.Section:
    """The run that is shown; its parts are filled by `show`."""
    stop = html.Button(
        [glyph("stop-fill"), html.Span("Stop", id="lab-stop-word")],
        id="lab-stop",
        type="button",
        className="button",
        hidden=True,
    )
    return html.Section(
        [
            html.Header([html.Div(id="lab-head"), stop]),
            html.P(id="lab-verdict", className="lab-verdict", role="status"),
            html.Div(states.skeleton("chart"), id="lab-body", className="lab-body"),
        ],
        id="lab-stage",
        tabIndex=-1,  # gets the focus when a run was started
        className="panel lab-stage",
        **{"aria-label": "The run that is shown"},
    )


def _to_play(intensity: float, minutes: float) -> html.Div:
    choices = lab_cards.controls(scenarios.INTENSITIES, intensity, scenarios.MINUTES, minutes)
    return html.Div(
        [
            html.Div(
                [html.H2("Attacks and faults", className="lab-section"), choices],
                className="lab-section-head",
            ),
            html.P(id="lab-problem", className="lab-problem", role="alert"),
            lab_cards.scenario_cards(scenarios.SCENARIOS, RISKS),
            lab_cards.not_playable(scenarios.NOT_PLAYABLE, RISKS),
        ],
        className="page-rows",
    )


clientside_callback(  # its output is of the page: so it is called each time the page is made
    ClientsideFunction("lab", "show"), Output("lab-shown", "data"), Input("lab-chosen", "data")
)


@callback(
    output={
        "parts": _PARTS,
        "starts": Output(_START, "disabled"),
        "drawn": Output("lab-drawn", "data"),
    },
    inputs={
        "_ticks": Input(_TICK, "n_intervals"),
        "_stopped": Input("lab-stopped", "data"),
        "chosen": Input("lab-chosen", "data"),
        "drawn": State("lab-drawn", "data"),
        "starts": State(_START, "id"),
    },
    running=[(Output(_TICK, "disabled"), True, False)],
)
def show(
    _ticks: int,
    _stopped: int | None,
    chosen: str | None,
    drawn: Mapping[str, str] | None,
    starts: list[Any],
) -> dict[str, Any]:
    """What changed of the run that is shown and of the list of runs."""
    now, store = now_ms(), current().store
    with store.read() as connection:
        runs = scenario_runs.newest_runs(connection, MOST_RUNS)
        shown = _lab_view.run_to_show(connection, chosen, runs)
        windows = _lab_view.windows_of(connection, shown, store.window_ms)
        scored_to = _lab_view.scored_to(connection, store.window_ms)
    open_run = next((run for run in runs if run.settled_at is None), None)
    parts: dict[str, Any] = {
        **_lab_view.stage(shown, chosen, windows, scored_to, open_run, now),
        "stop_hidden": shown is None or shown is not open_run,
        "stop_word": _STOP_WORDS.get(shown.phase if shown else "", "Stop"),
        "runs": _lab_view.history(runs),
        "runs_state": [] if runs else _no_runs(),
        "pace": FAST_MS if open_run else shell.POLL_MS,
        "busy": open_run is not None,
    }
    prints = {name: fingerprint(part) for name, part in parts.items()}
    # Answers are shared for as long as a usual poll: so that faster ones are new, each asks anew.
    prints["slot"] = str(now // FAST_MS) if open_run else ""
    same = {name for name, value in prints.items() if (drawn or {}).get(name) == value}
    busy = [no_update if "busy" in same else parts["busy"]] * len(starts)
    changed = {name: no_update if name in same else parts[name] for name in _PARTS}
    return {"parts": changed, "starts": busy, "drawn": prints if prints != drawn else no_update}


@callback(
    Output("lab-url", "search"),
    Output("lab-problem", "children"),
    Input(_START, "n_clicks"),
    State("lab-intensity", "value"),
    State("lab-minutes", "value"),
    State("lab-url", "search"),
    prevent_initial_call=True,
)
def start(_: list[int], intensity: float, minutes: float, search: str | None) -> Any:
    """Ask for a run, and go to its address."""
    if not ctx.triggered[0]["value"]:
        return no_update, no_update  # buttons that are new
    try:
        run_id = order_run(
            current().settings,
            current().store,
            scenario=ctx.triggered_id["scenario"],
            intensity=float(intensity),
            minutes=float(minutes),
            who=who(),
            now=now_ms(),
        )
    except (LabClosedError, RunOpenError, LookupError, TypeError, ValueError) as error:
        return no_update, lab_cards.problem(f"Not started: {error}.")
    kept = dict(parse_qsl((search or "").removeprefix("?")))
    kept |= {"run": str(run_id), "intensity": f"{intensity:g}", "minutes": f"{minutes:g}"}
    return f"?{urlencode(kept)}", []


@callback(
    Output("lab-stopped", "data"),
    Input("lab-stop", "n_clicks"),
    running=[(Output("lab-stop", "disabled"), True, False)],
    prevent_initial_call=True,
)
def stop(_: int) -> int:
    """Ask for the end of the run that is played."""
    now = now_ms()
    order_stop(current().store, now)
    return now


def _one_of(known: tuple[float, ...], given: Any, default: float) -> float:
    """A value of the address; the default where it is none that can be chosen."""
    text = str(given)
    value = float(text) if re.fullmatch(r"\d{1,3}(\.\d)?", text) else default
    return value if value in known else default


def _no_runs() -> Any:
    return states.empty("flask", "No runs yet", "What is played is kept here, to be compared.")
