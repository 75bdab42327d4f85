"""
The gym's server: vendors behind one loopback address, faults done to their answers, every data request written down.

Control it in process through `Gym`, or from another process with `GET /_gym/state`, `GET /_gym/log` and
`POST /_gym/set` (JSON: `now`, `phase`, `faults`, `clear`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import orjson

from gym.faults import FaultPlan
from gym.sockets import GymServer
from gym.truth import Truth
from gym.wire import Ask, Reply, Vendor
from gym.yahoo import Yahoo

REFUSALS = {
    "http_429": Reply(429, b"Edge: Too Many Requests", "text/plain"),
    "http_500": Reply(500, b"<html><body>Internal Server Error</body></html>", "text/html"),
    "plain_400": Reply(400, b"400 Bad Request: Data doesn't exist for startDate = 0, endDate = 1", "text/plain"),
}
DAMAGES: dict[str | None, Callable[[Reply], Reply]] = {
    "truncated": lambda reply: replace(reply, body=reply.body[: len(reply.body) * 2 // 3]),
    "malformed": lambda reply: replace(reply, body=reply.body.replace(b":[", b"=[", 1)),
}


@dataclass(frozen=True)
class Hit:
    """One data request: when (monotonic seconds), for what, which attempt for that symbol, and what it met."""

    at: float
    path: str
    symbol: str
    params: dict[str, str]
    attempt: int
    fault: str | None
    status: int


class Gym:
    """The running gym. `url` is its address; `now` (UTC) and `phase` may be set at any time."""

    def __init__(
        self, vendors: Sequence[Vendor], *, truth: Truth | None, plan: FaultPlan, now: datetime, port: int = 0
    ) -> None:
        self.vendors, self.truth, self.now, self.phase = vendors, truth, now, 0
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._log: list[Hit] = []
        self._attempts: Counter[str] = Counter()
        self._set_plan(plan)
        self._server = GymServer(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _set_plan(self, plan: FaultPlan) -> None:
        self.plan = plan
        plan.assign(self.truth.symbols if self.truth else ())
        self.revisions = {symbol: self._revised_session(symbol) for symbol in plan.revised_symbols if self.truth}

    def _revised_session(self, symbol: str) -> date:
        """The third session from the last one that is complete now."""
        assert self.truth is not None
        sessions = self.truth.history(symbol).sessions
        done = int(np.searchsorted(sessions.closes, self.now.timestamp(), side="right"))
        day: date = sessions.dates[max(done - 3, 0)].item()
        return day

    @property
    def log(self) -> list[Hit]:
        """Data requests so far, in order of arrival."""
        with self._lock:
            return list(self._log)

    @property
    def count(self) -> int:
        """How many data requests came."""
        return len(self.log)

    def counts(self) -> dict[str, int]:
        """Data requests by symbol."""
        return dict(Counter(hit.symbol for hit in self.log))

    def served(self) -> dict[str, list[str]]:
        """Faults that were met, by symbol and in order."""
        met: dict[str, list[str]] = {}
        for hit in self.log:
            if hit.fault:
                met.setdefault(hit.symbol, []).append(hit.fault)
        return met

    def peak(self, seconds: float = 1.0) -> int:
        """Most data requests within any window of `seconds`."""
        times, most, lo = sorted(hit.at for hit in self.log), 0, 0
        for hi, at in enumerate(times):
            while times[lo] <= at - seconds:
                lo += 1
            most = max(most, hi - lo + 1)
        return most

    def clear(self) -> None:
        """Forget requests; attempts count from 1 again."""
        with self._lock:
            self._log.clear()
            self._attempts.clear()

    def set_faults(self, plan: FaultPlan) -> None:
        """Change the plan; attempts count from 1 again."""
        self.clear()
        self._set_plan(plan)

    def respond(self, path: str, params: dict[str, str]) -> tuple[Reply | None, str | None]:
        """The answer to a request and the fault to be done to it on the wire."""
        for vendor in self.vendors:
            if (symbol := vendor.symbol_of(path)) is not None:
                return self._data(vendor, path, symbol, params)
            if (reply := vendor.answer(Ask(path, params, self.now.timestamp()))) is not None:
                return reply, None
        return Reply(404, b"Not Found", "text/plain"), None

    def _data(self, vendor: Vendor, path: str, symbol: str, params: dict[str, str]) -> tuple[Reply | None, str | None]:
        with self._lock:
            self._attempts[symbol] += 1
            attempt = self._attempts[symbol]
            fault = self.plan.fault(symbol, attempt)
            at = time.monotonic()
        reply = self._faulty(vendor, path, symbol, params, fault)
        with self._lock:
            self._log.append(Hit(at, path, symbol, params, attempt, fault, reply.status if reply else 0))
        return reply, fault

    def _faulty(
        self, vendor: Vendor, path: str, symbol: str, params: dict[str, str], fault: str | None
    ) -> Reply | None:
        if fault == "http_429_after":
            return replace(REFUSALS["http_429"], headers=(("Retry-After", self._retry_after(symbol)),))
        if fault in REFUSALS:
            return REFUSALS[fault]
        if fault == "wrong_symbol":
            path = vendor.path_for(path, self._other(symbol))
        variant = fault if fault in ("empty", "duplicates") else None
        reply = vendor.answer(Ask(path, params, self.now.timestamp(), variant, self._revised(symbol)))
        return DAMAGES[fault](reply) if reply is not None and fault in DAMAGES else reply

    def _revised(self, symbol: str) -> frozenset[date]:
        over = self.phase > 0 or (self.plan.revised_at is not None and self.now >= self.plan.revised_at)
        return frozenset() if over or symbol not in self.revisions else frozenset({self.revisions[symbol]})

    def _retry_after(self, symbol: str) -> str:
        """Seconds for one half of the symbols, an HTTP date for the other; the date rounds up to a full second."""
        seconds = self.plan.retry_after_seconds
        if sum(symbol.encode()) % 2:
            return str(seconds)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 1), usegmt=True)

    def _other(self, symbol: str) -> str:
        """Another symbol that is always there: the first one never renamed or listed late."""
        if self.truth is None:
            raise ValueError("wrong_symbol needs a truth with other symbols")
        return next(s for s in self.truth.symbols if s != symbol)

    def control(self, verb: str, body: dict[str, Any]) -> bytes:
        """Do what `/_gym/<verb>` asks."""
        if verb == "log":
            return orjson.dumps([asdict(hit) for hit in self.log])
        if verb == "set":
            if "now" in body:
                self.now = datetime.fromisoformat(body["now"])
            if "phase" in body:
                self.phase = int(body["phase"])
            if "faults" in body:
                self.set_faults(FaultPlan(**body["faults"]))
            if body.get("clear"):
                self.clear()
        return orjson.dumps(
            {
                "now": self.now,
                "phase": self.phase,
                "count": self.count,
                "counts": self.counts(),
                "served": self.served(),
                "expected": self.plan.expected(),
                "revisions": self.revisions,
            }
        )

    def close(self) -> None:
        """Release what hangs, close every connection and the port."""
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def serve(
    symbols: int = 20,
    years: int = 2,
    *,
    seed: int = 7,
    last: date = date(2024, 12, 31),
    now: datetime | None = None,
    faults: FaultPlan | None = None,
    truth: Truth | None = None,
    port: int = 0,
) -> Iterator[Gym]:
    """A running Yahoo over a truth. `now` defaults to the evening in New York after the last session."""
    truth = truth or Truth(seed, symbols, years, last)
    evening = datetime.fromtimestamp(int(truth.sessions.closes[-1]), UTC) + timedelta(hours=6)
    gym = Gym([Yahoo(truth)], truth=truth, plan=faults or FaultPlan(), now=now or evening, port=port)
    try:
        yield gym
    finally:
        gym.close()
