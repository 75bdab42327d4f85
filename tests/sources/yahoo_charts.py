"""Charts as Yahoo builds them, and what our source makes of them: shared by the tests of that source."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Frames, Payload, Query
from marketkeep.sources import Yahoo

YAHOO = Yahoo()
FETCHED = datetime(2025, 6, 2, 22, tzinfo=UTC)
PRICES = ("open", "high", "low", "close", "volume")


def epoch(day: str, hour: int = 14) -> int:
    """The instant at which Yahoo stamps a session: its opening, half past nine in New York or near it."""
    return int(datetime.fromisoformat(f"{day}T{hour}:30:00+00:00").timestamp())


def chart(days: list[str], closes: list[float | None], **told: Any) -> dict[str, Any]:
    """A chart of these sessions, flat bars, as Yahoo builds it; `told` replaces parts of the result."""
    result: dict[str, Any] = {
        "meta": {
            "symbol": "AAPL",
            "currency": "USD",
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d",
        },
        "timestamp": [epoch(day) for day in days],
        "indicators": {
            "quote": [{name: [1000 if name == "volume" and c else c for c in closes] for name in PRICES}],
            "adjclose": [{"adjclose": list(closes)}],
        },
    }
    return {"chart": {"result": [{**result, **told}], "error": None}}


DAYS = ["2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"]
PLAIN = chart(DAYS, [10.0, 11.0, 12.0, 13.0])


def parse(body: object, symbol: str = "AAPL", *, status: int = 200, fetched: datetime = FETCHED) -> Frames:
    """What our source reads of a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = YAHOO.plan(
        Query("daily_bars", (symbol,), date(2024, 3, 1), date(2024, 4, 1), datetime(2024, 4, 1, 20, tzinfo=UTC))
    )[0]
    frames = YAHOO.parse(request, Payload(status, (), data, fetched))
    for dataset, frame in frames.items():
        RAW_TABLES[dataset].conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
        assert frame["symbol"].unique().to_list() in ([symbol], [])
    return frames


def fault(body: object, symbol: str = "AAPL", *, status: int = 200) -> tuple[str, bool]:
    """The code a body is refused with, and whether it is worth asking again."""
    with pytest.raises(PayloadRefused) as caught:
        parse(body, symbol, status=status)
    assert caught.value.source == "yahoo"
    return caught.value.fault, caught.value.retry


def cash_of(frames: Frames) -> list[tuple[date, str, float, str]]:
    """Payments as told, with their basis."""
    rows = frames["actions"].filter(pl.col("kind") != "split")
    return [tuple(row) for row in rows.select("ex_date", "kind", "amount", "basis").iter_rows()]
