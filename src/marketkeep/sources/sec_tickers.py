"""
The SEC's list of tickers: which issuer (CIK) stands behind each, with its name and exchange.

The list comes in several forms, each a whole: `company_tickers_exchange.json` is asked for, `company_tickers.json` and
`ticker.txt` are read too. It is kept by hand at the SEC and lags behind the exchanges, so it proves no listing and no
delisting. The SEC asks its callers for a contact in the User-Agent; without that setting it is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import (
    BAD_KEY,
    EMPTY,
    NOT_FOUND,
    QUOTA,
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
from marketkeep.sources.misshapen import MISSHAPEN

_NAME = "sec_tickers"
_URL = "https://www.sec.gov/files/company_tickers_exchange.json"
_OFFERS = {"listings": Offer(snapshot=True, fresh_days=1)}
_ACCESS = Access(
    "Free; the SEC asks for a contact in the User-Agent and for 10 calls a second at most over all its hosts.",
    site="https://www.sec.gov/os/accessing-edgar-data",
    needs=("contact",),
    headers=(("User-Agent", "marketkeep {contact}"),),
)
# Half of what the SEC allows: the source of filings and facts asks the same house.
_RATE = Rate(calls=2, seconds=1.0)
_EXCHANGES = {"nasdaq": "NASDAQ", "nyse": "NYSE", "cboe": "Cboe BZX", "otc": "OTC"}
_LARGEST_CIK = 10**10
_COLUMNS = ("cik", "name", "ticker", "exchange")
_Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class SecTickers(Whole):
    """Tickers, issuers and exchanges as the SEC lists them; free, with a contact."""

    name: str = _NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """The one file that has all tickers."""
        return [self._request(query.today)]

    def probe(self, now: datetime) -> Request:
        """The same file: there is nothing smaller that shows as much."""
        return self._request(new_york_date(now))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Symbol, issuer, name and exchange of every ticker; refused when it is another page or cut short."""
        _expect_list(payload)
        columns = _columns(payload.body)
        try:
            listed = _listings(columns, new_york_date(payload.fetched_at))
        except MISSHAPEN as error:
            reason = "The SEC's list of tickers is not built as it should be."
            raise PayloadRefused(_NAME, "malformed", reason) from error
        if listed.is_empty():
            raise PayloadRefused(_NAME, EMPTY, "The SEC's list of tickers names none.")
        return {"listings": listed}

    def _request(self, today: date) -> Request:
        return Request(_NAME, "listings", _URL, start=today, end=today + timedelta(days=1))


def _expect_list(payload: Payload) -> None:
    head = payload.body[:4000].lstrip().lower()
    if payload.status in (401, 403):
        if b"threshold" in head:
            raise PayloadRefused(
                _NAME, QUOTA, "The SEC was asked too often and refuses for ten minutes (HTTP 403).", retry=False
            )
        reason = f"The SEC refused the call (HTTP {payload.status}); it wants a name and mail address as the contact."
        raise PayloadRefused(_NAME, BAD_KEY, reason, retry=False)
    if payload.status == 404:
        raise PayloadRefused(_NAME, NOT_FOUND, "The SEC has no such file (HTTP 404).", retry=False)
    if payload.status >= 400:
        reason = f"The SEC refused the list of tickers (HTTP {payload.status})."
        raise PayloadRefused(_NAME, f"http_{payload.status}", reason, retry=False)
    if head.startswith(b"<"):
        reason = "The SEC answered with a page instead of the list of tickers; its site may be under maintenance."
        raise PayloadRefused(_NAME, "malformed", reason)


def _columns(body: bytes) -> _Columns:
    """The list's columns from any of its forms."""
    if not body.strip():
        raise PayloadRefused(_NAME, EMPTY, "The answer is empty, where the list of tickers was asked for.")
    if not body.lstrip().startswith((b"{", b"[")):
        return _from_text(body)
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = "The SEC's list of tickers is not whole: it ends early or is damaged."
        raise PayloadRefused(_NAME, "truncated", reason) from error
    columns = _from_arrays(root) if isinstance(root, dict) and "fields" in root else _from_objects(root)
    if columns is None:
        raise PayloadRefused(_NAME, "malformed", "The answer is not the SEC's list of tickers.")
    return columns


def _from_arrays(root: dict[str, Any]) -> _Columns | None:
    names, rows = root.get("fields"), root.get("data")
    if not isinstance(names, list) or not {"cik", "ticker"} <= {n for n in names if isinstance(n, str)}:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {name: list(turned[names.index(name)]) for name in _COLUMNS if name in names}


def _from_objects(root: object) -> _Columns | None:
    rows = list(root.values()) if isinstance(root, dict) else None
    if not rows or not all(isinstance(row, dict) and {"cik_str", "ticker"} <= row.keys() for row in rows):
        return None
    return {
        "cik": [row["cik_str"] for row in rows],
        "name": [row.get("title") for row in rows],
        "ticker": [row["ticker"] for row in rows],
    }


def _from_text(body: bytes) -> _Columns:
    pairs = [line.split("\t") for line in body.decode("utf-8", "replace").splitlines() if line.strip()]
    if not all(len(pair) == 2 and pair[1].strip().isdigit() for pair in pairs):
        raise PayloadRefused(_NAME, "malformed", "The answer is not the SEC's list of tickers.")
    return {"cik": [pair[1].strip() for pair in pairs], "ticker": [pair[0] for pair in pairs]}


def _listings(columns: _Columns, day: date) -> pl.DataFrame:
    # A number or a string, as the SEC or whoever passed the list on wrote it; a ticker is never anything but text.
    told = pl.DataFrame({name: _texts(columns.get(name), len(columns["cik"])) for name in _COLUMNS})
    ciks = told["cik"].cast(pl.Int64, strict=False)
    if not ciks.is_between(1, _LARGEST_CIK).all() or ciks.null_count():
        raise ValueError("a CIK is no number")
    symbols = [_symbol(text) for text in told["ticker"]]
    named = told.with_columns(cik=ciks, symbol=pl.Series(symbols, dtype=pl.String)).filter(
        pl.col("symbol").is_not_null()
    )
    venue = pl.col("exchange").str.to_lowercase().replace_strict(_EXCHANGES, default=None, return_dtype=pl.String)
    rows = named.select(
        "symbol",
        "name",
        exchange=venue,
        etf=pl.lit(None, dtype=pl.Boolean),
        test_issue=pl.lit(None, dtype=pl.Boolean),
        cik="cik",
        date=pl.lit(day),
    )
    # The list begins with the largest companies: of two that claim one ticker the first is kept.
    once = rows.unique("symbol", keep="first", maintain_order=True)
    return once.select(list(RAW_TABLES["listings"].delivered)).sort("symbol")


def _texts(values: list[Any] | None, count: int) -> pl.Series:
    if values is None:
        return pl.Series([None] * count, dtype=pl.String)
    if not all(value is None or isinstance(value, (str, int)) for value in values):
        raise TypeError("a value is neither text nor number")
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def _symbol(text: str | None) -> str | None:
    try:
        return Symbol.parse(text or "").text
    except BadSymbol:
        return None
