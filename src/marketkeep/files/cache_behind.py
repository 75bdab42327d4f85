"""
Copies on their way into the cache: many small ones come while an answer is being read, and are written after it.

What waits is bounded, and found by who asks for it meanwhile. A process that ends writes it first; one that is killed
loses copies, which costs requests and nothing else.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable
from threading import Condition, Thread
from typing import NamedTuple

_MOST_BYTES = 128 * 2**20
_QUIET = 0.05


class Copy(NamedTuple):
    """The bytes of an object, with its ETag and the version asked for in few characters."""

    data: bytes
    etag: str
    token: str


class Behind:
    """Copies that wait to be written by `write`, which raises nothing."""

    def __init__(self, write: Callable[[str, Copy], None]) -> None:
        self._write = write
        self._changed = Condition()
        self._waiting: dict[str, Copy] = {}
        self._bytes = 0
        self._came = 0.0
        self._hurry = 0
        self._pid = 0

    def add(self, name: str, copy: Copy) -> None:
        """Have a copy written soon; waits when too much is waiting already."""
        with self._changed:
            if self._pid != os.getpid():
                self._begin()
            self._changed.wait_for(lambda: not self._bytes or self._bytes + len(copy.data) <= _MOST_BYTES)
            before = self._waiting.pop(name, None)
            self._bytes += len(copy.data) - (len(before.data) if before else 0)
            self._waiting[name] = copy
            self._came = time.monotonic()
            self._changed.notify_all()

    def pending(self, name: str) -> Copy | None:
        """A copy that is not written yet."""
        return self._waiting.get(name)

    def drain(self) -> None:
        """Wait until all that waits now is written."""
        with self._changed:
            if self._pid == os.getpid():
                self._hurry += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._waiting)
                self._hurry -= 1

    def _begin(self) -> None:
        """Begin the thread of this process; what waited in the one it was forked from is that one's."""
        self._pid, self._bytes, self._hurry = os.getpid(), 0, 0
        self._waiting.clear()
        Thread(target=self._run, name="copies", daemon=True).start()
        atexit.register(_drain, weakref.ref(self))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                self._wait_for_quiet()
                name, copy = next(iter(self._waiting.items()))
            self._write(name, copy)
            with self._changed:
                if self._waiting.get(name) is copy:
                    del self._waiting[name]
                    self._bytes -= len(copy.data)
                self._changed.notify_all()

    def _wait_for_quiet(self) -> None:
        """Stay out of the way of an answer that is being read, as long as there is room."""
        while not self._hurry and self._bytes < _MOST_BYTES * 3 // 4:
            left = self._came + _QUIET - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)


def _drain(behind: weakref.ref[Behind]) -> None:
    found = behind()
    if found is not None:
        found.drain()
