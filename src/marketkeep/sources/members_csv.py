"""
Members of an index from a file of the user's own: a list of a day, intervals, or changes; told by its headings.

    symbol, start, end                   intervals [start, end): an empty end is a member still
    symbol, date added                   a list as of a day given beside the file
    date, symbol                         lists of several days
    date, action, symbol                 changes: added, removed
    date, add, remove                    changes, several tickers in a cell
    holdings of a fund, as iShares has them

A cell that cannot be read stops the file, with its line: half a list would say that the other half had left.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from marketkeep.errors import BadFile, BadSymbol, PayloadRefused
from marketkeep.model import RAW_TABLES, Frames, Symbol
from marketkeep.sources.fund_holdings import holdings, is_holdings

_HEADINGS = {
    "symbol": ("symbol", "ticker", "ticker symbol"),
    "start": ("start", "start_date", "from", "added", "date added", "date_added", "date first added", "opt-in"),
    "end": ("end", "end_date", "to", "removed", "date removed", "date_removed", "opt-out"),
    "date": ("date", "effective_date", "effective date", "as_of", "as of"),
    "event": ("action", "event"),
    "add": ("add",),
    "remove": ("remove",),
    "index": ("index",),
    "name": ("name", "security", "company"),
    "cik": ("cik",),
}
_EVENTS = {"added": "added", "add": "added", "removed": "removed", "remove": "removed"}
_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%B %d, %Y", "%b %d, %Y")
_UNKNOWN = ("", "-", "null", "none", "nan", "n/a")
_SEVERAL = re.compile(r"[,;\s]+")
_YEAR = re.compile(r"\d{4}\??")
_COLUMNS = RAW_TABLES["index_members"].delivered
_TOLD = ("index", "symbol", "date", "event", "name", "cik")
_Row = tuple[str, str, date, str, str | None, int | None]


def read_members(body: bytes, *, name: str, index: str | None = None, on: date | None = None) -> Frames:
    """
    The `index_members` rows of a file (`name` is its name, for errors).

    `index` is the index that it is about, unless a column of that name says so; `on` the day of a list that has no
    dates. Raises `BadFile` with line and column.
    """
    if is_holdings(body):
        return _of_fund(body, name, index)
    file = _opened(body, name, index, on)
    told = list(file.rows())
    if not told:
        raise BadFile(name, "it has no rows")
    frame = pl.DataFrame(told, schema={column: _COLUMNS[column] for column in _TOLD}, orient="row")
    return {"index_members": frame.unique(["index", "symbol", "date", "event"], keep="first", maintain_order=True)}


def _of_fund(body: bytes, name: str, index: str | None) -> Frames:
    if index is None:
        raise BadFile(name, "it is the holdings of a fund: say which index they stand for")
    try:
        told, members = holdings(body)
    except PayloadRefused as error:
        raise BadFile(name, error.reason) from error
    known = members.with_columns(index=pl.lit(index), date=pl.lit(told.day), event=pl.lit("member"))
    return {"index_members": known.select([column for column in _COLUMNS if column in known.columns])}


@dataclass(frozen=True, slots=True)
class _File:
    """An opened file: its lines with their numbers, our columns by place, and what was said beside it."""

    name: str
    heads: Sequence[str]
    columns: Mapping[str, int]
    lines: Sequence[tuple[int, Sequence[str]]]
    index: str | None
    on: date | None

    def rows(self) -> Iterator[_Row]:
        """The statements, by the form that the headings tell."""
        has = self.columns.keys()
        if {"date", "add", "remove"} <= has:
            read = self._moved
        elif {"date", "event", "symbol"} <= has:
            read = self._changed
        elif "end" in has:
            yield from self._intervals()
            return
        else:
            read = self._listed
        for line, cells in self.lines:
            yield from read(line, cells)

    def _moved(self, line: int, cells: Sequence[str]) -> Iterator[_Row]:
        day = self._needed_day(line, cells, "date")
        for column, event in (("add", "added"), ("remove", "removed")):
            for text in _SEVERAL.split(self._text(cells, column)):
                if text:
                    yield self._told(line, cells, self._parsed(line, text, column), day, event)

    def _changed(self, line: int, cells: Sequence[str]) -> Iterator[_Row]:
        text = self._text(cells, "event")
        if text.lower() not in _EVENTS:
            raise self._bad(line, "event", f"{text!r} is neither added nor removed")
        day = self._needed_day(line, cells, "date")
        yield self._told(line, cells, self._symbol(line, cells), day, _EVENTS[text.lower()])

    def _intervals(self) -> Iterator[_Row]:
        """
        The beginning and end of each; but where intervals of a symbol overlap, those inside another are no change: it
        was a member on a day that any of them has.
        """
        spans: dict[tuple[str, str], list[tuple[_Row, date, date]]] = {}
        for line, cells in self.lines:
            symbol = self._symbol(line, cells)
            start, end = self._day(line, cells, "start"), self._day(line, cells, "end")
            if start and end and start > end:
                raise self._bad(line, "end", f"{end} lies before the start, {start}")
            row = self._told(line, cells, symbol, date.min, "added")
            if not start or start != end:
                spans.setdefault(row[:2], []).append((row, start or date.min, end or date.max))
        for mine in spans.values():
            for row, start, end in mine:
                for day, event in ((start, "added"), (end, "removed")):
                    inside = any(first < day < last for _, first, last in mine)
                    if day not in (date.min, date.max) and not inside:
                        yield *row[:2], day, event, *row[4:]

    def _listed(self, line: int, cells: Sequence[str]) -> Iterator[_Row]:
        if self._text(cells, "symbol") == "-":
            # A row of cash, in lists of what a fund holds.
            return
        symbol = self._symbol(line, cells)
        day = self._needed_day(line, cells, "date") if "date" in self.columns else self.on
        if day is None:
            raise BadFile(self.name, "it does not say as of which day its list is; give the day")
        yield self._told(line, cells, symbol, day, "member")
        start = self._day(line, cells, "start")
        if start:
            yield self._told(line, cells, symbol, start, "added")

    def _told(self, line: int, cells: Sequence[str], symbol: str, day: date, event: str) -> _Row:
        index = self._text(cells, "index") or self.index
        if not index:
            raise self._bad(line, "index", "the index has no name")
        number = self._text(cells, "cik")
        cik = int(number) if number.isascii() and number.isdigit() and len(number) <= 10 else None
        return index, symbol, day, event, self._text(cells, "name") or None, cik

    def _text(self, cells: Sequence[str], column: str) -> str:
        return cells[self.columns[column]].strip() if column in self.columns else ""

    def _symbol(self, line: int, cells: Sequence[str]) -> str:
        return self._parsed(line, self._text(cells, "symbol"), "symbol")

    def _parsed(self, line: int, text: str, column: str) -> str:
        try:
            return str(Symbol.parse(text))
        except BadSymbol as error:
            raise self._bad(line, column, f"{text[:40]!r} is not a symbol: {error.reason}") from None

    def _needed_day(self, line: int, cells: Sequence[str], column: str) -> date:
        day = self._day(line, cells, column)
        if day is None:
            raise self._bad(line, column, "the date is missing")
        return day

    def _day(self, line: int, cells: Sequence[str], column: str) -> date | None:
        text = self._text(cells, column).partition("(")[0].strip()
        # A year alone, as old lists have it, tells no day.
        if text.lower() in _UNKNOWN or _YEAR.fullmatch(text):
            return None
        for form in _FORMATS:
            try:
                return datetime.strptime(text, form).date()  # noqa: DTZ007  # a date in a file has no zone
            except ValueError:
                continue
        raise self._bad(line, column, f"{text[:40]!r} is not a date; write it as YYYY-MM-DD")

    def _bad(self, line: int, column: str, reason: str) -> BadFile:
        heading = self.heads[self.columns[column]].strip() if column in self.columns else column
        return BadFile(self.name, reason, line=line, column=heading)


def _opened(body: bytes, name: str, index: str | None, on: date | None) -> _File:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(name, f"it is not text in UTF-8 (byte {error.start})") from error
    head = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter=max(",;\t", key=head.count))
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadFile(name, f"it is not CSV ({error})", line=reader.line_num) from error
    if not lines:
        raise BadFile(name, "it is empty")
    heads = lines[0][1]
    for line, row in lines[1:]:
        if len(row) != len(heads):
            raise BadFile(name, f"{len(row)} fields where the headings are {len(heads)}", line=line)
    return _File(name, heads, _recognised(name, heads), lines[1:], index, on)


def _recognised(name: str, heads: Sequence[str]) -> dict[str, int]:
    texts = [head.strip().lower() for head in heads]
    columns = {
        ours: texts.index(found)
        for ours, theirs in _HEADINGS.items()
        if (found := next((one for one in theirs if one in texts), None))
    }
    if "symbol" not in columns and not {"date", "add", "remove"} <= columns.keys():
        raise BadFile(name, "no heading says where the tickers are; name a column symbol or ticker", line=1)
    return columns
