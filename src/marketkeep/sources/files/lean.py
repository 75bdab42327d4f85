"""
LEAN data folders: daily bars (prices x 10000, as traded), factor files and map files, all without a header.

A factor file gives, for the last session before each event, the factors of prices up to it and that session's close;
so the steps between lines are the actions, and their ex-date is the next session. A map file gives the last session
of each ticker of a security. Minute, second and hour bars, quotes and crypto are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import BadFile, BadSymbol
from marketkeep.model import RAW_TABLES, Frames, Symbol
from marketkeep.sources.files.dates import INTRADAY
from marketkeep.sources.files.events import Action, actions_frame
from marketkeep.sources.files.form import FileForm, FormName, SymbolFrom, Tally
from marketkeep.sources.files.opener import Stream, opened
from marketkeep.sources.ratios import shortest_between, simplest_between

TICKER_HISTORY_SCHEMA = {
    "symbol": pl.String,
    "old_symbol": pl.String,
    "new_symbol": pl.String,
    "effective_date": pl.Date,
}
"""`new_symbol` is null where the old one left the market; `effective_date` is the first session of the new state."""

_PATTERNS: tuple[tuple[FormName, re.Pattern[str]], ...] = (
    ("lean_daily", re.compile(r"^\d{8} \d\d:\d\d(,\d+){5}\s*$")),
    ("lean_factor", re.compile(r"^\d{8}(,\d+(\.\d+)?){3}\s*$")),
    ("lean_map", re.compile(r"^\d{8},[A-Za-z][A-Za-z0-9.-]*(,[A-Za-z]+)?\s*$")),
)
_OTHER_BARS = re.compile(r"^\d{8} \d\d:\d\d,")
_NUMBER = re.compile(r"^\d+(\.\d+)?$")
_FINER = re.compile(r"(^|[_/])(tick|second|minute|hour)_")
_FIELDS = ("date", "open", "high", "low", "close", "volume")
_OPEN_END = date(2050, 1, 1)
# Factors are products of rounded factors: a step this near a ratio of small numbers is that ratio.
_SLACK = Fraction(1, 10**5)
_SMALL = 10**4


class _Factors(NamedTuple):
    """A line of a factor file: the last session before an event, and what prices up to it are multiplied by."""

    line: int
    session: date
    price: str
    split: str
    close: str


def headless_form(name: str, inside: str, first_text: str) -> FormName | None:
    """Which LEAN file this is by its first line, None if it is none; raises `BadFile` for those that are not read."""
    if _FINER.search(inside) and first_text[:1].isdigit():
        raise BadFile(name, INTRADAY, line=1)
    for form_name, pattern in _PATTERNS:
        if pattern.match(first_text):
            return form_name
    if _OTHER_BARS.match(first_text):
        raise BadFile(name, "LEAN bars with decimals or other fields (crypto, quotes) are not read", line=1)
    return None


def form(form_name: FormName, symbol: str, symbol_from: SymbolFrom) -> FileForm:
    """The form of a LEAN file of that kind."""
    columns = {field: f"field {place}" for place, field in enumerate(_FIELDS, 1)} if form_name == "lean_daily" else {}
    return FileForm(
        name=form_name,
        columns=columns,
        positions={field: place for place, field in enumerate(columns)},
        width=len(_FIELDS),
        date_format="YYYYMMDD",
        symbol_from=symbol_from,
        symbol=symbol,
        basis="as_traded",
        basis_reason="LEAN keeps bars as traded",
        skip=0,
        scale=10_000.0,
    )


def read_facts(name: str, stream: Stream, form: FileForm, counts: Tally) -> Frames:
    """The actions of a factor file, or the `ticker_history` of a map file; both are small and read at once."""
    lines = list(_lines(name, stream))
    counts.rows += len(lines)
    bars = pl.DataFrame(schema=RAW_TABLES["daily_bars"].delivered)
    if form.name == "lean_map":
        return {"ticker_history": _history(name, lines, form.symbol or "")}
    actions = actions_frame(list(_actions(name, lines, form.symbol or "")), form, None)
    counts.actions += actions.height
    return {"daily_bars": bars, "actions": actions}


def _lines(name: str, stream: Stream) -> Iterator[tuple[int, date, list[str]]]:
    with opened(name, stream) as (file, _):
        texts = file.read().decode("utf-8-sig", errors="replace").splitlines()
    for line, text in enumerate(texts, 1):
        if text.strip():
            day, *rest = text.strip().split(",")
            try:
                yield line, datetime.strptime(day, "%Y%m%d").date(), rest  # noqa: DTZ007  # a date has no zone
            except ValueError:
                raise BadFile(name, f"{day!r} is not a date of the form YYYYMMDD", line=line) from None


def _actions(name: str, lines: list[tuple[int, date, list[str]]], symbol: str) -> Iterator[Action]:
    rows = [_factors(name, *line) for line in lines]
    for before, after in pairwise(rows):
        if after.session <= before.session:
            raise BadFile(name, "dates do not ascend", line=after.line)
        ratio = _split(before.split, after.split)
        if ratio != 1:
            day, text = XNYS.next_session(before.session), f"{after.split}/{before.split}"
            yield Action(symbol, day, "split", text, ratio=(ratio.numerator, ratio.denominator))
        if Fraction(before.price) != Fraction(after.price):
            day = XNYS.next_session(before.session)
            text = f"{before.close} x (1 - {before.price}/{after.price})"
            yield Action(symbol, day, "dividend", text, amount=_dividend(before, after, ratio))


def _factors(name: str, line: int, session: date, fields: list[str]) -> _Factors:
    numbers = [Fraction(field) for field in fields if _NUMBER.match(field)]
    if len(numbers) != len(_Factors._fields) - 2 or len(fields) != len(numbers) or min(numbers[:2]) <= 0:
        raise BadFile(name, "not a line of a factor file (date, two factors, a close)", line=line)
    return _Factors(line, session, *fields)


def _split(before: str, after: str) -> Fraction:
    if Fraction(before) == Fraction(after):
        return Fraction(1)
    low, high = _span(before), _span(after)
    step = Fraction(after) / Fraction(before)
    near = simplest_between(step * (1 - _SLACK), step * (1 + _SLACK))
    if near.numerator * near.denominator <= _SMALL:
        return near
    return simplest_between(high[0] / low[1], high[1] / low[0])


def _dividend(before: _Factors, after: _Factors, split: Fraction) -> float:
    """
    The simplest amount that, within their rounding, gives both factors and the close.

    It is per share of the ex-date, when a split of the same day is in effect.
    """
    low, high = _span(before.price), _span(after.price)
    closes = [close / split for close in _span(before.close, digits=2)]
    return float(shortest_between(closes[0] * (1 - low[1] / high[0]), closes[1] * (1 - low[0] / high[1])))


def _span(text: str, digits: int | None = None) -> tuple[Fraction, Fraction]:
    """What a written decimal may have been before it was rounded; whole numbers are exact."""
    value = Fraction(text)
    written = max(len(text.partition(".")[2]), digits or 0)
    half = Fraction(1, 2 * 10**written) if written else Fraction(0)
    return value - half, value + half


def _history(name: str, lines: list[tuple[int, date, list[str]]], symbol: str) -> pl.DataFrame:
    rows: list[tuple[str, str, str | None, date]] = []
    tickers = [(day, _ticker(name, line, fields)) for line, day, fields in lines]
    for (day, old), (_, new) in pairwise(tickers):
        if old != new:
            rows.append((symbol, old, new, XNYS.next_session(day)))
    if tickers and tickers[-1][0] < _OPEN_END:
        day, last = tickers[-1]
        rows.append((symbol, last, None, XNYS.next_session(day)))
    return pl.DataFrame(rows, schema=TICKER_HISTORY_SCHEMA, orient="row")


def _ticker(name: str, line: int, fields: list[str]) -> str:
    try:
        return Symbol.parse(fields[0] if fields else "").text
    except BadSymbol as error:
        raise BadFile(name, str(error), line=line) from None
