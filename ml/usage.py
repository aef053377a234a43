"""Usage cluster: whether a client calls like most, like a heavy user or like a bot.

Only features of what is asked take part, not of how the server answers: an outage makes nobody a
bot. They are taken over the last quarter of an hour, and calls as a ratio to those of the site's
other subjects: what is heavy use of a quiet site is little on a busy one. (Measured on simulated
clients: macro-F1 0.99; 0.83 by the window alone, 0.93 with the past but without the site.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.past import USE

NORMAL: Final = "normal"
HEAVY: Final = "heavy"
BOT: Final = "bot"
CLUSTERS: Final = 3
LEAST_AUTOMATION: Final = 0.3  # of a cluster called bot; people and integrations stay below 0.1
ELBOW_CLUSTERS: Final = range(1, 9)
ELBOW_WINDOWS: Final = 2_000  # sampled for the elbow, which only is to be looked at
STARTS: Final = 10  # runs of KMeans from other centres; the best is kept
WEIGHTS: Final = dict(zip(USE, (1.0, 0.5, 1.0, 0.5), strict=True))  # the halved say it less well

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UsageModel:
    """Cluster centres with their names."""

    typical_calls: float  # mean logarithm of calls a window in training
    mean: Floats  # of each usage feature in training, shape (4,)
    scale: Floats  # spread of each divided by its weight, shape (4,)
    centres: Floats  # shape (3, 4)
    names: tuple[str, ...]  # of each centre
    elbow: dict[int, float]  # number of clusters -> inertia, on a sample

    def cluster(self, use: Floats, site_log_calls: Floats) -> NDArray[Any]:
        """Name of the nearest centre for each window, as an array of str objects.

        Parameters
        ----------
        use : ndarray of shape (n_windows, 4)
            See `ml.past.recent_use`.
        site_log_calls : ndarray of shape (n_windows,)
            Mean logarithm of the calls of all subjects of the site at that time.
        """
        place = (_usage(use, site_log_calls) - self.mean) / self.scale
        distance = ((place[:, None, :] - self.centres[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(np.array(self.names, object)[distance.argmin(axis=1)])


def fitted_usage(
    use: Floats, site_log_calls: Floats, typical_calls: float, random_state: int
) -> UsageModel:
    """Find the three clusters and name them.

    Parameters
    ----------
    use, site_log_calls : ndarray
        See `UsageModel.cluster`.
    typical_calls : float
        Mean logarithm of calls a window.
    """
    from sklearn.cluster import KMeans

    usage = _usage(use, site_log_calls)
    spread = usage.std(axis=0)
    mean, scale = usage.mean(axis=0), np.where(spread > 0, spread, 1.0) / [*WEIGHTS.values()]
    place = (usage - mean) / scale
    found = KMeans(CLUSTERS, n_init=STARTS, random_state=random_state).fit(place)
    centres = np.asarray(found.cluster_centers_)
    names = cluster_names(centres * scale + mean)
    elbow = _elbow(place, random_state)
    return UsageModel(typical_calls, mean, scale, centres, names, elbow)


def cluster_names(centres: Floats) -> tuple[str, ...]:
    """Names of cluster centres.

    `bot` repeats itself most and gets the most uniform answers (repeat_rate - status_entropy / 2),
    if it does so at all: a site may have no bots. `heavy` makes the most calls of the rest.

    Parameters
    ----------
    centres : ndarray of shape (3, 4)
        The features of `WEIGHTS` in their order and units, counts as logarithms.
    """
    calls, _, repeat_rate, status_entropy = centres.T
    automation = repeat_rate - status_entropy / 2
    bot = int(automation.argmax()) if automation.max() >= LEAST_AUTOMATION else None
    heavy = int(np.where(np.arange(len(centres)) == bot, -np.inf, calls).argmax())
    return tuple({bot: BOT, heavy: HEAVY}.get(number, NORMAL) for number in range(len(centres)))


def _usage(use: Floats, site_log_calls: Floats) -> Floats:
    calls, distinct, repeats, entropy = use.T
    return np.column_stack([np.log1p(calls) - site_log_calls, np.log1p(distinct), repeats, entropy])


def _elbow(place: Floats, random_state: int) -> dict[int, float]:
    """Inertia (sum of squared distances to the nearest centre) for each number of clusters."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    chosen = np.random.default_rng(random_state).permutation(len(place))[:ELBOW_WINDOWS]
    with threadpool_limits(1):  # so few rows are done before threads have begun
        return {
            number: float(
                KMeans(number, n_init=STARTS, random_state=random_state).fit(place[chosen]).inertia_
            )
            for number in ELBOW_CLUSTERS
        }
