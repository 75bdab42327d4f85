"""
Lanes: one source at work, what it is still to be asked and what is under way, in order.

So many requests are under way at once as its rate can use while an answer travels. More of them are handed over than
that, so that a source is asked on while what it said is being published; by how large its answers are, so that memory
stays bounded. Of answers that come in pages fewer, because every page is held until the last has come.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from marketkeep.model import Rate, Request, Source
from marketkeep.pipeline.collecting.chains import Chain
from marketkeep.pipeline.collecting.fetching import Fetched

# How long an answer may take without the rate being missed; as many are under way as can be asked for in that time.
_ANSWER_SECONDS = 0.5
_FEWEST, _MOST = 4, 16
_HELD_BYTES, _HELD_ANSWERS = 64 * 2**20, 256


def at_once(rate: Rate) -> int:
    """How many requests are under way at once so that the rate is reached."""
    return min(max(math.ceil(rate.calls / rate.seconds * _ANSWER_SECONDS), _FEWEST), _MOST)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, which time it is asked (from 1), and the pages that came before it."""

    request: Request
    number: int = 1
    chain: Chain = field(default_factory=Chain)


@dataclass(slots=True)
class Lane:
    """One source at work, `workers` requests of it under way at once."""

    source: Source
    workers: int
    queue: deque[Attempt]
    pool: ThreadPoolExecutor = field(init=False)
    again: deque[Attempt] = field(default_factory=deque)
    waiting: deque[tuple[Attempt, Future[Fetched]]] = field(default_factory=deque)
    paged: bool = False
    _answers: int = 0
    _bytes: int = 0

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.workers, thread_name_prefix=self.source.name)

    def fill(self, job: Callable[[Source, Request], Fetched]) -> None:
        """Hand over what is asked next."""
        while len(self.waiting) < self._depth and (attempt := self._next()):
            self.waiting.append((attempt, self.pool.submit(job, self.source, attempt.request)))

    def came(self, fetched: Fetched) -> None:
        """Learn from an answer how large they are; those on disk need no memory."""
        self._answers += 1
        self._bytes += len(fetched.payload.body)

    def continued(self, attempt: Attempt) -> None:
        """What follows a page is asked before all others."""
        self.paged = True
        self.queue.appendleft(attempt)

    def leave(self) -> None:
        """Ask nothing more; what is under way is still taken."""
        self.queue.clear()
        self.again.clear()
        self.waiting = deque(pair for pair in self.waiting if not pair[1].cancel())

    @property
    def _depth(self) -> int:
        if self.paged:
            return max(self.workers, min(2 * self.workers, _MOST))
        # The first answers tell how large the others will be.
        if self._answers < self.workers:
            return 2 * self.workers
        return max(2 * self.workers, min(_HELD_BYTES * self._answers // (self._bytes or 1), _HELD_ANSWERS))

    def _next(self) -> Attempt | None:
        """What is asked next: those asked before come after all others."""
        if self.queue:
            return self.queue.popleft()
        return self.again.popleft() if self.again else None
