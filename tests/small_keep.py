"""A small keep made from files of bars that a test writes, at times that it sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.model import Policy
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import Ingested, ingest
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake

NOW = datetime(2025, 6, 2, 22, tzinfo=UTC)
Told = tuple[object, ...]


def sessions(first: str, count: int) -> list[date]:
    """`count` sessions of New York from a day on."""
    start = date.fromisoformat(first)
    return XNYS.sessions(start, start + timedelta(days=2 * count + 10))[:count]


@dataclass
class SmallKeep:
    """A keep at `root` whose clock says `now`; files are written beside it."""

    root: Path
    policy: Policy = field(default_factory=lambda: Policy(priority=("a", "b", "csv")))
    now: datetime = NOW
    files: int = 0
    work: Workspace = field(init=False)

    def __post_init__(self) -> None:
        Lake(self.root).create(self.policy)
        self.work = open_workspace(self.root, clock=lambda: self.now)

    def write(self, header: str, rows: Iterable[Sequence[object]]) -> Path:
        """A CSV file of rows; None is an empty cell."""
        self.files += 1
        path = self.root.parent / f"{self.root.name}-{self.files}.csv"
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        path.write_text("\n".join([header, *lines, ""]))
        return path

    def take(self, path: Path, *, source: str = "csv", minutes: int = 60, basis: str | None = None) -> Ingested:
        """Ingest a file, some minutes after the last one."""
        self.now += timedelta(minutes=minutes)
        return ingest(self.work, [path], FileOptions(source=source, basis=basis))

    def bars(self, *rows: Told, source: str = "csv", symbol: str = "AAPL", minutes: int = 60) -> Ingested:
        """
        Ingest as-traded bars: date, close, and where told dividend and split ratio of the date; open, high and low
        follow from the close, the volume is a thousand shares.
        """
        header = "Symbol,Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio"
        return self.take(
            self.write(header, (_row(symbol, *row) for row in rows)), source=source, minutes=minutes, basis="as_traded"
        )

    def open(self) -> marketkeep.Keep:
        """The keep as a reader sees it."""
        return marketkeep.open(self.root)


def _row(symbol: str, day: object, close: object, dividend: float = 0.0, ratio: float = 1.0, volume: object = 1000.0):  # type: ignore[no-untyped-def]
    price = float(str(close))
    return symbol, day, price, round(price * 1.01, 4), round(price * 0.99, 4), close, volume, dividend, ratio
