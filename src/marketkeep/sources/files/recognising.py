"""
Recognising a file by its head: which columns it has, how its dates are written, whose export it is.

It reads 256 KiB at most and changes nothing. Where the file does not say something (a symbol, a basis), the
caller's option decides; where neither does, the file is refused with what was found and what is needed.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from statistics import median

import polars as pl

from marketkeep.errors import BadFile, BadInput
from marketkeep.model import Symbol
from marketkeep.sources.files import dates, lean
from marketkeep.sources.files.cells import BadCell
from marketkeep.sources.files.form import BASES, Basis, FileForm, FormName, SymbolFrom
from marketkeep.sources.files.head import NO_ROWS, Head, read_head
from marketkeep.sources.files.headers import Columns, assign, told_basis
from marketkeep.sources.files.opener import Stream
from marketkeep.sources.files.tickers import from_lean_name, from_name

_NEEDED = "needed are a date and a close, or a date and dividends, splits or a kind with an amount or a ratio"
_SHOWN = 12
_ACTIONS = ("dividend", "split", "capital_gain")
# Dates looked at, the steps needed to tell, and the least usual step of weekly bars (holidays shorten some).
_LOOKED_AT, _ENOUGH, _WEEK = 100, 4, 5
_SILENT_TIME = re.compile(r"^[0: ]*(\.0+)?$")


def recognise(
    name: str,
    stream: Stream,
    *,
    symbol: str | None = None,
    basis: str | None = None,
    basis_date: date | None = None,
) -> FileForm:
    """
    What the file is, from its head; `symbol`, `basis` and `basis_date` are the caller's word where the file has none.

    Raises `BadFile` when it cannot be read as daily bars or corporate actions, `BadInput` for a wrong option.
    """
    if basis is not None and basis not in BASES:
        raise BadInput(f"{basis!r} is not a basis; use one of {', '.join(BASES)}")
    head = read_head(name, stream)
    asked = Symbol.parse(symbol).text if symbol is not None else None
    if headless := lean.headless_form(head.name, head.inside, head.first_text):
        return _lean_form(head, headless, asked)
    return _table_form(head, asked, basis, basis_date)


def _table_form(head: Head, asked: str | None, basis: Basis | None, basis_date: date | None) -> FileForm:
    headers, skip, told_symbol = _header_lines(head)
    columns = assign(head.name, headers, head.lines[0][0])
    positions = dict(columns.positions)
    form_name = _form_name(head, headers, positions)
    rows = [(line, fields) for line, fields in head.lines if line > skip]
    if not rows:
        raise BadFile(head.name, NO_ROWS)
    date_form, note = _date_form(head, headers, positions["date"], rows)
    _refuse_times(head, headers, columns, rows)
    if form_name == "ohlcv_csv":
        _refuse_periods(head, positions, date_form, rows)
    symbol_from, symbol = _symbol(head, positions, told_symbol or columns.prefix, asked)
    told, reason = told_basis(columns, headers, three_lines=told_symbol is not None)
    used = set(positions.values())
    return FileForm(
        name=form_name,
        columns={ours: headers[place] for ours, place in positions.items()},
        positions=positions,
        width=len(headers),
        date_format=date_form.label,
        symbol_from=symbol_from,
        symbol=symbol,
        basis=basis or told,
        basis_reason="as you said" if basis else reason,
        basis_date=basis_date,
        delimiter=head.delimiter,
        skip=skip,
        unused=tuple(header for place, header in enumerate(headers) if place not in used),
        notes=(note,) if note else (),
    )


def _header_lines(head: Head) -> tuple[list[str], int, str | None]:
    """The headers, the number of lines before the first row, and the ticker that yfinance's second line tells."""
    headers, skip = head.header, head.lines[0][0]
    following = [fields for _, fields in head.lines[1:3]]
    if len(following) == 2 and headers[0] == "Price" and following[0][0] == "Ticker":
        tickers = sorted(set(following[0][1:]) - {""})
        if len(tickers) != 1:
            shown = ", ".join(tickers[:5])
            raise BadFile(head.name, f"several symbols side by side ({shown}); save them one below the other")
        return [following[1][0], *headers[1:]], head.lines[2][0], tickers[0]
    return headers, skip, None


def _form_name(head: Head, headers: list[str], positions: dict[str, int]) -> FormName:
    has_actions = any(one in positions for one in _ACTIONS)
    is_long = "kind" in positions and any(one in positions for one in ("amount", "ratio", "value", "numerator"))
    if "date" in positions and "close" in positions:
        return "ohlcv_csv"
    if "date" in positions and (has_actions or is_long):
        return "actions_csv"
    if head.is_headless:
        raise BadFile(head.name, f"the first line is no header: {_NEEDED}", line=head.lines[0][0])
    missing = " and ".join(one for one in ("date", "close") if one not in positions)
    found = ", ".join(repr(header) for header in headers[:_SHOWN]) + (", ..." if len(headers) > _SHOWN else "")
    raise BadFile(head.name, f"no {missing} column: found {found}; {_NEEDED}")


def _date_form(
    head: Head, headers: list[str], place: int, rows: list[tuple[int, list[str]]]
) -> tuple[dates.DateForm, str | None]:
    texts = [fields[place] if place < len(fields) else "" for _, fields in rows]
    found = dates.detect(texts)
    if found is None:
        raise BadFile(
            head.name, f"{texts[0]!r} is not a date in any known form", line=rows[0][0], column=headers[place]
        )
    for (line, _), text in zip(rows, texts, strict=True):
        if dates.is_intraday(text, found[0]):
            raise BadFile(head.name, dates.INTRADAY, line=line, column=headers[place])
    return found


def _refuse_times(head: Head, headers: list[str], columns: Columns, rows: list[tuple[int, list[str]]]) -> None:
    """A column of times beside that of dates must say nothing."""
    if "time" not in columns.keys or columns.positions["date"] == columns.keys.index("time"):
        return
    place = columns.keys.index("time")
    for line, fields in rows:
        if place < len(fields) and not _SILENT_TIME.match(fields[place]):
            raise BadFile(head.name, dates.INTRADAY, line=line, column=headers[place])


def _refuse_periods(
    head: Head, positions: dict[str, int], date_form: dates.DateForm, rows: list[tuple[int, list[str]]]
) -> None:
    """Weekly and monthly bars look like daily ones but for the steps between the dates of one symbol."""
    at, day = positions.get("symbol", positions["date"]), positions["date"]
    whole = [fields for _, fields in rows if len(fields) == len(head.header)]
    same = [fields[day] for fields in whole if "symbol" not in positions or fields[at] == whole[0][at]]
    try:
        days = sorted(set(dates.parse(pl.Series(same[:_LOOKED_AT], dtype=pl.String), date_form)))
    except BadCell:
        return
    steps = [(after - before).days for before, after in pairwise(days)]
    if len(steps) >= _ENOUGH and median(steps) >= _WEEK:
        raise BadFile(head.name, "weekly or monthly bars: not a daily file", column=head.header[day])


def _symbol(
    head: Head, positions: dict[str, int], told: str | None, asked: str | None
) -> tuple[SymbolFrom, str | None]:
    if asked:
        return "option", asked
    if "symbol" in positions:
        return "column", None
    if told:
        return "header", Symbol.parse(told).text
    return "file name", _named(head, from_name(head.inside) or from_name(head.name))


def _named(head: Head, found: str | None) -> str:
    if found is None:
        raise BadFile(
            head.name, "no symbol: there is no column of symbols, and the file's name is not a ticker. Name the symbol."
        )
    return found


def _lean_form(head: Head, form_name: FormName, asked: str | None) -> FileForm:
    if form_name == "lean_daily" and dates.is_intraday(head.header[0], dates.FORMS["YYYYMMDD"]):
        raise BadFile(head.name, dates.INTRADAY, line=head.lines[0][0])
    symbol = asked or _named(head, from_lean_name(head.name, head.inside))
    return lean.form(form_name, symbol, "option" if asked else "file name")
