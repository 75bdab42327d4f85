"""
What reached the gym: every data request written down, counted and measured, and who was over what a vendor allows.

It holds numbers only; what is answered is the server's business.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

# A client's own clock and a busy machine may squeeze what was sent evenly: so much less than the seconds is forgiven.
_SLACK_SHARE, _SLACK_SECONDS = 0.05, 0.05


@dataclass(frozen=True)
class Limit:
    """At most `calls` data requests in any `seconds`, and `per_day` on a day (UTC) of the gym's clock."""

    calls: int
    seconds: float = 1.0
    per_day: int | None = None


@dataclass(frozen=True)
class Down:
    """A vendor that comes and goes: `up` data requests are served, then `down` get a 503; or it never answers."""

    up: int = 0
    down: int = 1
    always: bool = False

    def hits(self, before: int) -> bool:
        """Whether the data request after `before` others meets a vendor that is down."""
        return self.always or before % (self.up + self.down) >= self.up


@dataclass(frozen=True)
class Hit:
    """
    One data request: when (monotonic seconds), to whom and for what, which attempt for that key, and what it met.

    `over` were the requests beyond the vendor's limits. Those and the ones that met a vendor that was down are no
    attempt (0), so that a plan's faults are neither used up nor counted by them.
    """

    at: float
    vendor: str
    path: str
    key: str
    params: dict[str, str]
    attempt: int
    fault: str | None
    status: int
    over: bool = False


@dataclass(frozen=True)
class Arrival:
    """How a data request was found to stand: beyond the `rate` or the `day`, or to a vendor that is `down`."""

    at: float
    attempt: int
    stands: str | None = None


class Traffic:
    """Counts and log, safe for many threads. `vendor` None means all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._log: list[Hit] = []
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._windows: dict[str, deque[float]] = {}
        self._days: Counter[tuple[str, int]] = Counter()
        self._arrived: Counter[str] = Counter()

    def arrive(self, vendor: str, key: str, now: float, limit: Limit | None, down: Down | None) -> Arrival:
        """Count a data request that came at the gym's instant `now`, and say how it stands."""
        with self._lock:
            at, before = time.monotonic(), self._arrived[vendor]
            self._arrived[vendor] += 1
            if limit and (stands := self._over(vendor, at, int(now // 86_400), limit)):
                return Arrival(at, 0, stands)
            if down and down.hits(before):
                return Arrival(at, 0, "down")
            self._attempts[vendor, key] += 1
            return Arrival(at, self._attempts[vendor, key])

    def _over(self, vendor: str, at: float, day: int, limit: Limit) -> str | None:
        window = self._windows.setdefault(vendor, deque())
        lasting = limit.seconds * (1 - _SLACK_SHARE) - _SLACK_SECONDS
        while window and window[0] <= at - lasting:
            window.popleft()
        if len(window) >= limit.calls:
            return "rate"
        if limit.per_day is not None and self._days[vendor, day] >= limit.per_day:
            return "day"
        window.append(at)
        self._days[vendor, day] += 1
        return None

    def note(self, hit: Hit) -> None:
        """Write a data request down."""
        with self._lock:
            self._log.append(hit)

    def log(self, vendor: str | None = None) -> list[Hit]:
        """Data requests so far, in the order in which they were answered."""
        with self._lock:
            return [hit for hit in self._log if vendor in (None, hit.vendor)]

    def clear(self, vendor: str | None = None) -> None:
        """Forget requests; attempts count from 1 again. What a vendor allows a day stays used up."""
        with self._lock:
            self._log = [hit for hit in self._log if vendor not in (None, hit.vendor)]
            self._attempts = Counter({k: n for k, n in self._attempts.items() if vendor not in (None, k[0])})
            self._arrived = Counter({k: n for k, n in self._arrived.items() if vendor not in (None, k)})


def most_within(hits: list[Hit], seconds: float) -> int:
    """Most data requests within any window of `seconds`."""
    times, most, lo = sorted(hit.at for hit in hits), 0, 0
    for hi, at in enumerate(times):
        while times[lo] <= at - seconds:
            lo += 1
        most = max(most, hi - lo + 1)
    return most


def by_second(hits: list[Hit]) -> Counter[int]:
    """Data requests by whole seconds since the first one."""
    first = min((hit.at for hit in hits), default=0.0)
    return Counter(int(hit.at - first) for hit in hits)


def faults_met(hits: list[Hit]) -> Mapping[str, list[str]]:
    """The plan's faults that were met, by key and in order."""
    met: dict[str, list[str]] = {}
    for hit in hits:
        if hit.fault and hit.attempt:
            met.setdefault(hit.key, []).append(hit.fault)
    return met
