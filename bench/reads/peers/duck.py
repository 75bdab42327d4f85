"""
DuckDB on plain Parquet: a file a year, sorted by symbol and date; answers are Arrow tables.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl

from reads.peers.shape import Stored, Ways, dense, seen

_SELECT = "select symbol, date, open, high, low, close, volume from"
_MINUTES = "select symbol, ts, open, high, low, close, volume from minutes"


class Peer(Stored):
    """One connection, the footers of files kept in memory; a thread has a cursor of its own."""

    def fill(self) -> None:
        """Write the files of each year and month."""
        every = pl.concat([pl.read_parquet(path) for path in self.daily]).sort("symbol", "date")
        for year in every["date"].dt.year().unique().sort():
            mine = every.filter(pl.col("date").dt.year() == year)
            mine.write_parquet(self.store / f"daily-{year}.parquet")
        names = {path: pl.scan_parquet(path).select(pl.col("date").first()).collect().item() for path in self.minutes}
        for month in sorted({(day.year, day.month) for day in names.values()}):
            mine = pl.concat(pl.read_parquet(path) for path, day in names.items() if (day.year, day.month) == month)
            mine.sort("symbol", "ts").write_parquet(self.store / f"minutes-{month[0]}{month[1]:02d}.parquet")
        figures = self.data / "figures.parquet"
        if figures.exists():
            pl.read_parquet(figures).write_parquet(self.store / "figures.parquet")

    def open(self) -> None:
        """Make the views."""
        self._base = duckdb.connect()
        self._base.execute("set parquet_metadata_cache = true")
        for view, pattern in (("bars", "daily-*"), ("minutes", "minutes-*"), ("figures", "figures")):
            if any(self.store.glob(f"{pattern}.parquet")):
                place = str(self.store / f"{pattern}.parquet").replace("'", "''")
                self._base.execute(f"create view {view} as select * from read_parquet('{place}')")  # noqa: S608
        self._days = self._values("select distinct date from bars order by date", "date")
        self._names = self._values("select distinct symbol from bars order by symbol", "symbol")

    def _values(self, query: str, column: str) -> Any:
        return self._base.sql(query).to_arrow_table()[column].to_numpy()

    def about(self) -> str:
        """Name and version."""
        return f"DuckDB {duckdb.__version__} on Parquet"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        span = f"{_SELECT} bars where date between $start::date and $end::date"
        return {
            "one": {"arrow": lambda symbol: self._ask(f"{_SELECT} bars where symbol = $symbol", symbol=symbol)},
            "some": {
                "arrow": lambda symbols, start, end: self._ask(
                    f"{span} and symbol in (select unnest($symbols))", symbols=symbols, start=start, end=end
                )
            },
            "field": {"arrow": self._field},
            "session": {"arrow": lambda start, end: self._ask(span, start=start, end=end)},
            "session_closes": {
                "arrow": lambda start, end: self._ask(
                    "select symbol, close from bars where date between $start::date and $end::date",
                    start=start,
                    end=end,
                )
            },
            "year": {"arrow": lambda start, end: self._ask(span, start=start, end=end)},
            "minute_one": {"arrow": self._minutes},
            "minute_some": {"arrow": self._minutes},
            "figures": {"arrow": self._figures},
        }

    def _ask(self, query: str, **values: Any) -> Any:
        return self._base.cursor().execute(query, values).to_arrow_table()

    def _minutes(self, symbols: list[str], start: str, end: str) -> Any:
        query = f"{_MINUTES} where date between $start::date and $end::date and symbol in (select unnest($symbols))"
        return self._ask(query, symbols=symbols, start=start, end=end)

    def _figures(self, symbols: list[str], metrics: list[str], as_of: str) -> Any:
        query = (
            "select * from figures where available_at < $as_of::timestamptz and metric in (select unnest($metrics)) "
            "and symbol in (select unnest($symbols)) qualify row_number() over "
            "(partition by symbol, metric, period, period_end order by available_at, accession) = 1"
        )
        return self._ask(query, symbols=symbols, metrics=metrics, as_of=as_of)

    def _field(self, field: str) -> Any:
        got = self._ask(f"select symbol, date, {field} from bars")  # noqa: S608  a field of ours
        symbols = got["symbol"].combine_chunks().dictionary_encode()
        places = np.searchsorted(self._names.astype(str), symbols.dictionary.to_numpy(zero_copy_only=False).astype(str))
        columns = places[symbols.indices.to_numpy()]
        rows = np.searchsorted(self._days, got["date"].to_numpy())
        return dense(self._days, rows, columns, got[field].to_numpy(), len(self._names))

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes."""
        if task == "figures":
            return seen(got["value"].to_numpy())
        return seen(got if isinstance(got, np.ndarray) else got["close"].to_numpy())
