"""What the evaluation plays: how many runs of which seeds, none of which any model learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from datasets import combined
from datasets.sites import LEARNT, UNSEEN, SiteRun
from datasets.synthetic import Run
from ml.metrics import DRAWS

# First seed of each kind of run; training, gate and tests have others. Thresholds are chosen on
# runs of families of faults that were learnt.
TEST_SITES: Final = 30_000
CALM_TEST_SITES: Final = 30_500
CALM_SITES_WITH_CLIENTS: Final = 30_900
TEST_SCENARIOS: Final = 4_000
THRESHOLD_SITES: Final = 20_000
CALM_THRESHOLD_SITES: Final = 20_500
THRESHOLD_SCENARIOS: Final = 3_000
TEST_SHOP: Final = 8_000
CALM_DAY: Final = 8_100
REACH: Final = 8_200
THRESHOLD_SHOP: Final = 22_000
_POPULATIONS: Final = ((1.0, 40), (0.5, 24), (0.25, 40), (1.5, 12))  # intensity, clients


class LeakError(ValueError):
    """Something stands on both sides: the figures would flatter."""


@dataclass(frozen=True)
class Plan:
    """How much is played; the defaults are what `flask evaluate` does."""

    test_sites: int = 48
    threshold_sites: int = 24
    site_minutes: int = 300
    calm_sites: int = 16  # of each side
    calm_site_minutes: int = 720
    calm_sites_with_clients: int = 4
    shop_runs: int = 12
    threshold_shop_runs: int = 6
    shop_minutes: int = 60
    scenario_seeds: int = 3  # of each OWASP scenario
    calm_day_parts: int = 4  # of the 24 hours, so that they can be played side by side
    calm_day_minutes: int = 1_440
    reach_seeds: int = 8
    learnt_sites: int = 30  # of the training runs, for baselines and models that are fitted again
    learnt_shop_runs: int = 15
    draws: int = DRAWS

    def test_site_runs(self) -> list[SiteRun]:
        """Sites with families of faults that no model has seen."""
        return [
            SiteRun(TEST_SITES + number, self.site_minutes, UNSEEN)
            for number in range(self.test_sites)
        ]

    def threshold_site_runs(self) -> list[SiteRun]:
        """Other sites with the families that were learnt."""
        return [
            SiteRun(THRESHOLD_SITES + number, self.site_minutes, LEARNT)
            for number in range(self.threshold_sites)
        ]

    def calm_runs(self, first_seed: int) -> list[SiteRun]:
        """Sites on which nothing is wrong."""
        return [
            SiteRun(first_seed + number, self.calm_site_minutes, ())
            for number in range(self.calm_sites)
        ]

    def calm_runs_with_clients(self) -> list[SiteRun]:
        """A few more, whose clients are looked at, too."""
        return [
            SiteRun(CALM_SITES_WITH_CLIENTS + number, self.calm_site_minutes, ())
            for number in range(self.calm_sites_with_clients)
        ]

    def test_shop_runs(self) -> list[Run]:
        """Hours of the mock shop with misuse and faults, at all times of the day."""
        return _shop(TEST_SHOP, self.shop_runs, self.shop_minutes)

    def threshold_shop_hours(self) -> list[Run]:
        """The same of other seeds."""
        return _shop(THRESHOLD_SHOP, self.threshold_shop_runs, self.shop_minutes)

    def calm_day_runs(self) -> list[Run]:
        """A calm day of the mock shop in parts, each with clients of its own."""
        minutes = self.calm_day_minutes // self.calm_day_parts
        return [
            Run(CALM_DAY + number, minutes, episodes=False, hour=number * minutes // 60 % 24)
            for number in range(self.calm_day_parts)
        ]

    def seeds(self) -> dict[str, set[int]]:
        """Seeds of the test by simulator."""
        sites = [*self.test_site_runs(), *self.calm_runs(CALM_TEST_SITES)]
        sites += self.calm_runs_with_clients()
        shop = [*self.test_shop_runs(), *self.calm_day_runs()]
        return {
            "sites": {run.seed for run in sites},
            "shop": {run.seed for run in shop} | {*self.reach_run_seeds()},
            "scenarios": {*self.scenario_test_seeds()},
        }

    def threshold_seeds(self) -> dict[str, set[int]]:
        """Seeds of the runs on which thresholds are chosen."""
        sites = [*self.threshold_site_runs(), *self.calm_runs(CALM_THRESHOLD_SITES)]
        return {
            "sites": {run.seed for run in sites},
            "shop": {run.seed for run in self.threshold_shop_hours()},
            "scenarios": {*self.scenario_threshold_seeds()},
        }

    def scenario_test_seeds(self) -> range:
        """Of the OWASP scenarios."""
        return range(TEST_SCENARIOS, TEST_SCENARIOS + self.scenario_seeds)

    def scenario_threshold_seeds(self) -> range:
        """Of the OWASP scenarios on which a threshold is chosen."""
        return range(THRESHOLD_SCENARIOS, THRESHOLD_SCENARIOS + self.scenario_seeds)

    def reach_run_seeds(self) -> range:
        """Of the single episodes that must be HIGH at once."""
        return range(REACH, REACH + self.reach_seeds)


def training_seeds(manifest: Mapping[str, Any]) -> dict[str, set[int]]:
    """Seeds that the models of a manifest may have learnt from, by simulator."""
    seed = int(manifest.get("seed", 1))
    named = {int(number) for number in manifest.get("seeds", ())}
    return {
        "sites": {run.seed for run in combined.site_runs(seed)} | named,
        "shop": {run.seed for run in combined.shop_runs(seed)} | named,
        "scenarios": named,
    }


def refuse_shared(
    what: str, training: Iterable[object], test: Iterable[object], where: str = "test"
) -> None:
    """Do nothing if two sides have nothing in common.

    Raises
    ------
    LeakError
        Names what stands on both sides.
    """
    shared = sorted({*training} & {*test}, key=str)
    if shared:
        raise LeakError(
            f"{what} {shared[:5]!r} stand in training and {where}: one side alone may have them"
        )


def refuse_leaks(plan: Plan, manifest: Mapping[str, Any]) -> None:
    """Do nothing if training, thresholds and test share no seed.

    Raises
    ------
    LeakError
        They do.
    """
    training, threshold, test = training_seeds(manifest), plan.threshold_seeds(), plan.seeds()
    for simulator in test:
        what = f"seeds of {simulator}"
        refuse_shared(what, training[simulator], test[simulator])
        refuse_shared(what, training[simulator], threshold[simulator], "threshold runs")
        refuse_shared(what, threshold[simulator], test[simulator])


def _shop(first_seed: int, runs: int, minutes: int) -> list[Run]:
    return [
        Run(first_seed + number, minutes, *_POPULATIONS[number % 4], hour=(5 + 7 * number) % 24)
        for number in range(runs)
    ]
