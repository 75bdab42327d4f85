"""
Fiscal years, known by the days that yearly reports cover, and the number of a quarter within its year.

A year of 52 or 53 weeks ends on another day every time, and a company may change its year: a quarter counts from the
latest beginning of a year before it, whatever the company calls it.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.fundamentals.told import PERIODIC_TIER

_SPARE_DAYS = 10
_OVERLAP_DAYS = 40
_QUARTER = 91.3


def fiscal_years(told: pl.DataFrame) -> pl.DataFrame:
    """
    The fiscal years of each company: cik, start, end, sorted.

    They are the year-long periods that filings other than quarterly reports tell of. Of two that overlap, the one that
    is told by better forms and more often is a fiscal year.
    """
    yearly = told.filter((pl.col("class") == "Y") & ~pl.col("form").str.contains("^(10-Q|6-K)"))
    spans = yearly.group_by("cik", "start", "end").agg(count=pl.len(), best=pl.col("tier").min())
    spans = spans.sort("cik", "end", "start").with_row_index("at")
    pairs = spans.join(spans, on="cik", suffix="_other").filter(pl.col("at") != pl.col("at_other"))
    common = pl.min_horizontal("end", "end_other") - pl.max_horizontal("start", "start_other")
    # Of the better form first, then the one told more often, then the earlier one.
    order = [("best", True), ("count", False), ("at", True)]
    loses, equal = pl.lit(value=False), pl.lit(value=True)
    for name, less_is_better in order:
        mine, other = pl.col(name), pl.col(f"{name}_other")
        loses = loses | (equal & (mine > other if less_is_better else mine < other))
        equal = equal & (mine == other)
    beaten = pairs.filter((common.dt.total_days() > _OVERLAP_DAYS) & loses)["at"].unique()
    return spans.filter(~pl.col("at").is_in(beaten.implode())).select("cik", "start", "end")


def begins(told: pl.DataFrame, years: pl.DataFrame) -> pl.DataFrame:
    """
    The days on which a fiscal year begins: cik, begin, sorted.

    They are those of `years`, the days behind them, and of what is told to date in a year that is not over.
    """
    to_date = told.filter(pl.col("class").is_in(["H", "T"]) & (pl.col("tier") == PERIODIC_TIER))
    running = to_date.group_by("cik", "start").agg(metrics=pl.col("metric").n_unique(), last=pl.col("end").max())
    known = years.group_by("cik").agg(covered=pl.col("end").max())
    running = running.join(known, on="cik", how="left").filter(
        (pl.col("metrics") >= 2) & (pl.col("covered").is_null() | (pl.col("start") > pl.col("covered")))
    )
    parts = [
        years.select("cik", begin="start"),
        years.select("cik", begin=pl.col("end") + pl.duration(days=1)),
        running.select("cik", begin="start"),
    ]
    return pl.concat(parts).unique().sort("begin", "cik")


def numbered(quarters: pl.DataFrame, begin: pl.DataFrame) -> pl.DataFrame:
    """`quarters` (cik, start, end, ...) with `number`, 1 to 4; where no year is known, that of the calendar."""
    asked = quarters.with_columns(_from=pl.col("start") + pl.duration(days=_SPARE_DAYS)).sort("_from")
    found = asked.join_asof(begin, left_on="_from", right_on="begin", by="cik", check_sortedness=False)
    days = (pl.col("end") - pl.col("begin")).dt.total_days() + 1
    counted = (days / _QUARTER).round().cast(pl.Int64).clip(1)
    calendar = ((pl.col("end") - pl.duration(days=_SPARE_DAYS)).dt.month() - 1) // 3
    number = pl.coalesce((counted - 1) % 4, calendar.cast(pl.Int64)) + 1
    return found.with_columns(number=number).drop("_from", "begin")
