"""
What is held of bars, period by period: made from bars, cut at a day, and added up by symbol.

The rows have the columns of `CATALOG`. What is cut at a day within a period loses its score, and minute bars their
count of rows, until they are read; everything else follows from the calendar.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.model import CATALOG, Symbol

PERIOD = {
    "daily_bars": pl.col("date").dt.year(),
    "minute_bars": pl.col("date").dt.year() * 100 + pl.col("date").dt.month().cast(pl.Int32),
}
"""The catalog's period of a row by dataset: a year, a month."""


def entries_of(bars: pl.DataFrame, dataset: str) -> pl.DataFrame:
    """`CATALOG` rows, without a hash, of bars with symbol, date and score."""
    grouped = bars.group_by("symbol", period=PERIOD[dataset].cast(pl.Int32)).agg(
        rows=pl.len().cast(pl.Int64),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
        score=pl.col("score").mean(),
        days=pl.col("date").unique(),
    )
    rows = [_entry(row) for row in grouped.sort("symbol", "period").iter_rows(named=True)]
    frame = pl.DataFrame(rows, schema={name: CATALOG.schema[name] for name in CATALOG.schema if name != "dataset"})
    return CATALOG.conform(frame.with_columns(dataset=pl.lit(dataset)))


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    days = set(row.pop("days"))
    sessions = _sessions(row["symbol"], row["first"], row["last"])
    return {**row, "missing": [] if len(sessions) == len(days) else [day for day in sessions if day not in days]} | {
        "hash": ""
    }


def cut(entries: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`CATALOG` rows of what is held up to a day, included; of an entry cut score, and minutes' rows, are null."""
    if day is None:
        return entries
    whole, within = (
        entries.filter(pl.col("last") <= day),
        entries.filter((pl.col("first") <= day) & (pl.col("last") > day)),
    )
    rows = [_cut(row, day) for row in within.iter_rows(named=True)]
    return pl.concat([whole, pl.DataFrame(rows, schema=entries.schema)]).sort("dataset", "symbol", "period")


def _cut(row: dict[str, Any], day: date) -> dict[str, Any]:
    holes = [hole for hole in row["missing"] if hole <= day]
    held = [one for one in _sessions(row["symbol"], row["first"], day) if one not in set(holes)]
    last = held[-1] if held else row["first"]
    return {
        **row,
        "last": last,
        "missing": [hole for hole in holes if hole < last],
        "rows": len(held) if row["dataset"] == "daily_bars" else None,
        "score": None,
    }


def spans(entries: pl.DataFrame) -> pl.DataFrame:
    """First and last session held of each symbol: symbol, first_session, last_session."""
    return (
        entries.filter(pl.col("dataset") == "daily_bars")
        .group_by("symbol")
        .agg(first_session=pl.col("first").min(), last_session=pl.col("last").max())
        .sort("symbol")
    )


def by_symbol(entries: pl.DataFrame) -> pl.DataFrame:
    """Per symbol: rows, first and last session, missing sessions within the periods held, and mean score."""
    return (
        entries.group_by("symbol")
        .agg(
            rows=pl.col("rows").sum(),
            first=pl.col("first").min(),
            last=pl.col("last").max(),
            missing=pl.col("missing").list.len().sum().cast(pl.Int64),
            score=(pl.col("score") * pl.col("rows")).sum() / pl.col("rows").sum(),
        )
        .sort("symbol")
    )


def groups(symbols: Sequence[str], size: int) -> list[list[str]]:
    """Symbols, so many at a time."""
    return [list(symbols[at : at + size]) for at in range(0, len(symbols), size)]


def _sessions(symbol: str, first: date, last: date) -> list[date]:
    return calendar_for(Symbol(symbol).asset_class).sessions(first, last + timedelta(days=1))
