"""
The keep's tables as SQL sees them: their columns, and where the rows of each that a query names come from.

Bars, factors and figures come from the panel's Parquet, read by DuckDB itself, bars of the years or months that the
query can need; where there is no panel, and for everything else, from the published files.
"""

# Every statement is put together of names and paths of ours; what a user writes is run as it is.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, cast

import polars as pl

from marketkeep.model import (
    ACTIONS,
    ASKED,
    BATCHES,
    CATALOG,
    DAILY_BARS,
    FACTORS,
    FINDINGS,
    FUNDAMENTALS,
    INDEX_MEMBERS,
    MINUTE_BARS,
    SECURITIES,
    TICKER_HISTORY,
    TICKERS,
    TREASURY_YIELDS,
)
from marketkeep.model.tables import Dtype
from marketkeep.query.sql_sketch import Asked
from marketkeep.stores.lake import Catalog, Lake, minutes, records, touching
from marketkeep.stores.lake.fundamentals import read_fundamentals
from marketkeep.stores.lake.reference import index_members, treasury_yields

if TYPE_CHECKING:
    import duckdb

Read = Callable[[str, Asked], pl.DataFrame]
"""Reads a table by name as far as it is asked for; of daily bars those as traded."""
_FACTORS = ("split_factor", "dividend_factor")
_STEPS, _STEPS_FROM = "_steps", "_steps_from"
_TRADED = [name for name in records.TICK_COLUMNS if name != "adj_close"]
_BARS = {name: DAILY_BARS.schema[name] for name in (*records.TICK_COLUMNS, *_FACTORS)}
_MINUTES = {name: dtype for name, dtype in MINUTE_BARS.schema.items() if name != "batch_id"}
_COVERAGE: dict[str, Dtype] = {
    "dataset": pl.String,
    "symbol": pl.String,
    "rows": pl.Int64,
    "first": pl.Date,
    "last": pl.Date,
    "missing": pl.Int64,
    "score": pl.Float64,
}
TABLES: dict[str, dict[str, Dtype]] = {
    "daily_bars": _BARS,
    "minute_bars": _MINUTES,
    "coverage": _COVERAGE,
    **{
        table.name: table.schema
        for table in (
            ACTIONS,
            FACTORS,
            FUNDAMENTALS,
            SECURITIES,
            TICKER_HISTORY,
            TICKERS,
            INDEX_MEMBERS,
            TREASURY_YIELDS,
            FINDINGS,
            CATALOG,
            BATCHES,
            ASKED,
        )
    },
}
"""Columns by table: those of the data dictionary, daily bars with their factors, and what is held by symbol."""


@dataclass(frozen=True, slots=True)
class Supply:
    """
    What a query needs: `files` on this machine that it may read, `frames` by the name they are given, and the
    statements that make the `views`.
    """

    files: list[str]
    frames: dict[str, pl.DataFrame]
    views: list[str]

    def into(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give it to a connection, which reads these files alone and no setting of which can be changed any more."""
        for name, frame in self.frames.items():
            connection.register(name, frame.to_arrow())
        allowed = ", ".join(_text(path) for path in self.files)
        connection.execute(f"set allowed_paths=[{allowed}]")
        connection.execute("set enable_external_access=false")
        connection.execute("set lock_configuration=true")
        connection.execute(";".join(self.views))


def supply(lake: Lake, catalog: Catalog, asked: dict[str, Asked], frame: Read | None = None) -> Supply:
    """
    What the tables that a query names are made of, as far as it asks for them: of now, or all of what `frame` reads.
    """
    panels = catalog.panels if frame is None else catalog.panels.clear()
    made = _Making(lake, panels, frame or Now(lake, catalog).frame, Supply([], {}, []))
    for name, one in asked.items():
        made.table(name, one)
    return made.found


@dataclass(frozen=True, slots=True)
class _Making:
    """Puts together what a query needs: files of the panel where there are some, frames of `read` otherwise."""

    lake: Lake
    panels: pl.DataFrame
    read: Read
    found: Supply

    def table(self, name: str, asked: Asked) -> None:
        """Make one of the tables."""
        if name == "daily_bars":
            rows = self._daily(asked)
        elif name in ("minute_bars", "factors", "fundamentals"):
            rows = f"select {', '.join(TABLES[name])} from {self._rows(name, asked)}"
        else:
            rows = f"select * from {self._frame(name, asked, list(TABLES[name]))}"
        self.found.views.extend([f"drop table {name}", f"create view {name} as {rows}"])

    def _daily(self, asked: Asked) -> str:
        rows = self._rows("daily_bars", asked)
        if asked.needs("adj_close", *_FACTORS):
            split, dividend = (f"coalesce(f.{name}, 1.0)" for name in _FACTORS)
            told = {"adj_close": f"b.close * {split} * {dividend}", "split_factor": split, "dividend_factor": dividend}
            self._steps(asked)
            within = "b.symbol = f.symbol and year(b.date) = f.year and b.date >= f.since and b.date < f.until"
            joined = f"{rows} b left join {_STEPS} f on {within}"
        else:
            told, joined = dict.fromkeys(("adj_close", *_FACTORS), "null::double"), f"{rows} b"
        columns = (f"{told[name]} as {name}" if name in told else f"b.{name}" for name in _BARS)
        return f"select {', '.join(columns)} from {joined}"

    def _steps(self, asked: Asked) -> None:
        """
        Make the table of the factors of bars: a row for each step of a symbol's factors and year that it holds in.

        A bar has the factors of the first step of its symbol behind it; behind the last one they are 1. Looked up by
        symbol and year, where a handful of steps is left to look at, that takes a fifth of the time of an ASOF join.
        """
        first, last = self._span(asked)
        where = [f"until > date '{first}'"]
        if asked.symbols is not None:
            where.append(f"symbol in ({', '.join(map(_text, sorted(asked.symbols))) or 'null'})")
        rows = self._rows("factors", Asked(symbols=asked.symbols), _STEPS_FROM)
        before = "lag(until) over (partition by symbol order by until)"
        steps = f"select *, coalesce({before}, date '0001-01-01') as since from {rows} where {' and '.join(where)}"
        years = f"range(greatest(year(since), {first.year}), least(year(until - 1), {last.year}) + 1)"
        self.found.views.append(f"create table {_STEPS} as select *, unnest({years}) as year from ({steps})")

    def _span(self, asked: Asked) -> tuple[date, date]:
        """The days that bars asked for may be of; of none the last day there is and the first."""
        frame = self.found.frames.get("_daily_bars")
        parts = self.panels.filter(pl.col("dataset") == "daily_bars")
        days = pl.concat([parts["first"], parts["last"]]) if frame is None else frame["date"]
        if days.is_empty():
            return date.max, date.min
        begin, end = cast("date", days.min()), cast("date", days.max())
        return max(begin, asked.first or begin), min(end, asked.last or end)

    def _rows(self, dataset: str, asked: Asked, name: str = "") -> str:
        """Where the rows of a dataset of the panel come from, as SQL; a frame of them has the name given to it."""
        parts = self.panels.filter(pl.col("dataset") == dataset)
        if parts.is_empty():
            columns = _TRADED if dataset == "daily_bars" else list(TABLES[dataset])
            return self._frame(dataset, asked, columns, name)
        wanted = touching(parts, asked.first, asked.last)
        # Some part is needed for its columns, if for no row.
        wanted = (parts.head(1) if wanted.is_empty() else wanted).sort("period")
        # In a bucket they are fetched, but for those already here by their hash.
        versions = dict(wanted.select("key", "hash").iter_rows())
        paths = [str(path) for path in self.lake.files.local(list(versions), versions)]
        self.found.files.extend(paths)
        return f"read_parquet([{', '.join(_text(path) for path in paths)}], hive_partitioning=false)"

    def _frame(self, table: str, asked: Asked, columns: list[str], name: str = "") -> str:
        known = name or f"_{table}"
        self.found.frames[known] = self.read(table, asked).select(columns)
        return known


@dataclass(frozen=True, slots=True)
class Now:
    """The tables of a keep as they are published."""

    lake: Lake
    catalog: Catalog

    def frame(self, name: str, asked: Asked) -> pl.DataFrame:
        """The rows of a table as far as they are asked for; of daily bars those as traded."""
        lake, catalog, version = self.lake, self.catalog, self.catalog.version
        readers: dict[str, Callable[[], pl.DataFrame]] = {
            "daily_bars": lambda: lake.bars(catalog, self._symbols(name, asked), asked.first, asked.last),
            "minute_bars": lambda: minutes.read_minutes(
                lake.files, catalog, self._symbols(name, asked), asked.first, asked.last
            ),
            "factors": lambda: self._factors(asked),
            "actions": lambda: lake.actions(self._symbols(name, asked), catalog),
            # Where there is a panel they lie ready, and so do factors.
            "fundamentals": lambda: read_fundamentals(lake.files, catalog, self._symbols(name, asked)),
            "securities": lambda: lake.securities(version),
            "ticker_history": lambda: lake.ticker_history(version),
            "tickers": lambda: catalog.tickers,
            "index_members": lambda: index_members(lake, version),
            "treasury_yields": lambda: treasury_yields(lake, version),
            "findings": lambda: lake.findings(version),
            "coverage": lambda: pl.concat(self._coverage()),
            "catalog": lambda: catalog.entries,
            "batches": lambda: catalog.batches,
            "asked": lambda: catalog.asked,
        }
        return readers[name]()

    def _factors(self, asked: Asked) -> pl.DataFrame:
        from marketkeep.gold import factor_steps  # noqa: PLC0415

        return factor_steps(self.frame("actions", asked))

    def _symbols(self, dataset: str, asked: Asked) -> list[str]:
        held = set(self.catalog.entries.filter(pl.col("dataset") == dataset)["symbol"])
        return sorted(held if asked.symbols is None else held & asked.symbols)

    def _coverage(self) -> Iterator[pl.DataFrame]:
        # The checks are imported for this table alone.
        from marketkeep.checks.coverage import bridged  # noqa: PLC0415
        from marketkeep.query.holdings import by_symbol  # noqa: PLC0415

        for dataset in ("daily_bars", minutes.DATASET):
            entries = self.catalog.entries.filter(pl.col("dataset") == dataset)
            yield by_symbol(bridged(entries)).with_columns(dataset=pl.lit(dataset))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
