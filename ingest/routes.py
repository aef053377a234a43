"""Endpoint names for calls that come without a route template: concrete path -> template.

A log tells which path was asked for, not which route answered. The rules here look at one path at a
time, so the same path has the same name in every file, on every server and in every order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from ingest.call import UNMATCHED

MAX_NAME_CHARACTERS: Final = 128
MAX_SIBLINGS: Final = 50  # names one directory may bring in an import
MAX_ENDPOINTS: Final = 1_000  # names one import may bring
OTHER_ENDPOINT: Final = "(other)"  # what the calls beyond that share

_NO_ROUTE_STATUS: Final = 404
_MAX_SEGMENTS: Final = 4  # deeper paths end in {path}
_MAX_WORDS: Final = 4  # in a segment; more make a title
_MAX_FILE_WORDS: Final = 2  # in a file name, where titles are common
_MAX_SEGMENT_CHARACTERS: Final = 40
_MAX_PATH_CHARACTERS: Final = 1_024  # what lies beyond can't change a name of MAX_NAME_CHARACTERS

_ABSOLUTE_FORM: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_QUERY: Final = re.compile(r"(?:\?[^{}/]*=|#).*", re.DOTALL)  # not the ? of /orders/{id?}
_PLAIN: Final = re.compile(r"[\w.~@:+, -]+")
_WORD: Final = re.compile(r"[^\W_]+")
_EXTENSION: Final = re.compile(r"(.+)\.([A-Za-z][A-Za-z0-9]{0,4}|7z)")
_STATIC: Final = re.compile(
    "css|m?js|map|png|jpe?g|gif|ico|svg|webp|avif|bmp|tiff?|woff2?|ttf|otf|eot|swf"
    "|mp[34]|web[am]|og[gv]|avi|mov|wav|pdf|docx?|xlsx?|pptx?"
    "|zip|t?gz|bz2|xz|7z|rar|[jw]ar|exe|msi|dmg|iso|deb|rpm|apk"
)
_ID: Final = re.compile(
    r"""
      \d[\d.,:_TZ+-]*                                       # numbers, versions, dates, addresses
    | [0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}  # UUID
    | (?=.*\d)[0-9a-fA-F]{8,} | [0-9a-fA-F]{16,}            # hashes
    | [A-Za-z]{1,16}(?:[-_:.]\d{3,})+ | [A-Za-z]{1,16}\d{4,}  # order-1042, user12345
    | (?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[\w.~+-]{16,}        # base64-like tokens
    | (?=(?:.*\d){4})[A-Za-z0-9]{16,}                       # base32-like tokens
    | .+@.+                                                 # mail addresses
    """,
    re.VERBOSE,
)


def stated_template(template: str) -> str:
    """A route template that a caller states, bounded; a query behind it is none of it."""
    return _QUERY.sub("", template)[:MAX_NAME_CHARACTERS]


def route_template(path: str, status: int) -> str:
    """The endpoint a concrete path belongs to, as it is shown to people.

    Parameters
    ----------
    path : str
        Path as it was asked for: may be percent-encoded, of absolute form, with a query.
    status : int
        Status of the answer; with 404 no route fits, whatever the path looks like.

    Returns
    -------
    str
        Template such as `/orders/{id}` or `/images/{path}/{file}.png`, at most MAX_NAME_CHARACTERS,
        or `UNMATCHED`.
    """
    return UNMATCHED if status == _NO_ROUTE_STATUS else _template(path[:_MAX_PATH_CHARACTERS])


@lru_cache(maxsize=16_384)
def _template(path: str) -> str:
    segments = _segments(path)
    if segments is None:
        return UNMATCHED
    if not segments:
        return "/"
    *directories, last = segments
    stem, extension = _split_extension(last)
    if _STATIC.fullmatch(extension) and segments != ["favicon.ico"]:
        return _asset(directories, extension)
    named = [_segment(text, _MAX_WORDS) for text in directories]
    named.append(_file(stem, extension) if extension else _segment(last, _MAX_WORDS))
    if len(named) > _MAX_SEGMENTS:
        named[_MAX_SEGMENTS - 1 :] = ["{path}" + (f".{extension}" if extension else "")]
    return _bounded("/" + "/".join(named))


def _segments(path: str) -> list[str] | None:
    """Decoded segments without empty ones, `.` and `..`; None: no path (`*`, `host:443`)."""
    if not path.startswith("/"):
        absolute = _ABSOLUTE_FORM.match(path)
        if absolute is None:
            return None
        path = path[absolute.end() :]
    decoded = unquote(re.split(r"[?#]", path, maxsplit=1)[0])
    segments: list[str] = []
    for part in decoded.split("/"):
        text = part.partition(";")[0].strip()  # what follows is a parameter such as jsessionid
        if text == "..":
            segments[-1:] = []
        elif text not in ("", "."):
            segments.append(text)
    return segments


def _split_extension(name: str) -> tuple[str, str]:
    match = _EXTENSION.fullmatch(name)
    return (match[1], match[2].lower()) if match else (name, "")


def _asset(directories: list[str], extension: str) -> str:
    """One name for all files of a kind below a first directory: they are served alike."""
    below = [_segment(text, _MAX_WORDS) for text in directories[:1]]
    if len(directories) > 1:
        below.append("{path}")
    return _bounded("/" + "/".join([*below, f"{{file}}.{extension}"]))


def _file(stem: str, extension: str) -> str:
    return f"{_segment(stem, _MAX_FILE_WORDS)}.{extension}"


def _segment(text: str, max_words: int) -> str:
    """The segment itself, or the kind of thing it is: input of a user, an identifier, a title."""
    if not _PLAIN.fullmatch(text):
        return "{text}"
    if _ID.fullmatch(text):
        return "{id}"
    if len(text) > _MAX_SEGMENT_CHARACTERS or len(_WORD.findall(text)) > max_words:
        return "{slug}"
    return text


def _bounded(name: str) -> str:
    return name if len(name) <= MAX_NAME_CHARACTERS else name[: MAX_NAME_CHARACTERS - 1] + "…"


class RouteNames:
    """The endpoint names of one import: `route_template`, bounded in number whatever the log holds.

    A site that answers every path with 200 would give a scanner a name a request, and a wiki has a
    word for every page. So a directory has at most `breadth` names of its own, later ones share
    `{name}`; beyond `limit` names in all the rest is OTHER_ENDPOINT. Which names came first follows
    from the order of the calls: a file gives the same names each time, also after it grew.
    """

    def __init__(self, breadth: int = MAX_SIBLINGS, limit: int = MAX_ENDPOINTS) -> None:
        self._breadth = breadth
        self._limit = limit
        self._names: set[str] = set()
        self._children: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def name(self, path: str, status: int) -> str:
        """Endpoint of a concrete path that was answered with `status`."""
        template = route_template(path, status)
        if template in self._names or not template.startswith("/"):
            return self.given(template)
        return self._admitted(template)

    def given(self, template: str) -> str:
        """Endpoint of a call that names its own template: only the total is bounded."""
        if template not in self._names:
            if len(self._names) >= self._limit and template != UNMATCHED:
                return OTHER_ENDPOINT
            self._names.add(template)
        return template

    def _admitted(self, template: str) -> str:
        parents: list[tuple[str, str]] = []
        name = ""
        for segment in template[1:].split("/"):
            siblings = self._children.get(name, ())
            shared = segment not in siblings and len(siblings) >= self._breadth
            parents.append((name, "{name}" if shared else segment))
            name = "/".join(parents[-1])
        if self.given(name) != OTHER_ENDPOINT:
            for parent, child in parents:
                self._children.setdefault(parent, set()).add(child)
            return name
        return OTHER_ENDPOINT
