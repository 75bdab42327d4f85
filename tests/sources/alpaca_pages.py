"""Pages as Alpaca builds them, and what our source makes of them: shared by the tests of that source."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request
from marketkeep.sources.alpaca import Alpaca

ALPACA = Alpaca()
NOW = datetime(2024, 7, 1, 21, tzinfo=UTC)
START, END = date(2024, 3, 1), date(2024, 4, 1)
DAYS = ("2024-03-07T05:00:00Z", "2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z")
MINUTES = ("2024-03-08T09:00:00Z", "2024-03-08T14:30:00Z", "2024-03-08T14:32:00Z", "2024-03-12T00:59:00Z")


def bar(stamp: str, close: float = 10.0, **told: Any) -> dict[str, Any]:
    """One bar as Alpaca writes it."""
    return {"t": stamp, "o": 9.5, "h": 11, "l": 9, "c": close, "v": 1000, "n": 12, "vw": 10.01} | told


def bars(stamps: tuple[str, ...] = DAYS, symbol: str = "AAPL", token: str | None = None) -> dict[str, Any]:
    """A page of one symbol's bars."""
    return {"bars": {symbol: [bar(stamp) for stamp in stamps]}, "next_page_token": token}


def query(dataset: str = "daily_bars", *symbols: str, **told: Any) -> Query:
    """A query of March 2024, asked in July."""
    given = {"start": START, "end": END, "now": NOW} | told
    return Query(dataset, symbols or ("AAPL",), **given)


def planned(dataset: str = "daily_bars", *symbols: str, **told: Any) -> Request:
    """The one request that it takes."""
    (request,) = ALPACA.plan(query(dataset, *symbols, **told))
    return request


def parse(body: object, request: Request | None = None, *, status: int = 200) -> pl.DataFrame:
    """What our source reads of a body."""
    request = request or planned()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    frames = ALPACA.parse(request, Payload(status, (), data, NOW))
    (frame,) = frames.values()
    RAW_TABLES[request.dataset].conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
    return frame


def refusal(body: object, request: Request | None = None, *, status: int = 200) -> PayloadRefused:
    """How a body is refused."""
    with pytest.raises(PayloadRefused) as caught:
        parse(body, request, status=status)
    return caught.value


def action(symbol: str = "AAPL", **told: Any) -> dict[str, Any]:
    """One action as Alpaca writes it."""
    dates = {"ex_date": "2024-03-15", "process_date": "2024-03-15", "record_date": "2024-03-14"}
    return {"id": "a", "cusip": "C", "symbol": symbol} | dates | told


def actions(**groups: Any) -> dict[str, Any]:
    """A page of actions."""
    return {"corporate_actions": groups, "next_page_token": None}
