"""A small keep whose raw batches hold minute bars, received at times that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

import marketkeep
from marketkeep.model import Lineage, Policy
from marketkeep.pipeline.publishing.absorb import Absorbed, absorb
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake
from minute_rows import RANKED, Row, delivered
from raw_rows import RECEIVED


@dataclass
class MinuteKeep:
    """A keep at `root`; `minutes` counts on from when the last batch was received."""

    root: Path
    policy: Policy = RANKED
    now: datetime = RECEIVED
    work: Workspace = field(init=False)

    def __post_init__(self) -> None:
        Lake(self.root).create(self.policy)
        self.work = open_workspace(self.root, clock=lambda: self.now)

    def receive(self, frame: pl.DataFrame, *, source: str = "csv", dataset: str = "minute_bars") -> None:
        """Write one raw batch of one payload, a minute after the last one; nothing is published yet."""
        self.now += timedelta(minutes=1)
        url = f"https://example.com/{dataset}/{source}"
        lineage = Lineage(f"sha256:{source}{self.now}", None, None, url, (), None, None, self.now, rows=frame.height)
        self.work.batches.write(dataset, source, "run", frame, [lineage])

    def take(self, *rows: Row, source: str = "csv") -> Absorbed:
        """Receive minute bars and publish them."""
        self.receive(delivered(rows), source=source)
        return absorb(self.work)

    def split(self, ex_date: date, new: int, old: int = 1, *, source: str = "csv", symbol: str = "AAPL") -> Absorbed:
        """Receive a split and publish what follows from it."""
        told = {"symbol": symbol, "ex_date": ex_date, "kind": "split", "numerator": new, "denominator": old}
        row = {**told, "text": f"{new}:{old}", "basis": "as_traded"}
        self.receive(delivered([row], "actions"), source=source, dataset="actions")
        return absorb(self.work)

    def days(self, closes: dict[date, float], *, source: str = "csv") -> Absorbed:
        """Receive daily bars, flat at their close, and publish them."""
        flat = [
            {"symbol": "AAPL", "date": day, "volume": 1000.0, "basis": "as_traded"}
            | dict.fromkeys(("open", "high", "low", "close"), close)
            for day, close in closes.items()
        ]
        self.receive(delivered(flat, "daily_bars"), source=source, dataset="daily_bars")
        return absorb(self.work)

    def open(self) -> marketkeep.Keep:
        """The keep as a reader sees it."""
        return marketkeep.open(self.root)
