"""
iShares' fund holdings: who is in the Russell 1000 and the S&P 500, as the funds that hold them tell it each day.

A fund is a witness of its index, not the index: it trades a day early or late, and keeps remnants of companies that
have left. Rows of cash, futures and what has no market are left out. A file in which tickers cannot be told, as in old
ones with those of foreign exchanges, is refused as a whole: a list with holes would say that members had left.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import NOT_FOUND, RAW_TABLES, Access, Frames, Offer, Payload, Query, Rate, Request, Symbol, Whole
from marketkeep.model.new_york import new_york_date

_SITE = "https://www.ishares.com/us/products/"
_ACTION = "1467271812596.ajax"
_AS_OF = "Fund Holdings as of"
_HEADINGS = {
    "ticker": "symbol",
    "symbol": "symbol",
    "name": "name",
    "asset class": "asset_class",
    "asset_class": "asset_class",
    "weight (%)": "weight",
    "weight_pct": "weight",
    "exchange": "exchange",
    "date": "date",
}
_OFFERS = {"index_members": Offer(snapshot=True, fresh_days=1)}
_RATE = Rate(calls=1, seconds=2.0)
_NEEDED = ("symbol", "asset_class", "exchange")
_NO_TICKER = ("", "-", "--")
# iShares leaves out the dot of class shares: BRKB is BRK.B. No rule tells them from tickers that end in their class
# (GOOGL, FOXA, and CVNA on the same exchange), so the class shares with a dot that large indices hold are named.
_DOTTED = (
    *("AKOA", "AKOB", "BFA", "BFB", "BIOB", "BRKA", "BRKB", "CRDA", "CRDB", "CWENA", "GEFB", "HEIA", "JWA", "JWB"),
    *("LENB", "LGFA", "LGFB", "MKCV", "MOGA", "MOGB", "RDSA", "RDSB", "STZB", "TAPA", "UHALB", "WSOB"),
)
# Of a list's shares so many may be unreadable: beyond, it is no list of the index.
_UNREADABLE, _UNREADABLE_SHARE = 2, 0.005
_ACCESS = Access("Holdings of iShares funds as published by BlackRock: for personal use, not to be redistributed.")


@dataclass(frozen=True, slots=True)
class _Fund:
    """A fund: words of its name, its product page, its ticker, and how few members its index may have."""

    words: str
    page: str
    ticker: str
    least: int


_FUNDS = {
    "russell_1000": _Fund("russell 1000", "239707/ishares-russell-1000-etf", "IWB", 900),
    "sp500": _Fund("s&p 500", "239726/ishares-core-sp-500-etf", "IVV", 450),
}


@dataclass(frozen=True, slots=True)
class IShares(Whole):
    """Members of the Russell 1000 and the S&P 500 by the holdings of IWB and IVV; free, no key."""

    name: str = "ishares"
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """One file an index, of those that a fund holds."""
        return [self._request(index, query.today) for index in query.symbols if index in _FUNDS]

    def probe(self, now: datetime) -> Request:
        """The smaller of the files."""
        return self._request("sp500", new_york_date(now))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """The fund's shares as of the day that the file names."""
        index = request.symbol or ""
        fund = _FUNDS.get(index)
        if fund is None:
            raise PayloadRefused(self.name, NOT_FOUND, f"iShares has no fund here for the index {index}", retry=False)
        _expect_file(payload)
        told, members = holdings(payload.body)
        if told.title.startswith("ishares") and fund.words not in told.title:
            raise PayloadRefused(
                self.name, "wrong_symbol", f"asked for the fund of {index}, the file of another fund came"
            )
        if members.height < fund.least:
            raise _malformed(f"the file lists {members.height} shares, too few for {index}")
        known = members.with_columns(index=pl.lit(index), date=pl.lit(told.day), event=pl.lit("member"))
        return {"index_members": known.select([c for c in RAW_TABLES["index_members"].delivered if c in known.columns])}

    def _request(self, index: str, today: date) -> Request:
        fund = _FUNDS[index]
        params = (("fileType", "csv"), ("fileName", f"{fund.ticker}_holdings"), ("dataType", "fund"))
        url = f"{_SITE}{fund.page}/{_ACTION}"
        return Request(self.name, "index_members", url, params, (index,), today, today + timedelta(days=1))


def _malformed(reason: str) -> PayloadRefused:
    return PayloadRefused("ishares", "malformed", reason)


def _expect_file(payload: Payload) -> None:
    if payload.status == 404:
        raise PayloadRefused("ishares", NOT_FOUND, "iShares has no such file any more (HTTP 404)", retry=False)
    if payload.status >= 300:
        reason = f"iShares does not serve the file (HTTP {payload.status})"
        raise PayloadRefused("ishares", f"http_{payload.status}", reason, retry=False)
    if payload.body[:200].lstrip().startswith(b"<"):
        raise _malformed("a web page came instead of the file of holdings")


@dataclass(frozen=True, slots=True)
class Told:
    """What a file of holdings says above its table: the fund's name in lower case, if any, and the day."""

    title: str
    day: date


def holdings(body: bytes) -> tuple[Told, pl.DataFrame]:
    """
    The shares in a file of holdings as iShares writes it, or tidied with a column of dates: symbol, name, weight (%).

    Raises `PayloadRefused` for anything else.
    """
    try:
        table = list(csv.reader(body.decode("utf-8-sig", "replace").splitlines()))
    except csv.Error as error:
        raise _malformed(f"the file is not CSV ({error})") from error
    at = next((at for at, row in enumerate(table) if _columns(row)), None)
    if at is None:
        raise _malformed("the file has no headings with a ticker, an asset class and an exchange")
    rows = list(_shares(table[at], table[at + 1 :]))
    title = table[0][0].strip().lower() if at and table[0] else ""
    members = pl.DataFrame(
        _members(rows), schema={"symbol": pl.String, "name": pl.String, "weight": pl.Float64}, orient="row"
    )
    told = Told(title, _told_day(table[:at]) or _dated(rows))
    return told, members.unique("symbol", keep="first", maintain_order=True)


def is_holdings(body: bytes) -> bool:
    """Whether a file's head has the headings of fund holdings."""
    return any(_columns(line.split(",")) for line in body[:4000].decode("utf-8-sig", "replace").splitlines())


def _columns(row: Sequence[str]) -> dict[str, int]:
    """Our columns by place where a line is the headings, else nothing."""
    found: dict[str, int] = {}
    for at, text in enumerate(row):
        ours = _HEADINGS.get(text.strip(' "').lower())
        if ours is not None:
            found.setdefault(ours, at)
    return found if all(name in found for name in _NEEDED) else {}


def _shares(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[dict[str, str]]:
    """The rows of shares down to the trailer, by our columns."""
    columns = _columns(head)
    for row in rows:
        if len(row) < len(head):
            # A blank line ends the table; what follows is the legal text.
            return
        one = {name: row[at].strip() for name, at in columns.items()}
        if one["asset_class"].lower() == "equity" and "NO MARKET" not in one["exchange"].upper():
            yield one


def _told_day(above: Sequence[Sequence[str]]) -> date | None:
    """The day that the lines above the table name."""
    for row in above:
        if len(row) > 1 and row[0].strip() == _AS_OF:
            try:
                return datetime.strptime(row[1].strip(), "%b %d, %Y").date()  # noqa: DTZ007  # a day has no zone
            except ValueError:
                raise _malformed("the file does not say as of which day it is") from None
    return None


def _dated(rows: Sequence[Mapping[str, str]]) -> date:
    """The one day in a column of dates, as tidied files have it."""
    days = {row.get("date", "") for row in rows}
    try:
        return date.fromisoformat(days.pop()) if len(days) == 1 else date.fromisoformat("")
    except ValueError:
        raise _malformed("the file does not say as of which day it is") from None


def _members(rows: Sequence[Mapping[str, str]]) -> list[tuple[Any, ...]]:
    found, odd = [], 0
    for row in rows:
        symbol = _symbol(row)
        if symbol is None:
            odd += 1
        else:
            found.append((symbol, row.get("name") or None, _number(row.get("weight", ""))))
    if odd > max(_UNREADABLE, len(rows) * _UNREADABLE_SHARE):
        raise _malformed(f"{odd} of {len(rows)} shares have no ticker of a US exchange")
    return found


def _symbol(row: Mapping[str, str]) -> str | None:
    text, venue = row["symbol"], row["exchange"].upper()
    if text in _NO_TICKER or not _is_american(venue):
        return None
    if text in _DOTTED:
        text = f"{text[:-1]}.{text[-1]}"
    try:
        return str(Symbol.parse(text))
    except BadSymbol:
        return None


def _is_american(venue: str) -> bool:
    return venue.startswith(("NYSE", "NEW YORK", "NASDAQ", "CBOE", "BATS", "-")) or not venue


def _number(text: str) -> float | None:
    plain = text.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if abs(value) < 1000 else None
