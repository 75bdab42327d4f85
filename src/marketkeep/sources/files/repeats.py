"""
The same symbol and date twice in a file of daily bars.

A row that says the same again is left out; two that differ are no daily bars, and the file is refused. Seen are rows
of one block, and the last row of each symbol from the blocks before: what stands far apart in a large file is left
to the keys of the raw tables.
"""

from __future__ import annotations

import polars as pl

from marketkeep.sources.files.cells import BadCell
from marketkeep.sources.files.dates import INTRADAY

_DAYS = 1 << 20


class Repeats:
    """Watches the rows of one file, block after block; a block has `row`, `symbol`, `date` and values."""

    def __init__(self) -> None:
        self._last: pl.DataFrame | None = None

    def removed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The block without rows that were there already; raises `BadCell` where one differs."""
        if rows.is_empty():
            return rows
        before = 0 if self._last is None else self._last.height
        seen = rows if self._last is None else pl.concat([self._last, rows])
        keys = _keys(seen)
        if keys.n_unique() < seen.height:
            seen = _without_equal(seen)
            _expect_no_other(seen, rows.height)
            rows = seen.slice(before)
        self._last = _last_of_each(rows if self._last is None else pl.concat([self._last, rows]))
        return rows


def _keys(rows: pl.DataFrame) -> pl.Series:
    """One whole number for symbol and date, much faster to compare than the pair."""
    symbol = rows["symbol"].cast(pl.Categorical).to_physical().cast(pl.Int64)
    return symbol * _DAYS + rows["date"].cast(pl.Int32) + _DAYS // 2


def _without_equal(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.unique([column for column in rows.columns if column != "row"], keep="first", maintain_order=True)


def _expect_no_other(seen: pl.DataFrame, height: int) -> None:
    again = ~seen.select(pl.struct("symbol", "date").is_first_distinct()).to_series()
    if not again.any():
        return
    at = int(again.arg_max() or 0)
    symbol, day, row = seen["symbol"][at], seen["date"][at], seen["row"][at]
    if int(again.sum()) * 2 > height:
        raise BadCell(row, "date", INTRADAY)
    raise BadCell(row, "date", f"a second, different row for {symbol} on {day}")


def _last_of_each(rows: pl.DataFrame) -> pl.DataFrame:
    single = rows["symbol"].n_unique() == 1
    return rows.tail(1) if single else rows.unique("symbol", keep="last", maintain_order=True)
