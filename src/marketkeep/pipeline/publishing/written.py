"""
Writing what publishing came to: files of bars and actions, and the catalog's entries about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.model import CATALOG, AssetClass, Symbol
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Catalog, layout, records
from marketkeep.stores.lake.bar_files import put_bars

Spans = Mapping[str, tuple[date, date] | None]
"""By symbol the dates looked at anew, both included; None for all there are."""


@dataclass(slots=True)
class Published:
    """
    What publishing came to: catalog entries in place of those under `keys`, and the findings on what was looked at
    anew, by symbol in `spans`.

    Of one group also all bars (`rows`, sorted) of the symbols' years in which some may be others now; they are for the
    panel, and too many to be added up. Of minutes the `sessions` (symbol and date) do, for the panel reads these back.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    keys: set[tuple[str, str, int]] = field(default_factory=set)
    findings: list[pl.DataFrame] = field(default_factory=list)
    spans: dict[str, tuple[date, date] | None] = field(default_factory=dict)
    bars: int = 0
    years: set[tuple[str, int]] = field(default_factory=set)
    rows: pl.DataFrame = field(default_factory=records.no_ticks)
    sessions: pl.DataFrame | None = None

    def add(self, other: Published) -> None:
        """Take in what another group came to."""
        self.entries += other.entries
        self.keys |= other.keys
        self.findings += other.findings
        self.spans |= other.spans
        self.bars += other.bars


@dataclass(frozen=True, slots=True)
class Ready:
    """
    Symbols ready to be written: of each the years to write, and of all of them adjusted bars, sorted by symbol and
    date, and actions.

    In the years of `retold` some bars may be others as traded; the rest is written because factors are. Of the symbols
    in `within` nothing is other than it is published outside of these dates, both included.
    """

    years: Mapping[str, set[int]]
    retold: set[tuple[str, int]]
    within: Mapping[str, tuple[date, date]]
    bars: pl.DataFrame
    actions: pl.DataFrame


def write(work: Workspace, catalog: Catalog, ready: Ready, result: Published) -> None:
    """
    Write the years of each symbol from its bars (those of the years at least, with final scores) and its actions, over
    what `catalog` says is published.
    """
    write_bars(work, catalog, ready, result)
    _write_actions(work, ready, result)


def write_bars(work: Workspace, catalog: Catalog, ready: Ready, result: Published) -> None:
    """Write the years of each symbol alone; actions stay as they are."""
    years = [(symbol, year) for symbol, some in ready.years.items() for year in sorted(some)]
    chosen = _in_years(ready.bars, set(years)).select(records.TICK_COLUMNS)
    entries = _entries(chosen)
    result.bars += chosen.height
    result.years = ready.retold
    result.rows = chosen if ready.retold.issuperset(years) else _in_years(chosen, ready.retold)
    known = {key: digest for key, digest in _known(catalog, ready).items() if key in entries}
    hashes = put_bars(work.files, chosen, entries.keys(), known, ready.within)
    result.keys.update(("daily_bars", *key) for key in years)
    result.entries += [{**entry, "hash": hashes[key]} for key, entry in entries.items()]
    work.lake.drop(*(layout.ticks(*key) for key in years if key not in hashes))


def _known(catalog: Catalog, ready: Ready) -> dict[tuple[str, int], str]:
    """By symbol and year the hashes of the files of which a part may stay as it is."""
    mine = catalog.entries.filter((pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(list(ready.within)))
    known = mine.select("symbol", "period", "hash").iter_rows()
    return {(symbol, year): digest for symbol, year, digest in known if year in ready.years[symbol]}


def _in_years(bars: pl.DataFrame, years: set[tuple[str, int]]) -> pl.DataFrame:
    wanted = pl.DataFrame(sorted(years), schema={"symbol": pl.String, "year": pl.Int32}, orient="row")
    return bars.join(
        wanted,
        left_on=["symbol", pl.col("date").dt.year()],
        right_on=["symbol", "year"],
        how="semi",
        maintain_order="left",
    )


def _entries(bars: pl.DataFrame) -> dict[tuple[str, int], dict[str, Any]]:
    dated = bars.select("symbol", "date", "score", period=pl.col("date").dt.year())
    grouped = dated.group_by("symbol", "period").agg(
        rows=pl.len().cast(pl.Int64),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
        score=pl.col("score").mean(),
    )
    entries = {}
    lacking: list[tuple[str, int]] = []
    for row in grouped.iter_rows(named=True):
        key = row["symbol"], row["period"]
        entries[key] = {"dataset": "daily_bars", "missing": [], **row}
        # Most have a bar of every session: theirs are counted and not looked through.
        if len(_sessions(row["symbol"], row["first"], row["last"])) != row["rows"]:
            lacking.append(key)
    some = dated.filter(pl.col("symbol").is_in({symbol for symbol, _ in lacking}))
    found = _in_years(some, set(lacking)).group_by("symbol", "period").agg("date")
    for symbol, year, days in found.iter_rows():
        entry, there = entries[symbol, year], set(days)
        entry["missing"] = [day for day in _sessions(symbol, entry["first"], entry["last"]) if day not in there]
    return entries


def _sessions(symbol: str, first: date, last: date) -> Sequence[date]:
    return _between(Symbol(symbol).asset_class, first, last)


@lru_cache(maxsize=256)
def _between(asset_class: AssetClass, first: date, last: date) -> Sequence[date]:
    return calendar_for(asset_class).sessions(first, last + timedelta(days=1))


def _write_actions(work: Workspace, ready: Ready, result: Published) -> None:
    result.keys.update(("actions", symbol, 0) for symbol in ready.years)
    files = records.dump_actions(ready.actions)
    work.lake.drop(*(layout.actions(symbol) for symbol in sorted(ready.years.keys() - files.keys())))
    spans = ready.actions.group_by("symbol").agg(
        rows=pl.len().cast(pl.Int64), first=pl.col("ex_date").min(), last=pl.col("ex_date").max()
    )
    # To read them is cheaper than to write them, and most are as they were.
    keys = {layout.actions(symbol): data for symbol, data in files.items()}
    stale = {key for key, there in work.files.stream(list(keys)) if there != keys[key]}
    for row in spans.iter_rows(named=True):
        key = layout.actions(row["symbol"])
        digest = work.lake.put(key, keys[key]) if key in stale else hashlib.sha256(keys[key]).hexdigest()
        facts = {"dataset": "actions", "period": 0, "missing": [], "score": None, "hash": digest}
        result.entries.append({**row, **facts})


def entry_rows(entries: list[dict[str, Any]]) -> pl.DataFrame:
    """Catalog entries as rows of its table."""
    return CATALOG.conform(pl.DataFrame(entries, schema=CATALOG.schema)) if entries else CATALOG.empty()


def without(entries: pl.DataFrame, keys: set[tuple[str, str, int]]) -> pl.DataFrame:
    """Entries without those of some dataset, symbol and period each."""
    gone = pl.DataFrame(
        sorted(keys), schema={"dataset": pl.String, "symbol": pl.String, "period": pl.Int32}, orient="row"
    )
    return entries.join(gone, on=["dataset", "symbol", "period"], how="anti")
