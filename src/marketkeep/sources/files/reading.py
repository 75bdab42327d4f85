"""
Reading a recognised file into raw rows, block by block, changing no value's meaning.

A file is read whole or refused at the first cell that is not what its column holds, with its line. Rows without any
price are left out and counted. Prices that are not as traded need to know up to when splits are applied: unless the
form says so, that is the last date in the whole file, found in a pass over the dates alone before the first row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import polars as pl

from marketkeep.errors import BadFile
from marketkeep.model import RAW_TABLES, Frames
from marketkeep.sources.files import dates, lean
from marketkeep.sources.files.blocks import blocks, line_of
from marketkeep.sources.files.cells import BadCell, numbers
from marketkeep.sources.files.events import IN_COLUMNS, actions_frame, actions_of
from marketkeep.sources.files.form import PRICES, FileForm, Tally
from marketkeep.sources.files.head import NO_ROWS
from marketkeep.sources.files.opener import Stream
from marketkeep.sources.files.repeats import Repeats
from marketkeep.sources.files.tickers import Tickers

BAR_SCHEMA = RAW_TABLES["daily_bars"].delivered
_NUMBERS = (*PRICES, "volume", "adj_close")


def read(
    name: str, stream: Stream, form: FileForm, *, chunk_rows: int = 200_000, tally: Tally | None = None
) -> Iterator[Frames]:
    """
    Raw bars and actions (without `payload`) of a file of this form, at most `chunk_rows` rows at a time.

    `tally` is added to while reading. Raises `BadFile` with line and column at the first thing that cannot be read.
    """
    counts = tally if tally is not None else Tally()
    if form.name in ("lean_factor", "lean_map"):
        yield lean.read_facts(name, stream, form, counts)
        return
    basis_date = None if form.basis == "as_traded" else form.basis_date or _last_date(name, stream, form, chunk_rows)
    work = _Work(form, basis_date, counts)
    done = 0
    bad: tuple[int, BadCell] | None = None
    with closing(blocks(name, stream, form, tuple(form.positions), chunk_rows)) as source:
        for texts in source:
            try:
                frames = work.frames(texts)
            except BadCell as error:
                bad = done + error.row, error
                break
            done += texts.height
            counts.rows += texts.height
            yield frames
    if bad:
        row, cell = bad
        line = line_of(name, stream, form, row)
        raise BadFile(name, cell.reason, line=line, column=form.columns.get(cell.column))
    if done == 0:
        raise BadFile(name, NO_ROWS)


class _Work:
    """What is carried from one block of a file to the next."""

    def __init__(self, form: FileForm, basis_date: date | None, counts: Tally) -> None:
        self._form, self._basis_date, self._counts = form, basis_date, counts
        self._date_form = dates.FORMS[form.date_format]
        self._tickers, self._repeats = Tickers(), Repeats()
        self._numbers = [column for column in _NUMBERS if column in form.positions]
        self._told_symbol: str | None = None

    def frames(self, texts: pl.DataFrame) -> Frames:
        """The raw rows of one block; raises `BadCell` at the block's first bad cell."""
        read = self._read(texts)
        actions = self._actions(texts, read)
        bars = self._bars(read)
        self._counts.actions += actions.height
        return {"daily_bars": bars, "actions": actions}

    def _read(self, texts: pl.DataFrame) -> pl.DataFrame:
        """Symbols, dates and numbers read; of all bad cells the one in the first row is raised."""
        columns: list[pl.Series] = []
        bad: list[BadCell] = []
        for column in ("symbol", "date", *self._numbers):
            try:
                columns.append(self._column(column, texts))
            except BadCell as error:
                bad.append(error)
        if bad:
            raise min(bad, key=lambda cell: cell.row)
        return pl.DataFrame(columns)

    def _column(self, column: str, texts: pl.DataFrame) -> pl.Series:
        if column == "symbol":
            return self._symbols(texts)
        if column == "date":
            return dates.parse(texts["date"], self._date_form)
        values = numbers(texts[column], column, thousands=self._form.delimiter == ",")
        if column not in PRICES or self._form.scale == 1:
            return values
        # Divided by a column: polars multiplies by the inverse of a scalar, which is off in the last digit.
        return values / pl.repeat(self._form.scale, values.len(), eager=True)

    def _symbols(self, texts: pl.DataFrame) -> pl.Series:
        if self._form.symbol is None:
            return self._tickers.read(texts["symbol"])
        if "symbol" in texts.columns:
            self._expect_one(texts["symbol"])
        return pl.repeat(self._form.symbol, texts.height, dtype=pl.String, eager=True).alias("symbol")

    def _expect_one(self, told: pl.Series) -> None:
        """A symbol named by the caller stands for one security, so the file's own column must tell of one only."""
        self._told_symbol = self._told_symbol or told[0]
        if (others := told != self._told_symbol).any():
            row = int(others.arg_max() or 0)
            raise BadCell(row, "symbol", f"several symbols in a file read as {self._form.symbol}")

    def _actions(self, texts: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
        wanted = [column for column in texts.columns if column not in (*_NUMBERS, "symbol", "date")]
        if not any(column in wanted for column in (*IN_COLUMNS, "kind")):
            return actions_frame([], self._form, self._basis_date)
        block = texts.select(wanted).with_columns(read["symbol"], read["date"])
        return actions_frame(actions_of(block, self._form), self._form, self._basis_date)

    def _bars(self, read: pl.DataFrame) -> pl.DataFrame:
        priced = [column for column in PRICES if column in read.columns]
        if not priced:
            return pl.DataFrame(schema=BAR_SCHEMA)
        rows = read.with_row_index("row").filter(pl.any_horizontal(pl.col(priced).is_not_null()))
        self._counts.empty += read.height - rows.height
        once = self._repeats.removed(rows)
        self._counts.repeated += rows.height - once.height
        self._counts.bars += once.height
        absent = [pl.lit(None, dtype=BAR_SCHEMA[c]).alias(c) for c in _NUMBERS if c not in once.columns]
        basis_date = pl.lit(self._basis_date, dtype=pl.Date).alias("basis_date")
        return once.with_columns(pl.lit(self._form.basis).alias("basis"), basis_date, *absent).select(list(BAR_SCHEMA))


def _last_date(name: str, stream: Stream, form: FileForm, chunk_rows: int) -> date | None:
    """The last date in the file; what is no date is left for the reading proper to refuse."""
    date_form = dates.FORMS[form.date_format]
    last: date | None = None
    with closing(blocks(name, stream, form, ("date",), chunk_rows)) as source:
        for texts in source:
            try:
                here = dates.parse(texts["date"], date_form).max()
            except BadCell:
                return last
            if isinstance(here, date):
                last = here if last is None else max(last, here)
    return last
