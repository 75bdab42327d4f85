"""
Trailing twelve months: the sum of four quarters in a row, of one concept, as they were known at each filing.

At the end of a fiscal year it is the year itself. Only flows are summed; what is per share or an average is not.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.fundamentals.quarters import SERIES

_PARTS = 4
_YEAR = (340, 380)
_LAST = ("form", "filed", "accession", "batch_id", "fetched_at", "source", "tier", "rank")


def trailing_years(quarters: pl.DataFrame, told: pl.DataFrame, years: pl.DataFrame) -> pl.DataFrame:
    """
    Rows of class TTM in `told`'s columns.

    `quarters` are all tellings of quarters, reported and derived, one a filing (null where withdrawn); `years` are the
    fiscal years (cik, start, end), whose tellings in `told` stand for the twelve months to their ends.
    """
    flows = told.filter((pl.col("measure") == "flow") & (pl.col("class") == "Y"))
    whole = flows.join(years.select("cik", "end"), on=["cik", "end"], how="semi").with_columns(
        pl.lit("TTM").alias("class"), derived=pl.coalesce("derived", pl.lit("FY"))
    )
    sums = _sums(quarters.filter(pl.col("measure") == "flow"))
    elsewhere = sums.join(whole.select("cik", "metric", "end").unique(), on=["cik", "metric", "end"], how="anti")
    return pl.concat([whole.select(told.columns), elsewhere.select(told.columns)])


def _sums(quarters: pl.DataFrame) -> pl.DataFrame:
    chains = _chains(quarters)
    tellings = quarters.select(*SERIES, "measure", "end", "available_at", "value", *_LAST).sort(
        "available_at", "accession"
    )
    events = pl.concat(
        chains.join(
            tellings.drop("value").rename({"end": f"end_{part}"}), on=[*SERIES, f"end_{part}"], how="inner"
        ).select(*chains.columns, "measure", "available_at", *_LAST)
        for part in range(_PARTS)
    )
    once = [*SERIES, "end_0", "available_at"]
    events = events.sort(*once, "filed", "accession").unique(once, keep="last", maintain_order=True)
    for part in range(_PARTS):
        known = tellings.select(
            *SERIES,
            pl.col("end").alias(f"end_{part}"),
            pl.col("available_at").alias("_at"),
            pl.col("value").alias(f"value_{part}"),
        )
        events = events.sort("available_at").join_asof(
            known, left_on="available_at", right_on="_at", by=[*SERIES, f"end_{part}"], check_sortedness=False
        )
        # Before a part was told at all there is no sum; one that was withdrawn makes it null.
        events = events.filter(pl.col("_at").is_not_null()).drop("_at")
    values = [pl.col(f"value_{part}") for part in range(_PARTS)]
    total = values[0] + values[1] + values[2] + values[3]
    return events.with_columns(
        value=total,
        end=pl.col("end_0"),
        start=pl.col("start_3"),
        derived=pl.lit("sum of 4 quarters"),
    ).with_columns(pl.lit("TTM").alias("class"))


def _chains(quarters: pl.DataFrame) -> pl.DataFrame:
    """Four quarters in a row: end_0 to end_3, newest first, and start_3."""
    spans = quarters.select(*SERIES, "start", "end").sort("start").unique([*SERIES, "end"], keep="first").sort("end")
    chain = spans.rename({"start": "start_0", "end": "end_0"})
    for part in range(1, _PARTS):
        before = spans.rename({"start": f"start_{part}", "end": f"end_{part}"})
        asked = chain.with_columns(_ends=pl.col(f"start_{part - 1}") - pl.duration(days=1)).sort("_ends")
        chain = (
            asked.join_asof(
                before,
                left_on="_ends",
                right_on=f"end_{part}",
                by=SERIES,
                strategy="nearest",
                tolerance="6d",
                check_sortedness=False,
                coalesce=False,
            )
            .filter(pl.col(f"end_{part}").is_not_null())
            .drop("_ends")
        )
    days = (pl.col("end_0") - pl.col("start_3")).dt.total_days() + 1
    return chain.filter(days.is_between(*_YEAR)).select(*SERIES, *(f"end_{part}" for part in range(_PARTS)), "start_3")
