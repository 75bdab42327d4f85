"""
The published totals of minute sessions: one Parquet file a month over all symbols, replaced whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files
from marketkeep.model import MINUTE_DAYS
from marketkeep.stores.lake import layout


def months_held(files: Files) -> list[date]:
    """The first days of the months that have a file, sorted. It lists: for the writer alone."""
    prefix = layout.minute_days(date.min).rpartition("/")[0] + "/"
    names = (key.removeprefix(prefix).removesuffix(".parquet") for key in files.keys(prefix))
    return sorted(date.fromisoformat(f"{name}-01") for name in names)


def load_days(files: Files, month: date, symbols: Sequence[str] | None = None) -> pl.DataFrame:
    """
    A month's totals in all versions as `MINUTE_DAYS` rows, sorted by key, of these symbols only when some are named.

    Raises `CorruptFile` when the file is not what it should be; without one there is nothing.
    """
    key = layout.minute_days(month)
    try:
        [path] = files.local([key])
        scan = pl.scan_parquet(path, glob=False, schema=MINUTE_DAYS.schema)
        return (scan if symbols is None else scan.filter(pl.col("symbol").is_in(list(symbols)))).collect()
    except FileNotFoundError:
        return MINUTE_DAYS.empty()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CorruptFile(files.name(key), "it does not hold the totals of minute sessions", derived=True) from error
