"""Text to tokens of the grammar: pieces, words, phrases of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lark import Token

from ask import lexicon
from ask.lexicon import PHRASES, WORDS, Meaning
from ask.question import NotUnderstood
from ask.routes import Routes
from ask.scanner import Piece, pieces_of
from ask.words import Words, is_word

MOST_CHARACTERS: Final = 1_000


@dataclass
class Reading:
    """Tokens of a text, and what was done to get them."""

    tokens: list[Token]
    ignored: tuple[str, ...] = ()  # words that never restrict an answer
    corrections: dict[str, str] = field(default_factory=dict)  # as typed -> as read


def tokens_of(text: str, routes: Routes) -> Reading:
    """Split a question into tokens of the grammar.

    Parameters
    ----------
    text : str
        The question, at most `MOST_CHARACTERS` long.
    routes : Routes
        The routes of the site; their names are words, too.

    Raises
    ------
    NotUnderstood
        A word is unknown, asks for a change, or is code.
    """
    if len(text) > MOST_CHARACTERS:
        raise NotUnderstood(
            f"the question has {len(text)} characters, at most {MOST_CHARACTERS} are read"
        )
    words = Words(routes)
    pieces = words.in_context([p for found in pieces_of(text) for p in words.spelled(found)])
    tokens, ignored = _Phrases(pieces, routes, words.names).tokens()
    return Reading(tokens, tuple(ignored), words.corrections)


_ROUTE_WORDS: Final = (
    "endpoint", "endpoints", "apis", "route", "routes", "page", "pages", "service",
)  # fmt: skip


_OBJECTS: Final = {  # what a verb at the start of a question is followed by, a route never
    "search": ("for", "the", "user", "client", "all", "through", "in", "every", "my", "our"),
    "export": ("all", "the", "every", "everything", "my", "our", "me"),
}


class _Phrases:
    """Phrases of known words, longest first."""

    def __init__(self, pieces: Sequence[Piece], routes: Routes, names: Mapping[str, str]) -> None:
        self._pieces = pieces
        self._routes = routes
        self._names = names
        self._ignored: list[str] = []

    def tokens(self) -> tuple[list[Token], list[str]]:
        """Tokens of the grammar, and the words that don't restrict."""
        tokens: list[Token] = []
        at = 0
        while at < len(self._pieces):
            length, token = self._token_at(at)
            if token is not None:
                tokens.append(token)
            at += length
        for at in range(len(tokens)):
            tokens[at] = _in_place(tokens, at)
        tokens = [token for token in tokens if token.type != "SILENT"]
        return _with_their_column(_with_their_noun(tokens)), self._ignored

    def _token_at(self, at: int) -> tuple[int, Token | None]:
        piece = self._pieces[at]
        if piece.kind == "UNKNOWN":
            raise NotUnderstood(f"the word {piece.text!r} is not known here", piece.text)
        if piece.kind == "QUOTED":
            return 1, self._quoted(at)
        if piece.kind != "WORD":
            return 1, _token(piece.kind, piece.value, piece)
        if piece.lower == "may" and not self._is_beside_number(at):
            return 1, None  # a verb
        if at == 0 and is_word(self._next(at), *_OBJECTS.get(piece.lower, ())):
            return 1, None  # a verb
        if self._is_name(at):
            name = self._names[piece.lower]
            return 1, _token("NAME", self._routes.named(name), piece)
        return self._phrase_at(at)

    def _phrase_at(self, at: int) -> tuple[int, Token | None]:
        piece = self._pieces[at]
        for length in range(min(lexicon.LONGEST, len(self._pieces) - at), 0, -1):
            run = self._pieces[at : at + length]
            if any(other.kind != "WORD" for other in run):
                continue
            meaning = PHRASES.get(tuple(other.lower for other in run))
            if meaning is not None and not self._is_cut(meaning, at + length):
                return length, self._meant(meaning, run)
        word = piece.lower
        if word in lexicon.FILLER or word == "hi":
            self._ignored.append(word)
            return 1, _token("A", 1, piece) if word in ("a", "an") else None
        raise self._refused(piece)

    def _is_cut(self, meaning: Meaning, end: int) -> bool:
        """`or more` is not all of `or more than 5`."""
        after = self._pieces[end] if end < len(self._pieces) else None
        return meaning.terminal in ("OR_MORE", "OR_LESS") and (
            is_word(after, "than") or (after is not None and after.kind == "NUMBER")
        )

    def _meant(self, meaning: Meaning, run: Sequence[Piece]) -> Token:
        text = " ".join(other.text for other in run)
        return _token(meaning.terminal, meaning.value, run[0], text)

    def _is_name(self, at: int) -> bool:
        """A word that is a route: no other word, or one that stands before `endpoint`."""
        word = self._pieces[at].lower
        if word not in self._names:
            return False
        if word not in WORDS or ((word,) not in PHRASES and word not in lexicon.FILLER):
            return True
        if is_word(self._next(at), "api"):
            return not is_word(self._next(at + 1), "calls", "call")
        return is_word(self._next(at), *_ROUTE_WORDS)

    def _is_beside_number(self, at: int) -> bool:
        around = (*self._pieces[max(0, at - 2) : at], self._next(at))
        return any(p is not None and p.kind in ("NUMBER", "ORDINAL") for p in around)

    def _next(self, at: int) -> Piece | None:
        return self._pieces[at + 1] if at + 1 < len(self._pieces) else None

    def _quoted(self, at: int) -> Token:
        piece = self._pieces[at]
        before = self._pieces[at - 1] if at else None
        if is_word(before, "user", "client", "id"):
            return _token("USER", piece.value, piece)
        named = self._routes.named(piece.value) if piece.value else None
        if named is None:
            raise self._routes.unknown(piece.value)
        return _token("NAME", named, piece)

    def _refused(self, piece: Piece) -> NotUnderstood:
        word = piece.text
        if piece.lower in lexicon.COMMANDS:
            return NotUnderstood(
                f"{word!r} asks for a change; questions only read calls and windows", word
            )
        if piece.lower in lexicon.VAGUE:
            return NotUnderstood(f"{word!r} is no number; write one, such as 5", word)
        return NotUnderstood(f"the word {word!r} is not known here", word)


def _token(kind: str, value: Any, piece: Piece, text: str | None = None) -> Token:
    token = Token(kind, text or piece.text, start_pos=piece.start)
    token.value = value
    return token


def _in_place(tokens: Sequence[Token], at: int) -> Token:
    """Tokens whose kind depends on the next one: under 2 s, under /orders; over the last hour."""
    token = tokens[at]
    after = tokens[at + 1].type if at + 1 < len(tokens) else ""
    words = str(token).lower()
    if token.type == "BELOW" and after not in ("PATH", "NAME") and words in ("under", "below"):
        return _retyped(token, "COMPARATOR", lexicon.Comparator("<"))
    if token.type == "COMPARATOR" and words in ("over", "under") and after not in _NUMERIC:
        return _retyped(token, "FILLER", None)
    if token.type == "UNIT" and words == "bytes" and not (at and tokens[at - 1].type == "NUMBER"):
        return _retyped(token, "DATA", None)
    if token.type == "COMPARATOR" and words == "=" and after in _VALUES:
        return _retyped(token, "SILENT", None)  # method=POST
    if token.type == "OF" and after in _NUMERIC and at and tokens[at - 1].type == "AGGREGATE":
        return _retyped(token, "SILENT", None)  # a minimum of 5
    if token.type == "BETWEEN" and after == "BETWEEN":  # between 2-4pm
        return _retyped(token, "FILLER", None)
    if token.type == "BY" and _names_someone(tokens[at + 1 : at + 3]):
        return _retyped(token, "FILLER", None)
    if token.type == "A":
        kind = "NUMBER" if after == "UNIT" else "FILLER"
        return _retyped(token, kind, 1)
    if (
        token.type == "NUMBER"
        and _is_code(token.value)
        and (_follows_code_word(tokens, at) or _next_is_errors(tokens, at))
    ):
        return _retyped(token, "CODES", int(token.value))
    return token


_NUMBERED: Final = (["NUMBER", "NOUN"], ["NUMBER", "CONDITION"])


def _with_their_noun(tokens: list[Token]) -> list[Token]:
    """`1,000 requests or more` is 1,000 or more requests, `5 to 10 errors` between 5 and 10."""
    moved: list[Token] = []
    for at, token in enumerate(tokens):
        kinds = [t.type for t in tokens[at : at + 4]]
        before = [t.type for t in moved[-2:]]
        if token.type in ("OR_MORE", "OR_LESS") and before in _NUMBERED:
            moved.insert(-1, token)
            continue
        is_span = kinds[:3] == ["NUMBER", "TO", "NUMBER"] and kinds[3:] in (["NOUN"], ["CONDITION"])
        if is_span and not (moved and moved[-1].type in ("FROM", "BETWEEN")):
            moved.append(_retyped(tokens[at + 1], "BETWEEN", None))
            tokens[at + 1] = _retyped(tokens[at + 1], "AND", None)
        moved.append(token)
    return moved


_SCOPES: Final = frozenset(
    ("PATH", "NAME", "METHOD", "CONDITION", "USER", "IP", "CODES", "BELOW_PATH", "CLUSTER")
)


def _with_their_column(tokens: list[Token]) -> list[Token]:
    """`average /search latency` is the average latency of /search."""
    moved: list[Token] = []
    for token in tokens:
        moved.append(token)
        if token.type not in ("COLUMN", "RISK", "PAYLOAD"):
            continue
        first = len(moved) - 1
        while first and _is_scope(moved, first - 1):
            first -= 1
        start = first
        while start and moved[start - 1].type in ("AGGREGATE", "PERCENTILE", "TOTAL", "HIGHEST"):
            start -= 1
        if start < first < len(moved) - 1:
            moved[start:] = [*moved[first:-1], *moved[start:first], token]
    return moved


def _is_scope(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    named = bool(at) and tokens[at - 1].type in ("PATH", "NAME", "METHOD", "CONDITION")
    return token.type in _SCOPES or (token.type == "NOUN" and named)


def _names_someone(tokens: Sequence[Token]) -> bool:
    """`user u017`, `IP 10.0.0.9`, `method GET`."""
    kinds = [token.type for token in tokens]
    if kinds == ["NOUN", "METHOD"]:
        return bool(tokens[0].value.column == "method")
    whom = ("user_id", "client", "ip_address")
    return kinds in (["NOUN", "USER"], ["NOUN", "IP"]) and tokens[0].value.column in whom


_VALUES: Final = (
    "METHOD",
    "USER",
    "IP",
    "PATH",
    "BELOW_PATH",
    "NAME",
    "LEVEL",
    "CONDITION",
    "CLUSTER",
)
_NUMERIC: Final = ("NUMBER", "A", "CODES")


def _is_code(value: Any) -> bool:
    return isinstance(value, int) and 100 <= value <= 599


def _follows_code_word(tokens: Sequence[Token], at: int) -> bool:
    """status 401, got 401 or 403."""
    kinds = [token.type for token in tokens[max(0, at - 3) : at]]
    while kinds and kinds[-1] in ("AND", "OR", "COMMA"):
        if len(kinds) == 1:
            return False
        kinds.pop()
        if kinds[-1] not in ("CODES", "AND", "OR", "COMMA"):
            return False
    return bool(kinds) and kinds[-1] in ("GOT", "STATUS", "NOT", "CODES")


def _next_is_errors(tokens: Sequence[Token], at: int) -> bool:
    """401 errors, 401 and 403 responses; but not more than 200 errors, the last 200 errors."""
    if at and tokens[at - 1].type in ("COMPARATOR", "LAST", "FIRST", "TOP", "LIMIT", "AGGREGATE"):
        return False
    for token in tokens[at + 1 :]:
        if token.type in ("AND", "OR", "COMMA", "NUMBER", "CODES"):
            continue
        if token.type == "CONDITION":
            return bool(token.value.condition == lexicon.ERRORS and token.value.noun)
        return token.type == "NOUN" and str(token).lower().startswith("response")
    return False


def _retyped(token: Token, kind: str, value: Any) -> Token:
    changed = Token(kind, str(token), start_pos=token.start_pos)
    changed.value = value
    return changed
