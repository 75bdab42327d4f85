"""A vendor that answers from memory, and what the tests of runs ask of a keep: shared by them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, BinaryIO

from gym_keep import published_tree

from marketkeep.model import Payload, Rate, Request
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.journal import open_runs, read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.sources import Yahoo
from small_keep import SmallKeep, sessions

DAYS = sessions("2025-05-05", 20)
SYMBOLS = ["AAPL", "MSFT", "NA", "TRUE"]
YAHOO = Yahoo(rate=Rate(1000))


def answer(symbol: str, start: date, end: date) -> bytes:
    """A chart of the sessions in [start, end), with a dividend on the sixth of May."""
    days = [day for day in DAYS if start <= day < end]
    stamps = [int(datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC).timestamp()) for day in days]
    closes = [100.0 + DAYS.index(day) for day in days]
    events = {
        str(s): {"date": s, "amount": 1.0} for s, day in zip(stamps, days, strict=True) if day == date(2025, 5, 6)
    }
    quote = {
        name: [1000 if name == "volume" else close for close in closes] for name in ("open", "high", "low", "close")
    }
    result: dict[str, Any] = {
        "meta": {"symbol": symbol, "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d"},
        "events": {"dividends": events},
        "indicators": {"quote": [quote | {"volume": [1000] * len(days)}]},
    }
    if days:
        result["timestamp"] = stamps
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


Said = bytes | BaseException | int | None
Say = Callable[[Request, int], Said]


def nothing_else(request: Request, number: int) -> Said:
    """The vendor answers as usual."""


def interrupted_at(at: int) -> Say:
    """Ctrl-C in the place of one answer, counted from 1."""

    def say(request: Request, number: int) -> Said:
        return KeyboardInterrupt() if number == at else None

    return say


@dataclass
class Vendor:
    """A fetcher that answers from its own memory; `say` may answer first: bytes, a status, or an error to raise."""

    keep: SmallKeep
    say: Say = nothing_else
    asked: list[Request] = field(default_factory=list)
    closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, request: Request, rate: Rate, transport: str, sink: BinaryIO | None = None) -> Payload:
        """The answer, received at once."""
        with self._lock:
            self.asked.append(request)
            number = len(self.asked)
        said = self.say(request, number)
        if isinstance(said, BaseException):
            raise said
        assert request.symbol is not None
        assert request.start is not None
        assert request.end is not None
        body = said if isinstance(said, bytes) else answer(request.symbol, request.start, request.end)
        status = said if isinstance(said, int) else 200
        return Payload(status, (), body, self.keep.now + timedelta(seconds=number))

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def collect(
    keep: SmallKeep, vendor: Vendor | None = None, act: Callable[..., Outcome] = update, **options: Any
) -> Outcome:
    """One collecting step, an hour after the last."""
    keep.now += timedelta(hours=2)
    with Ledger(keep.root, keep.work.clock) as ledger:
        return act(keep.work, Means((YAHOO,), vendor or Vendor(keep), ledger, workers=1), **options)


def whole(keep: SmallKeep) -> None:
    """The keep holds every session and action of every symbol, no run is open, and a rebuild agrees."""
    reader = keep.open()
    assert open_runs(keep.root) == []
    for symbol in SYMBOLS:
        assert reader.bars(symbol).polars()["close"].to_list() == [100.0 + n for n in range(len(DAYS))]
        assert reader.actions(symbol).select("kind", "amount").rows() == [("dividend", 1.0)]
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def events(keep: SmallKeep, name: str) -> list[dict[str, Any]]:
    """All events of that name in all journals."""
    return [one for path in run_keys(keep.root) for one in read_run(keep.root, path) if one["event"] == name]
