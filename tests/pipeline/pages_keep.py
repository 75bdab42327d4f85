"""A paged vendor that answers from memory, in the form of Alpaca's daily bars, and a keep that collects from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from marketkeep.model import Payload, Rate, Request
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.ledger import Ledger
from marketkeep.pipeline.collecting.means import Means
from marketkeep.pipeline.collecting.update import update
from marketkeep.sources.alpaca import Alpaca
from small_keep import SmallKeep, sessions

ALPACA = replace(Alpaca(), rate=Rate(1000))
DAYS = sessions("2025-05-05", 20)
PAGES = 3
Say = Callable[[Request], bytes | BaseException | None]


def page_of(request: Request) -> int:
    """Which page of its chain a request asks for, from 1."""
    return int(dict(request.params).get("page_token", "page-1").removeprefix("page-"))


def page(symbols: Sequence[str], number: int, pages: int = PAGES) -> bytes:
    """A page of all bars of the symbols: cut anywhere, as Alpaca does, also within a symbol."""
    rows = [(symbol, day) for symbol in symbols for day in DAYS]
    size = -(-len(rows) // pages)
    bars: dict[str, list[dict[str, Any]]] = {}
    for symbol, day in rows[(number - 1) * size : number * size]:
        stamp = datetime.combine(day, time(), ZoneInfo("America/New_York")).astimezone(UTC)
        close = 100.0 + DAYS.index(day)
        told = {"t": f"{stamp:%Y-%m-%dT%H:%M:%SZ}", "o": close, "h": close, "l": close, "c": close, "v": 1000}
        bars.setdefault(symbol, []).append(told | {"n": 10, "vw": close})
    return json.dumps({"bars": bars, "next_page_token": f"page-{number + 1}" if number < pages else None}).encode()


def nothing_else(request: Request) -> None:
    """The vendor answers as usual."""


@dataclass
class Pages:
    """A fetcher with every answer in `PAGES` pages; `say` may answer first, or raise."""

    keep: SmallKeep
    say: Say = nothing_else
    asked: list[Request] = field(default_factory=list)

    def fetch(self, request: Request, rate: Rate, transport: str, sink: BinaryIO | None = None) -> Payload:
        """The answer, at once."""
        self.asked.append(request)
        said = self.say(request)
        if isinstance(said, BaseException):
            raise said
        return Payload(200, (), said or page(request.symbols, page_of(request)), self.keep.now)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def pages(self) -> list[tuple[str, int]]:
        """What was asked for: the first symbol and the page."""
        return [(request.symbols[0], page_of(request)) for request in self.asked]


def collect(keep: SmallKeep, vendor: Pages) -> Outcome:
    """An update of all that is followed, some minutes after the last step."""
    keep.now += timedelta(minutes=5)
    with Ledger(keep.root, keep.work.clock) as ledger:
        return update(keep.work, Means((ALPACA,), vendor, ledger, workers=1), datasets=("daily_bars",))


def whole(keep: SmallKeep, symbols: Sequence[str]) -> bool:
    """Whether the keep holds every bar of these symbols once, and none of others."""
    reader = keep.open()
    closes = [100.0 + number for number in range(len(DAYS))]
    return reader.symbols() == list(symbols) and all(
        reader.bars(symbol).polars()["close"].to_list() == closes for symbol in symbols
    )
