"""All data sets: what each is, where it comes from, how it is split, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from datasets import combined, owasp, payloads, recorded
from datasets.data_set import DataSet
from datasets.reference import access_logs, csic2010, petshop, sockshop, web_bots
from ml.features import FEATURES, KEY
from settings import Settings

_OWN: Final = "MIT, as the product"
_WINDOWS: Final = (*KEY, *FEATURES)


def catalog(settings: Settings) -> list[DataSet]:
    """Every data set, those first that come with the product.

    Counts are looked up, never by loading a set; nothing here fails when a set is absent.
    """
    return [describe(settings) for describe in DESCRIPTIONS]


def _synthetic(_: Settings) -> DataSet:
    return DataSet(
        name="synthetic",
        title="Simulated traffic of the mock shop",
        kind="simulated",
        source="the mock shop and its clients on a virtual clock, seeded",
        licence=_OWN,
        rows=None,
        columns=(*_WINDOWS, "seed", "episode", "client_kind"),
        labels="episode: misuse or fault, empty for none; client_kind: normal 60 %, heavy 25 %,"
        " bot 15 % of the clients",
        split="by run: no seed stands on both sides",
        available=True,
        note="Made when it is asked for, in any length and intensity.",
    )


def _sites(_: Settings) -> DataSet:
    return DataSet(
        name="sites",
        title="Simulated made-up sites",
        kind="simulated",
        source="APIs drawn at random, with queues, day and week rhythm and growing faults, seeded",
        licence=_OWN,
        rows=None,
        columns=(*_WINDOWS, "seed", "episode", "gradual", "near_miss", "client_kind"),
        labels="episode: fault, empty for none; gradual: it grows; near_miss: repaired in time",
        split="by site, and by family of fault: some are never trained on",
        available=True,
        note="Made when it is asked for.",
    )


def _owasp(_: Settings) -> DataSet:
    return DataSet(
        name="owasp",
        title="Simulated scenarios of the OWASP API Security Top 10 (2023)",
        kind="simulated",
        source=f"{len(owasp.SCENARIOS)} attacks on made-up sites, seeded: one or two for each risk"
        " that traffic can show",
        licence=_OWN,
        rows=None,
        columns=owasp.COLUMNS,
        labels="scenario: of the run; attack: client windows that hold requests of the attack;"
        " attacked: those of the attacked endpoint; normal: outside of the attack",
        split="by site: each scenario and seed has one of its own, never trained on",
        available=True,
        note="Made when it is asked for.",
    )


DESCRIPTIONS: Final[tuple[Callable[[Settings], DataSet], ...]] = (
    _synthetic,
    _sites,
    _owasp,
    payloads.describe,
    recorded.describe,
    combined.describe,
    csic2010.describe,
    web_bots.describe,
    access_logs.describe,
    petshop.describe,
    sockshop.describe,
)
