"""
Sightings: raw listings of many days, folded into one row per line that was ever told, with the days it was told on.

A directory of 12,000 lines repeats itself day after day. Folded, years of it are some 20,000 rows, whatever the order
in which the days came; parts folded apart and put together are the same as all folded at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.model.tables import Dtype

_LINE = ("source", "symbol", "name", "exchange", "etf", "test_issue", "cik")
SIGHTINGS: dict[str, Dtype] = {
    "source": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "exchange": pl.String,
    "etf": pl.Boolean,
    "test_issue": pl.Boolean,
    "cik": pl.Int64,
    "dates": pl.List(pl.Date),
}
"""
The columns of sightings: a line of a directory, and the days on which its source told it, ascending. Of a source that
is no directory of the exchanges only the first and the last day are kept: its holes prove nothing.
"""

DIRECTORY = "nasdaq_trader"
"""The source whose lists are whole: a ticker missing there is missing on the exchanges."""


def sightings(listings: pl.DataFrame) -> pl.DataFrame:
    """Fold raw listings (with `source` beside them) into sightings."""
    if listings.is_empty():
        return pl.DataFrame(schema=SIGHTINGS)
    folded = _bounded(listings.group_by(_LINE).agg(dates=pl.col("date").unique().sort()))
    return folded.select(pl.col(name).cast(dtype) for name, dtype in SIGHTINGS.items()).sort(_LINE)


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Sightings folded apart, as one."""
    if not parts:
        return pl.DataFrame(schema=SIGHTINGS)
    folded = pl.concat(parts).group_by(_LINE).agg(dates=pl.col("dates").explode(empty_as_null=False).unique().sort())
    return _bounded(folded).select(list(SIGHTINGS)).sort(_LINE)


def _bounded(folded: pl.DataFrame) -> pl.DataFrame:
    """Only the first and last day of what is no directory."""
    dates = pl.col("dates")
    ends = pl.concat_list(dates.list.first(), dates.list.last()).list.unique(maintain_order=True)
    return folded.with_columns(dates=pl.when(pl.col("source") == DIRECTORY).then(dates).otherwise(ends))
