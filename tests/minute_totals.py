"""Totals of minute sessions and daily bars made by hand, to be laid beside each other."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from marketkeep.model import MINUTE_DAYS
from raw_rows import RECEIVED

MONDAY = date(2024, 3, 4)
DAILY = {"symbol": pl.String, "date": pl.Date, "source": pl.String} | dict.fromkeys(
    ("open", "high", "low", "close", "volume"), pl.Float64
)


def total(day: date = MONDAY, at: int = 0, /, **told: Any) -> dict[str, Any]:
    """What a whole session of consolidated minutes comes to, in a version received `at` minutes after all was over."""
    return {
        "symbol": "AAPL",
        "date": day,
        "feed": "sip",
        "source": "a",
        "open": 100.0,
        "high": 104.0,
        "low": 98.0,
        "close": 102.0,
        "closing": None,
        "volume": 900.0,
        "minutes": 390,
        "batch_id": f"batch-{at:04d}",
        "received_at": RECEIVED + timedelta(minutes=at),
        **told,
    }


def totals(*rows: dict[str, Any]) -> pl.DataFrame:
    """Totals as their table, in its order."""
    return pl.DataFrame(list(rows), schema=MINUTE_DAYS.schema).sort(*MINUTE_DAYS.key)


def whole_day(day: date = MONDAY, /, **told: Any) -> dict[str, Any]:
    """The daily bar that `total` agrees with; a tenth of the day's volume was traded outside regular hours."""
    prices = {"open": 100.0, "high": 104.0, "low": 98.0, "close": 102.0, "volume": 1000.0}
    return {"symbol": "AAPL", "date": day, "source": "yahoo", **prices, **told}


def daily(*rows: dict[str, Any]) -> pl.DataFrame:
    """Daily bars as a frame."""
    return pl.DataFrame(list(rows), schema=DAILY)
