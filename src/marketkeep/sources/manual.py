"""
Statements made by hand: what a user adds to the keep is raw like a vendor's payload, and read like one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import orjson
import polars as pl

from marketkeep.model import RAW_SECURITIES, Frames, Symbol


def write_statement(symbols: Sequence[str], *, start: date | None, followed: bool) -> bytes:
    """The statement that symbols (canonical text) are followed from `start` on, or are not; the bytes to land."""
    told = {"start": start.isoformat() if start else None, "followed": followed}
    return orjson.dumps([{"symbol": symbol, **told} for symbol in symbols])


def read_statement(body: bytes) -> Frames:
    """The raw rows of an add-symbol statement."""
    rows = [
        (
            one["symbol"],
            Symbol(one["symbol"]).asset_class,
            one["followed"],
            one["start"] and date.fromisoformat(one["start"]),
        )
        for one in orjson.loads(body)
    ]
    columns = {name: dtype for name, dtype in RAW_SECURITIES.schema.items() if name != "payload"}
    return {"securities": pl.DataFrame(rows, schema=columns, orient="row")}
