"""The ten risks, the scenarios that show them, and what of them no traffic shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from datasets.owasp import attacks
from datasets.owasp.scene import Requests, Scene
from ingest.call import UNMATCHED


@dataclass(frozen=True)
class Scenario:
    """An attack as it can be played on any site."""

    name: str
    risk: str  # key of `RISKS`
    title: str
    looks_like: str  # in the windows of its clients, and what the features don't tell
    higher: tuple[str, ...]  # features that are higher than in the site's ordinary windows
    lower: tuple[str, ...]
    route: tuple[str, str] | None  # method and template of the attacked route
    per_minute: tuple[float, float]  # requests of each client, from the slowest to the fastest
    insiders: bool  # the site may know its clients from ordinary calls
    build: Callable[[Scene], Requests]

    @property
    def endpoint(self) -> str:
        """The attacked endpoint, as windows name it."""
        return UNMATCHED if self.route is None else self.route[1]


RISKS: Final = {
    "API1": "Broken Object Level Authorization",
    "API2": "Broken Authentication",
    "API3": "Broken Object Property Level Authorization",
    "API4": "Unrestricted Resource Consumption",
    "API5": "Broken Function Level Authorization",
    "API6": "Unrestricted Access to Sensitive Business Flows",
    "API7": "Server Side Request Forgery",
    "API8": "Security Misconfiguration",
    "API9": "Improper Inventory Management",
    "API10": "Unsafe Consumption of APIs",
}

UNSHOWN: Final = {  # of these risks: what no calls that come in can show
    "API1": "One look at one foreign object is a call like any other.",
    "API2": "Forged or stolen tokens that are accepted look like their owner.",
    "API3": "An answer with fields that the caller should not see: bodies are not kept.",
    "API5": "A function of others that answers 200 is a call like any other.",
    "API7": "Where the server goes to stands in the body of the request, which is not kept.",
    "API8": "Missing headers, old ciphers, open storage: they are found by looking, not in calls.",
    "API9": "Versions that nobody knows of and that run elsewhere are not watched.",
    "API10": "The product watches calls that come in; these go out, from the API to others.",
}

SCENARIOS: Final = (  # new ones at the end: the place of one is part of its seed
    Scenario(
        name="object_walk",
        risk="API1",
        title="Walks through the ids of an unprotected object",
        looks_like="One endpoint only, mostly 200, a few 404 for gaps. Calls and error rate above"
        " the usual, nothing repeated; at the endpoint, very many different paths. Of a client,"
        " the features count endpoints, not ids: they do not tell a walk from a busy reader of one"
        " route, and times and sizes are those of the route.",
        higher=("error_rate",),
        lower=("unique_endpoints",),
        route=("GET", "/orders/{id}"),
        per_minute=(60, 300),
        insiders=True,
        build=attacks.object_walk,
    ),
    Scenario(
        name="object_guessing",
        risk="API1",
        title="Guesses ids of objects that are protected",
        looks_like="Slow: a mix of 200, 403 and 404 from one route, so error rate and status"
        " entropy are high; refusals are quick and small. That the ids are spread widely is not"
        " told by the features.",
        higher=("error_rate", "status_entropy"),
        lower=("unique_endpoints",),
        route=("GET", "/orders/{id}"),
        per_minute=(10, 60),
        insiders=True,
        build=attacks.object_guessing,
    ),
    Scenario(
        name="credential_stuffing",
        risk="API2",
        title="Tries leaked pairs of name and password",
        looks_like="Nearly all 401, on half of the sites 429, too; one endpoint, small answers, no"
        " request twice. How many names are tried stands in bodies and is not told.",
        higher=("error_rate",),
        lower=("payload_mean", "unique_endpoints"),
        route=("POST", "/login"),
        per_minute=(10, 300),
        insiders=False,
        build=attacks.credential_stuffing,
    ),
    Scenario(
        name="password_guessing",
        risk="API2",
        title="Guesses passwords at a login that answers 200 to wrong ones",
        looks_like="No errors at all: one endpoint, one status, small answers of one size. The"
        " average size is all that the features tell, with the number of calls where it is high;"
        " that all answers are equally long is told by the measures of rhythm alone. A slow"
        " attempt looks like a client that polls.",
        higher=(),
        lower=("payload_mean", "unique_endpoints", "status_entropy"),
        route=("POST", "/login"),
        per_minute=(10, 300),
        insiders=False,
        build=attacks.password_guessing,
    ),
    Scenario(
        name="property_probing",
        risk="API3",
        title="Adds fields to an own object (mass assignment)",
        looks_like="One route and one path, 200 mixed with 400 and 422: error rate and status"
        " entropy are high, answers small, nothing repeated. Which fields are sent is not told; an"
        " API that ignores unknown fields answers 200 and shows nothing.",
        higher=("error_rate", "status_entropy"),
        lower=("payload_mean", "unique_endpoints"),
        route=("PUT", "/profiles/{id}"),
        per_minute=(10, 120),
        insiders=True,
        build=attacks.property_probing,
    ),
    Scenario(
        name="flood",
        risk="API4",
        title="Repeats one request as fast as it goes",
        looks_like="Very many identical calls: request count and repeat rate at the top, one"
        " endpoint. Where workers run out, all who use that backend wait, then get 503 and 504.",
        higher=("req_count", "repeat_rate"),
        lower=("unique_endpoints",),
        route=("GET", "/search"),
        per_minute=(300, 3_000),
        insiders=False,
        build=attacks.flood,
    ),
    Scenario(
        name="heavy_queries",
        risk="API4",
        title="Asks for everything at once (huge pages)",
        looks_like="Few calls, each 10 to 60 times as long and 20 to 200 times as large as usual;"
        " 504 where that is beyond the limit of the backend, and then the answers are small. The"
        " number of calls tells nothing; the page size asked for is not kept.",
        higher=("avg_response_time", "max_response_time"),
        lower=("unique_endpoints",),
        route=("GET", "/search"),
        per_minute=(10, 60),
        insiders=True,
        build=attacks.heavy_queries,
    ),
    Scenario(
        name="admin_probing",
        risk="API5",
        title="Looks for functions of administrators",
        looks_like="401 and 403 from an admin route, 404 from names that are guessed: error rate"
        " near 1, a mix of codes, quick small answers. Guesses count as one endpoint,"
        " `(unmatched)`, however many names there are.",
        higher=("error_rate", "status_entropy"),
        lower=("avg_response_time", "payload_mean"),
        route=("GET", "/admin/users"),
        per_minute=(10, 200),
        insiders=True,
        build=attacks.admin_probing,
    ),
    Scenario(
        name="carding",
        risk="API6",
        title="Tests stolen cards with small payments",
        looks_like="402 for 60 to 97 % of the payments, one endpoint, small answers, no request"
        " twice. That the cards differ is not told.",
        higher=("error_rate",),
        lower=("payload_mean", "unique_endpoints"),
        route=("POST", "/payments"),
        per_minute=(10, 120),
        insiders=False,
        build=attacks.carding,
    ),
    Scenario(
        name="scalping",
        risk="API6",
        title="Buys up what is scarce",
        looks_like="The same purchase again and again: repeat rate near 1 at one endpoint; 201 at"
        " first, and 409 once it is sold out. Until then nothing but repetition and number gives"
        " it away, and programs that poll repeat themselves, too.",
        higher=("repeat_rate",),
        lower=("unique_endpoints",),
        route=("POST", "/orders"),
        per_minute=(20, 300),
        insiders=True,
        build=attacks.scalping,
    ),
    Scenario(
        name="url_probing",
        risk="API7",
        title="Lets the server fetch addresses inside of its network",
        looks_like="Slow: 400 and 502, 504 after the whole time limit, a few 200. Error rate,"
        " times and status entropy are high. The addresses are not told.",
        higher=("error_rate", "avg_response_time", "max_response_time", "status_entropy"),
        lower=("payload_mean", "unique_endpoints"),
        route=("POST", "/webhooks"),
        per_minute=(10, 60),
        insiders=True,
        build=attacks.url_probing,
    ),
    Scenario(
        name="exposure_probing",
        risk="API8",
        title="Looks for forgotten files, consoles and methods",
        looks_like="404 for `/.env`, `/debug` and the like, 405 for odd methods of known routes;"
        " error rate near 1, very quick and small. All unknown paths are one endpoint: the variety"
        " of paths is told by windows of `(unmatched)`, not by those of the client.",
        higher=("error_rate",),
        lower=("avg_response_time", "max_response_time", "payload_mean"),
        route=None,
        per_minute=(10, 300),
        insiders=False,
        build=attacks.exposure_probing,
    ),
    Scenario(
        name="version_probing",
        risk="API9",
        title="Looks for old and unfinished versions",
        looks_like="Known routes below `/v1`, `/beta` and the like: 404, quick and small; on half"
        " of the sites one version still answers 200, as endpoints that nobody called before. In"
        " the features it is like any search for hidden paths; that an old version is used with"
        " care, call by call, is not told.",
        higher=("error_rate",),
        lower=("avg_response_time", "max_response_time", "payload_mean"),
        route=None,
        per_minute=(10, 300),
        insiders=True,
        build=attacks.version_probing,
    ),
)
