"""
NASDAQ Trader's symbol directory: every security that trades on a US exchange, one text file a day.

The last line of a file, `File Creation Time`, proves that it is whole and tells whose day it describes (trap 31): a
file without it is refused. Its several symbol columns are read into one canonical symbol: the CQS form where there is
one, because it alone tells a warrant (`BAC/WS/A`) from a class share (`BAC.A`). Nothing is compared here: what is new,
renamed or gone is for `gold` to find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import (
    EMPTY,
    NOT_FOUND,
    RAW_TABLES,
    Access,
    Frames,
    Offer,
    Payload,
    Query,
    Rate,
    Request,
    Symbol,
    Whole,
)
from marketkeep.model.new_york import new_york_date

_NAME = "nasdaq_trader"
_URL = "https://www.nasdaqtrader.com/dynamic/symdir/nasdaqtraded.txt"
_OFFERS = {"listings": Offer(snapshot=True, fresh_days=1)}
_ACCESS = Access("Free without a key; Nasdaq publishes it for reference and gives no warranty.")
_RATE = Rate(calls=1, seconds=2.0)
_TRAILER = re.compile(r"^File Creation Time: ?(\d{2})(\d{2})(\d{4})(\d{2}):(\d{2})\|*$")
_NEEDED = ("Security Name", "Test Issue", "ETF")
_SYMBOLS = ("Symbol", "ACT Symbol")
_VENUES = ("Listing Exchange", "Exchange")
_EXCHANGES = {
    "Q": "NASDAQ",
    "N": "NYSE",
    "A": "NYSE American",
    "P": "NYSE Arca",
    "Z": "Cboe BZX",
    "V": "IEX",
    "M": "NYSE Texas",
}
_PLAIN = r"^[A-Z][A-Z0-9]{0,9}$"
# Behind a CQS symbol: called for redemption, which is no part of the name; rights; when issued.
_CALLED = re.compile(r"[./]CL$")
_ENDINGS = (("rw", ".RT.WI"), ("r", ".RT"), ("w", ".WI"))
# Longer than any row of holidays and a weekend: a file this old is not today's directory.
_STALE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NasdaqTrader(Whole):
    """The exchanges' directory of listed securities; free, no key."""

    name: str = _NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """The one file that has the securities of all exchanges."""
        return [self._request(query.today)]

    def probe(self, now: datetime) -> Request:
        """The same file: there is nothing smaller that shows as much."""
        return self._request(new_york_date(now))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """The lines of a directory file (nasdaqtraded, nasdaqlisted or otherlisted); refused without its trailer."""
        lines = _lines(payload)
        header, trailer = lines[0].split("|"), _TRAILER.match(lines[-1])
        symbols = next((name for name in _SYMBOLS if name in header), None)
        if symbols is None or not set(_NEEDED) <= set(header):
            raise PayloadRefused(_NAME, "malformed", "The answer is not a symbol directory: its header is another.")
        if trailer is None:
            raise PayloadRefused(
                _NAME, "truncated", "The directory does not end in its File Creation Time, so lines may be missing."
            )
        day = _day(trailer, payload)
        if len(lines) <= 2:
            raise PayloadRefused(_NAME, EMPTY, "The directory lists nothing.")
        rows = _rows(lines[1:-1], header)
        return {"listings": _listings(rows, symbols, day)}

    def _request(self, today: date) -> Request:
        return Request(_NAME, "listings", _URL, start=today, end=today + timedelta(days=1))


def _lines(payload: Payload) -> list[str]:
    if payload.status == 404:
        raise PayloadRefused(_NAME, NOT_FOUND, "NASDAQ Trader has no such file (HTTP 404).", retry=False)
    if payload.status >= 400:
        reason = f"NASDAQ Trader refused the directory (HTTP {payload.status})."
        raise PayloadRefused(_NAME, f"http_{payload.status}", reason, retry=False)
    # Names hold a stray byte of an older encoding now and then; that is no reason to do without the directory.
    lines = [line.rstrip("\r") for line in payload.body.decode("utf-8", "replace").split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise PayloadRefused(_NAME, EMPTY, "The answer is empty, where a directory was asked for.")
    return lines


def _day(trailer: re.Match[str], payload: Payload) -> date:
    month, day, year, *_ = (int(part) for part in trailer.groups())
    try:
        told = date(year, month, day)
    except ValueError as error:
        raise PayloadRefused(_NAME, "malformed", "The directory's File Creation Time is no date.") from error
    today = new_york_date(payload.fetched_at)
    if not today - _STALE <= told <= today + timedelta(days=1):
        raise PayloadRefused(_NAME, "stale", f"The directory is of {told}, not of {today}, the day it was asked for.")
    return told


def _rows(lines: list[str], header: list[str]) -> pl.DataFrame:
    """The lines as columns of text: no value's type is guessed (trap 63)."""
    frame = pl.DataFrame({"line": lines}, schema={"line": pl.String})
    if not (frame["line"].str.count_matches("|", literal=True) == len(header) - 1).all():
        raise PayloadRefused(_NAME, "malformed", "A line of the directory has more or fewer fields than its header.")
    parts = pl.col("line").str.split("|")
    return frame.select(parts.list.get(place).str.strip_chars().alias(name) for place, name in enumerate(header))


def _listings(rows: pl.DataFrame, symbols: str, day: date) -> pl.DataFrame:
    venue = next((pl.col(name) for name in _VENUES if name in rows.columns), pl.lit("Q"))
    named = (
        rows.with_columns(given=pl.col(symbols))
        if "CQS Symbol" not in rows.columns
        else rows.with_columns(
            given=pl.when(pl.col("CQS Symbol") == "").then(pl.col(symbols)).otherwise(pl.col("CQS Symbol"))
        )
    )
    listed = named.join(_canonical(named["given"]), on="given", how="left", maintain_order="left").filter(
        pl.col("symbol").is_not_null()
    )
    told = listed.select(
        "symbol",
        "given",
        name=_unless_empty(pl.col("Security Name").str.replace_all(r"\s+", " ")),
        exchange=venue.replace_strict(_EXCHANGES, default=None, return_dtype=pl.String),
        etf=_flag("ETF"),
        test_issue=_flag("Test Issue"),
        cik=pl.lit(None, dtype=pl.Int64),
        date=pl.lit(day),
    )
    # Where a security stands there twice, as a part of it that was called, the plain spelling is kept.
    once = told.sort("symbol", pl.col("given").str.len_chars(), "given").unique("symbol", keep="first")
    return once.select(list(RAW_TABLES["listings"].delivered)).sort("symbol")


def _flag(name: str) -> pl.Expr:
    return pl.col(name).replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean)


def _unless_empty(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _canonical(given: pl.Series) -> pl.DataFrame:
    """Each spelling with its canonical symbol; those that are no ticker are left out."""
    unique = given.unique().sort()
    plain = unique.str.contains(_PLAIN)
    odd = {text: symbol for text in unique.filter(~plain) if (symbol := _symbol(text)) is not None}
    bare = unique.filter(plain)
    return pl.DataFrame(
        {"given": [*bare, *odd], "symbol": [*bare, *odd.values()]}, schema={"given": pl.String, "symbol": pl.String}
    )


def _symbol(text: str) -> str | None:
    bare = _CALLED.sub("", text)
    for ending, suffix in _ENDINGS:
        if bare.endswith(ending) and bare[: -len(ending)].isupper():
            bare = bare[: -len(ending)] + suffix
            break
    else:
        if bare.endswith(".W"):
            bare += "S"
    try:
        return Symbol.parse(bare).text
    except BadSymbol:
        return None
