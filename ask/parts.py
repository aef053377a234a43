"""The parts of a question in their order: filters, nouns, times, phrases; and who stands where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lark import Token

from ask.lexicon import Noun
from ask.moments import Between, Bordered, Calendar, Moment, Rolling
from ask.phrases import Column, Grouped, Measures
from ask.question import Condition, Measure

WHENS: Final = (Rolling, Calendar, Moment, Bordered, Between)
_LISTED: Final = frozenset({"AND", "OR", "COMMA"})
ENTITIES: Final = frozenset({"entity", "who"})  # kinds of nouns


@dataclass(frozen=True)
class Filter:
    """A condition where it stands.

    `noun`: it also names rows ("errors"). `window`: it makes the question one about windows.
    `valued`: it names values (codes, routes, levels), several of which are alternatives, as opposed
    to comparisons, which all hold. `measures`: it is said of an average or a percentile. `branch`:
    it is everything under a route.
    """

    condition: Condition
    noun: bool = False
    window: bool = False
    valued: bool = True
    measures: tuple[Measure, ...] = ()
    branch: bool = False

    @property
    def how(self) -> str:
        """`average` of `average response time over 2 s`; nothing of a plain comparison."""
        return self.measures[0].how if self.measures else ""


@dataclass(frozen=True)
class CountOf:
    """`more than 5 ...`: a comparison of how many; of what stands in the part that follows."""

    operator: Any
    values: tuple[float, ...]


@dataclass(frozen=True)
class Part:
    """A filter, noun, time or phrase with the words it was read from.

    `joined`: the connective before it (AND, OR, COMMA, BUT, EITHER, WITH, KEEPING), nouns aside.
    """

    value: Any
    text: str
    negated: bool = False
    joined: str = ""


def kind_of(value: Any) -> str:
    """The terminal of a single word, else nothing."""
    return value.type if isinstance(value, Token) else ""


def is_entity(value: Any) -> bool:
    """Whether it is a noun such as clients or endpoints."""
    return isinstance(value, Noun) and value.kind in ENTITIES


@dataclass
class Parts:
    """Parts of a question; what an answer is made of is `used`, the rest must not be dropped."""

    parts: list[Part]
    notes: list[str]
    used: set[int] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)  # nouns that a measure counts
    compared: set[int] = field(default_factory=set)  # filters of whole groups

    def __len__(self) -> int:
        return len(self.parts)

    def value(self, at: int) -> Any:
        """The part at a place, None beyond the ends."""
        return self.parts[at].value if 0 <= at < len(self.parts) else None

    def of(self, *kinds: type) -> list[Part]:
        """Parts whose value is one of these kinds."""
        return [part for part in self.parts if isinstance(part.value, kinds)]

    def nouns(self) -> Iterator[tuple[int, Noun]]:
        """Nouns that no measure counts, with their places."""
        for at, part in enumerate(self.parts):
            if isinstance(part.value, Noun) and at not in self.counted:
                yield at, part.value

    def words(self, *terminals: str) -> list[int]:
        """Places of single words of these terminals."""
        return [at for at, part in enumerate(self.parts) if kind_of(part.value) in terminals]

    def use(self, *kinds: type) -> list[Part]:
        """Parts of these kinds, which are part of the answer now."""
        self.used.update(at for at, p in enumerate(self.parts) if isinstance(p.value, kinds))
        return self.of(*kinds)

    def use_words(self, *terminals: str) -> list[Part]:
        """Single words of these terminals, which are part of the answer now."""
        found = self.words(*terminals)
        self.used.update(found)
        return [self.parts[at] for at in found]

    def put(self, at: int, value: Any) -> None:
        """Say what a part turned out to be."""
        old = self.parts[at]
        self.parts[at] = Part(value, old.text, old.negated, old.joined)

    def is_adjective(self, at: int) -> bool:
        """`bot clients`, `endpoint windows`: a noun right before another one."""
        after = self.parts[at + 1] if at + 1 < len(self.parts) else None
        if after is None or not isinstance(after.value, Noun) or after.joined:
            return False
        return isinstance(self.value(at), Filter) or after.value.kind == "windows"

    def head(self) -> Noun | None:
        """The entity that is asked for: the first noun of the question, if it is one."""
        place = self.head_place()
        return self.value(place) if place is not None else None

    def head_place(self) -> int | None:
        """Where the entity stands that is asked for."""
        for at in range(len(self.parts)):
            if self._is_noun(at):
                return at if is_entity(self.value(at)) else None
        return None

    def heads(self, at: int) -> list[Noun]:
        """The entity at a place and those that "and" or a comma joins to it: users and IPs."""
        found = [self.value(at)] if is_entity(self.value(at)) else []
        for place in range(at + 1, len(self.parts) if found else 0):
            if not is_entity(self.value(place)) or self.parts[place].joined not in _LISTED:
                break
            found.append(self.value(place))
        return found

    def has_things(self) -> bool:
        """Whether any noun says what is asked for."""
        return any(
            isinstance(p.value, Noun) or (isinstance(p.value, Filter) and p.value.noun)
            for p in self.parts
        )

    def head_after(self, at: int) -> Any:
        """What a word such as `how many` is said of."""
        for place in range(at + 1, len(self.parts)):
            value = self.value(place)
            if isinstance(value, Column | Measures) or self._is_noun(place):
                return value
        return None

    def thing_after(self, at: int) -> int | None:
        """Place of the next noun, adjectives included."""
        for place in range(at + 1, len(self.parts)):
            value = self.value(place)
            if isinstance(value, Noun) or (isinstance(value, Filter) and value.noun):
                return place
        return None

    def entity_near(self, at: int, *, but: Any) -> Noun | None:
        """The entity before a place, else after it; not the one that is counted there."""
        found = [(place, n) for place, n in self.nouns() if n.kind in ENTITIES and n is not but]
        before = [noun for place, noun in found if place < at]
        after = [noun for place, noun in found if place > at]
        found_first = before or after
        return found_first[0] if found_first else None

    def said_of(self, at: int) -> tuple[Noun | None, bool]:
        """The noun after a superlative, else the first one; and whether there are several."""
        for place in range(at + 1, len(self.parts)):
            value = self.value(place)
            if isinstance(value, Grouped):
                break
            if isinstance(value, Noun) and value.kind == "payloads":
                rows = [n for p, n in self.nouns() if p < at and n.kind in ("calls", "windows")]
                if place == at + 1 and not rows:
                    return value, value.plural
            elif isinstance(value, Noun):
                return value, value.plural
            if isinstance(value, Filter) and self.parts[place].text.startswith("payload"):
                return None, self.parts[place].text.startswith("payloads")
            if isinstance(value, Filter) and value.noun and not self.is_adjective(place):
                return None, self.parts[place].text.lower().endswith("s")
        before = [noun for place, noun in self.nouns() if place < at]
        if before:
            return before[0], before[0].plural
        named = [p for p in self.parts[:at] if isinstance(p.value, Filter) and p.value.noun]
        return None, not named or named[0].text.lower().endswith("s")

    def _is_noun(self, at: int) -> bool:
        """A noun that is not the adjective of another one."""
        value = self.value(at)
        named = isinstance(value, Filter) and value.noun
        is_noun = isinstance(value, Noun) and at not in self.counted
        return (named or is_noun) and not self.is_adjective(at)
