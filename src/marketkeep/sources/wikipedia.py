"""
Wikipedia's pages of three indices: who is a member today, and where a page has it, what changed when.

The date of a change is the one with effect from which it holds, as the page says; nothing is said of when it was
announced. Where the table of changes is silent about a member, its `Date added` tells the beginning. Members are told
under the ticker of the page, which for old changes is the ticker of then: `gold` follows renames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import NOT_FOUND, RAW_TABLES, Access, Frames, Offer, Payload, Query, Rate, Request, Symbol, Whole
from marketkeep.model.new_york import new_york_date
from marketkeep.sources.tables import Grid, grids

_WIKI = "https://en.wikipedia.org/wiki/"
_FORMATS = ("%B %d, %Y", "%Y-%m-%d", "%b %d, %Y", "%d %B %Y", "%B %d %Y", "%m/%d/%Y")
_TICKER = (("symbol",), ("ticker",), ("ticker symbol",))
_NAME = (("security",), ("company",), ("name",))
_CIK = (("cik",),)
_SINCE = (("date added",), ("date first added",), ("added",))
_WHEN = (("effective date",), ("date",))
_OTHERS = (("added", "ticker"), ("added", "symbol")), (("removed", "ticker"), ("removed", "symbol"))
_NAMES = (("added", "security"), ("added", "company")), (("removed", "security"), ("removed", "company"))
# Of the dates in a table of changes, and the tickers in a list, so many may be unreadable: notes between the rows are.
_UNREADABLE = 0.1
_MOST = 1.5
_COLUMNS = RAW_TABLES["index_members"].delivered
_OFFERS = {"index_members": Offer(snapshot=True, fresh_days=1)}
_RATE = Rate(calls=1, seconds=1.0)
_ACCESS = Access(
    "Text of Wikipedia, free under CC BY-SA 4.0 with attribution; asks robots to give a contact.",
    headers=(("User-Agent", "marketkeep {contact}"),),
)


@dataclass(frozen=True, slots=True)
class _Page:
    """One index: its page, about how many members it has, and whether the page must have a table of changes."""

    title: str
    about: int
    changes: bool = False


_PAGES = {
    "sp500": _Page("List_of_S%26P_500_companies", 500, changes=True),
    "nasdaq100": _Page("Nasdaq-100", 100),
    "dow_jones": _Page("Dow_Jones_Industrial_Average", 30),
}


class _Told(NamedTuple):
    """One statement about the index, in columns of the raw table."""

    symbol: str
    date: date
    event: str
    name: str | None = None
    cik: int | None = None


@dataclass(frozen=True, slots=True)
class Wikipedia(Whole):
    """Members and changes of the S&P 500, the Nasdaq-100 and the Dow; free, no key."""

    name: str = "wikipedia"
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """One page an index, of those that it has."""
        return [self._request(index, query.today) for index in query.symbols if index in _PAGES]

    def probe(self, now: datetime) -> Request:
        """The shortest of the pages."""
        return self._request("dow_jones", new_york_date(now))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Members as of the day of the answer, and changes by their effective date."""
        index = request.symbol or ""
        page = _PAGES.get(index)
        if page is None:
            raise PayloadRefused(self.name, NOT_FOUND, f"Wikipedia has no page here for the index {index}", retry=False)
        _expect_page(payload)
        today = new_york_date(payload.fetched_at)
        try:
            found = list(grids(payload.body))
        except ValueError as error:
            raise _malformed(f"not a page of Wikipedia: {error}") from error
        members, since = _members(index, page, found, today)
        changes = _changes(page, found)
        told = [*members, *changes, *_beginnings(since, [one for one in changes if one.date <= today])]
        frame = pl.DataFrame(told, schema={name: _COLUMNS[name] for name in _Told._fields}, orient="row")
        once = frame.unique(["symbol", "date", "event"], keep="first", maintain_order=True)
        return {"index_members": once.select(pl.lit(index).alias("index"), pl.all())}

    def _request(self, index: str, today: date) -> Request:
        url = _WIKI + _PAGES[index].title
        return Request(self.name, "index_members", url, (), (index,), today, today + timedelta(days=1))


def _malformed(reason: str) -> PayloadRefused:
    return PayloadRefused("wikipedia", "malformed", reason)


def _expect_page(payload: Payload) -> None:
    if payload.status == 404:
        raise PayloadRefused("wikipedia", NOT_FOUND, "Wikipedia has no such page any more (HTTP 404)", retry=False)
    if payload.status >= 300:
        reason = f"Wikipedia does not serve the page (HTTP {payload.status})"
        raise PayloadRefused("wikipedia", f"http_{payload.status}", reason, retry=False)


def _members(index: str, page: _Page, found: Iterable[Grid], today: date) -> tuple[list[_Told], dict[str, date]]:
    """The members in the longest table that lists tickers and companies, and since when, where it says so."""
    lists = [grid for grid in found if grid.column(*_TICKER) is not None and grid.column(*_NAME) is not None]
    if not lists:
        raise _malformed("the page has no table of members with a ticker and a company")
    grid = max(lists, key=lambda one: len(one.rows))
    ticker, name, cik, since = (grid.column(*one) for one in (_TICKER, _NAME, _CIK, _SINCE))
    members: dict[str, _Told] = {}
    beginnings: dict[str, date] = {}
    for row in grid.rows:
        symbol = _symbol(row[ticker or 0])
        if symbol is None:
            continue
        number = "" if cik is None else row[cik]
        one = _Told(symbol, today, "member", row[name or 0] or None, _cik(number))
        members.setdefault(symbol, one)
        day = None if since is None else _day(row[since])
        if day is not None:
            beginnings.setdefault(symbol, day)
    least, most = page.about * (1 - _UNREADABLE), page.about * _MOST
    if not least <= len(members) <= most or len(members) < len(grid.rows) * (1 - _UNREADABLE):
        raise _malformed(f"the page lists {len(members)} members of {index} in {len(grid.rows)} rows")
    return list(members.values()), beginnings


def _changes(page: _Page, found: Iterable[Grid]) -> list[_Told]:
    told: list[_Told] = []
    tables = [grid for grid in found if all(grid.column(*one) is not None for one in (_WHEN, *_OTHERS))]
    if not tables and page.changes:
        raise _malformed("the page has no table of changes with a date, the added and the removed")
    for grid in tables:
        when = grid.column(*_WHEN) or 0
        dated = [(day, row) for row in grid.rows if (day := _day(row[when])) is not None]
        if len(dated) < len(grid.rows) * (1 - _UNREADABLE):
            raise _malformed(f"of {len(grid.rows)} changes only {len(dated)} have a date")
        for event, tickers, names in zip(("added", "removed"), _OTHERS, _NAMES, strict=True):
            at, called = grid.column(*tickers) or 0, grid.column(*names)
            for day, row in dated:
                told += [_Told(symbol, day, event, _name(row, called)) for symbol in _symbols(row[at])]
    return told


def _beginnings(since: Mapping[str, date], changes: Iterable[_Told]) -> list[_Told]:
    """Additions that only the list tells of: of members that the changes so far do not add, or not last."""
    last: dict[str, _Told] = {}
    for one in changes:
        known = last.get(one.symbol)
        if known is None or (one.date, one.event == "added") > (known.date, known.event == "added"):
            last[one.symbol] = one
    return [
        _Told(symbol, day, "added")
        for symbol, day in since.items()
        if symbol not in last or (last[symbol].event == "removed" and last[symbol].date <= day)
    ]


def _name(row: tuple[str, ...], at: int | None) -> str | None:
    return None if at is None else row[at] or None


def _symbol(text: str) -> str | None:
    """A ticker, with or without the exchange before it."""
    try:
        return str(Symbol.parse(text.rpartition(":")[2]))
    except BadSymbol:
        return None


def _symbols(text: str) -> list[str]:
    found = (_symbol(part) for part in text.replace(" and ", ",").split(","))
    return [symbol for symbol in found if symbol is not None]


def _cik(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _day(text: str) -> date | None:
    """The date a cell begins with."""
    plain = text.partition("(")[0].strip()
    for form in _FORMATS:
        try:
            return datetime.strptime(plain, form).date()  # noqa: DTZ007  # a date on a page has no zone
        except ValueError:
            continue
    return None
