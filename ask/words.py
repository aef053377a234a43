"""Words as they are typed to words of the lexicon: spelling, abbreviations, methods and verbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ask import lexicon
from ask.lexicon import PHRASES, WORDS, Noun
from ask.routes import Routes
from ask.scanner import Piece
from ask.spelling import nearest


class Words:
    """Spelling of single words."""

    def __init__(self, routes: Routes) -> None:
        self.names = forms_of(routes.segments)
        names = [name for name in self.names if name not in WORDS]
        self._known = [w for w in WORDS if len(w) > 2] + names + list(lexicon.VAGUE)
        self.corrections: dict[str, str] = {}

    def spelled(self, piece: Piece) -> list[Piece]:
        """The piece as one or several known words; what is unknown stays as it is."""
        if piece.kind != "WORD":
            return [piece]
        word = piece.lower
        if self._is_known(word):
            return self._known_word(piece, word)
        if "-" in word.strip("-"):
            return self._hyphened(piece)
        if (fixed := self._corrected(word)) is not None:
            self.corrections[piece.text] = fixed
            return [Piece("WORD", fixed, piece.start, piece.text)]
        return [Piece("UNKNOWN", piece.text, piece.start)]

    def in_context(self, pieces: list[Piece]) -> list[Piece]:
        """Words that mean something only beside others: methods, ids, hi risk, 24 h."""
        return [self._beside(pieces, at) for at in range(len(pieces))]

    def _is_known(self, word: str) -> bool:
        return (
            word in WORDS
            or word in lexicon.ABBREVIATIONS
            or word in lexicon.RISK_ABBREVIATIONS
            or word in self.names
            or word in lexicon.COMMANDS
            or word in lexicon.VAGUE
            or _method(word) is not None
            or word in lexicon.GLUED_UNITS
        )

    def _known_word(self, piece: Piece, word: str) -> list[Piece]:
        full = lexicon.ABBREVIATIONS.get(word, word)
        return [Piece("WORD", full if full != word else piece.text, piece.start, word)]

    def _hyphened(self, piece: Piece) -> list[Piece]:
        """A word with hyphens: its parts, else the one phrase that it was meant to be."""
        parts = [part for part in piece.lower.split("-") if part]
        if not all(map(self._is_known, parts)):
            whole = nearest(" ".join(parts), [" ".join(phrase) for phrase in PHRASES])
            if len(whole) == 1:
                self.corrections[piece.text] = whole[0]
                parts = whole[0].split()
        split = [Piece("WORD", part, piece.start) for part in parts]
        return [spelt for part in split for spelt in self.spelled(part)]

    def _corrected(self, word: str) -> str | None:
        if not word.isalpha() or word in lexicon.ENGLISH:
            return None
        found = [near for near in nearest(word, self._known) if not _is_opposite(word, near)]
        if not found or any(candidate in lexicon.VAGUE for candidate in found):
            return None
        terms = {self._term(candidate) for candidate in found}
        return sorted(found)[0] if len(terms) == 1 else None

    def _term(self, word: str) -> object:
        """Forms of one term are the same word; a singular and its plural are."""
        if word in self.names:
            return self.names[word]
        meaning = PHRASES.get((word,))
        if meaning is None:
            return "filler" if word in lexicon.FILLER else word
        value = meaning.value
        bare = value[:2] if isinstance(value, Noun) else value
        return meaning.terminal, repr(bare)

    def _beside(self, pieces: Sequence[Piece], at: int) -> Piece:
        piece = pieces[at]
        before = pieces[at - 1] if at else None
        after = pieces[at + 1] if at + 1 < len(pieces) else None
        if piece.kind == "GLUED":
            return _glued(piece, pieces[max(0, at - 2) : at])
        if piece.kind == "UNKNOWN" and before is not None and any(map(str.isdigit, piece.text)):
            if before.lower in ("user", "client", "users", "clients", "id"):
                return Piece("USER", piece.text, piece.start, piece.text)
            return piece
        if piece.kind != "WORD":
            return piece
        if piece.lower in lexicon.RISK_ABBREVIATIONS and is_word(after, "risk", "priority"):
            return Piece("WORD", lexicon.RISK_ABBREVIATIONS[piece.lower], piece.start, piece.text)
        if piece.lower in lexicon.GLUED_UNITS and before is not None and before.kind == "NUMBER":
            return Piece("WORD", lexicon.GLUED_UNITS[piece.lower], piece.start, piece.text)
        if (method := _method(piece.text)) is not None:
            return _method_or_verb(piece, method, before, after)
        if piece.lower == "minute" and piece.value == "min" and not _is_counted(before):
            return Piece("WORD", "minimum", piece.start, piece.value)
        return piece


def _is_counted(before: Piece | None) -> bool:
    """`10 min`, `per min`: of time; else `min` is the minimum."""
    words = ("per", "each", "every", "last", "past", "previous", "a", "half", "by", "this")
    return before is not None and (before.kind == "NUMBER" or is_word(before, *words))


def forms_of(segments: Any) -> dict[str, str]:
    """Names of routes with their singular or plural."""
    forms: dict[str, str] = {}
    for name in segments:
        other = name[:-1] if name.endswith("s") else f"{name}s"
        forms.setdefault(other, name)
    return forms | {name: name for name in segments}


def _is_opposite(word: str, other: str) -> bool:
    """`unflagged` is not `flagged` with a typing error."""
    return word.endswith(other) and word[: -len(other)] in ("un", "non", "in", "dis", "mis")


def is_word(piece: Piece | None, *words: str) -> bool:
    return piece is not None and piece.kind == "WORD" and piece.lower in words


def _glued(piece: Piece, before: Sequence[Piece]) -> Piece:
    """`h` after a number: hours in `last 24h`, a time of day in `before 14h`, never alone."""
    spans = ("last", "past", "previous", "every", "per", "than", "over", "above", "below", "under")
    is_day = before[-1].value == 24 if before else False
    if piece.text == "h" and not is_day and not any(is_word(b, *spans) for b in before):
        return Piece("OCLOCK", piece.text, piece.start)
    return Piece("WORD", lexicon.GLUED_UNITS[piece.text], piece.start)


def _method(word: str) -> str | None:
    upper = word.upper()
    for form in (upper, upper.removesuffix("S")):
        if form in lexicon.METHODS:
            return form
    return None


_ROW_WORDS: Final = (
    "request", "requests", "call", "calls", "hits", "traffic", "response", "responses",
    "transactions", "transaction", "api",
)  # fmt: skip


def _method_or_verb(piece: Piece, method: str, before: Piece | None, after: Piece | None) -> Piece:
    """`get calls` is the method, `get me calls` the verb, `delete all calls` a command."""
    found = Piece("METHOD", piece.text, piece.start, (method, piece.lower.endswith("s")))
    named = is_word(after, *_ROW_WORDS) or is_word(before, "method", "methods")
    listed = is_word(after, "and", "or") or (after is not None and after.kind == "COMMA")
    listed |= is_word(before, "and", "or", "not", "non", "excluding", "except") or (
        before is not None and before.kind == "COMMA"
    )
    plural = piece.lower.endswith("s") and method + "S" == piece.text.upper()
    if named or plural:
        return found
    if method == "DELETE":
        sweeping = is_word(after, "all", "every", "everything", "the", "from", "logs", "log")
        is_method = piece.text.isupper() and not sweeping
        return found if is_method or (listed and not sweeping and before is not None) else piece
    if method == "GET":
        is_method = piece.text.isupper() and (before is not None or not is_word(after, "me"))
        return found if is_method or (listed and not is_word(after, "me")) else piece
    if method in ("HEAD", "OPTIONS") and not piece.text.isupper():
        return Piece("UNKNOWN", piece.text, piece.start)
    return found
