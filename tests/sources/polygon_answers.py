"""Answers as Polygon builds them, and what our source makes of them: shared by the tests of that source."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request
from marketkeep.sources.polygon import Polygon

POLYGON = Polygon()
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2024, 6, 3, 22, tzinfo=UTC)
FIRST, END = date(2024, 3, 4), date(2024, 3, 16)


def stamp(text: str) -> int:
    """Milliseconds of a time in New York, such as `2024-03-08` or `2024-03-08T16:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * 1000


def bar(text: str, **told: Any) -> dict[str, Any]:
    """A bar that begins at a time in New York; `told` replaces or adds fields."""
    return {"v": 1000.0, "vw": 10.1, "o": 10.0, "c": 10.2, "h": 10.4, "l": 9.9, "t": stamp(text), "n": 12, **told}


def aggregates(bars: list[Any], **told: Any) -> dict[str, Any]:
    """The answer with bars of AAPL, as traded."""
    root = {"ticker": "AAPL", "queryCount": len(bars), "resultsCount": len(bars), "adjusted": False, "results": bars}
    return {**root, "status": "OK", "request_id": "1f", "count": len(bars), **told}


def grouped(bars: list[Any], **told: Any) -> dict[str, Any]:
    """The answer with the whole market's bars."""
    return {name: value for name, value in aggregates(bars, **told).items() if name != "ticker"}


def listed(rows: list[Any], **told: Any) -> dict[str, Any]:
    """The answer with splits or dividends."""
    return {"results": rows, "status": "OK", "request_id": "1f", **told}


def split(ticker: str, day: str, new: object, old: object, **told: Any) -> dict[str, Any]:
    """A split of `old` shares into `new` ones."""
    return {"execution_date": day, "id": "E1", "split_from": old, "split_to": new, "ticker": ticker, **told}


def dividend(ticker: str, day: str, amount: object, **told: Any) -> dict[str, Any]:
    """A dividend with its ex-date."""
    days = {"declaration_date": "2024-02-01", "ex_dividend_date": day, "pay_date": "2024-05-16"}
    cash = {"cash_amount": amount, "currency": "USD", "dividend_type": "CD", "frequency": 4}
    return {**cash, **days, "record_date": day, "ticker": ticker, "id": "E2", **told}


def daily(symbol: str = "AAPL", start: date = FIRST, end: date = END) -> Request:
    """The request for a symbol's daily bars."""
    (request,) = POLYGON.plan(Query("daily_bars", (symbol,), start, end, NOW))
    return request


def market(*symbols: str, session: date = FIRST) -> Request:
    """The request for the whole market's bars of a session, for two symbols or more."""
    (request,) = POLYGON.plan(Query("daily_bars", symbols, session, session.replace(day=session.day + 1), NOW))
    return request


def minute(symbol: str = "AAPL", start: date = FIRST, end: date = END) -> Request:
    """The request for a symbol's minute bars."""
    (request,) = POLYGON.plan(Query("minute_bars", (symbol,), start, end, NOW))
    return request


def splits(*symbols: str, start: date = date(2024, 1, 1), end: date = date(2024, 4, 1)) -> Request:
    """The request for splits: of one symbol, or for more than two of them of the whole market."""
    return POLYGON.plan(Query("actions", symbols or ("AAPL",), start, end, NOW))[0]


def dividends(*symbols: str) -> Request:
    """The request for dividends that follows the last page of splits."""
    request = POLYGON.next_page(splits(*symbols), payload(listed([])))
    assert request is not None
    return request


def payload(body: object, status: int = 200, fetched: datetime = NOW) -> Payload:
    """A body as it came."""
    return Payload(status, (), body if isinstance(body, bytes) else json.dumps(body).encode(), fetched)


def parse(request: Request, body: object, status: int = 200) -> pl.DataFrame:
    """The rows of the one dataset that our source reads of a body; they have the columns of its raw table."""
    ((dataset, frame),) = POLYGON.parse(request, payload(body, status)).items()
    assert dataset == request.dataset
    RAW_TABLES[dataset].conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
    assert set(frame["symbol"]) <= set(request.symbols)
    assert set(frame["basis"]) <= {"as_traded"}
    return frame


def refusal(request: Request, body: object, status: int = 200, fetched: datetime = NOW) -> PayloadRefused:
    """How our source refuses a body."""
    with pytest.raises(PayloadRefused) as caught:
        POLYGON.parse(request, payload(body, status, fetched))
    assert caught.value.source == "polygon"
    assert POLYGON.next_page(request, payload(body, status, fetched)) is None
    return caught.value
