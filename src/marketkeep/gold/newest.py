"""
The last word of each source on each action: later payloads replace earlier ones, parts of one payload add up.
"""

from __future__ import annotations

import polars as pl


def newest_actions(raw: pl.DataFrame) -> pl.DataFrame:
    """
    The last version of each action that each source told, sorted (raw rows with their lineage, in any order).

    Payments of one kind and ex-date that one payload tells apart are one action of their sum; the same one told twice
    counts once.
    """
    key = ["symbol", "ex_date", "kind", "source"]
    version = ["fetched_at", "digest"]
    # Of what one payload tells twice in different words neither is later; the text decides, not the order of rows.
    ordered = raw.sort(*key, "fetched_at", "batch_id", "payload", "text", maintain_order=True)
    last = ordered.unique(key, keep="last", maintain_order=True)
    told = ordered.join(last.select(*key, *version), on=[*key, *version], how="semi", nulls_equal=True)
    several = told.unique([*key, "amount", "numerator", "denominator"], keep="last", maintain_order=True).filter(
        (pl.len().over(key) > 1) & pl.col("amount").is_not_null()
    )
    if several.is_empty():
        return last
    sums = several.group_by(key).agg(total=pl.col("amount").sum().round(10), texts=pl.col("text").str.join(" + "))
    return (
        last.join(sums, on=key, how="left", maintain_order="left")
        .with_columns(amount=pl.coalesce("total", "amount"), text=pl.coalesce("texts", "text"))
        .drop("total", "texts")
    )
