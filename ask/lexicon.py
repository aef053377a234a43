"""The words of a question and what each means; nothing else in this room lists words.

`PHRASES` maps phrases of one or more words to `(terminal of the grammar, meaning)`. The longest
phrase wins. A phrase ends in `+` where a final s makes its plural.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, NamedTuple

from ask.question import Condition, Measure

SLOW_MS: Final = 800
LARGE_BYTES: Final = 10_240
LIKELY_TO_FAIL: Final = 0.5
ERROR: Final = 400  # status codes from here on are errors

# What a comparison of two things is about when no column is named.
RESPONSE_TIME: Final = "response_time_ms"
PAYLOAD: Final = "payload_size"
CLIENT: Final = "client"


class Term(NamedTuple):
    """A condition that one phrase stands for.

    `noun`: the phrase also names rows ("errors", "alerts"). `window`: it makes the question one
    about windows.
    """

    condition: Condition
    noun: bool = False
    window: bool = False


class Noun(NamedTuple):
    """A noun: rows of calls, rows of windows, payloads, who, or an entity, which is a key."""

    kind: str  # calls | windows | payloads | who | entity
    column: str | None = None
    plural: bool = True


class Superlative(NamedTuple):
    """`slowest`: the order of rows by a column, and the measure by which entities are ranked."""

    column: str | None
    measure: Measure | None
    descending: bool = True
    of_rows_only: bool = False  # newest, oldest: entities are not ranked by it
    plural_limits: bool = True  # "slowest calls" are 10, "newest calls" are only in that order


class Comparator(NamedTuple):
    """`slower than`: the operator, and the column it is about when no other is named."""

    operator: str
    column: str | None = None


class Size(NamedTuple):
    """A unit: what it measures (time, size, share) and its factor to ms, bytes or 1."""

    kind: str
    factor: float
    name: str = ""


def _status(*codes: int) -> Condition:
    return Condition("status_code", "in", codes)


def _class(first: int) -> Condition:
    return Condition("status_code", "between", (first, first + 99))


def _priority(level: str) -> Condition:
    return Condition("priority", "in", (level,))


def _cluster(name: str) -> Condition:
    return Condition("usage_cluster", "in", (name,))


ERRORS: Final = Condition("status_code", ">=", (ERROR,))
ANOMALOUS: Final = Condition("is_anomaly", "in", (1,))
FAILING: Final = Condition("failure_probability", ">=", (LIKELY_TO_FAIL,))
COUNT: Final = Measure("count")
ERROR_RATE: Final = Measure("error rate")

_CONDITIONS: Final[dict[str, Term]] = {
    "risky / critical": Term(_priority("HIGH"), window=True),
    "alert+": Term(_priority("HIGH"), noun=True, window=True),
    "anomaly / anomalies": Term(ANOMALOUS, noun=True, window=True),
    "anomalous / unusual / suspicious / abnormal": Term(ANOMALOUS, window=True),
    "bot+ / scraper+ / crawler+": Term(_cluster("bot"), noun=True, window=True),
    "bot like / automated / scraping / crawling / scrape / scrapes / scraped": Term(
        _cluster("bot"), window=True
    ),
    "likely to fail / about to fail / going to fail": Term(FAILING, window=True),
    "error+ / failure+": Term(ERRORS, noun=True),
    "failed / fail / fails / unsuccessful / errored / erroring": Term(ERRORS),
    "server error+ / server failure+": Term(_class(500), noun=True),
    "client error+ / client failure+": Term(_class(400), noun=True),
    "successful / succeeded / succeed / succeeds / succeeding / successfully / ok / okay": Term(
        Condition("status_code", "<", (ERROR,))
    ),
    "redirect+ / redirected": Term(_class(300), noun=True),
    "unauthorized / unauthorised": Term(_status(401)),
    "forbidden": Term(_status(403)),
    "not found": Term(_status(404)),
    "rate limited / ratelimited / throttled / throttling / rate limiting": Term(_status(429)),
    "gateway timeout+ / gateway timed out": Term(_status(504), noun=True),
    "slow": Term(Condition(RESPONSE_TIME, ">", (SLOW_MS,))),
    "large payload+ / big payload+ / large body / big body": Term(
        Condition(PAYLOAD, ">", (LARGE_BYTES,))
    ),
    "empty payload+ / no payload / without payload / empty body / without a payload": Term(
        Condition(PAYLOAD, "in", (0,))
    ),
    "anonymous / unauthenticated / without user / without a user / no user / without user id / "
    "without a user id / no user id / not logged in": Term(Condition("user_id", "is null")),
    "authenticated / logged in": Term(Condition("user_id", "is not null")),
}

_NOUNS: Final[dict[str, Noun]] = {
    "request+ / call+ / hits / log / logs / log entry / log entries / api call+ / api request+ / "
    "response+ / transaction+ / http request+ / http call+": Noun("calls"),
    "traffic": Noun("calls"),
    "window+": Noun("windows"),
    "payload+ / body / bodies / payload size+ / size of payload / body size": Noun("payloads"),
    "who / whom": Noun("who", CLIENT, plural=False),
    "endpoint+ / api+ / route+ / api endpoint+ / api route+": Noun("entity", "endpoint"),
    "user+ / user id+": Noun("entity", "user_id"),
    "ip+ / ip address / ip addresses / address / addresses": Noun("entity", "ip_address"),
    "client+ / caller+": Noun("entity", CLIENT),
    "usage / use": Noun("usage", plural=False),
    "method+ / http method+": Noun("entity", "method"),
    "status / status code+ / response code+ / http code+ / http status code+ / statuses / code+ / "
    "http status / http": Noun("entity", "status_code"),
    "priority / priorities / priority level+ / risk level+": Noun("entity", "priority"),
    "usage cluster+ / cluster+": Noun("entity", "usage_cluster"),
    "subject+": Noun("entity", "subject"),
}
_NOUN_TERMINALS: Final = {  # nouns that are columns as well
    "status_code": "STATUS", "priority": "PRIORITY", "payloads": "PAYLOAD",
}  # fmt: skip
_SINGULAR: Final = """
    log / log entry / status / http / http status / body / who / whom / ip address / address /
    priority / traffic / payload size
"""
SINGULAR: Final = frozenset(" ".join(_SINGULAR.split()).split(" / "))  # plurals are no simple s

_SUPERLATIVES: Final[dict[str, Superlative]] = {
    "slowest": Superlative(RESPONSE_TIME, Measure("average", RESPONSE_TIME)),
    "fastest / quickest": Superlative(RESPONSE_TIME, Measure("average", RESPONSE_TIME), False),
    "longest": Superlative(RESPONSE_TIME, None),
    "shortest": Superlative(RESPONSE_TIME, None, False),
    "largest / biggest": Superlative(PAYLOAD, None),
    "smallest": Superlative(PAYLOAD, None, False),
    "riskiest / most risky / highest risk / highest risk score": Superlative(
        "risk_score", Measure("maximum", "risk_score")
    ),
    "least risky / lowest risk / lowest risk score": Superlative(
        "risk_score", Measure("maximum", "risk_score"), False
    ),
    "most likely to fail / highest failure probability": Superlative(
        "failure_probability", Measure("maximum", "failure_probability")
    ),
    "least likely to fail / lowest failure probability": Superlative(
        "failure_probability", Measure("maximum", "failure_probability"), False
    ),
    "highest anomaly score": Superlative("anomaly_score", Measure("maximum", "anomaly_score")),
    "lowest anomaly score": Superlative(
        "anomaly_score", Measure("maximum", "anomaly_score"), False
    ),
    "most anomalous / most suspicious / most unusual / most abnormal": Superlative(
        "anomaly_score", COUNT
    ),
    "busiest / most active": Superlative(None, COUNT),
    "quietest / least busy / least active": Superlative(None, COUNT, False),
    "newest / latest / most recent": Superlative(
        "timestamp", None, of_rows_only=True, plural_limits=False
    ),
    "oldest / earliest": Superlative(
        "timestamp", None, False, of_rows_only=True, plural_limits=False
    ),
}

NEWEST: Final = _SUPERLATIVES["newest / latest / most recent"]
_COLUMNS: Final[dict[str, str]] = {
    "response time+ / latency / latencies / duration+": RESPONSE_TIME,
    "risk score+": "risk_score",
    "anomaly score+": "anomaly_score",
    "failure probability / failure probabilities": "failure_probability",
    "error rate+ / failure rate+": "error_rate",
    "repeat rate+": "repeat_rate",
    "status entropy / entropy": "status_entropy",
    "request count per window / request counts per window": "req_count",
    "time / timestamp": "timestamp",
}

_AGGREGATES: Final[dict[str, Measure]] = {
    "average / mean": Measure("average"),
    "max / maximum": Measure("maximum"),
    "min / minimum": Measure("minimum"),
    "median": Measure("percentile", percentile=50),
    "sum / sum of": Measure("sum"),
}

_COMPARATORS: Final[dict[str, Comparator]] = {
    "above / over / more than / greater than / exceeding / exceeds / exceed / exceeded / "
    "higher than / beyond / >": Comparator(">"),
    "greater than or equal to / more than or equal to / above or equal to": Comparator(">="),
    "less than or equal to / lower than or equal to / below or equal to": Comparator("<="),
    "below / under / less than / fewer than / lower than / <": Comparator("<"),
    "at least / no less than / no fewer than / not less than / not below / >=": (Comparator(">=")),
    "at most / up to / no more than / not more than / not above / <=": (Comparator("<=")),
    "exactly / equal to / equals / equal / =": Comparator("in"),
    "slower than / longer than": Comparator(">", RESPONSE_TIME),
    "faster than / quicker than / shorter than": Comparator("<", RESPONSE_TIME),
    "larger than / bigger than": Comparator(">", PAYLOAD),
    "smaller than": Comparator("<", PAYLOAD),
}

_UNITS: Final[dict[str, Size]] = {
    "ms / millisecond+ / msec / msecs / milli+": Size("time", 1),
    "second+": Size("time", 1_000, "second"),
    "minute+": Size("time", 60_000, "minute"),
    "hour+": Size("time", 3_600_000, "hour"),
    "day+": Size("time", 86_400_000, "day"),
    "week+": Size("time", 604_800_000, "week"),
    "b / byte+": Size("size", 1),
    "kb / kilobyte+ / kib": Size("size", 1_024),
    "mb / megabyte+ / mib": Size("size", 1_048_576),
    "% / percent": Size("share", 0.01),
}
GLUED_UNITS: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day"}  # 5m, 24 h

_NUMBER_WORDS: Final = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_NUMBERS: Final[dict[str, float]] = {
    "half / half a / half an / a half": 0.5,
    "quarter of a / quarter of an / a quarter of a / a quarter of an / quarter": 0.25,
    "couple / couple of / a couple / a couple of": 2,
    "dozen / a dozen": 12,
    **{word: number for number, word in enumerate(_NUMBER_WORDS.split(), start=1)},
}

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_FORMS: Final = ("mon", "tue / tues", "wed", "thu / thur / thurs", "fri", "sat", "sun")
_MONTHS: Final = (
    "january / jan", "february / feb", "march / mar", "april / apr", "may", "june / jun",
    "july / jul", "august / aug", "september / sep / sept", "october / oct", "november / nov",
    "december / dec",
)  # fmt: skip
_PARTS: Final = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}

# terminal -> phrases with their meanings
_TERMINALS: Final[dict[str, Mapping[str, Any]]] = {
    "CONDITION": _CONDITIONS,
    "FAILING": {"failing": None},
    "CLUSTER": {"heavy": "heavy", "normal": "normal"},
    "RISK": {"risk": None},
    "LEVEL": {"high": "HIGH", "medium": "MEDIUM", "low": "LOW"},
    "COLUMN": _COLUMNS,
    "AGGREGATE": _AGGREGATES,
    "HIGHEST": {"highest / worst / greatest": True, "lowest / best": False},
    "MOST": {
        "most / highest number of / largest number of / greatest number of / "
        "biggest number of": True,
        "fewest / least / lowest number of / smallest number of": False,
    },
    "TOTAL": {"total / overall total": None},
    "COUNT": {
        "how many / how much / number of / count of / count / counts / numbers of / amount of": None
    },
    "DATA": {
        "how much data / bytes / total bytes / data transferred / bytes transferred / "
        "how many bytes / number of bytes / total data / amount of data": None
    },
    "MOST_DATA": {"most data / most bytes": True, "least data / fewest bytes / least bytes": False},
    "VOLUME": {"volume / request volume / traffic volume / call volume": None},
    "UNIQUE": {"unique / distinct": None},
    "SUPERLATIVE": _SUPERLATIVES,
    "TOP": {"top": True, "bottom": False},
    "FIRST": {"first": None},
    "LIMIT": {"limit / limited to / limit to / limit of": None},
    "ONLY": {"only / just": None},
    "ALL": {"all / everything / every single": None},
    "EVERY": {"every": None},
    "ROWS": {"row+ / result+ / record+ / entry / entries / group+": None},
    "SORTED": {
        "sorted by / ordered by / order by / sort by / ranked by / sorted / ordered / ranked / "
        "rank by / rank": None
    },
    "DIRECTION": {
        "ascending / asc / ascending order / increasing": False,
        "descending / desc / descending order / decreasing": True,
    },
    "COMPARATOR": _COMPARATORS,
    "OR_MORE": {"or more / or above / or over / and above / or higher / and up / or greater": ">="},
    "OR_LESS": {"or less / or below / or under / and below / or fewer / or lower": "<="},
    "TOOK": {"took / taking / take / takes / taken / lasting / lasted": None},
    "GOT": {
        "returned / returning / return / returns / got / getting / gets / received / with status / "
        "answered / status of / resulted in / responded with / responding with / gave": None
    },
    "UNIT": _UNITS,
    "NUMBER": _NUMBERS,
    "DAY": {"today": 0, "yesterday": -1, "day before yesterday": -2},
    "WEEKDAY": {
        f"{name}+ / {forms}": number
        for number, (name, forms) in enumerate(zip(_WEEKDAYS, _WEEKDAY_FORMS, strict=True))
    },
    "MONTH": {forms: number for number, forms in enumerate(_MONTHS, start=1)},
    "PART": {f"{name}+": hours for name, hours in _PARTS.items()},
    "CLOCK": {"noon / midday": 43_200_000, "midnight": 0},
    "LAST": {"last": None},
    "PAST": {"past / previous / preceding": None},
    "THIS": {"this / current": None},
    "NOW": {"right now / currently / at the moment / now / at present": None},
    "AGO": {"ago": None},
    "SINCE": {"since / starting from / beginning": None},
    "BEFORE": {"before / prior to": None},
    "UNTIL": {"until / till / up until": None},
    "AFTER": {"after / later than": None},
    "EARLIER_THAN": {"earlier than": None},
    "NOT_BEFORE": {"at or after / on or after": None},
    "INCLUSIVE": {"inclusive": None},
    "FUTURE": {"tomorrow": None, "next": None},
    "BETWEEN": {"between": None},
    "PER": {
        "per / for each of / for each / each of / for every / each / grouped by / group by / "
        "broken down by / break down by / split by / by each / by every / breakdown by / "
        "separated by": None
    },
    "BY": {"by": None},
    "BUCKET": {"hourly": "hour", "daily": "day", "weekly": "week", "minutely": "minute"},
    "TREND": {"trend+ / trend+ of / trend+ for / trend in / over time / history of": None},
    "BELOW": {
        "under / below / beneath / starting with / everything below / everything under / "
        "anything under / anything below / all under / begins with / beginning with": None
    },
    "PERCENT_WORD": {"percentile+": None},
    "PAGE": {"page+ / service+": None},
    "NOT": {
        "not / no / non / isnt / arent / dont / doesnt / didnt / werent / wasnt / excluding /"
        " exclude / except / except for / without / other than / apart from / but not / "
        "ignoring / minus / excludes / everything but / all but / anything but / everything "
        "except / all except / anything except / everywhere but / anywhere but / anywhere "
        "except / not counting / aint / havent / hasnt / hadnt / never": None
    },
    "OR": {"or / and or": None},
    "EITHER": {"either": None},
    "AND": {"and / as well as / plus": None},
    "BUT": {"but": None},
    "TO": {"to": None},
    "FROM": {"from": None},
    "OF": {"of": None},
    "WITH": {"with": None},
    "SCORED": {"scored": None},
    "KEEPING": {"keeping groups with": None},
    "WHICH": {"which / what": None},
    "FOR": {"for": None},
    "ALL_TIME": {"all time / ever / so far": None},
}

# Phrases of words that a longer phrase would claim although a shorter one is meant.
_FILLER: Final = """
    please pls plz kindly can could you would will me us show give list find get display fetch
    pull up tell look looking lookup s the a an i we it its they their that whose where when
    this these those there here is are was were be been being am do does did have has had
    having in on at into onto by during within over through across against out about as
    anything anywhere something somewhere thing things activity activities behavior behaviour
    flagged hit hitting returned got took called calling overall also both different want need
    like see let any some only just quickly thanks thank hi hello hey so data records entries
    results table recorded seen happened happening occurred occur occurring made make making
    sent send sending coming come came from our my your system ones still yet recent recently
    accessed accessing visited visiting reached served handled processed experienced showed
    shows saw looks looked ran run running whether im id ive lets whats thats wheres theres ask
    question answer then too if than view check report print bring retrieve return fetching
    showing listing used using use uses performed perform issued respectively level levels
    score scores value values utc sends makes sees
"""
FILLER: Final = frozenset(_FILLER.split())
"""Words that never restrict an answer. Some have a meaning besides (see `PHRASES`), which wins."""

ABBREVIATIONS: Final = {
    "mins": "minutes", "min": "minute", "hrs": "hours", "hr": "hour", "secs": "seconds",
    "sec": "second", "wk": "week", "wks": "weeks", "reqs": "requests", "req": "request",
    "avg": "average", "ep": "endpoint", "eps": "endpoints", "resp": "response", "rt": "latency",
    "prio": "priority", "err": "error", "errs": "errors", "pct": "percent", "yday": "yesterday",
    "yest": "yesterday", "behaviors": "behaviour", "then": "than", "vs": "and", "&": "and",
}  # fmt: skip
RISK_ABBREVIATIONS: Final = {"hi": "high", "med": "medium", "lo": "low"}  # before risk or priority

_COMMANDS: Final = """
    delete drop remove update insert truncate alter create clear purge kill ban block unblock
    reset restart disable enable stop wipe erase edit modify grant revoke execute exec shutdown
    replace rename add write save cancel disconnect blacklist whitelist throttle
"""
COMMANDS: Final = frozenset(_COMMANDS.split())
_VAGUE: Final = """
    few many several numerous various lots bunch
"""
VAGUE: Final = frozenset(_VAGUE.split())
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Meaning:
    """What a phrase stands for."""

    terminal: str
    value: Any


def _spelled(phrases: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The single phrases of an entry, each as its words, and whether it is a plural."""
    for phrase in phrases.split(" / "):
        words = tuple(phrase.strip().replace("+", "").split())
        yield words, phrase.strip() not in SINGULAR and not phrase.strip().endswith("+")
        if "+" in phrase:
            last = next(i for i, word in enumerate(phrase.strip().split()) if "+" in word)
            yield (*words[:last], f"{words[last]}s", *words[last + 1 :]), True


def _english() -> frozenset[str]:
    text = (files("ask") / "english.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _phrases() -> dict[tuple[str, ...], Meaning]:
    found: dict[tuple[str, ...], Meaning] = {}
    for terminal, entries in _TERMINALS.items():
        for phrases, value in entries.items():
            for words, _ in _spelled(phrases):
                found[words] = Meaning(terminal, value)
    for phrases, noun in _NOUNS.items():
        for words, plural in _spelled(phrases):
            terminal = _NOUN_TERMINALS.get(noun.column or noun.kind, "NOUN")
            found[words] = Meaning(terminal, noun._replace(plural=plural and noun.plural))
    return found


PHRASES: Final[Mapping[tuple[str, ...], Meaning]] = _phrases()
LONGEST: Final = max(map(len, PHRASES))
ENGLISH: Final = _english()
"""English words that look like a word of the lexicon and are another one: no typing errors."""
WORDS: Final = frozenset(word for words in PHRASES for word in words) | FILLER
