"""
The gym's server: vendors behind one loopback address, faults done to their answers, every data request written down.

`/<host>/<path>` is answered by the vendors of that host; any other path by the first vendor that knows it, for clients
whose address can be changed but not be lengthened. Control it in process through `Gym`, or from another process with
`GET /_gym/state`, `GET /_gym/log` and `POST /_gym/set` (JSON: `now`, `phase`, `latency`, `faults` (and `vendor`),
`clear`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypedDict, Unpack

import numpy as np
import orjson

from gym.damage import malformed, truncated
from gym.faults import FaultPlan
from gym.sockets import GymServer
from gym.traffic import Arrival, Down, Hit, Limit, Traffic, by_second, faults_met, most_within
from gym.truth import Truth
from gym.wire import VARIANTS, Ask, Reply, Vendor
from gym.yahoo import Yahoo

REFUSALS = {
    "http_429": Reply(429, b"Edge: Too Many Requests", "text/plain"),
    "http_500": Reply(500, b"<html><body>Internal Server Error</body></html>", "text/html"),
    "http_503": Reply(503, b"<html><body>Service Unavailable</body></html>", "text/html"),
    "plain_400": Reply(400, b"Bad Request", "text/plain"),
}
BAD_CHART = replace(REFUSALS["plain_400"], body=b"400 Bad Request: Data doesn't exist for startDate = 0, endDate = 1")
"""Yahoo's way to say in plain text, as the client's mistake, that it has nothing."""

DAMAGES: dict[str | None, Callable[[Reply], Reply]] = {"truncated": truncated, "malformed": malformed}
GONE = "gone"
"""Done on the wire for a vendor that never answers: the connection ends without a byte."""


class Rules(TypedDict, total=False):
    """By vendor: what it allows, when it is down, and its faults where they are not the first vendor's."""

    limits: Mapping[str, Limit]
    down: Mapping[str, Down]
    plans: Mapping[str, FaultPlan]


class Gym:
    """
    The running gym. `url` is its address; `now` (UTC), `phase`, `limits` and `down` (by vendor) may be set any time, so
    may `latency`, the seconds that an answer to a data request takes.

    `plan` is the first vendor's; `plans` hold those of all, by name. What a vendor raised is kept in `errors`.
    """

    def __init__(
        self,
        vendors: Sequence[Vendor],
        *,
        truth: Truth | None,
        plan: FaultPlan,
        now: datetime,
        port: int = 0,
        **rules: Unpack[Rules],
    ) -> None:
        self.vendors, self.truth, self.now, self.phase = list(vendors), truth, now, 0
        self.limits, self.down = dict(rules.get("limits", {})), dict(rules.get("down", {}))
        if unknown := {*self.limits, *self.down, *rules.get("plans", {})} - {vendor.name for vendor in vendors}:
            raise ValueError(f"rules for {', '.join(sorted(unknown))}, whom this gym has not")
        self.latency = 0.0
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._traffic = Traffic()
        self.plans = {vendor.name: FaultPlan() for vendor in vendors}
        self._revisions: dict[str, dict[str, date]] = {}
        for name, one in {self.vendors[0].name: plan, **rules.get("plans", {})}.items():
            self._set_plan(name, one)
        self._server = GymServer(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def plan(self) -> FaultPlan:
        """The first vendor's faults."""
        return self.plans[self.vendors[0].name]

    @property
    def revisions(self) -> dict[str, date]:
        """Which session of which symbol changes later at the first vendor."""
        return self._revisions.get(self.vendors[0].name, {})

    def _set_plan(self, vendor: str, plan: FaultPlan) -> None:
        variants = next(one.variants for one in self.vendors if one.name == vendor)
        plan.assign(self.truth.symbols if self.truth else (), variants)
        self.plans[vendor] = plan
        self._revisions[vendor] = {s: self._revised_session(s) for s in plan.revised_symbols if self.truth}

    def _revised_session(self, symbol: str) -> date:
        """The third session from the last one that is complete now."""
        assert self.truth is not None
        sessions = self.truth.history(symbol).sessions
        done = int(np.searchsorted(sessions.closes, self.now.timestamp(), side="right"))
        day: date = sessions.dates[max(done - 3, 0)].item()
        return day

    @property
    def log(self) -> list[Hit]:
        """Data requests so far, in the order in which they were answered."""
        return self._traffic.log()

    @property
    def count(self) -> int:
        """How many data requests came."""
        return len(self.log)

    def count_of(self, vendor: str) -> int:
        """How many data requests came to a vendor."""
        return len(self._traffic.log(vendor))

    def counts(self, vendor: str | None = None) -> dict[str, int]:
        """Data requests by key."""
        return dict(Counter(hit.key for hit in self._traffic.log(vendor)))

    def served(self, vendor: str | None = None) -> dict[str, list[str]]:
        """Faults of the plans that were met, by key and in order."""
        return dict(faults_met(self._traffic.log(vendor)))

    def peak(self, seconds: float = 1.0, vendor: str | None = None) -> int:
        """Most data requests within any window of `seconds`."""
        return most_within(self._traffic.log(vendor), seconds)

    def per_second(self, vendor: str | None = None) -> Counter[int]:
        """Data requests by whole seconds since the first one."""
        return by_second(self._traffic.log(vendor))

    def over(self, vendor: str | None = None) -> list[Hit]:
        """Data requests beyond what a vendor allows."""
        return [hit for hit in self._traffic.log(vendor) if hit.over]

    def clear(self) -> None:
        """Forget requests; attempts count from 1 again."""
        self._traffic.clear()

    def set_faults(self, plan: FaultPlan, vendor: str | None = None) -> None:
        """Change a vendor's plan, the first one's by default; its requests are forgotten, its attempts count from 1."""
        name = vendor or self.vendors[0].name
        self._traffic.clear(name)
        self._set_plan(name, plan)

    def respond(
        self, path: str, params: dict[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[Reply | None, str | None]:
        """The answer to a request, None for none at all, and the fault to be done to it on the wire."""
        host, _, rest = path[1:].partition("/")
        vendors = [vendor for vendor in self.vendors if host in vendor.hosts]
        ask = Ask(host, f"/{rest}", params, self.now.timestamp(), headers or {})
        if not vendors:
            vendors, ask = self.vendors, replace(ask, host="", path=path)
        for vendor in vendors:
            if (key := vendor.key_of(ask)) is not None:
                return self._data(vendor, ask, key)
            if (reply := vendor.answer(ask)) is not None:
                down = self.down.get(vendor.name)
                return (None, GONE) if down and down.always else (reply, None)
        return Reply(404, b"Not Found", "text/plain"), None

    def _data(self, vendor: Vendor, ask: Ask, key: str) -> tuple[Reply | None, str | None]:
        name = vendor.name
        met = self._traffic.arrive(name, key, ask.now, self.limits.get(name), self.down.get(name))
        if met.stands:
            reply, fault = self._unserved(vendor, ask, met)
        else:
            fault = self.plans[name].fault(key, met.attempt)
            reply = self._faulty(vendor, ask, key, fault)
        over = met.stands in ("rate", "day")
        status = reply.status if reply else 0
        self._traffic.note(Hit(met.at, name, ask.path, key, dict(ask.params), met.attempt, fault, status, over))
        if fault == "hang":
            self.closing.wait(self.plans[name].hang_seconds)
            return None, fault
        if self.latency:
            self.closing.wait(self.latency)
        return reply, fault

    def _unserved(self, vendor: Vendor, ask: Ask, met: Arrival) -> tuple[Reply | None, str | None]:
        if met.stands == "down":
            return (None, GONE) if self.down[vendor.name].always else (REFUSALS["http_503"], "http_503")
        if met.stands == "day" and "quota" in vendor.variants:
            return vendor.answer(replace(ask, variant="quota")), None
        return REFUSALS["http_429"], None

    def _faulty(self, vendor: Vendor, ask: Ask, key: str, fault: str | None) -> Reply | None:
        if fault == "http_429_after":
            return replace(REFUSALS["http_429"], headers=(("Retry-After", self._retry_after(vendor.name, key)),))
        if fault in REFUSALS:
            return BAD_CHART if (vendor.name, fault) == ("yahoo", "plain_400") else REFUSALS[fault]
        variant = fault if fault in VARIANTS else None
        reply = vendor.answer(replace(ask, variant=variant, revised=self._revised(vendor.name, key)))
        return DAMAGES[fault](reply) if reply is not None and fault in DAMAGES else reply

    def _revised(self, vendor: str, key: str) -> frozenset[date]:
        plan, days = self.plans[vendor], self._revisions.get(vendor, {})
        over = self.phase > 0 or (plan.revised_at is not None and self.now >= plan.revised_at)
        return frozenset() if over or key not in days else frozenset({days[key]})

    def _retry_after(self, vendor: str, key: str) -> str:
        """Seconds for one half of the keys, an HTTP date for the other; the date rounds up to a full second."""
        seconds = self.plans[vendor].retry_after_seconds
        if sum(key.encode()) % 2:
            return str(seconds)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 1), usegmt=True)

    def control(self, verb: str, body: dict[str, Any]) -> bytes:
        """Do what `/_gym/<verb>` asks."""
        if verb == "log":
            return orjson.dumps([asdict(hit) for hit in self.log])
        if verb == "set":
            if "now" in body:
                self.now = datetime.fromisoformat(body["now"])
            if "phase" in body:
                self.phase = int(body["phase"])
            if "latency" in body:
                self.latency = float(body["latency"])
            if "faults" in body:
                self.set_faults(FaultPlan(**body["faults"]), body.get("vendor"))
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


class Served(Rules, total=False):
    """What `serve` may be told beside the size of its truth."""

    seed: int
    last: date
    now: datetime | None
    faults: FaultPlan | None
    truth: Truth | None
    port: int
    vendors: Callable[[Truth], Sequence[Vendor]] | None


@contextmanager
def serve(symbols: int = 20, years: int = 2, **given: Unpack[Served]) -> Iterator[Gym]:
    """
    Running vendors over one truth, by default Yahoo alone over a truth of `symbols`, `years`, `seed` 7 and `last`.

    `now` defaults to the evening in New York after the last session; `faults` is the first vendor's plan.
    """
    truth = given.get("truth") or Truth(given.get("seed", 7), symbols, years, given.get("last", date(2024, 12, 31)))
    evening = datetime.fromtimestamp(int(truth.sessions.closes[-1]), UTC) + timedelta(hours=6)
    made = given.get("vendors") or (lambda truth: [Yahoo(truth)])
    rules: Rules = {"limits": given.get("limits", {}), "down": given.get("down", {}), "plans": given.get("plans", {})}
    plan, now = given.get("faults") or FaultPlan(), given.get("now") or evening
    gym = Gym(made(truth), truth=truth, plan=plan, now=now, port=given.get("port", 0), **rules)
    try:
        yield gym
    finally:
        gym.close()
    if gym.errors:
        raise gym.errors[0]
