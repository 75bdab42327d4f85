"""Raw statements about indices made by hand, with their lineage beside them as `BatchStore.rows` gives them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.model import RAW_TABLES
from marketkeep.model import UTC as INSTANT

Row = dict[str, Any]
LINEAGE = {"source": pl.String, "fetched_at": INSTANT, "digest": pl.String, "batch_id": pl.String}
RECEIVED = datetime(2025, 1, 2, 22, tzinfo=UTC)


def told(event: str, symbol: str, day: str, *, source: str = "wikipedia", at: int = 0, **more: Any) -> Row:
    """One statement; `at` is how many days later than the first it was received."""
    return {
        "index": "sp500",
        "symbol": symbol,
        "date": date.fromisoformat(day),
        "event": event,
        "name": None,
        "payload": 0,
        **lineage(source, RECEIVED + timedelta(days=at)),
        **more,
    }


def lineage(source: str, at: datetime) -> Row:
    """What stands beside a row of a payload received then."""
    return {
        "source": source,
        "fetched_at": at,
        "digest": f"sha256:{source}{at:%Y%m%d}",
        "batch_id": f"{at:%Y%m%dT%H%M%S}-{source}",
    }


def listed(day: str, *symbols: str, source: str = "wikipedia", at: int = 0) -> list[Row]:
    """A list of members as of a day."""
    return [told("member", symbol, day, source=source, at=at) for symbol in symbols]


def rows(*given: Row | Iterable[Row]) -> pl.DataFrame:
    """Statements as a frame, in the order given."""
    flat = [row for one in given for row in ([one] if isinstance(one, dict) else one)]
    return pl.DataFrame(flat, schema={**RAW_TABLES["index_members"].schema, **LINEAGE})


def landed(frame: pl.DataFrame, source: str, at: datetime) -> pl.DataFrame:
    """What a source delivered, as raw rows."""
    table = RAW_TABLES["index_members"]
    full = table.conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
    return full.with_columns(
        pl.lit(value, dtype=LINEAGE[name]).alias(name) for name, value in lineage(source, at).items()
    )


def intervals(table: pl.DataFrame, index: str = "sp500") -> list[tuple[str, str | None, str | None]]:
    """Symbol, from and to of a resolved table, as texts."""
    chosen = table.filter(pl.col("index") == index).select("symbol", "from", "to")
    return [(symbol, start and str(start), end and str(end)) for symbol, start, end in chosen.iter_rows()]
