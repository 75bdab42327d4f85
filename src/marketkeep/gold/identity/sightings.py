"""
Sightings: raw listings of many days, folded into one row per line and run of days on which it was told.

A directory of 12,000 lines repeats itself day after day. Folded, years of it are some 20,000 rows, and a day more is
another end of most of them, whatever the order in which the days came; parts folded apart and put together are the
same as all folded at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.model.tables import UTC, Dtype

_LINE = ("source", "symbol", "name", "exchange", "etf", "test_issue", "cik")
SIGHTINGS: dict[str, Dtype] = {
    "source": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "exchange": pl.String,
    "etf": pl.Boolean,
    "test_issue": pl.Boolean,
    "cik": pl.Int64,
    "first": pl.Date,
    "last": pl.Date,
    "days": pl.List(pl.Date),
    "heard": pl.List(UTC),
}
"""
The columns of sightings: a line of a directory, and the first and the last of the days in a row on which it was told.

Days are in a row when the directory told of none between: they stand as `days`, ascending, in a row of the directory
without a symbol, with when each was received first as `heard`. Of a source that is no directory of the exchanges a
line has one row, with the first and the last day of all: its holes prove nothing.
"""

DIRECTORY = "nasdaq_trader"
"""The source whose lists are whole: a ticker missing there is missing on the exchanges."""


def sightings(listings: pl.DataFrame) -> pl.DataFrame:
    """Fold raw listings (with `source` beside them) into sightings."""
    told = listings.select(*_LINE, "date", "fetched_at").cast({name: SIGHTINGS[name] for name in _LINE})
    mine = told.filter(pl.col("source") == DIRECTORY)
    days = _numbered(mine.select("date", heard="fetched_at"))
    runs = _joined(mine.join(days, on="date").select(*_LINE, low="place", high="place"), days)
    others = told.filter(pl.col("source") != DIRECTORY)
    return _whole(days, runs, others.select(*_LINE, first="date", last="date"))


def together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Sightings folded apart, as one."""
    numbered = [part.with_columns(part=pl.lit(at, dtype=pl.UInt32)) for at, part in enumerate(parts)]
    told = pl.concat([pl.DataFrame(schema={**SIGHTINGS, "part": pl.UInt32}), *numbered])
    dated = told.filter(pl.col("symbol").is_null()).select("part", "heard", date="days")
    by_part = dated.explode("date", "heard", empty_as_null=False)
    days = _numbered(by_part.select("date", "heard"))
    # A part's run holds for as long as the part has every day that is known.
    placed = by_part.drop("heard").join(days, on="date").sort("part", "place")
    breaks = (pl.col("part") != pl.col("part").shift()) | (pl.col("place") != pl.col("place").shift() + 1)
    spans = (
        placed.with_columns(span=breaks.fill_null(value=True).cum_sum())
        .group_by("span")
        .agg(pl.col("part").first(), since=pl.col("date").min(), until=pl.col("date").max())
    )
    lines = told.filter(pl.col("symbol").is_not_null())
    pieces = (
        lines.filter(pl.col("source") == DIRECTORY)
        .join(spans, on="part")
        .filter((pl.col("first") <= pl.col("until")) & (pl.col("last") >= pl.col("since")))
        .with_columns(first=pl.max_horizontal("first", "since"), last=pl.min_horizontal("last", "until"))
        .join(days.select(first="date", low="place"), on="first")
        .join(days.select(last="date", high="place"), on="last")
    )
    runs = _joined(pieces.select(*_LINE, "low", "high"), days)
    return _whole(days, runs, lines.filter(pl.col("source") != DIRECTORY).select(*_LINE, "first", "last"))


def directory_days(seen: pl.DataFrame) -> pl.DataFrame:
    """The days on which the exchanges' directory told anything: `date`, ascending, with `heard` and their `place`."""
    rows = seen.filter((pl.col("source") == DIRECTORY) & pl.col("symbol").is_null())
    return _numbered(rows.select("heard", date="days").explode("date", "heard", empty_as_null=False))


def _numbered(told: pl.DataFrame) -> pl.DataFrame:
    days = told.group_by("date").agg(pl.col("heard").min()).sort("date")
    return days.with_columns(place=pl.int_range(pl.len()))


def _joined(pieces: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Pieces from `low` to `high` as runs that no day continues."""
    opens = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in _LINE)
    behind = pl.col("high").cum_max().shift().over("line")
    begins = (pl.col("low") > behind + 1).fill_null(value=True)
    runs = (
        pieces.sort(*_LINE, "low", "high")
        .with_columns(line=opens.cum_sum())
        .with_columns(run=begins.cum_sum())
        .group_by("run")
        .agg(pl.col(_LINE).first(), low=pl.col("low").min(), high=pl.col("high").max())
    )
    first, last = days.select(first="date", low="place"), days.select(last="date", high="place")
    return runs.join(first, on="low").join(last, on="high").select(*_LINE, "first", "last")


def _whole(days: pl.DataFrame, runs: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The parts of sightings as one frame, in an order of its own."""
    ends = others.group_by(_LINE).agg(pl.col("first").min(), pl.col("last").max())
    told = days.select(
        pl.lit(DIRECTORY).alias("source"), "heard", first=pl.col("date").min(), last=pl.col("date").max(), days="date"
    )
    once = told.sort("days").group_by("source", "first", "last").agg("days", "heard")
    whole = pl.concat([pl.DataFrame(schema=SIGHTINGS), once, runs, ends], how="diagonal")
    return whole.sort(*_LINE, "first")
