"""
Minute bars as published, by the cheapest of three ways: a file a symbol and session, or the panel, mapped or not.

A few sessions are read from their own files. Many are read from the panel, whose months and open sessions hold all
symbols sorted; of a month that was mapped on this machine only the pages asked for are touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.model import MINUTE_BARS
from marketkeep.query.panel import Panel, Wanted
from marketkeep.query.panel_bars import wanted_days
from marketkeep.stores.lake import Catalog, Lake, minutes
from marketkeep.stores.panel.mapped import Mapped, Source, open_mapped, sources
from marketkeep.stores.panel.mapped_files import make
from marketkeep.stores.panel.partition import Partition

MinuteWay = Literal["published", "panel", "mapped"]
COLUMNS = [name for name in MINUTE_BARS.schema if name != "batch_id"]
_FEW_FILES = 64
"""So many files are opened in the time that it takes to look into a partition that is not mapped."""
_MAPPED_ROWS = 30_000_000
"""A partition of so many rows (some 4 GB mapped) is mapped by its first reader; of a larger one Parquet is read."""
_READS = {
    "published": "the published files, one a symbol and session",
    "panel": "the panel's Parquet files",
    "mapped": "the panel, mapped into memory",
}


@dataclass(frozen=True, eq=False, slots=True)
class MinutePlan:
    """How minute bars of these symbols and sessions (`first` to `last`, both included) are read, and why."""

    catalog: Catalog
    symbols: Sequence[str]
    first: date | None
    last: date | None
    way: MinuteWay
    files: int
    sources: Sequence[Source]
    reason: str

    def told(self) -> str:
        """The plan in words."""
        parts = f"{self.files:,} files" if self.way == "published" else f"{len(self.sources):,} partitions"
        bounds = [f"from {self.first}" if self.first else "", f"through {self.last}" if self.last else ""]
        days = " ".join(filter(None, bounds)) or "all that are held"
        who = ", ".join(self.symbols) if len(self.symbols) <= 5 else f"{len(self.symbols):,} symbols"
        return f"Reads {_READS[self.way]}: {parts}.\nOf {who}; sessions {days}.\nBecause {self.reason}."


def plan_minutes(
    lake: Lake, catalog: Catalog, symbols: Sequence[str], first: date | None, last: date | None
) -> MinutePlan:
    """The way of least cost."""
    wanted = sorted(set(symbols))
    near = [
        source
        for source in sources(catalog.panels, minutes.DATASET)
        if (first is None or source.last >= first) and (last is None or source.first <= last)
    ]
    files = _files(catalog, wanted, first, last)
    mapped = all(open_mapped(lake.files.scratch, source) is not None for source in near)
    if not _complete(catalog):
        why = "the panel does not have all that is published"
        return MinutePlan(catalog, wanted, first, last, "published", files, near, why)
    if not near or (files <= _FEW_FILES and not mapped):
        why = "the panel has none of it" if not near else f"{files:,} files cost less than partitions"
        return MinutePlan(catalog, wanted, first, last, "published", files, near, why)
    if mapped or all(source.rows <= _MAPPED_ROWS for source in near):
        why = "all of it is mapped on this machine" if mapped else "what was not mapped yet is worth mapping"
        return MinutePlan(catalog, wanted, first, last, "mapped", files, near, why)
    why = f"partitions cost less than {files:,} files, and are too large to be mapped for a question"
    return MinutePlan(catalog, wanted, first, last, "panel", files, near, why)


class MinuteReader:
    """
    Reads the bars of a plan, all of them or piece by piece: each partition is opened once, and held against its hash.

    A partition that is not what the catalog tells of is passed over for the published files.
    """

    def __init__(self, lake: Lake, plan: MinutePlan) -> None:
        self._lake, self._plan, self._way = lake, plan, plan.way
        self._maps: list[Mapped] | None = None
        self._opened: dict[int, Partition] = {}

    def read(self, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        """The bars of some of the plan's symbols and sessions in `COLUMNS`, sorted by symbol and ts."""
        try:
            if self._way == "mapped":
                return self._mapped(symbols, first, last)
            if self._way == "panel":
                return self._parquet(symbols, first, last)
        except CorruptFile:
            self._way = "published"  # Replaced since, or damaged: the files hold the same rows.
        found = minutes.read_minutes(self._lake.files, self._plan.catalog, symbols, first, last)
        return found.select(COLUMNS)

    def release(self) -> None:
        """Let go of the memory of the pages that were read."""
        for part in self._maps or ():
            part.release_all()

    def _mapped(self, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        if self._maps is None:
            found = [make(self._lake.files, source) for source in self._plan.sources]
            self._maps = [one for one in found if one is not None]
            if len(self._maps) < len(found):
                self._way = "panel"
                return self._parquet(symbols, first, last)
        return Panel(self._maps).frame(Wanted(sorted(symbols), *wanted_days(first, last)), COLUMNS)[0]

    def _parquet(self, symbols: Sequence[str], first: date | None, last: date | None) -> pl.DataFrame:
        frames = []
        for source in self._plan.sources:
            if (first is None or source.last >= first) and (last is None or source.first <= last):
                found = self._partition(source.period).read(COLUMNS, symbols)
                if first is not None and source.first < first:
                    found = found.filter(pl.col("date") >= first)
                if last is not None and source.last > last:
                    found = found.filter(pl.col("date") <= last)
                frames.append(found)
        if not frames:
            return MINUTE_BARS.empty().select(COLUMNS)
        return pl.concat(frames).sort("symbol", "ts", maintain_order=True)

    def _partition(self, period: int) -> Partition:
        if period not in self._opened:
            panels = self._plan.catalog.panels.filter(dataset=minutes.DATASET, period=period)
            self._opened[period] = Partition.open(self._lake.files, panels.row(0, named=True))
        return self._opened[period]


def _complete(catalog: Catalog) -> bool:
    """Whether the panel has all minute bars that are published."""
    if "minute_panel" not in catalog.worked_out:
        held, told = (
            one.filter(pl.col("dataset") == minutes.DATASET)["rows"].sum() for one in (catalog.panels, catalog.entries)
        )
        catalog.worked_out["minute_panel"] = held == told
    return bool(catalog.worked_out["minute_panel"])


def _files(catalog: Catalog, symbols: Sequence[str], first: date | None, last: date | None) -> int:
    """How many published files it would be, at most."""
    entries = catalog.entries.filter((pl.col("dataset") == minutes.DATASET) & pl.col("symbol").is_in(list(symbols)))
    begin = pl.col("first") if first is None else pl.max_horizontal("first", pl.lit(first))
    end = pl.col("last") if last is None else pl.min_horizontal("last", pl.lit(last))
    days = (end - begin).dt.total_days() + 1
    return int(entries.select(days.filter(days > 0).sum()).item())
