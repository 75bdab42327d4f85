"""
A whole LEAN data folder, group by group: daily bars, or minute bars as LEAN's zip per ticker and session.

Daily bars, factor files and map files are those of `lean`. A minute bar has the milliseconds of its start since
midnight in New York; pre- and post-market minutes are among them, as in LEAN's own data. LEAN needs daily bars too for
most of what it does: export both into folders of their own and copy them together.

What the form cannot hold beyond what `lean` says: vwap and trade counts of minutes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.export.lean import (
    LEAN_FOLDER,
    ZIP_TIME,
    by_ticker,
    facts,
    fields,
    first_of,
    lean_files,
    tickers_of,
    told_of,
)
from marketkeep.export.wanted import PIECE, Reader
from marketkeep.files import write_atomic
from marketkeep.model import Symbol

_PRICES = ("open", "high", "low", "close")


def write_lean(reader: Reader, folder: Path) -> int:
    """Write the folder; how many bars."""
    history = reader.keep.ticker_history(**reader.wanted.clocks)
    write = _write_minutes if reader.wanted.minute else _write_days
    told = _Told()
    for group in reader.pieces(_sharing(reader.symbols, history)):
        write(reader, folder, group, history, told)
    told.tell(reader)
    return told.bars


class _Told:
    """Counts what LEAN does not hold as it is."""

    def __init__(self) -> None:
        self.bars = self.left_out = self.volumes = self.fine = self.parts = 0

    def look(self, bars: pl.DataFrame) -> None:
        """Count bars that go out."""
        whole = bars.drop_nulls(_PRICES)
        scaled = [pl.col(name) * 10_000 for name in _PRICES]
        self.bars += whole.height
        self.left_out += bars.height - whole.height
        self.volumes += whole["volume"].null_count()
        self.fine += whole.filter(pl.any_horizontal((one - one.round()).abs() > 1e-5 for one in scaled)).height
        self.parts += whole.filter(pl.col("volume") != pl.col("volume").round()).height

    def tell(self, reader: Reader) -> None:
        """Put it into the notes."""
        reader.note(self.left_out, "bars left out, because open, high or low is unknown")
        reader.note(self.volumes, "unknown volumes written as 0")
        reader.note(self.fine, "bars with prices rounded to ten thousandths")
        reader.note(self.parts, "volumes rounded to whole shares")


def _write_days(reader: Reader, folder: Path, group: Sequence[str], history: pl.DataFrame, told: _Told) -> None:
    every = reader.bars(group, whole=True)
    start, end = reader.wanted.range
    for path, body in lean_files(every, history, reader.actions(group), start, end).items():
        write_atomic(folder / path, body)
    told.look(every.filter(*_within(reader)))


def _write_minutes(reader: Reader, folder: Path, group: Sequence[str], history: pl.DataFrame, told: _Told) -> None:
    actions = reader.actions(group)
    for text in group:
        symbol = Symbol(text)
        first = None
        for month in reader.minutes(text):
            first = first or first_of(month)
            # Its tickers by all that was told of it: which of them are its own is a matter of the first day.
            traded = by_ticker(month, tickers_of(symbol, told_of(history, symbol, first)))
            for day in traded.partition_by("symbol", "date"):
                _write_session(folder, day)
            told.look(month)
        days = _days(reader, text)
        if not days.is_empty():
            mine = actions.filter(pl.col("symbol") == text)
            for path, body in facts(symbol, days, told_of(history, symbol, first_of(days)), mine).items():
                write_atomic(folder / path, body)


def _days(reader: Reader, symbol: str) -> pl.DataFrame:
    """Daily bars of a symbol, on which factors rest; none where only its minutes are held."""
    try:
        return reader.bars([symbol], whole=True)
    except NotFound:
        return pl.DataFrame()


def _write_session(folder: Path, bars: pl.DataFrame) -> None:
    ticker, day = Symbol(bars["symbol"][0]).folder.lower(), f"{bars['date'][0]:%Y%m%d}"
    clock = pl.col("ts").dt.convert_time_zone("America/New_York")
    since = (clock.dt.hour().cast(pl.Int64) * 60 + clock.dt.minute()) * 60_000
    lines = bars.drop_nulls(_PRICES).select(pl.concat_str(since, *fields(), separator=","))
    inside = zipfile.ZipInfo(f"{day}_{ticker}_minute_trade.csv", ZIP_TIME)
    inside.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(inside, "\n".join(lines.to_series()))
    write_atomic(folder / LEAN_FOLDER / "minute" / ticker / f"{day}_trade.zip", buffer.getvalue())


def _within(reader: Reader) -> Iterator[Any]:
    start, end = reader.wanted.range
    yield pl.lit(value=True)
    if start is not None:
        yield pl.col("date") >= start
    if end is not None:
        yield pl.col("date") <= end


def _sharing(symbols: list[str], history: pl.DataFrame) -> list[list[str]]:
    """The symbols in groups: those that ever had one ticker are in one group, because they share its zip."""
    home: dict[str, str] = {}

    def root(name: str) -> str:
        while home.setdefault(name, name) != name:
            name = home[name]
        return name

    for symbol, old, new in history.select("symbol", "old_symbol", "new_symbol").iter_rows():
        for ticker in (old, new):
            if ticker is not None:
                home[root(f"ticker {ticker}")] = root(symbol)
    for symbol in symbols:
        home[root(f"ticker {Symbol(symbol).ticker}")] = root(symbol)
    together: dict[str, list[str]] = {}
    for symbol in symbols:
        together.setdefault(root(symbol), []).append(symbol)
    groups: list[list[str]] = [[]]
    for kin in together.values():
        if len(groups[-1]) + len(kin) > PIECE and groups[-1]:
            groups.append([])
        groups[-1] += kin
    return groups
