"""What features and inputs of the models are called for people, and what each of them says."""

from __future__ import annotations

from typing import Final, NamedTuple


class Words(NamedTuple):
    """A short name and half a sentence."""

    name: str
    meaning: str


_FEATURES: Final = {
    "req_count": Words("Calls", "how many there are in a window"),
    "error_rate": Words("Error rate", "share of answers with status 400 and up"),
    "avg_response_time": Words("Average response time", "how long an answer takes"),
    "max_response_time": Words("Longest response time", "the slowest answer"),
    "payload_mean": Words("Average payload", "how large an answer is"),
    "unique_endpoints": Words("Variety", "different paths, or endpoints of a client"),
    "repeat_rate": Words("Repeats", "requests that were just made before"),
    "status_entropy": Words("Status entropy", "how mixed the status codes are"),
}
_INPUTS: Final = {
    "closeness": Words("Nearest to a limit", "of errors and time, 1 is a failure"),
    "error_closeness": Words("Errors near the limit", "error rate as a share of 30 %"),
    "time_closeness": Words("Time near the limit", "average time as a share of 800 ms"),
    "calls": Words("Calls now", "in this minute"),
    "past_windows": Words("Known past", "minutes of the last hour with calls"),
    "usual_time": Words("Usual time", "as a share of 800 ms"),
    "time_spread": Words("Noise of the time", "from minute to minute"),
    "usual_error": Words("Usual error rate", "over the last hour"),
    "error_ahead": Words("Errors in 5 min", "by the straight line of 10 min"),
    "error_slope_10": Words("Slope of errors", "over 10 min"),
    "failed_15": Words("Failed lately", "minutes of the last quarter of an hour"),
    "calls_1": Words("Calls against usual", "in this minute"),
}
_ENDINGS: Final = {  # the number behind the last underscore says over how many minutes
    "time": Words("Time against usual", "over {} min"),
    "time_z": Words("Time beyond its noise", "over {} min"),
    "slowest": Words("Slowest against usual", "over {} min"),
    "error": Words("Errors above usual", "over {} min"),
    "error_z": Words("Errors beyond chance", "over {} min"),
    "calls": Words("Calls against usual", "over {} min"),
    "time_slope": Words("Slope of the time", "over {} min"),
    "time_ahead": Words("Time in 5 min", "by the straight line of {} min"),
}
_PARTS: Final = {
    "response times": "level, change and trend",
    "errors": "error rate, trend, mix of statuses",
    "number of calls": "now and against what is usual",
    "answer sizes": "average bytes of an answer",
    "repetition": "identical requests, variety of paths",
}
_CLUSTERS: Final = {
    "normal": "as most",
    "heavy": "many calls, made by people or integrations",
    "bot": "repeats itself, and gets uniform answers",
}


_SOURCES: Final = {  # as manifests name them
    "sites (simulated)": Words("Made-up sites", "with faults of many kinds"),
    "synthetic (simulated)": Words("Mock shop", "with misuse and faults"),
    "recorded from the mock shop": Words("Mock shop, recorded", "a server under load"),
    "web_bots (the user's copy)": Words("web_bots", "sessions of programs and people"),
}


def of_source(name: str) -> Words:
    """Words of a source of training data; one of no known name keeps it."""
    return _SOURCES.get(name, Words(name.capitalize(), ""))


def of_feature(name: str) -> Words:
    """Words of one of the 8 features."""
    return _FEATURES[name]


def of_input(name: str) -> Words:
    """Words of an input of the failure model; one of no known kind keeps its name."""
    if name in _FEATURES or name in _INPUTS:
        return {**_FEATURES, **_INPUTS}[name]
    kind, _, minutes = name.rpartition("_")
    if kind not in _ENDINGS:
        return Words(name, "")
    words = _ENDINGS[kind]
    return Words(words.name, words.meaning.format(minutes))


def of_part(name: str) -> Words:
    """Words of a part of the failure model's inputs."""
    return Words(name.capitalize(), _PARTS.get(name, ""))


def of_cluster(name: str) -> Words:
    """Words of a usage cluster."""
    return Words(name.capitalize(), _CLUSTERS.get(name, ""))
