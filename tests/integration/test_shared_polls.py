"""Polls: browsers that look at the same share one answer, and none gets what is not its own."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs.runtime import Foresight
from pages._compressed import Files
from pages._shared import Polls, poll_key
from store.writes import save_windows
from tests.polling import CALLBACKS, DEPENDENCIES, Poll, polls
from tests.rows import MINUTE, T0, window

TICK = {"type": "shell-tick", "of": "page"}


def question(ticks: int = 1, chosen: str = "all", **more: Any) -> dict[str, Any]:
    """What a browser sends when its page polls."""
    return {
        "output": "page-drawn.data",
        "outputs": {"id": "page-drawn", "property": "data"},
        "inputs": [
            {"id": TICK, "property": "n_intervals", "value": ticks},
            {"id": "shell-range", "property": "data", "value": {"range": chosen}},
        ],
        "state": [{"id": "page-drawn", "property": "data", "value": None}],
        "changedPropIds": ['{"of":"page","type":"shell-tick"}.n_intervals'],
        **more,
    }


def key(**more: Any) -> bytes | None:
    return poll_key(json.dumps(question(**more)).encode())[0]


# --- what a poll depends on ---------------------------------------------------------------------


def test_the_count_of_a_clock_makes_no_other_poll() -> None:
    assert key(ticks=1) == key(ticks=99, changedPropIds=["shell-range.data"]) is not None


def test_a_clock_that_has_not_run_does() -> None:
    assert key(ticks=0) != key(ticks=1)


def test_range_state_and_output_make_another_poll() -> None:
    state = [{"id": "page-drawn", "property": "data", "value": {"key": "1h"}}]
    others = {key(), key(chosen="1h"), key(state=state), key(output="other.children")}
    assert len(others) == 4


@pytest.mark.parametrize(
    ("changed", "acted"),
    [
        ("button.n_clicks", True),
        ("clicked.data", True),
        ("field.value", True),
        ("shell-url.pathname", False),
        ("grid.virtualRowData", False),
    ],
)
def test_a_callback_without_a_clock_is_no_poll_and_may_be_an_act(changed: str, acted: bool) -> None:
    inputs = [{"id": "x", "property": "y", "value": 1}, [{"id": {"a": 1}, "property": "y"}]]
    body = json.dumps(question(inputs=inputs, changedPropIds=[changed])).encode()
    assert poll_key(body) == (None, acted)


def test_what_the_live_stream_has_told_of_is_never_answered_from_before() -> None:
    assert key(changedPropIds=["shell-news.data"]) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"output": 1}', b"\xff"])
def test_nonsense_is_left_to_the_framework(body: bytes) -> None:
    assert poll_key(body) == (None, False)


# --- the answers that are kept ------------------------------------------------------------------


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Made:
    """Answers with how often they were made."""

    def __init__(self, make: Callable[[], Response] | None = None) -> None:
        self.count = 0
        self._make = make

    def __call__(self) -> Response:
        self.count += 1
        return self._make() if self._make else Response(f"answer {self.count}" * 100)


@pytest.fixture
def asked(app: Flask) -> Any:
    """A request to answer."""
    with app.test_request_context(headers={"Accept-Encoding": "gzip"}) as context:
        yield context


def text(response: Response) -> str:
    return gzip.decompress(response.get_data()).decode()[:8]


@pytest.mark.usefixtures("asked")
def test_an_answer_is_given_again_until_its_time_is_over() -> None:
    clock, made = Clock(), Made()
    polls = Polls(4.5, clock)
    assert text(polls.answer(b"k", made)) == text(polls.answer(b"k", made)) == "answer 1"
    clock.now += 4.5
    assert text(polls.answer(b"k", made)) == "answer 2"
    polls.answer(b"other", made)
    assert made.count == 3


@pytest.mark.usefixtures("asked")
def test_after_an_act_everything_is_made_anew() -> None:
    polls, made = Polls(), Made()
    polls.answer(b"k", made)
    polls.forget()
    polls.answer(b"k", made)
    assert made.count == 2


@pytest.mark.usefixtures("asked")
def test_what_was_begun_before_an_act_is_not_kept() -> None:
    polls = Polls()

    def overtaken() -> Response:
        polls.forget()
        return Response("old")

    polls.answer(b"k", overtaken)
    assert polls.answer(b"k", lambda: Response("new")).get_data() == b"new"


@pytest.mark.parametrize(
    "answer",
    [
        Response(status=204),
        Response("away", status=500),
        Response("x", headers={"Set-Cookie": "a=b"}),
        Response(iter(["x"])),
    ],
)
@pytest.mark.usefixtures("asked")
def test_only_plain_answers_are_kept(answer: Response) -> None:
    polls, made = Polls(), Made(lambda: answer)
    assert polls.answer(b"k", made) is answer
    polls.answer(b"k", made)
    assert made.count == 2


@pytest.mark.usefixtures("asked")
def test_an_error_is_its_askers_alone() -> None:
    polls = Polls()

    def fail() -> Response:
        raise LookupError("no store")

    with pytest.raises(LookupError):
        polls.answer(b"k", fail)
    assert polls.answer(b"k", lambda: Response("fine")).get_data() == b"fine"


@pytest.mark.usefixtures("asked")
def test_the_oldest_answers_make_room() -> None:
    polls, made = Polls(), Made()
    for number in range(300):
        polls.answer(str(number).encode(), made)
    polls.answer(b"299", made)
    assert made.count == 300
    polls.answer(b"0", made)
    assert made.count == 301


def test_browsers_that_ask_at_once_have_it_made_once(app: Flask) -> None:
    polls, made, begun, go_on = Polls(), Made(), threading.Event(), threading.Event()
    answers: list[bytes] = []

    def slow() -> Response:
        begun.set()
        assert go_on.wait(10)
        return made()

    def ask() -> None:
        with app.test_request_context():
            answers.append(polls.answer(b"k", slow).get_data())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == made.count == 1


# --- over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def overview(client: FlaskClient) -> Poll:
    """The poll of the Overview."""
    return polls(client.get(DEPENDENCIES).json)["overview"]


def ask(client: FlaskClient, poll: Poll, **headers: str) -> TestResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(CALLBACKS, json=poll.body(), headers=sent)


def add_window(parts: Foresight, timestamp: int) -> None:
    with parts.store.begin() as connection:
        save_windows(connection, [window(timestamp, risk_score=0.9, priority="HIGH")])


def windows_shown(answer: TestResponse) -> int:
    assert answer.status_code == 200, answer.text
    return len(answer.json["response"]["overview-windows-grid"]["rowData"])


def test_two_browsers_get_one_answer_until_somebody_writes(
    client: FlaskClient, parts: Foresight, overview: Poll
) -> None:
    add_window(parts, T0)
    first = ask(client, overview)
    assert windows_shown(first) == 1
    add_window(parts, T0 + MINUTE)
    overview.ticks = 7
    assert ask(client, overview).data == first.data
    saved = client.post("/api/questions/saved", json={"name": "mine", "text": "number of calls"})
    assert saved.status_code < 300, saved.text
    assert windows_shown(ask(client, overview)) == 2


def test_calls_of_the_watched_api_change_no_page(
    client: FlaskClient, parts: Foresight, overview: Poll
) -> None:
    add_window(parts, T0)
    assert windows_shown(ask(client, overview)) == 1
    add_window(parts, T0 + MINUTE)
    client.post("/login", json={})
    client.post("/api/calls", json=[])
    assert windows_shown(ask(client, overview)) == 1


def test_a_stranger_gets_nothing_of_what_is_kept(
    client: FlaskClient, stranger: FlaskClient, overview: Poll
) -> None:
    assert ask(client, overview).status_code == 200
    assert ask(stranger, overview).status_code == 401


def test_an_answer_fits_what_each_browser_takes(client: FlaskClient, overview: Poll) -> None:
    small = ask(client, overview, Accept_Encoding="gzip")
    plain = ask(client, overview)
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(small.data) == plain.data
    assert plain.content_type == small.content_type == "application/json"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]


# --- compression --------------------------------------------------------------------------------

PLOTLY = "/dashboard/assets/vendor/plotly/plotly-cartesian.min.js"


def test_scripts_are_compressed_and_need_not_be_asked_for_again(stranger: FlaskClient) -> None:
    gzipped = {"Accept-Encoding": "gzip, br"}
    with stranger.get(PLOTLY) as plain, stranger.get(PLOTLY, headers=gzipped) as small:
        assert gzip.decompress(small.data) == plain.data
        assert len(small.data) < 0.4 * len(plain.data)
        again = gzipped | {"If-None-Match": small.headers["ETag"]}
    with stranger.get(PLOTLY, headers=again) as answer:
        assert (answer.status_code, answer.data) == (304, b"")
        assert "max-age=3600" in answer.headers["Cache-Control"]
    with stranger.get("/dashboard/assets/app.css?m=1", headers=gzipped) as styles:
        assert "immutable" in styles.headers["Cache-Control"]


def test_who_refuses_gzip_gets_none(stranger: FlaskClient) -> None:
    with stranger.get(PLOTLY, headers={"Accept-Encoding": "br, gzip;q=0"}) as answer:
        assert "Content-Encoding" not in answer.headers


def test_streams_and_fonts_are_sent_as_they_are(client: FlaskClient) -> None:
    client.environ_base["HTTP_ACCEPT_ENCODING"] = "gzip"
    for path in ("/api/anomalies", "/dashboard/assets/vendor/inter/inter-latin.woff2"):
        with client.get(path, headers={"Accept": "text/csv, */*;q=0.1"}) as answer:
            assert answer.status_code == 200
            assert "Content-Encoding" not in answer.headers, path


def test_files_that_are_kept_are_bounded() -> None:
    files = Files(most_bytes=300)
    for number in range(50):
        assert gzip.decompress(files.small(f"/{number}", "1", Response("x"))) == b"x"
    assert files._bytes <= 300
    assert len(files._kept) < 20
