"""
Statements made by hand: what a user adds to the keep is raw like a vendor's payload, and read like one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import orjson
import polars as pl

from marketkeep.model import RAW_TABLES, Frames, Symbol


def write_statement(
    symbols: Sequence[str], *, start: date | None, followed: bool, priority: str | None = None
) -> bytes:
    """The statement that symbols (canonical text) are followed from `start` on, or are not; the bytes to land."""
    told = {"start": start.isoformat() if start else None, "followed": followed, "priority": priority}
    return orjson.dumps([{"symbol": symbol, **told} for symbol in symbols])


def read_statement(body: bytes) -> Frames:
    """The raw rows of an add-symbol statement."""
    rows = [
        (
            one["symbol"],
            Symbol(one["symbol"]).asset_class,
            one["followed"],
            one["priority"],
            one["start"] and date.fromisoformat(one["start"]),
        )
        for one in orjson.loads(body)
    ]
    return {"securities": pl.DataFrame(rows, schema=RAW_TABLES["securities"].delivered, orient="row")}
