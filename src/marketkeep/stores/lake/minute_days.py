"""
The published totals of minute sessions: one Parquet file a month over all symbols, replaced whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.model import MINUTE_DAYS
from marketkeep.stores.lake import layout


def months_held(root: Path) -> list[date]:
    """The first days of the months that have a file, sorted."""
    paths = (root / layout.minute_days(date.min)).parent.glob("*.parquet")
    return sorted(date.fromisoformat(f"{path.stem}-01") for path in paths)


def load_days(root: Path, month: date, symbols: Sequence[str] | None = None) -> pl.DataFrame:
    """
    A month's totals in all versions as `MINUTE_DAYS` rows, sorted by key, of these symbols only when some are named.

    Raises `CorruptFile` when the file is not what it should be; without one there is nothing.
    """
    path = root / layout.minute_days(month)
    if not path.exists():
        return MINUTE_DAYS.empty()
    scan = pl.scan_parquet(path, glob=False, schema=MINUTE_DAYS.schema)
    try:
        return (scan if symbols is None else scan.filter(pl.col("symbol").is_in(list(symbols)))).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CorruptFile(path, "it does not hold the totals of minute sessions", derived=True) from error
