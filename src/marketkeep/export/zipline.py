"""
A csvdir bundle of zipline: `daily/<symbol>.csv`, and an `extension.py` that registers it.

Bars are as traded; zipline applies splits and dividends itself, from the columns `split` (new shares for one old one)
and `dividend` (cash per share held before the ex-date, all payments of the day together) of the ex-date's row. A row
per session from the first bar to the last is what zipline takes; it reads 0 as "no trade", so that is what a session
without a bar has, and an open, high or low that is not known.

What the form cannot hold: zipline keeps thousandths of a price and whole shares below 2^32; nothing before 1990; an
unknown volume is 0; cash whose session before has no bar is paid but not taken out of earlier prices. A dot in a file
name hides a symbol from zipline's reader: BRK.B is written BRK-B, which zipline finds as BRKB, BRK.B and BRK-B alike.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput
from marketkeep.export.wanted import Reader

_FIRST = date(1990, 1, 1)
_MOST = 2**32 - 1
_PRICES = ("open", "high", "low", "close")
_COLUMNS = ("date", *_PRICES, "volume", "dividend", "split")
_EXTENSION = '''"""
Copy this file to ~/.zipline/extension.py (or add its lines to yours), set the path, and run:

    zipline ingest -b marketkeep
"""

from zipline.data.bundles import register
from zipline.data.bundles.csvdir import csvdir_equities

register("marketkeep", csvdir_equities(["daily"], "/path/of/this/folder"), calendar_name="NYSE")
'''


def write_zipline(reader: Reader, folder: Path) -> int:
    """Write a file per symbol and extension.py; how many bars."""
    _check_first(reader)
    (folder / "daily").mkdir()
    told = _Told()
    bars = 0
    for group in reader.pieces():
        found, actions = reader.bars(group), reader.actions(group)
        bars += found.height
        for (symbol,), mine in found.partition_by("symbol", as_dict=True, maintain_order=True).items():
            rows = daily_rows(mine, actions.filter(pl.col("symbol") == symbol))
            _check_prices(str(symbol), mine)
            told.look(mine, rows)
            rows.select(_COLUMNS).write_csv(folder / "daily" / f"{file_name(str(symbol))}.csv")
    (folder / "extension.py").write_text(_EXTENSION, encoding="ascii")
    told.tell(reader)
    return bars


def file_name(symbol: str) -> str:
    """How zipline calls a symbol: no dot, behind which its reader takes all for the form of the file."""
    return symbol.replace(".", "-")


def daily_rows(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """
    The rows of one symbol's file, from its bars as traded (sorted by date) and its actions with their factors: a row
    per session. Actions on or before the first bar, behind the last, or not applied are left out.
    """
    first, last = bars["date"][0], bars["date"][-1]
    sessions = pl.DataFrame({"date": [*XNYS.sessions(first, last), last]})
    whole = sessions.join(bars.select("date", *_PRICES, "volume"), on="date", how="left", maintain_order="left")
    events = (
        actions.filter(pl.col("adjustment_factor").is_not_null(), pl.col("ex_date") > first, pl.col("ex_date") <= last)
        .sort("ex_date")
        .join_asof(sessions.with_columns(session="date"), left_on="ex_date", right_on="date", strategy="forward")
    )
    is_split = pl.col("kind") == "split"
    ratio = pl.when(is_split).then(pl.col("numerator") / pl.col("denominator")).otherwise(1.0).product()
    factor = pl.when(is_split).then(1.0).otherwise("adjustment_factor").product()
    amount = pl.when(is_split).then(0.0).otherwise("amount").sum()
    unknown = (~is_split & pl.col("amount").is_null()).any()
    days = events.group_by("session").agg(split=ratio, factor=factor, amount=amount, unknown=unknown)
    before = pl.col("close").forward_fill().shift()
    told = whole.join(days, left_on="date", right_on="session", how="left", maintain_order="left").with_columns(
        pl.col("split").fill_null(1.0), before=before
    )
    # What a payment takes out of the price, in shares of the day before; as it was told where that is the same.
    taken = (1 - pl.col("factor")) * pl.col("before")
    told_cash = pl.col("amount") * pl.col("split")
    same = ~pl.col("unknown") & ((told_cash - taken).abs() <= 1e-9 * pl.col("before"))
    return told.with_columns(
        *(pl.col(name).fill_null(0.0) for name in (*_PRICES, "volume")),
        dividend=pl.when(same)
        .then(told_cash)
        .otherwise(pl.when(pl.col("factor") == 1).then(0.0).otherwise(taken))
        .fill_null(0.0),
    )


class _Told:
    """Counts what zipline does not hold as it is."""

    def __init__(self) -> None:
        self.holes = self.partial = self.volumes = self.large = self.fine = self.unpaid = 0

    def look(self, bars: pl.DataFrame, rows: pl.DataFrame) -> None:
        """Count one symbol's."""
        self.holes += rows.height - bars.height
        self.partial += bars.filter(pl.any_horizontal(pl.col("open", "high", "low").is_null())).height
        self.volumes += bars["volume"].null_count()
        self.large += bars.filter(pl.col("volume") > _MOST).height
        thousandths = [(pl.col(name) * 1000 - (pl.col(name) * 1000).round()).abs() > 1e-6 for name in _PRICES]
        self.fine += bars.filter(pl.any_horizontal(thousandths)).height
        self.unpaid += rows.filter((pl.col("dividend") != 0) & (pl.col("close").shift() == 0)).height

    def tell(self, reader: Reader) -> None:
        """Put it into the notes."""
        reader.note(self.holes, "rows of zeros, which zipline reads as no trade, for sessions without a bar")
        reader.note(
            self.partial, "bars with 0, which zipline reads as no trade, for an open, high or low that is not known"
        )
        reader.note(self.volumes, "unknown volumes written as 0")
        reader.note(self.large, "volumes of 2^32 or more, which will be 0 in zipline")
        reader.note(self.fine, "bars with prices that zipline will round to thousandths")
        reader.note(
            self.unpaid,
            "payments that zipline will not take out of earlier prices, for want of a bar the session before",
        )


def _check_first(reader: Reader) -> None:
    early = reader.spans.filter(pl.col("first") < _FIRST)
    if not early.is_empty():
        symbol, first, _ = early.row(0)
        raise BadInput(f"zipline's calendar begins with 1990; {symbol} has bars since {first}; export from a later day")


def _check_prices(symbol: str, bars: pl.DataFrame) -> None:
    high = bars.filter(pl.max_horizontal(_PRICES) * 1000 > _MOST)
    if not high.is_empty():
        day = high["date"][0]
        raise BadInput(f"{symbol} traded above {_MOST / 1000:,.0f} on {day}: zipline cannot hold it; leave it out")
