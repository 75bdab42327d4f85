"""Minute bars made by hand, as sources deliver them and with lineage beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from marketkeep.model import RAW_TABLES, Policy
from raw_rows import LINEAGE, RECEIVED

Row = dict[str, Any]
NEW_YORK = ZoneInfo("America/New_York")
RANKED = Policy(priority=("a", "b", "csv"))


def at_new_york(day: date, clock: str) -> datetime:
    """The instant (UTC) at which clocks in New York say `clock` on a day."""
    return datetime.combine(day, time.fromisoformat(clock), NEW_YORK).astimezone(UTC)


def minute(day: date | str, clock: str = "10:00", close: float | None = 10.0, /, **told: Any) -> Row:
    """One minute's bar as a source delivers it: flat at `close` but for what is told, consolidated, as traded."""
    session = date.fromisoformat(day) if isinstance(day, str) else day
    return {
        "symbol": "AAPL",
        "ts": at_new_york(session, clock),
        "date": session,
        "open": close,
        "high": None if close is None else close * 1.01,
        "low": None if close is None else close * 0.99,
        "close": close,
        "volume": 100.0,
        "vwap": close,
        "trade_count": 5,
        "feed": "sip",
        "basis": "as_traded",
        "basis_date": None,
        **told,
    }


def with_lineage(*rows: Row, source: str = "csv", at: int = 0, payload: int = 0) -> pl.DataFrame:
    """Raw rows with their lineage beside them as `BatchStore.rows` gives them; `at` is minutes after all was over."""
    lineage = {
        "payload": payload,
        "source": source,
        "fetched_at": RECEIVED + timedelta(minutes=at),
        "digest": f"sha256:{source}{at}",
        "batch_id": f"batch-{source}-{at:04d}",
    }
    schema = {**RAW_TABLES["minute_bars"].schema, **LINEAGE}
    return pl.DataFrame([{**row, **lineage} for row in rows], schema=schema)


def delivered(rows: Sequence[Row], dataset: str = "minute_bars") -> pl.DataFrame:
    """Rows as one payload delivered them."""
    schema = RAW_TABLES[dataset].schema
    return pl.DataFrame([{"payload": 0, **row} for row in rows], schema=schema)
