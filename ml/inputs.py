"""What the models see of windows: thin ones filled up, nothing unknown, with what is usual.

Models take no part in it, but for what stands for the unknown; so one pass serves all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import CLIENT, ENDPOINT, FEATURES, UNMATCHED
from ml.history import INPUTS, History, histories
from ml.past import ClientPast, client_past, feature_matrix, recent_use
from ml.site import OF_THE_SERVER, Site, site_levels

VIEWS: Final = {  # what each forest of the failure model looks at
    ENDPOINT: (slice(len(INPUTS)), slice(len(INPUTS), None)),
    CLIENT: (slice(None),),
}
_REQ_COUNT: Final = FEATURES.index("req_count")
_SAYS_NOTHING: Final = [  # about UNMATCHED: errors by definition, repeated by whoever strays
    FEATURES.index(name) for name in ("error_rate", "repeat_rate", "status_entropy")
]
_COUNTS: Final = [FEATURES.index(name) for name in ("req_count", "unique_endpoints")]
_BY_CHOICE: Final = [  # of a client
    *_COUNTS,
    *(FEATURES.index(name) for name in ("repeat_rate", "status_entropy")),
]
FEWEST_OWN: Final = 8  # windows of a client's past that say how it calls
_LEVELS: Final = [  # of an endpoint nobody knows yet: they tell nothing before its past does
    *OF_THE_SERVER,
    *(FEATURES.index(name) for name in ("req_count", "unique_endpoints", "repeat_rate")),
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Inputs(NamedTuple):
    """What the models of one kind of subject see, one row a window, nothing unknown."""

    now: Floats  # the 8 features, those of thin windows drawn to the subject's past
    usual: Floats  # what is usual for the subject, the model's centre where that is not known
    use: Floats  # of the usage model, shape (n_windows, 4)
    site_log_calls: Floats  # of the usage model, shape (n_windows,)
    forecast: Floats  # of the failure model


def rows_by_kind(windows: pd.DataFrame) -> dict[str, Bools]:
    """Which rows are of each kind of subject."""
    subject = windows["subject"].to_numpy(object)
    return {kind: np.asarray(subject == kind, np.bool_) for kind in (ENDPOINT, CLIENT)}


class Levels(NamedTuple):
    """What stands for what is not known of one kind of subject."""

    median: Floats  # of each feature in training
    centre: Floats  # of what is usual for a subject
    typical_calls: float  # mean logarithm of calls a window


class Seen(NamedTuple):
    """Windows of each kind, with what their past says; models take no part in it."""

    windows: dict[str, pd.DataFrame]
    history: History  # of endpoints
    own_past: ClientPast  # of clients
    use: dict[str, Floats]
    site: Site


def seen_windows(windows: pd.DataFrame, past: pd.DataFrame, window_ms: int) -> Seen:
    """Windows with what their past says; arguments as of `Bundle.score`."""
    rows, past_rows = rows_by_kind(windows), rows_by_kind(past)
    of = {kind: windows[chosen] for kind, chosen in rows.items()}
    past_of = {kind: past[chosen] for kind, chosen in past_rows.items()}
    history = histories(of[ENDPOINT], past_of[ENDPOINT], window_ms)
    use = {kind: recent_use(of[kind], past_of[kind], window_ms) for kind in of}
    calls = {kind: use[kind][:, 0] for kind in use}
    own = client_past(of[CLIENT], past_of[CLIENT], window_ms)
    return Seen(of, history, own, use, site_levels(of, history.usual, calls))


def model_inputs(seen: Seen, levels: Mapping[str, Levels], min_calls: int) -> dict[str, Inputs]:
    """What the models of each kind of subject see."""
    endpoint, client = levels[ENDPOINT], levels[CLIENT]
    known = {
        ENDPOINT: filled(seen.history.mean, endpoint.median),
        CLIENT: filled(seen.own_past.mean, client.median),
    }
    now = {
        kind: _now(seen.windows[kind], known[kind], levels[kind].median, min_calls)
        for kind in seen.windows
    }
    site_log_calls = {
        kind: seen.site.log_calls_at(kind, _starts(of), levels[kind].typical_calls)
        for kind, of in seen.windows.items()
    }
    usual = {
        ENDPOINT: _usual_of_endpoints(
            seen.windows[ENDPOINT], now[ENDPOINT], seen.history.usual, endpoint.centre
        ),
        CLIENT: _usual_of_clients(
            now[CLIENT],
            seen.site.server_at(_starts(seen.windows[CLIENT])),
            site_log_calls[CLIENT],
            seen.own_past,
            client.centre,
        ),
    }
    forecast = {
        ENDPOINT: np.hstack([seen.history.inputs, now[ENDPOINT]]),
        CLIENT: now[CLIENT],
    }
    return {
        kind: Inputs(now[kind], usual[kind], seen.use[kind], site_log_calls[kind], forecast[kind])
        for kind in seen.windows
    }


def _starts(windows: pd.DataFrame) -> Ints:
    return windows["timestamp"].to_numpy(np.int64)


def filled(values: Floats, median: Floats) -> Floats:
    """Values with the median of their column where they are NaN."""
    return np.where(np.isnan(values), median, values)


def _now(windows: pd.DataFrame, known: Floats, median: Floats, min_calls: int) -> Floats:
    """The 8 features; each call that a thin window lacks counts as one of what is known."""
    raw = feature_matrix(windows)
    share = np.minimum(raw[:, [_REQ_COUNT]] / min_calls, 1.0)
    seen = np.where(np.isnan(raw), known, raw)
    now = np.where(share < 1, share * seen + (1 - share) * known, seen)
    unmatched = windows["endpoint"].to_numpy(object) == UNMATCHED
    for column in _SAYS_NOTHING:
        now[unmatched, column] = median[column]
    return now


def _usual_of_endpoints(
    windows: pd.DataFrame, now: Floats, usual: Floats, centre: Floats
) -> Floats:
    """What is usual for each endpoint; levels of one without a past are taken as usual.

    But nobody usually calls paths that don't exist: those of UNMATCHED start from one call.
    """
    known = np.where(np.isnan(usual), centre, usual)
    young = np.isnan(usual[:, _REQ_COUNT])
    for column in _LEVELS:
        unknown = young | np.isnan(usual[:, column])
        known[unknown, column] = now[unknown, column]
    stray = young & (windows["endpoint"].to_numpy(object) == UNMATCHED)
    known[np.ix_(stray, _COUNTS)] = 1.0
    return known


def _usual_of_clients(
    now: Floats, server: Floats, site_log_calls: Floats, own: ClientPast, centre: Floats
) -> Floats:
    """How a client calls is compared with the site's clients and, half, with its own past.

    Half: a poller is no news after ten minutes, and a flood does not become usual. Times and sizes
    are the server's; they are taken as usual where the site's are not known.
    """
    usual = np.tile(centre, (len(now), 1))
    usual[:, _REQ_COUNT] = np.expm1(site_log_calls)
    usual[:, OF_THE_SERVER] = np.where(np.isnan(server), now[:, OF_THE_SERVER], server)
    known = own.windows >= FEWEST_OWN
    for column in _BY_CHOICE:
        mine = np.where(np.isnan(own.mean[known, column]), 0.0, own.mean[known, column])
        both = usual[known, column], mine
        usual[known, column] = (
            np.sqrt((1 + both[0]) * (1 + both[1])) - 1 if column in _COUNTS else np.mean(both, 0)
        )
    return usual
