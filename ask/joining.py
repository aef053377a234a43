"""Parts beside each other: nouns and what they name, negation, connectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ask import lexicon
from ask.lexicon import Noun
from ask.parts import WHENS, Filter, Part, kind_of
from ask.phrases import Rank
from ask.question import Condition, NotUnderstood

_CONNECTIVES: Final = frozenset({"AND", "OR", "COMMA", "BUT"})
_SILENCE: Final = "TO FROM OF WITH ON FOR FILLER ROWS GOT TOOK WHICH ONLY ALL_TIME A INCLUSIVE"
_SILENT: Final = frozenset(_SILENCE.split())  # nothing is lost when they are left alone


@dataclass(frozen=True)
class RankedCode:
    """`latest 401`: a superlative and the status code it is said of."""

    rank: Rank
    code: int


def without_named(parts: list[Part]) -> list[Part]:
    """Nouns beside what they name say nothing more: the /payment endpoint, user u017."""
    kept: list[Part] = []
    for at, part in enumerate(parts):
        noun = part.value
        if isinstance(noun, RankedCode):
            code = Filter(Condition("status_code", "in", (noun.code,)), noun=True)
            kept += [Part(noun.rank, part.text), Part(code, str(noun.code))]
            continue
        if _is_errors(part) and at and _is_status(parts[at - 1]):
            kept[-1] = replace(kept[-1], value=replace(kept[-1].value, noun=True), text=part.text)
            continue
        if isinstance(noun, Noun) and noun.column is not None:
            after = parts[at + 1 : at + 3]
            if after and after[0].text.lower() == "not" and not noun.plural:
                after = after[1:]  # method != GET
            around = (parts[at - 1] if at else None, after[0] if after else None)
            if any(_names(noun, other) for other in around):
                continue
        if kind_of(noun) == "PAGE":
            if not (at and _is_endpoint(parts[at - 1])):
                raise NotUnderstood(f"which {part.text}? name it before", part.text)
            continue
        kept.append(part)
    return kept


def _is_errors(part: Part) -> bool:
    """`401 errors`: only a noun."""
    return (
        isinstance(part.value, Filter)
        and part.value.condition == lexicon.ERRORS
        and part.value.noun
    )


def _is_status(part: Part) -> bool:
    if not isinstance(part.value, Filter) or part.value.condition.column != "status_code":
        return False
    if int(part.value.condition.values[0]) < lexicon.ERROR:
        return False
    return part.value.condition.operator in ("in", "between") and part.value.valued


def _is_endpoint(part: Part) -> bool:
    return isinstance(part.value, Filter) and part.value.condition.column == "endpoint"


_NAMED_BY: Final = {
    "endpoint": {"endpoint"},
    "user_id": {"user_id", "ip_address"},
    "ip_address": {"ip_address"},
    "client": {"user_id", "ip_address"},
    "method": {"method"},
    "usage_cluster": {"usage_cluster"},
    "status_code": {"status_code"},
}


def _names(noun: Noun, other: Part | None) -> bool:
    if other is None or not isinstance(other.value, Filter):
        return False
    condition = other.value.condition
    if condition.operator not in ("in", "under", "between") or not other.value.valued:
        return False
    column = condition.column
    return column in _NAMED_BY.get(str(noun.column), ()) and not other.value.branch


def joined(parts: list[Part]) -> list[Part]:
    """Negation and the connective before each part; connectives and silent words are gone."""
    made: list[Part] = []
    negating = joiner = between_nouns = ""
    excluding = sweeping = False
    for part in parts:
        kind = kind_of(part.value)
        if kind in ("ALL", "EVERY"):
            sweeping = True
        if kind == "BUT" and sweeping and not negating:
            negating, excluding = "except", True  # all errors but 404
        elif kind == "NOT":
            if negating:
                raise NotUnderstood("two negations in a row", part.text)
            negating = part.text
            excluding = negating.lower() in _EXCLUDING
        elif kind == "EITHER":
            joiner = kind
        elif kind in _CONNECTIVES:
            joiner = between_nouns = "OR" if "OR" in (kind, joiner) else kind
        elif kind in ("WITH", "KEEPING"):
            joiner = kind if kind == "KEEPING" else joiner or kind
        elif kind in _SILENT:
            continue
        elif isinstance(part.value, (Filter, *WHENS)):
            _refuse_or_of_times(made, part, joiner)
            goes_on = _negation_goes_on(made, part, joiner, excluding=excluding)
            negated = bool(negating) or goes_on
            made.append(replace(part, negated=negated, joined=joiner))
            negating = joiner = between_nouns = ""
        else:
            made.append(replace(part, joined=between_nouns))
            between_nouns = ""
    if negating:
        raise NotUnderstood(f"{negating!r} of what? a condition must follow", negating)
    return made


def _refuse_or_of_times(made: Sequence[Part], part: Part, joiner: str) -> None:
    """`today or slow`: a time is never an alternative to a condition."""
    if joiner != "OR" or not made:
        return
    last = made[-1].value
    if isinstance(last, (Filter, *WHENS)) and isinstance(last, Filter) != isinstance(
        part.value, Filter
    ):
        raise NotUnderstood(f"'or {part.text}': a time and a condition are no alternatives", "or")


_EXCLUDERS: Final = "excluding exclude excludes except without ignoring minus"
_EXCLUDING: Final = frozenset((*_EXCLUDERS.split(), "except for", "other than", "apart from"))
_NAMED_THINGS: Final = frozenset({"endpoint", "method", "client", "status_code"})


def _negation_goes_on(made: Sequence[Part], part: Part, joiner: str, *, excluding: bool) -> bool:
    """`not GET or POST`, `excluding /health and 5xx`: it is of every value of the list."""
    if not made or joiner in ("", "WITH", "KEEPING"):
        return False
    last = made[-1]
    if isinstance(part.value, WHENS):
        return last.negated and isinstance(last.value, WHENS) and joiner != "BUT"
    if not last.negated or not isinstance(last.value, Filter) or joiner == "BUT":
        return False
    columns = [_whose(p.value.condition.column) for p in (last, part)]
    if columns[0] == columns[1]:
        return True
    return excluding and joiner != "COMMA" and set(columns) <= _NAMED_THINGS


def _whose(column: str) -> str:
    """Users and addresses are told apart by how they look, not by what is said of them."""
    return "client" if column in ("user_id", "ip_address") else column
