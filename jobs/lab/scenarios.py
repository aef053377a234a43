"""What the lab can play on the mock shop: attacks by OWASP API risk (2023), and faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from datasets.owasp.scenarios import UNSHOWN
from ingest.call import UNMATCHED
from ingest.shop.faults import GRADUAL
from ingest.shop.model import ROUTES
from store.scenario_runs import ATTACK, FAULT

INTENSITIES: Final = (0.5, 1.0, 2.0)
MINUTES: Final = (1, 2, 3, 5, 10)
DEFAULT_MINUTES: Final = 3
_HIGHER: Final = "higher"
_LOWER: Final = "lower"
_BUSY: Final = ("/login", "/payment", "/search")  # what needs workers; /health does not
Tell = tuple[str, str]  # a feature and whether it is higher or lower than usual


@dataclass(frozen=True)
class Scenario:
    """Something that can be played, in words for people.

    `risk` is the OWASP category, None for a fault: it is no attack. `endpoints` are attacked, or
    hit by the fault; `scales` is False where intensity changes nothing. What gets no errors is
    expected as MEDIUM: without any failure the risk ends at 0.45 + 0.20.
    """

    name: str
    kind: str
    title: str
    risk: str | None
    does: str
    wants: str  # the attacker; of a fault, what breaks
    gives_away: str
    tells: tuple[Tell, ...]
    endpoints: tuple[str, ...]
    who: str = ""  # calls
    expects: str = "HIGH"  # at usual intensity
    scales: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Its endpoints as windows are named: `POST /login`."""
        return tuple(f"{ROUTES.get(endpoint, 'GET')} {endpoint}" for endpoint in self.endpoints)

    @property
    def gradual(self) -> bool:
        """Whether it is a fault that takes a while to hurt."""
        return self.name in GRADUAL


SCENARIOS: Final = (
    Scenario(
        name="credential_stuffing",
        kind=ATTACK,
        title="Credential stuffing",
        risk="API2",
        does="Tries leaked pairs of name and password at POST /login.",
        wants="Accounts of people who use one password everywhere.",
        gives_away="Nearly all answers are 401; one endpoint, small answers, nothing repeated.",
        tells=(("error_rate", _HIGHER), ("payload_mean", _LOWER)),
        endpoints=("/login",),
        who="2 to 5 addresses",
    ),
    Scenario(
        name="burst",
        kind=ATTACK,
        title="Flood",
        risk="API4",
        does="Sends one search again and again, four at a time.",
        wants="The shop's workers busy, so that others wait.",
        gives_away="Very many identical calls to one endpoint.",
        tells=(("req_count", _HIGHER), ("repeat_rate", _HIGHER)),
        endpoints=("/search",),
        who="2 to 4 addresses",
        expects="MEDIUM",
    ),
    Scenario(
        name="scraping",
        kind=ATTACK,
        title="Scraping",
        risk="API6",
        does="Takes every page of the catalogue, word by word.",
        wants="All products and prices, by a program where people should look.",
        gives_away="Many calls to one endpoint, all 200: number and rhythm alone tell.",
        tells=(("req_count", _HIGHER),),
        endpoints=("/search",),
        who="1 or 2 addresses",
        expects="MEDIUM",
    ),
    Scenario(
        name="carding",
        kind=ATTACK,
        title="Carding",
        risk="API6",
        does="Tests stolen card numbers with small payments from taken-over accounts.",
        wants="Cards that work.",
        gives_away="Most payments are declined with 402; one endpoint, no request twice.",
        tells=(("error_rate", _HIGHER), ("payload_mean", _LOWER)),
        endpoints=("/payment", "/login"),
        who="1 to 3 accounts",
    ),
    Scenario(
        name="scalping",
        kind=ATTACK,
        title="Scalping",
        risk="API6",
        does="Repeats one purchase as fast as it goes, from accounts of its own.",
        wants="What is scarce, to sell it on.",
        gives_away="Repetition and number alone: each payment is a 201 like any other.",
        tells=(("req_count", _HIGHER), ("repeat_rate", _HIGHER)),
        endpoints=("/payment", "/login"),
        who="1 to 3 accounts",
        expects="MEDIUM",
    ),
    Scenario(
        name="enumeration",
        kind=ATTACK,
        title="Search for forgotten files",
        risk="API8",
        does="Asks for /backup/dump.sql, /admin/.env and the like.",
        wants="Consoles, backups and settings that were left open.",
        gives_away="All answers are 404, quick and small; very many different paths.",
        tells=(("error_rate", _HIGHER), ("avg_response_time", _LOWER)),
        endpoints=(UNMATCHED,),
        who="1 or 2 addresses",
    ),
    Scenario(
        name="version_probing",
        kind=ATTACK,
        title="Search for old versions",
        risk="API9",
        does="Tries the known routes below /v1, /beta, /internal and the like.",
        wants="A version that is still on and no longer looked after.",
        gives_away="All answers are 404, quick and small: like any search for hidden paths.",
        tells=(("error_rate", _HIGHER), ("avg_response_time", _LOWER)),
        endpoints=(UNMATCHED,),
        who="1 or 2 addresses",
    ),
    Scenario(
        name="crash",
        kind=FAULT,
        title="Crash",
        risk=None,
        does="The shop's process is gone: 503 for everybody until it is repaired.",
        wants="Everything, at once.",
        gives_away="Errors jump to 100 %, and answers are suddenly very quick.",
        tells=(("error_rate", _HIGHER), ("avg_response_time", _LOWER)),
        endpoints=(*_BUSY, "/health"),
        scales=False,
    ),
    Scenario(
        name="dependency_down",
        kind=FAULT,
        title="Payment provider down",
        risk=None,
        does="The provider refuses (502); at heavy intensity it never answers (504 after 3 s).",
        wants="Payments, at once.",
        gives_away="Errors of one endpoint; with a silent provider its response time, too.",
        tells=(("error_rate", _HIGHER), ("max_response_time", _HIGHER)),
        endpoints=("/payment",),
    ),
    Scenario(
        name="retry_storm",
        kind=FAULT,
        title="Retry storm",
        risk=None,
        does="The provider is nearly full, and repeated attempts fill it up.",
        wants="Payments, slowly at first.",
        gives_away="Response times of payments grow before their errors do.",
        tells=(("avg_response_time", _HIGHER), ("error_rate", _HIGHER)),
        endpoints=("/payment",),
    ),
    Scenario(
        name="leak",
        kind=FAULT,
        title="Memory leak",
        risk=None,
        does="Each request keeps some memory, until the process is killed and starts anew.",
        wants="Logins, payments and searches, slowly at first.",
        gives_away="Pauses that grow longer, then half a minute of 503.",
        tells=(("max_response_time", _HIGHER), ("error_rate", _HIGHER)),
        endpoints=_BUSY,
    ),
    Scenario(
        name="pool_exhaustion",
        kind=FAULT,
        title="Connections run out",
        risk=None,
        does="Database connections get lost, one by one.",
        wants="Logins, payments and searches, slowly at first.",
        gives_away="Waiting for locks, then 503 after 1.2 s when no connection is left.",
        tells=(("avg_response_time", _HIGHER), ("error_rate", _HIGHER)),
        endpoints=_BUSY,
    ),
)
NOT_PLAYABLE: Final = {  # risks of OWASP that this shop can't show, and why
    "API1": "The shop has no objects with ids of their own.",
    "API3": "The shop passes over unknown fields, and bodies are not kept.",
    "API5": "The shop has no functions for administrators.",
    "API7": "The shop fetches no addresses.",
    "API10": UNSHOWN["API10"],
}
_BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def scenario_named(name: str) -> Scenario:
    """A scenario of the lab.

    Raises
    ------
    LookupError
        There is none of this name.
    """
    if name not in _BY_NAME:
        raise LookupError(f"scenario {name!r} is none of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
