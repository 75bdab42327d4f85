"""
Counts of shares on the covers of filings, as witnesses of splits.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.fundamentals.told import PERIODIC
from marketkeep.model import UTC
from marketkeep.model.tables import Dtype

COUNTS: dict[str, Dtype] = {
    "cik": pl.Int64,
    "taxonomy": pl.String,
    "concept": pl.String,
    "unit": pl.String,
    "end": pl.Date,
    "value": pl.Float64,
    "accession": pl.String,
    "form": pl.String,
    "filed": pl.Date,
    "fetched_at": UTC,
    "batch_id": pl.String,
}
"""What of a raw fact tells a count of shares."""

COUNT = [name for name in COUNTS if name not in ("fetched_at", "batch_id")]
"""What makes it the same count, whoever told it when."""

_COVER, _BALANCE = "EntityCommonStockSharesOutstanding", "CommonStockSharesOutstanding"


def cover_shares(facts: pl.DataFrame) -> pl.DataFrame:
    """
    The shares outstanding that filings told: cik, on (the day they were counted), shares; sorted by cik and day.

    `facts` are raw facts with their lineage. Of a day told more than once the filing that was made last stands. A
    company that never tells a count on its covers, as those with several classes do not, is told by its balance
    sheets, where these tell one. Proxy and other statements are not asked: they tell other scales.
    """
    counts = facts.filter(is_count())
    counts = counts.with_columns(_cover=pl.col("taxonomy") == "dei")
    mine = counts.filter(pl.col("_cover") | ~pl.col("_cover").any().over("cik"))
    newest = mine.sort("cik", "end", "filed", "accession", "fetched_at", "batch_id").unique(
        ["cik", "end"], keep="last", maintain_order=True
    )
    return newest.select("cik", on="end", shares="value")


def is_count() -> pl.Expr:
    """Whether a raw fact tells how many shares there are."""
    base = pl.col("form").fill_null("").str.strip_suffix("/A")
    cover = (pl.col("taxonomy") == "dei") & (pl.col("concept") == _COVER)
    balance = (pl.col("taxonomy") == "us-gaap") & (pl.col("concept") == _BALANCE)
    return (cover | balance) & base.is_in(PERIODIC) & (pl.col("unit") == "shares") & (pl.col("value") > 0)


def issued_by(counts: pl.DataFrame, issuers: pl.DataFrame) -> pl.DataFrame:
    """What `cover_shares` returned by symbol, of `issuers` (symbol and cik): symbol, on, shares."""
    return counts.join(issuers, on="cik").select("symbol", "on", "shares").sort("symbol", "on")
