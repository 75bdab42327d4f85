"""
A small keep of everything a reader can ask for, which goes on: what it is told first, and what comes later of later
days. Readers that look at it by an earlier clock must not see the second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import marketkeep
from fact_rows import fact
from marketkeep.calendars import XNYS
from marketkeep.model import RAW_TABLES, Lineage
from marketkeep.pipeline.publishing.absorb import absorb
from minute_rows import minute
from small_keep import SmallKeep

Row = dict[str, Any]
FIRST, KNOWN, LAST = date(2025, 3, 3), date(2025, 3, 14), date(2025, 3, 28)
"""The first session held, the last of the first telling, and the last of the second."""
DAYS = XNYS.sessions(FIRST, LAST + timedelta(days=1))
EARLY = [day for day in DAYS if day <= KNOWN]
LATER = [day for day in DAYS if day > KNOWN]
# A real directory has both halves of the market every day; its test issues alone make sure of that.
_TESTS = ({"symbol": "ZVZZT", "exchange": "NASDAQ"}, {"symbol": "NTEST", "exchange": "NYSE"})


@dataclass
class GoingKeep:
    """A keep at `root` that is told of days up to `KNOWN` by `early`, and of later ones by `later`."""

    root: Path
    small: SmallKeep = field(init=False)

    def __post_init__(self) -> None:
        self.small = SmallKeep(self.root, now=datetime(2025, 3, 17, 12, tzinfo=UTC))

    @property
    def now(self) -> datetime:
        """When the last thing was received."""
        return self.small.now

    def open(self) -> marketkeep.Keep:
        """The keep as a reader sees it."""
        return self.small.open()

    def receive(self, dataset: str, source: str, rows: Iterable[Row]) -> None:
        """One raw batch of one payload, an hour after the last one; nothing is published yet."""
        self.small.now += timedelta(hours=1)
        told = [{"payload": 0, **row} for row in rows]
        frame = pl.DataFrame(told, schema=RAW_TABLES[dataset].schema)
        digest = f"sha256:{dataset}{source}{self.now:%d%H}"
        lineage = Lineage(digest, "pack", 0, "https://x.example/", (), None, None, self.now, rows=frame.height)
        self.small.work.batches.write(dataset, source, "run", frame, [lineage])

    def publish(self) -> None:
        """Absorb what was received."""
        absorb(self.small.work)

    def early(self) -> None:
        """Everything that is known of the first days."""
        self.days(EARLY, 100.0)
        self.directory(EARLY[0], "AAPL", "GONE")
        self.directory(EARLY[-1], "AAPL", "GONE")
        self.receive("actions", "csv", [dividend(EARLY[4], 0.5)])
        self.receive("minute_bars", "csv", minutes(EARLY[-1]))
        self.receive("index_members", "csv", [member("AAPL", "added", EARLY[0]), member("GONE", "added", EARLY[0])])
        self.receive("treasury_yields", "treasury", [rate(day) for day in EARLY])
        self.receive("facts", "sec", [fact("Assets", "2024-12-31", 9, "2025-02-20", form="10-K")])
        self.publish()

    def later(self) -> None:
        """What comes of later days: a bar that is refused and a gap among them."""
        self.small.now += timedelta(days=14)
        self.days([day for day in LATER if day != LATER[2]], 101.0)
        self.small.bars((LATER[2], 101.0, 0.0, 1.0, -5))
        for day in LATER[:3]:
            self.directory(day, "AAPL", "FRESH")
        self.receive("actions", "csv", [dividend(LATER[4], 0.25)])
        self.receive("minute_bars", "csv", minutes(LATER[0]))
        self.receive("index_members", "csv", [member("GONE", "removed", LATER[0]), member("FRESH", "added", LATER[0])])
        self.receive("treasury_yields", "treasury", [rate(day) for day in LATER])
        self.receive("facts", "sec", [fact("Assets", "2025-03-20", 11, "2025-03-27", form="10-Q")])
        self.publish()

    def days(self, days: Iterable[date], close: float) -> None:
        """Daily bars of three symbols, as traded, with little movement."""
        for symbol in ("AAPL", "GONE", "FRESH"):
            if symbol != "FRESH" or close != 100.0:
                self.small.bars(*((day, close + n % 3) for n, day in enumerate(days)), symbol=symbol)

    def directory(self, day: date, *symbols: str) -> None:
        """A whole directory of a day."""
        rows = [{"symbol": symbol, "name": f"{symbol} Inc. Common Stock", "exchange": "NASDAQ"} for symbol in symbols]
        listed = [{**row, "etf": False, "test_issue": False} for row in rows]
        tests = [{"name": "Test Stock", "etf": False, "test_issue": True, **one} for one in _TESTS]
        self.receive("listings", "nasdaq_trader", ({"date": day, **row} for row in (*listed, *tests)))


def dividend(day: date, amount: float) -> Row:
    """A dividend of AAPL."""
    told = {"symbol": "AAPL", "ex_date": day, "kind": "dividend", "amount": amount}
    return {**told, "text": str(amount), "basis": "as_traded"}


def minutes(day: date) -> list[Row]:
    """Enough minutes of a session to have its volume."""
    return [minute(day, f"10:{n:02d}", 100.0) for n in range(10)]


def member(symbol: str, event: str, day: date) -> Row:
    """A change of the S&P 500."""
    return {"index": "sp500", "symbol": symbol, "date": day, "event": event}


def rate(day: date) -> Row:
    """The bill of a day."""
    return {"date": day, "tenor": "3M", "yield": 4.25}
