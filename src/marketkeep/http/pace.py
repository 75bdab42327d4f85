"""
The pace at which one source may be asked, shared by all threads that ask it.

A sliding window: at most `calls` starts in any `seconds`, and a little longer than that, because a server counts
arrivals, which the network delays unevenly. Where the window is short the starts are spread over it, by a timetable:
who comes a little late for his turn does not delay those behind him. Waiting is done on
an event, so that closing ends it at once; pyrate-limiter was tried and sleeps inside its own lock, cannot be woken and
keeps a thread of its own per bucket.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from marketkeep.model import Rate

_SLACK, _SLACK_SECONDS = 0.01, 0.03
_SHORT = 1.0
# How late a thread may wake on a busy machine.
_LATE = 0.05


class Stopped(Exception):
    """The client was closed while a thread waited for its turn."""


class Pace:
    """One source's turnstile."""

    def __init__(self, rate: Rate, stop: threading.Event) -> None:
        self.rate = rate
        self._stop = stop
        self._lock = threading.Lock()
        self._starts: deque[float] = deque()
        self._held_until = 0.0
        self._next = 0.0
        self._window = rate.seconds * (1 + _SLACK) + _SLACK_SECONDS
        self._gap = self._window / rate.calls if rate.seconds <= _SHORT else 0.0

    def hold(self, seconds: float) -> None:
        """Let no thread pass for `seconds` from now; a shorter hold never shortens a longer one."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def enter(self, pause: float = 0.0) -> None:
        """Wait `pause` seconds and then for a turn. Raises `Stopped` when the client closes meanwhile."""
        earliest = time.monotonic() + pause
        while (wait := self._turn(earliest)) > 0:
            if self._stop.wait(wait):
                break
        if self._stop.is_set():
            raise Stopped

    def _turn(self, earliest: float) -> float:
        """Take a turn and return 0, or return how long to wait before asking again."""
        with self._lock:
            now = time.monotonic()
            if (wait := max(earliest, self._held_until) - now) > 0:
                return wait
            while self._starts and (wait := self._starts[0] + self._window - now) <= 0:
                self._starts.popleft()
            if len(self._starts) >= self.rate.calls:
                return wait
            if (wait := self._next - now) > 0:
                return wait
            self._starts.append(now)
            # After a longer while the timetable begins anew: what was not asked then is not made up for in a burst.
            self._next = (self._next if now - self._next < max(self._gap, _LATE) else now) + self._gap
            return 0.0
