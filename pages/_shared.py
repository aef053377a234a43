"""Polls shared by browsers: what one has just been answered is the answer of the others, too.

A poll's answer depends on nothing but its inputs, its states and the store, so that browsers which
look at the same have it made once. Whoever acts on something (a click, a write over REST) makes all
that was kept void. The check of who asks comes before (`api.gate`,
`pages._permissions`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any, Final

import msgspec
from flask import Flask, Response, make_response, request

from components.shell import POLL_MS
from pages._compressed import accepts_gzip, gzipped, marked

LIFETIME_S: Final = 0.96 * POLL_MS / 1000  # the next poll of the same browser is made anew
MOST_ANSWERS: Final = 256
MOST_BYTES: Final = 16 * 2**20
WAIT_S: Final = 10.0  # for the answer that another thread makes
_QUESTION_BYTES: Final = 65_536  # of a longer one the key alone would cost too much
_TICK: Final = "shell-tick"
_TOLD: Final = "shell-news.data"  # by the live stream: its answer has to be newer than any kept
_ONLY_WHETHER: Final = frozenset({"shell-news"})  # inputs of which a page sees only if they are set
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# A change of one of these is no act of a person: it follows from an address or from an answer.
_PASSIVE: Final = frozenset(
    {"pathname", "search", "href", "hash", "n_intervals", "children", "figure", "rowData"}
    | {"virtualRowData", "columnState", "filterModel", "paginationInfo", "relayoutData"}
)


class Question(msgspec.Struct):
    """What a browser sends for a callback, without what it does not depend on."""

    output: str
    outputs: Any = None
    inputs: list[Any] = []
    state: list[Any] = []
    changed: list[str] = msgspec.field(default_factory=list, name="changedPropIds")


@dataclass(frozen=True)
class Answer:
    """A body that was made, also compressed."""

    body: bytes
    small: bytes | None
    content_type: str

    def response(self) -> Response:
        """To the request that is being answered."""
        if self.small is None or not accepts_gzip():
            return Response(self.body, content_type=self.content_type)
        return marked(Response(self.small, content_type=self.content_type))


class Polls:
    """Answers of the last seconds; one that is being made is waited for.

    Parameters
    ----------
    lifetime_s : float
        How long an answer is given again, from the begin of its making.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, lifetime_s: float = LIFETIME_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()
        self._bytes = 0
        self._made: dict[bytes, Future[Answer | None]] = {}
        self._acts = 0

    def answer(self, key: bytes, make: Callable[[], Response]) -> Response:
        """The answer to `key`; `make` is asked when there is none, by one thread at a time.

        An answer that is no plain 200 is its asker's alone.
        """
        with self._lock:
            begin, acts = self._clock(), self._acts
            kept = self._kept.get(key)
            if kept and begin - kept[0] < self._lifetime_s:
                return kept[1].response()
            waited = self._made.get(key)
            if waited is None:
                mine: Future[Answer | None] = Future()
                self._made[key] = mine
        if waited is not None:
            shared = _result(waited)
            return make() if shared is None else shared.response()
        made: Answer | None = None
        try:
            response = make()
            made = _answer_of(response)
        finally:
            with self._lock:
                if self._made.get(key) is mine:
                    del self._made[key]
                if made and acts == self._acts:
                    self._keep(key, begin, made)
            mine.set_result(made)
        return response if made is None else made.response()

    def forget(self) -> None:
        """Somebody changed something: nothing that was begun before is given again."""
        with self._lock:
            self._acts += 1
            self._kept.clear()
            self._made.clear()
            self._bytes = 0

    def _keep(self, key: bytes, begin: float, answer: Answer) -> None:
        old = self._kept.pop(key, None)
        if old:
            self._bytes -= _size(old[1])
        self._kept[key] = begin, answer
        self._bytes += _size(answer)
        while self._kept:
            oldest, (since, kept) = next(iter(self._kept.items()))
            full = len(self._kept) > MOST_ANSWERS or self._bytes > MOST_BYTES
            if not full and begin - since < self._lifetime_s:
                break
            del self._kept[oldest]
            self._bytes -= _size(kept)


def install(server: Flask, dashboard: str, is_own: Callable[[Any], bool]) -> None:
    """Share the polls of the dashboard that is mounted at the path `dashboard`.

    Parameters
    ----------
    is_own : callable
        Whether a route is the product's own: what clients of the watched API write changes no page.
    """
    polls = Polls()
    name = f"{dashboard}_dash-update-component"
    server.view_functions[name] = _sharing(server.view_functions[name], polls)

    def forget_after_writes(response: Response) -> Response:
        rule = request.url_rule
        writes = request.method in _WRITES and rule is not None and is_own(rule)
        if writes and rule.rule != name and request.blueprint != "calls":
            polls.forget()
        return response

    server.after_request(forget_after_writes)


def poll_key(body: bytes) -> tuple[bytes | None, bool]:
    """What a poll depends on, or None for another request; and whether somebody acted by it.

    Of the clocks only counts whether they have run: a page may do less before.
    """
    try:
        question = msgspec.json.decode(body, type=Question)
    except msgspec.MsgspecError:
        return None, False
    changed = question.changed
    if not any(_is_tick(one) for one in question.inputs):
        acts = any(prop.rpartition(".")[2] not in _PASSIVE for prop in changed)
        return None, acts
    if _TOLD in changed or len(body) > _QUESTION_BYTES:
        return None, False
    asked = [_neutral(one) for one in question.inputs]
    parts = (question.output, question.outputs, asked, question.state)
    return msgspec.json.encode(parts, order="deterministic"), False


def _sharing(dispatch: Callable[..., Any], polls: Polls) -> Callable[..., Any]:
    @wraps(dispatch)
    def shared(*args: Any, **kwargs: Any) -> Response:
        key, acts = poll_key(request.get_data())
        if key is not None and not request.query_string:
            return polls.answer(key, lambda: make_response(dispatch(*args, **kwargs)))
        try:
            return make_response(dispatch(*args, **kwargs))
        finally:
            if acts:
                polls.forget()

    return shared


def _is_tick(one: Any) -> bool:
    """Whether an input is a clock of the frame; inputs of ALL and the like are lists."""
    if not isinstance(one, dict):
        return False
    of = one.get("id")
    return isinstance(of, dict) and of.get("type") == _TICK


def _neutral(one: Any) -> Any:
    if _is_tick(one) or (isinstance(one, dict) and one.get("id") in _ONLY_WHETHER):
        return {**one, "value": bool(one.get("value"))}
    return one


def _answer_of(response: Response) -> Answer | None:
    """What can be given to others, too."""
    if response.status_code != 200 or response.is_streamed or "Set-Cookie" in response.headers:
        return None
    body = response.get_data()
    return Answer(body, gzipped(body), response.content_type)


def _result(made: Future[Answer | None]) -> Answer | None:
    try:
        return made.result(WAIT_S)
    except Late:
        return None


def _size(answer: Answer) -> int:
    return len(answer.body) + len(answer.small or b"")
