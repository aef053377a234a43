"""Web attack payloads: patterns written for this project, with the disguises that attackers use.

The patterns are in `payloads.tsv`, beside harmless texts that look like attacks. Split by pattern,
never by variant: variants of one pattern on both sides would make any model look good.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import quote, quote_plus

import pandas as pd

from datasets.data_set import DataSet
from settings import Settings

FILE: Final = Path(__file__).parent / "payloads.tsv"
CLASSES: Final = (
    "sqli", "xss", "path_traversal", "command_injection", "ldap_injection", "xml_injection",
)  # fmt: skip
BENIGN: Final = "none"
TEST_SHARE: Final = 0.3  # of the patterns
COLUMNS: Final = ("pattern_id", "attack", "rule", "text", "split")
_SALT: Final = "foresight payloads 2|"
_FULLWIDTH_SHIFT: Final = 0xFEE0  # from ! to its full-width twin
_PRINTABLE: Final = range(0x21, 0x7F)

Rule = Callable[[str, Random], str]


@dataclass(frozen=True)
class Pattern:
    """One template of an attack, or a harmless text."""

    id: str
    attack: str  # one of CLASSES, or BENIGN
    text: str

    @property
    def split(self) -> str:
        """`train` or `test`, by a hash of the id: new patterns move no others."""
        digest = hashlib.sha256(f"{_SALT}{self.id}".encode()).digest()
        return "test" if int.from_bytes(digest[:4]) < TEST_SHARE * 2**32 else "train"


@dataclass(frozen=True)
class Variant:
    """A pattern in a disguise."""

    rule: str  # `plain` for none
    text: str


def patterns(path: Path = FILE) -> list[Pattern]:
    """All patterns, harmless texts included.

    Raises
    ------
    ValueError
        A pattern is of no known class, or an id is there twice.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [Pattern(**row) for row in rows]
    for pattern in found:
        if pattern.attack not in (*CLASSES, BENIGN):
            raise ValueError(f"attack {pattern.attack!r} of {pattern.id!r} is none of {CLASSES}")
    if len({pattern.id for pattern in found}) < len(found):
        raise ValueError(f"an id is there twice in {path}")
    return found


def variants(pattern: Pattern, rng: Random) -> list[Variant]:
    """The pattern itself and each disguise that suits its class and changes it; no text twice."""
    made = [Variant("plain", pattern.text)]
    for name in RULES_OF[pattern.attack]:
        text = _RULES[name](pattern.text, rng)
        if text not in {variant.text for variant in made}:
            made.append(Variant(name, text))
    return made


def load(seed: int = 1) -> pd.DataFrame:
    """All patterns in all variants, the same for the same seed.

    Returns
    -------
    DataFrame
        `pattern_id`, `attack` (a class or none), `rule` (how the pattern is disguised), `text` and
        `split` (train or test, by pattern).
    """
    rows = [
        (pattern.id, pattern.attack, variant.rule, variant.text, pattern.split)
        for pattern in patterns()
        for variant in variants(pattern, Random(f"{seed} {pattern.id}"))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def describe(_: Settings) -> DataSet:
    """Entry of the catalog."""
    return DataSet(
        name="payloads",
        title="Web attack payloads",
        kind="written",
        source="patterns written for this project; disguises by rules",
        licence="MIT, as the product",
        rows=len(load()),
        columns=COLUMNS,
        labels=f"attack: {', '.join(CLASSES)}, or {BENIGN} for harmless texts that look alike",
        split="70/30 by a hash of the pattern, all its variants on one side",
        available=True,
        note="Written, not collected: it measures whether known techniques are recognised, not how"
        " often they occur.",
    )


def _percent(text: str, _: Random) -> str:
    return quote(text, safe="")


def _form(text: str, _: Random) -> str:
    return quote_plus(text)


def _percent_all(text: str, _: Random) -> str:
    """Letters too: what no browser does."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _double_percent(text: str, _: Random) -> str:
    return quote(quote(text, safe=""), safe="")


def _mixed_case(text: str, rng: Random) -> str:
    return "".join(rng.choice((char.lower(), char.upper())) for char in text)


def _sql_comments(text: str, _: Random) -> str:
    return text.replace(" ", "/**/")


def _sql_whitespace(text: str, rng: Random) -> str:
    return "".join(rng.choice("\t\n\v\f\r") if char == " " else char for char in text)


def _html_entities(text: str, rng: Random) -> str:
    """Some characters as decimal or hexadecimal references."""
    return "".join(_entity(char, rng) if rng.random() < 0.5 else char for char in text)


def _entity(char: str, rng: Random) -> str:
    return rng.choice((f"&#{ord(char)};", f"&#x{ord(char):x};", f"&#{ord(char):07d};"))


def _unicode_escapes(text: str, _: Random) -> str:
    r"""As in JSON and JavaScript: < is \u003c."""
    return "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in text)


def _full_width(text: str, _: Random) -> str:
    """Signs as their full-width twins, which some servers turn back."""
    return "".join(
        chr(ord(char) + _FULLWIDTH_SHIFT)
        if ord(char) in _PRINTABLE and not char.isalnum()
        else char
        for char in text
    )


def _overlong(text: str, _: Random) -> str:
    """Dots and slashes as UTF-8 of two bytes where one is enough."""
    return text.replace(".", "%c0%ae").replace("/", "%c0%af").replace("\\", "%c1%9c")


def _other_slash(text: str, _: Random) -> str:
    return text.translate(str.maketrans("/\\", "\\/"))


def _doubled_dots(text: str, _: Random) -> str:
    """Survives a filter that takes each ../ out once."""
    return text.replace("../", "....//").replace("..\\", "....\\\\")


def _shell_spaces(text: str, rng: Random) -> str:
    return "".join(rng.choice(("${IFS}", "$IFS$9", "\t")) if c == " " else c for c in text)


def _shell_quotes(text: str, _: Random) -> str:
    """Empty quotes within words, which a shell takes out: cat is c''at."""
    return " ".join(
        f"{word[0]}''{word[1:]}" if word.isalpha() else word for word in text.split(" ")
    )


def _filter_spaces(text: str, _: Random) -> str:
    return text.replace("(", "( ").replace("=", " =")


def _xml_whitespace(text: str, rng: Random) -> str:
    return "".join(rng.choice(("\n", "\t", "  ")) if char == " " else char for char in text)


def _null_byte(text: str, _: Random) -> str:
    return f"{text}%00"


_RULES: Final[dict[str, Rule]] = {
    "percent": _percent,
    "form": _form,
    "percent_all": _percent_all,
    "double_percent": _double_percent,
    "mixed_case": _mixed_case,
    "sql_comments": _sql_comments,
    "sql_whitespace": _sql_whitespace,
    "html_entities": _html_entities,
    "unicode_escapes": _unicode_escapes,
    "full_width": _full_width,
    "overlong": _overlong,
    "other_slash": _other_slash,
    "doubled_dots": _doubled_dots,
    "shell_spaces": _shell_spaces,
    "shell_quotes": _shell_quotes,
    "filter_spaces": _filter_spaces,
    "xml_whitespace": _xml_whitespace,
    "null_byte": _null_byte,
}
_ENCODED: Final = ("percent", "percent_all", "double_percent")
RULES_OF: Final = {  # a harmless text is encoded as browsers do, or the encoding would tell
    "sqli": (*_ENCODED, "form", "mixed_case", "sql_comments", "sql_whitespace", "full_width"),
    "xss": (*_ENCODED, "form", "mixed_case", "html_entities", "unicode_escapes", "full_width"),
    "path_traversal": (*_ENCODED, "overlong", "other_slash", "doubled_dots", "null_byte"),
    "command_injection": (*_ENCODED, "form", "shell_spaces", "shell_quotes"),
    "ldap_injection": (*_ENCODED, "mixed_case", "filter_spaces", "null_byte"),
    "xml_injection": (*_ENCODED, "form", "html_entities", "unicode_escapes", "xml_whitespace"),
    BENIGN: ("percent", "form", "double_percent", "unicode_escapes"),
}
