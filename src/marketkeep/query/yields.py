"""
The yield curve as readers ask for it: all points or one tenor, between two days.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.errors import NotFound


def yields(table: pl.DataFrame, start: date | None, end: date | None, tenor: str | None) -> pl.DataFrame:
    """
    The rows of a curve (`TREASURY_YIELDS`) from `start` through `end`, of one tenor or of all.

    Raises `NotFound` for a tenor of which nothing is held, naming those there are.
    """
    if tenor is not None:
        known = table["tenor"].unique(maintain_order=True).to_list()
        if tenor not in known:
            raise NotFound(f"this keep has no yields of tenor {tenor}; it has {', '.join(known) or 'none'}")
        table = table.filter(pl.col("tenor") == tenor)
    if start is not None:
        table = table.filter(pl.col("date") >= start)
    return table if end is None else table.filter(pl.col("date") <= end)
