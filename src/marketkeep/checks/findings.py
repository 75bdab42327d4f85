"""
From marks on rows to findings: one per run of rows of a symbol that failed the same check in the same batch.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.model import FINDINGS


def bar_findings(checked: pl.DataFrame) -> pl.DataFrame:
    """
    The findings of checked bars (`check_bars`' output with source and batch_id beside each row), as `FINDINGS` rows.

    One row per check, symbol, source and batch: first and last date, count, and an example value as detail.
    """
    failing = checked.filter(pl.col("failed") > 0)
    if failing.is_empty():
        return FINDINGS.empty()
    found = [
        failing.filter(pl.col("failed") & (1 << i) != 0)
        .group_by("symbol", "source", "batch_id", maintain_order=True)
        .agg(
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            count=pl.len().cast(pl.Int64),
            detected_at=pl.col("fetched_at").max(),
            example=pl.format(
                "{} open {} high {} low {} close {} volume {}",
                *(
                    pl.col(name).first().cast(pl.String).fill_null("null")
                    for name in ("date", "open", "high", "low", "close", "volume")
                ),
            ),
        )
        .with_columns(
            check=pl.lit(check.code),
            severity=pl.lit(check.severity),
            dataset=pl.lit("daily_bars"),
            detail=pl.concat_str(pl.lit(f"{check.doc} First: "), "example"),
        )
        .drop("example")
        for i, check in enumerate(BAR_CHECKS)
    ]
    return FINDINGS.conform(pl.concat(found, how="diagonal"))
