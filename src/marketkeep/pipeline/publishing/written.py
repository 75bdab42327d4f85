"""
Writing what publishing came to: files of bars and actions, and the catalog's entries about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.model import CATALOG, Symbol
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout, records

Spans = Mapping[str, tuple[date, date] | None]
"""By symbol the dates looked at anew, both included; None for all there are."""


@dataclass(slots=True)
class Published:
    """
    What publishing came to: catalog entries in place of those under `keys`, and the findings on what was looked at
    anew, by symbol in `spans`.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    keys: set[tuple[str, str, int]] = field(default_factory=set)
    findings: list[pl.DataFrame] = field(default_factory=list)
    spans: dict[str, tuple[date, date] | None] = field(default_factory=dict)
    bars: int = 0

    def add(self, other: Published) -> None:
        """Take in what another group came to."""
        self.entries += other.entries
        self.keys |= other.keys
        self.findings += other.findings
        self.spans |= other.spans
        self.bars += other.bars


@dataclass(frozen=True, slots=True)
class Ready:
    """Symbols ready to be written: of each the years to write, and of all of them adjusted bars and actions."""

    years: Mapping[str, set[int]]
    bars: pl.DataFrame
    actions: pl.DataFrame


def write(work: Workspace, ready: Ready, result: Published) -> None:
    """Write the years of each symbol from its bars (those of the years at least, with final scores) and its actions."""
    years = [(symbol, year) for symbol, some in ready.years.items() for year in sorted(some)]
    wanted = pl.DataFrame(years, schema={"symbol": pl.String, "year": pl.Int32}, orient="row")
    dated = ready.bars.with_columns(year=pl.col("date").dt.year())
    chosen = dated.join(wanted, on=["symbol", "year"], how="semi").select(records.TICK_COLUMNS).sort("symbol", "date")
    result.bars += chosen.height
    files = records.dump_ticks(chosen)
    entries = _entries(chosen)
    for key in years:
        result.keys.add(("daily_bars", *key))
        if key in files:
            entries[key]["hash"] = work.lake.put(layout.ticks(*key), files[key])
            result.entries.append(entries[key])
        else:
            work.lake.drop(layout.ticks(*key))
    _write_actions(work, ready, result)


def _entries(bars: pl.DataFrame) -> dict[tuple[str, int], dict[str, Any]]:
    grouped = bars.group_by("symbol", period=pl.col("date").dt.year()).agg(
        rows=pl.len().cast(pl.Int64),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
        score=pl.col("score").mean(),
        dates="date",
    )
    entries = {}
    for row in grouped.iter_rows(named=True):
        dates = set(row.pop("dates"))
        calendar = calendar_for(Symbol(row["symbol"]).asset_class)
        sessions = calendar.sessions(row["first"], row["last"] + timedelta(days=1))
        missing = [] if len(sessions) == len(dates) else [day for day in sessions if day not in dates]
        entries[row["symbol"], row["period"]] = {"dataset": "daily_bars", "missing": missing, **row}
    return entries


def _write_actions(work: Workspace, ready: Ready, result: Published) -> None:
    result.keys.update(("actions", symbol, 0) for symbol in ready.years)
    files = records.dump_actions(ready.actions)
    for symbol in ready.years.keys() - files.keys():
        work.lake.drop(layout.actions(symbol))
    spans = ready.actions.group_by("symbol").agg(
        rows=pl.len().cast(pl.Int64), first=pl.col("ex_date").min(), last=pl.col("ex_date").max()
    )
    for row in spans.iter_rows(named=True):
        digest = work.lake.put(layout.actions(row["symbol"]), files[row["symbol"]])
        facts = {"dataset": "actions", "period": 0, "missing": [], "score": None, "hash": digest}
        result.entries.append({**row, **facts})


def entry_rows(entries: list[dict[str, Any]]) -> pl.DataFrame:
    """Catalog entries as rows of its table."""
    return CATALOG.conform(pl.DataFrame(entries, schema=CATALOG.schema)) if entries else CATALOG.empty()
