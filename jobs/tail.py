"""Follows the events of the store for all who wait for new ones, with one thread and one query."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from store import Store, events

POLL_S: Final = 0.25  # between two looks at the store, which may be written by another server
MOST_LISTENERS: Final = 24  # each holds one of the server's threads
END_S: Final = 0.7  # for listeners to say good-bye; the server ends within 2 s
log = logging.getLogger(__name__)


def can_stream(environ: Mapping[str, Any]) -> bool:
    """Whether the web server of this request hands its socket over, as a live stream needs."""
    return "gunicorn.socket" in environ


class Tail:
    """Knows the last event and wakes who listens; its thread lives while somebody does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._listeners: dict[threading.Event, Callable[[], object]] = {}
        self._following = False
        self.last_id = 0  # of the events that were seen in the store
        self.stopping = False

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def join(self, wake: threading.Event, cut: Callable[[], object]) -> bool:
        """Have `wake` set after each new event, and when the server ends.

        Parameters
        ----------
        wake : threading.Event
            Cleared by its owner before it looks at `last_id`.
        cut : callable
            Ends what the listener waits for, where it does not leave by itself at the end.

        Returns
        -------
        bool
            False where there are too many already.
        """
        with self._changed:
            if self.stopping or len(self._listeners) >= MOST_LISTENERS:
                return False
            self._listeners[wake] = cut
            if not self._following:
                self._following = True
                threading.Thread(target=self._follow, name="event tail", daemon=True).start()
            return True

    def leave(self, wake: threading.Event) -> None:
        """Listen no more."""
        with self._changed:
            self._listeners.pop(wake, None)
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake everybody for the last time, and wait until they have left."""
        with self._changed:
            self.stopping = True
            self._wake_all()
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._listeners, END_S):
                for cut in self._listeners.values():
                    cut()

    def _follow(self) -> None:
        was_away = False
        while self._is_wanted():
            try:
                last_id = events.last_event_id(self._store)
                was_away = False
            except SQLAlchemyError as error:
                if not was_away:
                    log.warning("live stream: the store can't be read: %s", error)
                was_away = True
            else:
                self._tell(last_id)
            time.sleep(POLL_S)

    def _is_wanted(self) -> bool:
        with self._changed:
            self._following = bool(self._listeners) and not self.stopping
            return self._following

    def _tell(self, last_id: int) -> None:
        with self._changed:
            if last_id != self.last_id:
                self.last_id = last_id
                self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._listeners:
            wake.set()
