"""Phrases to parts: what each means beside its neighbours and on this site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from lark import Token

from ask import lexicon, parsing
from ask.columns import WINDOW_MEASURES
from ask.comparing import (
    LONG_UNITS,
    bound_numbers,
    column_by_unit,
    complete,
    thing_follows,
    values_of,
    whole_number,
)
from ask.joining import RankedCode, joined, without_named
from ask.lexicon import RESPONSE_TIME, Noun
from ask.parts import CountOf, Filter, Part, Parts, kind_of
from ask.phrases import Below, Codes, Compared, Limited, Rank
from ask.question import Condition, NotUnderstood
from ask.routes import Named, Routes

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
    parts = bound_numbers(complete(parts))
    reader = _Grounds(parts, routes, notes)
    parts = [replace(part, value=reader.meaning(at)) for at, part in enumerate(parts)]
    return Parts(joined(without_named(parts)), notes)


def _text(tokens: Iterable[Token]) -> str:
    return " ".join(token for token in tokens if token.type not in ("COMMA",))


def _grounded(value: Any) -> Any:
    """Nouns that the grammar knows as words of their own are nouns where they stand alone."""
    return value.value if kind_of(value) in ("NOUN", "STATUS", "PRIORITY", "PAYLOAD") else value


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
                return RankedCode(Rank(superlative, None), number)
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
        if not thing_follows(self._parts, at):
            return token
        return Rank(lexicon.NEWEST, None)

    def _number(self, token: Token, at: int) -> Any:
        """A bare number: a status code that is one beyond doubt, else how many things."""
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        is_code = isinstance(token.value, int) and 400 <= token.value <= 599
        if is_code:
            return Filter(Condition("status_code", "in", (token.value,)))
        before = kind_of(self._parts[at - 1].value) if at else ""
        if before == "WITH" and thing_follows(self._parts, at):
            return CountOf("in", (token.value,))  # users with 5 errors
        if isinstance(after, Noun) or kind_of(after) in ("CONDITION", "METHOD"):
            return Limited(whole_number(token))
        return token

    def _compared(self, compared: Compared, at: int) -> Any:
        unit = next((q.unit for q in compared.quantities if q.unit), None)
        column = compared.column or column_by_unit(compared, unit)
        if column is None:
            return self._counted(compared, at)
        if unit is not None and unit.name in LONG_UNITS and compared.column is None:
            text = self._parts[at].text
            raise NotUnderstood(f"{text!r} is no response time; did you mean last 2 hours?", text)
        column = RESPONSE_TIME if column == "took" else column
        values = values_of(compared.quantities, column, unit)
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
        if compared.operator == "between" and not thing_follows(self._parts, at):
            return parsing.hours_of(compared)
        after = self._parts[at + 1].value if at + 1 < len(self._parts) else None
        if kind_of(after) == "ROWS" and compared.operator == "<=":
            return Limited(int(compared.quantities[0].value))
        text = self._parts[at].text
        if any(q.unit is not None for q in compared.quantities):
            raise NotUnderstood(f"{text!r} is a share of what? such as error rate above 20%", text)
        if not thing_follows(self._parts, at):
            raise NotUnderstood(f"{text!r} does not say of what; name a column or a unit", text)
        if not all(float(q.number).is_integer() for q in compared.quantities):
            raise NotUnderstood(f"{text!r} is no whole number of things", text)
        return CountOf(compared.operator, tuple(q.value for q in compared.quantities))
