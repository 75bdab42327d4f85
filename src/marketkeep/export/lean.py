"""
Writing a LEAN data folder: daily bars, factor files and map files of equities, as LEAN reads them from its own disk.

LEAN finds a security by the map file that has its ticker of a day, reads its bars of that day from the zip of that
ticker, and its factors from the file that is called as the map file is. So bars lie in a zip per ticker of their day,
which holds one security behind the other where a ticker was reused (WM was a bank's until 2008); factor and map file
are called by the last ticker, those of a former holder as it is published (`reus~2015`).

Bars go out as traded; LEAN applies the factor file itself. What LEAN's form cannot hold is not made up: prices are
rounded to its ten thousandths and volumes to whole shares, a bar without open, high or low is left out, and an unknown
volume becomes 0, because the field must hold a number. Intraday bars, quotes and other asset classes are not written.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput
from marketkeep.files import write_atomic
from marketkeep.model import Symbol
from marketkeep.query import Keep

_SCALE = 10_000
LEAN_FOLDER = Path("equity", "usa")
_OPEN_END = "20501231"
# The oldest time a zip can hold: the same bars give the same bytes, whenever they are written.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class _Step(NamedTuple):
    """One ex-date: what closes before it are multiplied by."""

    ex_date: date
    price: float
    split: Fraction


def write_lean(keep: Keep, symbols: str | Iterable[str], folder: Path) -> list[Path]:
    """
    Write zips, factor file and map file of each security under `folder`/equity/usa; returns the files written.

    `symbols` are tickers of any day, as `Keep.bars` takes them. A zip of a reused ticker is written with the bars of
    those of its holders that are named here. Raises `BadInput` for what is no equity, `NotFound` for a symbol without
    bars and `AmbiguousSymbol`; then nothing was written.
    """
    names = list(dict.fromkeys([symbols] if isinstance(symbols, str) else symbols))
    if other := [one for one in names if Symbol.parse(one.partition("~")[0]).asset_class != "equity"]:
        raise BadInput(f"{', '.join(other)}: this LEAN folder holds equities only; leave out what is not one.")
    every, history, actions = keep.bars(names).polars(), keep.ticker_history(), keep.actions(names)
    files = lean_files(every, history, actions)
    for path, body in files.items():
        write_atomic(folder / path, body)
    return [folder / path for path in files]


def lean_files(
    every: pl.DataFrame,
    history: pl.DataFrame,
    actions: pl.DataFrame,
    start: date | None = None,
    end: date | None = None,
) -> dict[Path, bytes]:
    """
    Zips, factor files and map files of the symbols of these bars (all of them, as traded), by path.

    The zips have the sessions from `start` through `end`; factor and map file are of all bars.
    """
    traded: list[pl.DataFrame] = []
    files: dict[Path, bytes] = {}
    for text in every["symbol"].unique(maintain_order=True):
        symbol, mine = Symbol(text), pl.col("symbol") == text
        bars = every.filter(mine)
        told = told_of(history, symbol, first_of(bars))
        tickers = tickers_of(symbol, told)
        traded.append(by_ticker(bars, tickers))
        files |= {_zip(ticker): b"" for _, ticker in tickers if _zip(ticker) not in files}
        files |= facts(symbol, bars, told, actions.filter(mine))
    whole = pl.concat(traded)
    if start is not None:
        whole = whole.filter(pl.col("date") >= start)
    if end is not None:
        whole = whole.filter(pl.col("date") <= end)
    for bars in whole.partition_by("symbol"):
        files[_zip(_only_symbol(bars).text)] = daily_zip(bars.sort("date"))
    # Under a ticker that it had before its first bar there is nothing to write.
    return {path: body for path, body in files.items() if body}


def facts(symbol: Symbol, bars: pl.DataFrame, told: pl.DataFrame, actions: pl.DataFrame) -> dict[Path, bytes]:
    """Factor file and map file of a symbol, by path, from all its bars, its ticker history and its actions."""
    name = f"{symbol.folder.lower()}.csv"
    return {
        LEAN_FOLDER / "factor_files" / name: factor_file(bars, actions).encode(),
        LEAN_FOLDER / "map_files" / name: map_file(symbol, first_of(bars), told).encode(),
    }


def told_of(history: pl.DataFrame, symbol: Symbol, first: date) -> pl.DataFrame:
    """
    The ticker history of a symbol behind its first bar.

    What happened before that is another holder's of a reused ticker, or has no line to stand on.
    """
    return history.filter(pl.col("symbol") == symbol.text, pl.col("effective_date") > first)


def daily_zip(bars: pl.DataFrame) -> bytes:
    """Bars as traded of one ticker (their `symbol`; sorted by date) as LEAN's daily zip of one file `<ticker>.csv`."""
    whole = bars.drop_nulls(["open", "high", "low", "close"])
    lines = whole.select(pl.concat_str(pl.col("date").dt.strftime("%Y%m%d 00:00"), *fields(), separator=","))
    inside = zipfile.ZipInfo(f"{_only_symbol(bars).folder.lower()}.csv", ZIP_TIME)
    inside.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(inside, "\n".join(lines.to_series()))
    return buffer.getvalue()


def fields() -> list[pl.Expr]:
    """Prices and volume of a bar as LEAN writes them: ten thousandths, whole shares."""
    prices = ((pl.col(name) * _SCALE).round().cast(pl.Int64) for name in ("open", "high", "low", "close"))
    return [*prices, pl.col("volume").fill_null(0).round().cast(pl.Int64)]


def factor_file(bars: pl.DataFrame, actions: pl.DataFrame) -> str:
    """
    LEAN's factor file of one symbol, from its bars as traded (sorted by date) and its actions with their factors.

    A line's factors hold up to and on its date, the last session before an ex-date; beside them stands the close of
    the last bar by then. Actions that are not applied are left out.
    """
    price, split = 1.0, Fraction(1)
    lines = [f"{_OPEN_END},1,1,0"]
    for step in reversed(_steps(actions)):
        price, split = price * step.price, split * step.split
        before = bars.filter(pl.col("date") < step.ex_date)
        if before.is_empty():
            raise BadInput(f"{_only_symbol(bars)}: no bar before its action of {step.ex_date}; hand in all bars.")
        session = XNYS.previous_session(step.ex_date)
        lines.append(f"{session:%Y%m%d},{_factors(price, split)},{_plain(round(before['close'][-1], 4))}")
    lines.append(f"{first_of(bars):%Y%m%d},{_factors(price, split)},1")
    return "\n".join(reversed(lines))


def map_file(symbol: Symbol, first: date, history: pl.DataFrame | None = None) -> str:
    """
    LEAN's map file of a security: the last session of each ticker it had, from its `first` session on.

    `history` are its `TICKER_HISTORY` rows, where any are known; a delisting among them ends the file.
    """
    told = tickers_of(symbol, history)
    lines = [(first, told[0][1]), *told]
    return "\n".join(f"{f'{day:%Y%m%d}' if day else _OPEN_END},{Symbol(name).alias('lean')}" for day, name in lines)


def _zip(ticker: str) -> Path:
    return LEAN_FOLDER / "daily" / f"{Symbol(ticker).folder.lower()}.zip"


def tickers_of(symbol: Symbol, history: pl.DataFrame | None) -> list[tuple[date | None, str]]:
    """The tickers of a security in order, each with its last session; None where it has it still."""
    found: list[tuple[date | None, str]] = []
    ticker: str | None = symbol.ticker
    for old, new, day in (
        []
        if history is None
        else history.sort("effective_date").select("old_symbol", "new_symbol", "effective_date").iter_rows()
    ):
        found.append((XNYS.previous_session(day), old))
        ticker = new
    return found if ticker is None else [*found, (None, ticker)]


def by_ticker(bars: pl.DataFrame, tickers: list[tuple[date | None, str]]) -> pl.DataFrame:
    """Bars of a security with its ticker of the day as `symbol`; what lies behind its end is the last one's."""
    ticker = pl.lit(tickers[-1][1])
    for last, earlier in reversed(tickers[:-1]):
        ticker = pl.when(pl.col("date") <= last).then(pl.lit(earlier)).otherwise(ticker)
    return bars.with_columns(symbol=ticker)


def _steps(actions: pl.DataFrame) -> list[_Step]:
    applied = actions.filter(pl.col("adjustment_factor").is_not_null()).sort("ex_date", "kind")
    return list(_combined(applied))


def _combined(applied: pl.DataFrame) -> Iterator[_Step]:
    """The actions of each ex-date as one step, because a factor file has one line for them."""
    for ex_date, rows in groupby(applied.iter_rows(named=True), key=lambda row: row["ex_date"]):
        price, split = 1.0, Fraction(1)
        for row in rows:
            if row["kind"] == "split":
                split *= Fraction(row["denominator"], row["numerator"])
            else:
                price *= row["adjustment_factor"]
        yield _Step(ex_date, price, split)


def _factors(price: float, split: Fraction) -> str:
    """Seven places for dividends and eight for splits, as LEAN writes them; an exact decimal as it is."""
    exact = (split * 10**8).denominator == 1
    return f"{'1' if price == 1 else f'{price:.7f}'},{_plain(float(split)) if exact else f'{float(split):.8f}'}"


def _plain(value: float) -> str:
    return f"{value:.8f}".rstrip("0").rstrip(".")


def first_of(bars: pl.DataFrame) -> date:
    """The first session of bars. Raises `BadInput` without any."""
    first = bars["date"].min()
    if not isinstance(first, date):
        raise BadInput("there are no bars to write; hand in at least one.")
    return first


def _only_symbol(bars: pl.DataFrame) -> Symbol:
    symbols = bars["symbol"].unique().to_list()
    if len(symbols) != 1:
        raise BadInput(f"a LEAN file holds one symbol; these bars have {len(symbols)}.")
    return Symbol(symbols[0])
