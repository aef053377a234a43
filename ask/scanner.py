"""Characters to pieces: words, numbers, codes, times of day, addresses and paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import ip_address
from typing import Any, Final

from ask import lexicon
from ask.lexicon import PHRASES, Term
from ask.question import Condition, NotUnderstood

LARGEST_NUMBER: Final = 10**12
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:\s?[ap]m)?|\d{1,2}\s?[ap]m"
_PATTERNS: Final = {
    "STAMP": r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
    r"(?:\s?(?:z|utc|[+-]\d\d:?\d\d))?(?!\w)",
    "DATE": r"\d{4}-\d\d-\d\d(?![\w-])|\d{1,2}/\d{1,2}/\d{4}(?!\w)"
    r"|\d{1,2}\.\d{1,2}\.\d{4}(?![\w.])",
    "IP": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d|/)"
    r"|(?<![\w:])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|[0-9a-f:]*::[0-9a-f:]*)(?![\w:])",
    "QUOTED": r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|`[^`]*`",
    "CODE_SIGNS": r"/\*|\*/|\|\||&&|<script|\$\{|\{\{",
    "PATH": r"(?<![\w/])/[^\s,;?!\"'()<>]*|\(unmatched\)|\(other\)",
    "NEGATIVE": r"(?<![\w.)])-\d[\d.,]*",
    "MAIL": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "SPAN": rf"(?:{_CLOCK}|\d+(?:\.\d+)?)\s?[-\u2013\u2014]\s?(?={_CLOCK}|\d)",
    "CLOCK": rf"(?:{_CLOCK})(?!\w)",
    "CLASS": r"[1-5]xx(?:s|es)?(?!\w)",
    "CODES": r"[1-5]\d\d(?:'?s)(?!\w)",
    "LIST": r"[45]\d\d(?:[,/][2-5]\d\d)+(?!\d)",
    "PERCENTILE": r"p\d{1,2}(?!\w)|\d{1,2}(?:st|nd|rd|th)?\s+percentiles?(?!\w)",
    "ORDINAL": r"\d{1,2}(?:st|nd|rd|th)(?!\w)",
    "USER": r"u\d+(?!\w)",
    "NUMBER": r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:\s?%|[^\W\d_]+\d*)?",
    "SIGN": r"!=|<>|>=|=>|<=|=<|==|>|<|=|≥|≤",
    "NAME_PATH": r"[^\W\d_][\w-]*(?:/[\w{}-]+)+/?\*?",
    "NON": r"non-(?=\w)",
    "WORD": r"[^\W\d][\w'-]*",
    "COMMA": r",",
    "AMPERSAND": r"&",
    "PUNCTUATION": r"\s+|[.;:!?()\[\]\"'\u2013\u2014\u2026-]",
    "OTHER": r".",
}  # fmt: skip
_SCANNER: Final = re.compile(
    "|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()),
    re.IGNORECASE | re.DOTALL,
)
_SIGNS: Final = {"=>": ">=", "≥": ">=", "=<": "<=", "≤": "<=", "==": "="}
_QUOTES: Final = str.maketrans("\u2019\u2018\u201c\u201d\u201e", '\'\'"""')


@dataclass(frozen=True)
class Piece:
    """A stretch of the text: a word that is still to be read, or what is a token already."""

    kind: str
    text: str
    start: int
    value: Any = None

    @property
    def lower(self) -> str:
        return self.text.lower()


def pieces_of(text: str) -> Iterator[Piece]:
    for match in _SCANNER.finditer(text.translate(_QUOTES)):
        kind, found, start = str(match.lastgroup), match.group(), match.start()
        if kind in ("OTHER", "CODE_SIGNS"):
            raise NotUnderstood(
                f"{found!r} is no part of a question in plain English; this is no place for code",
                found,
            )
        if kind != "PUNCTUATION":
            yield from _READERS[kind](found, start)


def _plain(kind: str) -> Any:
    return lambda text, start: [Piece(kind, text, start, text)]


def _stamp(text: str, start: int) -> list[Piece]:
    clean = text.upper().replace("UTC", "Z").replace(" Z", "Z")
    return [Piece("STAMP", text, start, _or_refuse(datetime.fromisoformat, clean, text))]


def _date(text: str, start: int) -> list[Piece]:
    numbers = [int(part) for part in re.split(r"[-/.]", text)]
    parts = numbers if numbers[0] > 999 else numbers[::-1]
    return [Piece("DATE", text, start, _or_refuse(lambda p: date(*p), parts, text))]


def _or_refuse(make: Any, value: Any, text: str) -> Any:
    try:
        return make(value)
    except ValueError:
        raise NotUnderstood(f"{text!r} is no date or time", text) from None


def _ip(text: str, start: int) -> list[Piece]:
    address = _or_refuse(ip_address, text, text)
    return [Piece("IP", text, start, str(address))]


def _path(text: str, start: int) -> list[Piece]:
    path = text.rstrip(".:") or text
    if "*" in path.removesuffix("/*"):
        raise NotUnderstood(f"{path!r}: a star can stand for everything below a path only", path)
    if path.endswith("/*"):
        return [Piece("BELOW_PATH", path, start, path[:-2] or "/")]
    return [Piece("PATH", path, start, path)]


def _span(text: str, start: int) -> list[Piece]:
    """The first number of a range such as 2-4pm; what follows is read as usual."""
    first = re.split(r"\s?[-\u2013\u2014]", text)[0]
    reader = _clock if re.fullmatch(_CLOCK, first, re.IGNORECASE) else _number
    return [Piece("BETWEEN", "", start), *reader(first, start), Piece("AND", "-", start)]


def _clock(text: str, start: int) -> list[Piece]:
    match = re.fullmatch(r"(\d+)(?::(\d+))?(?::(\d+)(?:\.(\d+))?)?\s?([ap]m)?", text, re.IGNORECASE)
    if match is None:
        raise NotUnderstood(f"{text!r} is no time of day", text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if half := (match.group(5) or "").lower():
        if not 1 <= hours <= 12:
            raise NotUnderstood(f"{text!r} is no time of day", text)
        hours = hours % 12 + (12 if half == "pm" else 0)
    if hours > 24 or minutes > 59 or seconds > 59 or (hours == 24 and minutes + seconds):
        raise NotUnderstood(f"{text!r} is no time of day", text)
    ms = int((match.group(4) or "0").ljust(3, "0"))
    value = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
    return [Piece("CLOCK", text, start, value)]


def _class(text: str, start: int) -> list[Piece]:
    first = int(text[0]) * 100
    condition = Condition("status_code", "between", (first, first + 99))
    return [Piece("CONDITION", text, start, Term(condition, noun=True))]


def _codes(text: str, start: int) -> list[Piece]:
    return [Piece("CODES", text, start, int(text[:3]))]


def _list(text: str, start: int) -> list[Piece]:
    pieces: list[Piece] = []
    for code in re.split("[,/]", text):
        pieces += [Piece("COMMA", ",", start), Piece("NUMBER", code, start, int(code))]
    return pieces[1:]


def _percentile(text: str, start: int) -> list[Piece]:
    return [Piece("PERCENTILE", text, start, int(re.sub(r"\D", "", text)))]


def _ordinal(text: str, start: int) -> list[Piece]:
    return [Piece("ORDINAL", text, start, int(text[:-2]))]


def _number(text: str, start: int) -> list[Piece]:
    match = re.match(r"[\d,.]*\d", text)
    digits = match.group() if match else ""
    number = float(digits.replace(",", ""))
    if number > LARGEST_NUMBER:
        raise NotUnderstood(f"{text[:40]!r} is too large a number", text)
    value = int(number) if number.is_integer() and "." not in digits else number
    unit = text[len(digits) :].strip().lower()
    pieces = [Piece("NUMBER", digits, start, value)]
    if not unit:
        return pieces
    at = start + len(digits)
    if unit == "k":
        return [Piece("NUMBER", text, start, int(number * 1000))]
    if unit == "%" or (unit,) in PHRASES or unit in lexicon.ABBREVIATIONS:
        return [*pieces, Piece("WORD", unit, at)]
    if unit in lexicon.GLUED_UNITS:
        return [*pieces, Piece("GLUED", unit, at, unit)]
    return [Piece("UNKNOWN", text, start)]


def _negative(text: str, _: int) -> list[Piece]:
    raise NotUnderstood(f"{text!r} is below zero, which nothing here is", text)


def _sign(text: str, start: int) -> list[Piece]:
    if text in ("!=", "<>"):
        return [Piece("WORD", "not", start), Piece("WORD", "=", start)]
    return [Piece("WORD", _SIGNS.get(text, text), start)]


def _name_path(text: str, start: int) -> list[Piece]:
    first, _, rest = text.lower().partition("/")
    if text.lower() == "and/or":
        return [Piece("WORD", "or", start)]
    parts = text.split("/")
    known = [(part.lower(),) in PHRASES or part.upper() in lexicon.METHODS for part in parts]
    per_unit = (rest,) in PHRASES and PHRASES[(rest,)].terminal == "UNIT"
    if all(known) and not per_unit:
        listed = [piece for part in parts for piece in (*_word("or", start), *_word(part, start))]
        return listed[1:]  # high/medium, GET/POST
    if per_unit:  # requests/minute
        at = start + len(first)
        return [*_word(first, start), Piece("PER", "/", at), Piece("WORD", rest, at + 1)]
    return _path(f"/{text}", start)


def _word(text: str, start: int) -> list[Piece]:
    """A word without its possessive and apostrophes; column names are words with underscores."""
    if (words := _COLUMN_WORDS.get(text.lower())) is not None:
        return [Piece("WORD", word, start) for word in words.split()]
    bare = re.sub(r"'s$|'$", "", text)
    bare = re.sub(r"(?i)(n)'t$", r"\1t", bare).replace("'", "")
    parts = [part for part in bare.split("_") if part]
    if len(parts) > 1 and parts[-1].lower() == "ms":
        parts = parts[:-1]
    return [Piece("WORD", part, start) for part in parts]


_COLUMN_WORDS: Final = {  # columns of windows by their names
    "req_count": "request count per window",
    "avg_response_time": "scored average response time",
    "max_response_time": "scored maximum response time",
    "payload_mean": "scored average payload size",
    "is_anomaly": "anomalous",
}
_READERS: Final = {
    "STAMP": _stamp, "DATE": _date, "IP": _ip, "PATH": _path, "SPAN": _span, "CLOCK": _clock,
    "CLASS": _class, "CODES": _codes, "LIST": _list, "PERCENTILE": _percentile,
    "ORDINAL": _ordinal, "NUMBER": _number, "SIGN": _sign, "NAME_PATH": _name_path,
    "WORD": _word, "NEGATIVE": _negative, "COMMA": _plain("COMMA"), "MAIL": _plain("USER"),
    "QUOTED": lambda text, start: [Piece("QUOTED", text, start, text[1:-1].strip())],
    "USER": lambda text, start: [Piece("USER", text, start, text.lower())],
    "NON": lambda _, start: [Piece("WORD", "non", start)],
    "AMPERSAND": lambda _, start: [Piece("WORD", "and", start)],
}  # fmt: skip
