"""What ten browsers that poll a page cost the server, against one; and how much a poll sends.

Run as `python -m bench.polls`, or with names of pages for only these. A real server on a week of
windows, without traffic or jobs: its CPU time is that of the polls. Each browser sends what its
page really sends, every 5 s, and the poll of the frame every 15 s as with a live stream. One and
ten take turns on each page; ten are spread over the 5 s. `each` is what a poll of one more browser
costs: receiving and answering an HTTP request is most of it, whatever the page.
"""

from __future__ import annotations

import gzip
import http.client
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.filled import fill
from components.shell import POLL_MS, STREAMED_POLL_MS
from store import open_store
from tests.polling import CALLBACKS, DEPENDENCIES, Poll, page_question, polls, stores
from tests.server import TOKEN, Server, running_server

CALLS: Final = 200_000
BROWSERS: Final = 10
TURNS: Final = 3
TURN_S: Final = 20.0
TARGET_RATIO: Final = 1.5
TARGET_KB: Final = 60
FRAME: Final = "shell"
RANGE: Final = {"range": "3h"}
ADDRESSES: Final = {  # of the pages that are not at their own name
    "overview": ("/dashboard/", ""),
    "client": ("/dashboard/client", "?client=u0"),
    "clients": ("/dashboard/client", ""),
    "endpoint": ("/dashboard/endpoint", "?endpoint=%2Flogin&method=POST"),
}
HEADERS: Final = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
}


class Browser:
    """A connection that stays open, with a page and its frame."""

    def __init__(self, port: int, page: Poll, frame: Poll) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.page, self.frame = page, frame

    def ask(self, poll: Poll) -> tuple[bytes, float]:
        """One poll: its body as it came, and how long it took [ms]."""
        sent = json.dumps(poll.body())
        begin = time.perf_counter()
        self._connection.request("POST", CALLBACKS, sent, HEADERS)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status == 200:
            packed = answer.headers["Content-Encoding"] == "gzip"
            poll.learn(json.loads(gzip.decompress(body) if packed else body))
        elif answer.status != 204:
            raise AssertionError(f"{poll.output[:60]} answered {answer.status}: {body[:200]!r}")
        return body, took

    def look(self, phase: float, over: threading.Event) -> None:
        """Poll until it is over, the first time `phase` [s] from now."""
        every = {id(self.page): POLL_MS / 1000, id(self.frame): STREAMED_POLL_MS / 1000}
        due = dict.fromkeys(every, time.monotonic() + phase)
        while True:
            poll = min((self.page, self.frame), key=lambda one: due[id(one)])
            if over.wait(max(0.0, due[id(poll)] - time.monotonic())):
                self._connection.close()
                return
            self.ask(poll)
            due[id(poll)] += every[id(poll)]


def cpu_s(server: Server) -> float:
    """CPU time of the worker and its threads since it started [s]."""
    pid = server.process.pid
    [worker] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return time.clock_gettime((~int(worker) << 3) | 2)  # clock_getcpuclockid(3) of a process


def turn(server: Server, name: str, browsers: int) -> float:
    """CPU seconds of the server for each second while some browsers look at a page."""
    period, over = POLL_MS / 1000, threading.Event()
    threads = [
        threading.Thread(
            target=browser_of(server, name).look, args=(period * place / browsers, over)
        )
        for place in range(browsers)
    ]
    for thread in threads:
        thread.start()
    time.sleep(1.1 * period)  # all have polled once; between two polls of one browser
    begin = cpu_s(server)
    time.sleep(TURN_S)
    cost = (cpu_s(server) - begin) / TURN_S
    over.set()
    for thread in threads:
        thread.join()
    return cost


def browser_of(server: Server, name: str) -> Browser:
    """A browser that has just opened a page."""
    dependencies = server.get_json(DEPENDENCIES)
    question = page_question(dependencies, *ADDRESSES.get(name, (f"/dashboard/{name}", "")))
    status, _, body = server.request("POST", CALLBACKS, question)
    if status != 200:
        raise AssertionError(f"{name} answered {status}: {body[:200]!r}")
    held = stores(json.loads(body)["response"]["_pages_content"]["children"])
    found = polls(dependencies)
    for poll in (found[name], found[FRAME]):
        poll.values |= held | {"shell-range.data": RANGE}
    return Browser(server.port, found[name], found[FRAME])


def compare(server: Server, name: str) -> str:
    """A line about one page."""
    browser = browser_of(server, name)
    first, took = browser.ask(browser.page)
    later, _ = browser.ask(browser.page)
    costs: dict[int, list[float]] = {1: [], BROWSERS: []}
    for _ in range(TURNS):
        for browsers in random.sample(list(costs), len(costs)):
            costs[browsers].append(turn(server, name, browsers))
    one, ten = (statistics.median(costs[browsers]) for browsers in (1, BROWSERS))
    marks = "" if ten <= TARGET_RATIO * one else f"  more than {TARGET_RATIO}"
    if len(first) > TARGET_KB * 1000:
        marks += f"  more than {TARGET_KB} KB"
    each = (ten - one) / (BROWSERS - 1) / (1000 / POLL_MS + 1000 / STREAMED_POLL_MS)
    return (
        f"{name:12} {one * 1000:8.2f} {ten * 1000:9.2f} {ten / one:6.2f} {each * 1000:9.2f}"
        f" {len(first) / 1000:9.1f} {len(later) / 1000:9.1f} {took:9.0f}{marks}"
    )


def main(chosen: list[str]) -> None:
    """Print a line for each page."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        store = open_store(f"sqlite:///{data / 'foresight.db'}")
        fill(store, CALLS, time.time_ns() // 60_000_000_000 * 60_000)
        store.close()
        with running_server(data, scheduler=0) as server:
            known = polls(server.get_json(DEPENDENCIES))
            names = chosen or [name for name in known if name != FRAME]
            time.sleep(15)  # it prepares questions
            idle = cpu_s(server)
            time.sleep(5)
            idle = (cpu_s(server) - idle) / 5
            print(f"an idle server takes {idle * 1000:.2f} ms/s")
            print("page          1: ms/s  10: ms/s  ratio  each [ms]  first KB  later KB  first ms")
            for name in names:
                print(compare(server, name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
