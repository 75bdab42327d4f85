"""
Longer bars from daily ones: weeks, months, quarters and years.

Always from daily bars, never from a vendor's longer ones, which are adjusted at other times than they end. Nothing is
filled: what a session does not tell is unknown for its whole period, and a period without a session has no bar.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from marketkeep.errors import BadInput

Every = Literal["week", "month", "quarter", "year"]

_LENGTHS: dict[str, str] = {"week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
_FIRST, _LAST = ("open",), ("close", "adj_close")


def resample(bars: pl.DataFrame, every: Every) -> pl.DataFrame:
    """
    Daily bars as one bar per symbol and calendar period (weeks run from Monday to Sunday), sorted by symbol and date.

    `bars` has symbol, date, open, high, low, close, volume and perhaps adj_close, in any order, a row per session; to
    have adjusted bars, hand in adjusted ones. `date` is the period's last session held and `sessions` how many there
    are. The open is the first session's, close and adj_close are the last one's; high, low and volume are those of all
    sessions, and null where one of them is unknown. Raises `BadInput` for another length, or for a day told twice.
    """
    if every not in _LENGTHS:
        raise BadInput(f"every={every!r} is unknown; use {', '.join(map(repr, _LENGTHS))}")
    if bars.select(pl.struct("symbol", "date").is_duplicated().any()).item():
        raise BadInput("a symbol has two bars on one day; resample bars of one resolution, a row per session")
    daily = bars.sort("symbol", "date")
    period = pl.col("date").dt.truncate(_LENGTHS[every])
    return (
        daily.group_by("symbol", period.alias("period"), maintain_order=True)
        .agg(
            pl.col("date").last(),
            *(pl.col(name).first() for name in _FIRST),
            _of_all("high", pl.col("high").max()),
            _of_all("low", pl.col("low").min()),
            *(pl.col(name).last() for name in _LAST if name in bars.columns),
            _of_all("volume", pl.col("volume").sum()),
            sessions=pl.len().cast(pl.Int32),
        )
        .drop("period")
    )


def _of_all(name: str, value: pl.Expr) -> pl.Expr:
    """The value over all sessions of a period, null where one of them is unknown."""
    return pl.when(pl.col(name).null_count() == 0).then(value).alias(name)
