"""Phrases to parts: what each means beside its neighbours and on this site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lark import Token

from ask import lexicon, parsing
from ask.columns import SHARES, WINDOW_MEASURES
from ask.lexicon import PAYLOAD, RESPONSE_TIME, Noun
from ask.parts import WHENS, CountOf, Filter, Part, Parts, kind_of
from ask.phrases import Below, Codes, Column, Compared, Limited, Quantity, Rank
from ask.question import Condition, NotUnderstood
from ask.routes import Named, Routes

_CONNECTIVES: Final = frozenset({"AND", "OR", "COMMA", "BUT"})
_SILENCE: Final = "TO FROM OF WITH ON FOR FILLER ROWS GOT TOOK WHICH ONLY ALL_TIME A INCLUSIVE"
_SILENT: Final = frozenset(_SILENCE.split())  # nothing is lost when they are left alone
_WINDOW_COLUMNS: Final = WINDOW_MEASURES | {"error_rate"}  # compared with a number


def parts_of(tokens: Sequence[Token], routes: Routes, notes: list[str]) -> Parts:
    """Read the phrases of a question.

    Raises
    ------
    NotUnderstood
        Something has no meaning where it stands.
    """
    found = list(parsing.phrases_of(tokens))
    parts = [Part(_grounded(value), _text(tokens[a:b])) for value, a, b in found]
    parts = _bound_numbers(_complete(parts))
    reader = _Grounds(parts, routes, notes)
    parts = [replace(part, value=reader.meaning(at)) for at, part in enumerate(parts)]
    return Parts(_joined(_without_named(parts)), notes)


def _text(tokens: Iterable[Token]) -> str:
    return " ".join(token for token in tokens if token.type not in ("COMMA",))


def _grounded(value: Any) -> Any:
    """Nouns that the grammar knows as words of their own are nouns where they stand alone."""
    return value.value if kind_of(value) in ("NOUN", "STATUS", "PRIORITY", "PAYLOAD") else value


def _complete(parts: list[Part]) -> list[Part]:
    """`above 0.3 and below 0.6`: a comparison without a column is of the one before it."""
    made: list[Part] = []
    for at, part in enumerate(parts):
        connective = bool(made) and kind_of(made[-1].value) in ("AND", "BUT", "COMMA")
        before = made[-2] if connective and len(made) > 1 else None
        if before is not None and (both := _both_counts(before.value, part.value)) is not None:
            made[-2:] = [Part(both, f"{before.text} and {part.text}")]
            continue
        if (
            before is not None
            and isinstance(part.value, Compared)
            and isinstance(before.value, Compared)
            and part.value.column is None
            and part.value.implied is None
            and not _thing_follows(parts, at)
            and (before.value.column is not None or before.value.implied is not None)
        ):
            column = before.value.column or before.value.implied
            unit = part.value.quantities[0].unit
            given = tuple(Quantity(q.number, q.unit or unit) for q in before.value.quantities)
            made[-2] = replace(before, value=replace(before.value, quantities=given))
            part = replace(part, value=replace(part.value, column=column))
        made.append(part)
    return made


def _both_counts(first: Any, second: Any) -> Compared | None:
    """`more than 5 and fewer than 20`: whole numbers between two others."""
    pair = [first, second]
    if not all(isinstance(c, Compared) and c.column is None and c.implied is None for c in pair):
        return None
    numbers = [quantity for compared in pair for quantity in compared.quantities]
    if any(q.unit is not None or not float(q.number).is_integer() for q in numbers):
        return None
    steps = {">": ("low", 1), ">=": ("low", 0), "<": ("high", -1), "<=": ("high", 0)}
    found = {
        steps[compared.operator][0]: int(number.number) + steps[compared.operator][1]
        for compared, number in zip(pair, numbers, strict=False)
        if compared.operator in steps
    }
    if len(found) != 2:
        return None
    return Compared("between", (Quantity(found["low"]), Quantity(found["high"])))


def _bound_numbers(parts: list[Part]) -> list[Part]:
    """`more than 5 requests` counts, `payload over 5 KB` compares: by what stands around it."""
    bound: list[Part] = []
    for part in parts:
        before = bound[-1].value if bound else None
        compared = part.value
        if (
            isinstance(compared, Compared)
            and compared.column is None
            and isinstance(before, Noun)
            and before.kind == "payloads"
        ):
            bound[-1] = Part(replace(compared, column=PAYLOAD), f"{bound[-1].text} {part.text}")
            continue
        bound.append(part)
    return bound


class _Grounds:
    """What each phrase means, given its neighbours and the routes of the site."""

    def __init__(self, parts: Sequence[Part], routes: Routes, notes: list[str]) -> None:
        self._parts = parts
        self._routes = routes
        self._notes = notes

    def meaning(self, at: int) -> Any:
        part = self._parts[at]
        value = part.value
        match value:
            case Condition():
                return Filter(value, window=True)
            case Codes(condition):
                plain = condition.operator == "in"
                return Filter(condition, noun=part.text.endswith("s"), valued=plain)
            case Compared():
                return self._compared(value, at)
            case Below(path):
                return replace(self._endpoint(self._below(path), path), branch=True)
            case Limited(number) if self._is_code(number, at):
                return Filter(Condition("status_code", "in", (number,)))
            case Rank(superlative, int() as number) if self._is_code(number, at):
                self._notes.append(f"Took {number} as a status code.")
                return _RankedCode(Rank(superlative, None), number)
            case Token():
                return self._word(value, at)
        return value

    def _is_code(self, number: int, at: int) -> bool:
        """`only 404`, `latest 401`: a number of nothing, which can only be a status code."""
        is_limit = isinstance(self._parts[at].value, Limited)
        said_only = self._parts[at].text.lower().split()[0] in ("only", "just")
        if not 400 <= number <= 599 or (is_limit and not said_only):
            return False
        return not any(
            isinstance(part.value, Noun) or kind_of(part.value) == "CONDITION"
            for part in self._parts[at + 1 :]
        )

    def _word(self, token: Token, at: int) -> Any:
        match token.type:
            case "CONDITION":
                term: lexicon.Term = token.value
                return Filter(term.condition, term.noun, term.window)
            case "FAILING":
                return self._failing(at)
            case "CLUSTER":
                return self._cluster(token.value, at)
            case "LEVEL":
                return self._level(token, at)
            case "METHOD":
                method, plural = token.value
                return Filter(Condition("method", "in", (method,)), noun=plural)
            case "IP":
                return Filter(Condition("ip_address", "in", (token.value,)))
            case "USER":
                return Filter(Condition("user_id", "in", (token.value,)))
            case "PATH":
                return self._endpoint(self._routes.at_path(token.value), token)
            case "BELOW_PATH":
                return self._endpoint(self._routes.under(token.value), token)
            case "NAME":
                return self._endpoint(token.value, token)
            case "NUMBER":
                return self._number(token, at)
            case "LAST":
                return self._last(token, at)
            case "FUTURE":
                raise NotUnderstood(
                    f"{str(token)!r} is in the future; only what happened can be asked for", token
                )
        return token

    def _below(self, path: str) -> Named:
        return self._routes.under(path if path.startswith("/") else f"/{path}")

    def _endpoint(self, named: Named, text: str) -> Filter:
        if named.corrected is not None:
            self._notes.append(f"Read “{text}” as “{named.corrected}”.")
        return Filter(named.condition)

    def _noun_near(self, at: int) -> Noun | None:
        """The noun that a word is said of: the next one of its phrase, else the one before."""
        for part in self._parts[at + 1 :]:
            if isinstance(part.value, Noun):
                return part.value
            if kind_of(part.value) in ("NOT", "AND", "OR", "BUT", "BY", "WITH"):
                break
        before = [part.value for part in self._parts[:at] if isinstance(part.value, Noun)]
        return before[-1] if before else None

    def _failing(self, at: int) -> Filter:
        noun = self._noun_near(at)
        if noun is not None and noun.kind == "calls":
            return Filter(lexicon.ERRORS)
        return Filter(lexicon.FAILING, window=True)

    def _cluster(self, name: str, at: int) -> Filter:
        entities = ("user_id", "client", "ip_address", "endpoint", "usage_cluster")
        nouns = [p.value for p in self._parts if isinstance(p.value, Noun)]
        said = any(n.column in entities or n.kind in ("windows", "who", "usage") for n in nouns)
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        if not said and not (kind_of(after) == "CONDITION" or kind_of(after) in ("OR", "AND")):
            word = self._parts[at].text
            raise NotUnderstood(
                f"{word!r} is said of users, clients or windows, such as {word} users", word
            )
        return Filter(Condition("usage_cluster", "in", (name,)), window=True)

    def _level(self, token: Token, at: int) -> Any:
        """HIGH in capitals, or high windows, is the priority; a high anything else is unclear."""
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        if str(token).isupper() or (isinstance(after, Noun) and after.kind == "windows"):
            return Filter(Condition("priority", "in", (token.value,)), window=True)
        return token

    def _last(self, token: Token, at: int) -> Any:
        """`last error` is the newest one."""
        if not _thing_follows(self._parts, at):
            return token
        return Rank(lexicon.NEWEST, None)

    def _number(self, token: Token, at: int) -> Any:
        """A bare number: a status code that is one beyond doubt, else how many things."""
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        is_code = isinstance(token.value, int) and 400 <= token.value <= 599
        if is_code:
            return Filter(Condition("status_code", "in", (token.value,)))
        before = kind_of(self._parts[at - 1].value) if at else ""
        if before == "WITH" and _thing_follows(self._parts, at):
            return CountOf("in", (token.value,))  # users with 5 errors
        if isinstance(after, Noun) or kind_of(after) in ("CONDITION", "METHOD"):
            return Limited(_whole(token))
        return token

    def _compared(self, compared: Compared, at: int) -> Any:
        unit = next((q.unit for q in compared.quantities if q.unit), None)
        column = compared.column or _column_by_unit(compared, unit)
        if column is None:
            return self._counted(compared, at)
        if unit is not None and unit.name in _LONG and compared.column is None:
            text = self._parts[at].text
            raise NotUnderstood(f"{text!r} is no response time; did you mean last 2 hours?", text)
        column = RESPONSE_TIME if column == "took" else column
        values = _values(compared.quantities, column, unit)
        if compared.operator == "between" and values[0] > values[1]:
            raise NotUnderstood(
                f"nothing is between {values[0]:g} and {values[1]:g}", self._parts[at].text
            )
        return Filter(
            Condition(column, compared.operator, values),  # type: ignore[arg-type]
            window=column in _WINDOW_COLUMNS,
            valued=False,
            measures=compared.measures,
        )

    def _counted(self, compared: Compared, at: int) -> Any:
        """A number of things: rows of the answer, or calls of a client; or hours of a day."""
        if compared.operator == "between" and not _thing_follows(self._parts, at):
            return parsing.hours_of(compared)
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        if kind_of(after) == "ROWS" and compared.operator == "<=":
            return Limited(int(compared.quantities[0].value))
        text = self._parts[at].text
        if any(q.unit is not None for q in compared.quantities):
            raise NotUnderstood(f"{text!r} is a share of what? such as error rate above 20%", text)
        if not _thing_follows(self._parts, at):
            raise NotUnderstood(f"{text!r} does not say of what; name a column or a unit", text)
        if not all(float(q.number).is_integer() for q in compared.quantities):
            raise NotUnderstood(f"{text!r} is no whole number of things", text)
        return CountOf(compared.operator, tuple(q.value for q in compared.quantities))


def _thing_follows(parts: Sequence[Part], at: int) -> bool:
    """Whether what stands at a place is a number of what comes next."""
    for part in parts[at + 1 :]:
        kind = kind_of(part.value)
        if isinstance(part.value, Noun | Codes) or kind in ("CONDITION", "FAILING"):
            return True
        if kind not in ("METHOD", "OF", "CLUSTER", "LEVEL", "NUMBER", "UNIQUE", "NOT"):
            return isinstance(part.value, Condition | Column)
    return False


@dataclass(frozen=True)
class _RankedCode:
    """`latest 401`: a superlative and the status code it is said of."""

    rank: Rank
    code: int


def _whole(token: Token) -> int:
    if float(token.value).is_integer() and token.value >= 1:
        return int(token.value)
    raise NotUnderstood(f"{str(token)!r} can't be a number of lines; 1 or more can", token)


def _column_by_unit(compared: Compared, unit: lexicon.Size | None) -> str | None:
    if unit is not None and unit.kind == "size":
        return PAYLOAD
    if compared.implied is not None:
        return compared.implied
    if unit is not None and unit.kind == "time":
        return RESPONSE_TIME
    return None


_LONG: Final = frozenset({"hour", "day", "week"})  # no response takes so long


def _values(
    quantities: Sequence[Quantity], column: str, unit: lexicon.Size | None
) -> tuple[float, ...]:
    """`between 1 and 2 s`: the unit is of both, where the first is not the larger one by it."""
    values = tuple(_quantity(q, column, unit) for q in quantities)
    if len(values) == 2 and quantities[0].unit is None:
        plain = quantities[0].value
        is_share = column in SHARES and plain < 1
        if values[0] > values[1] >= plain or is_share:
            return plain, values[1]
    return values


def _quantity(quantity: Quantity, column: str, unit: lexicon.Size | None) -> float:
    """The number in the unit of its column; one unit may stand for both ends of a range."""
    given = quantity.unit or unit
    kinds = {RESPONSE_TIME: "time", PAYLOAD: "size"} | dict.fromkeys(SHARES, "share")
    if given is not None and given.kind != kinds.get(column):
        raise NotUnderstood(f"{column} is not measured in that unit", f"{quantity.number:g}")
    return Quantity(quantity.number, given).value


def _without_named(parts: list[Part]) -> list[Part]:
    """Nouns beside what they name say nothing more: the /payment endpoint, user u017."""
    kept: list[Part] = []
    for at, part in enumerate(parts):
        noun = part.value
        if isinstance(noun, _RankedCode):
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
        and (part.value.noun)
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


def _joined(parts: list[Part]) -> list[Part]:
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
    kinds = {isinstance(p.value, WHENS) for p in (made[-1], part) if not isinstance(p.value, Noun)}
    if (
        len(kinds) > 1
        and (part.value != made[-1].value)
        and isinstance(made[-1].value, (Filter, *WHENS))
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
