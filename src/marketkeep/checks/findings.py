"""
From marks on rows to findings: one per run of rows of a symbol that failed the same check in the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.checks.minutes import MINUTE_CHECKS
from marketkeep.checks.rules import Check
from marketkeep.model import FINDINGS

_EXAMPLE = ("open", "high", "low", "close", "volume")


def bar_findings(checked: pl.DataFrame) -> pl.DataFrame:
    """
    The findings of checked bars (`check_bars`' output with source and batch_id beside each row), as `FINDINGS` rows.

    One row per check, symbol, source and batch: first and last date, count, and an example value as detail.
    """
    return _findings(checked, BAR_CHECKS, "daily_bars", pl.col("date").cast(pl.String), [])


def minute_findings(checked: pl.DataFrame) -> pl.DataFrame:
    """
    The findings of checked minute bars (`check_minutes`' output), as `FINDINGS` rows.

    One row per check, symbol, source, batch and month: months are published apart from each other.
    """
    when = pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    return _findings(checked, MINUTE_CHECKS, "minute_bars", when, [pl.col("date").dt.truncate("1mo").alias("month")])


def _findings(
    checked: pl.DataFrame, checks: Sequence[Check], dataset: str, when: pl.Expr, also_by: list[pl.Expr]
) -> pl.DataFrame:
    failing = checked.filter(pl.col("failed") > 0)
    if failing.is_empty():
        return FINDINGS.empty()
    found = [
        failing.filter(pl.col("failed") & (1 << i) != 0)
        .group_by("symbol", "source", "batch_id", *also_by, maintain_order=True)
        .agg(
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            count=pl.len().cast(pl.Int64),
            detected_at=pl.col("fetched_at").max(),
            example=pl.format(
                "{} open {} high {} low {} close {} volume {}",
                when.first(),
                *(pl.col(name).first().cast(pl.String).fill_null("null") for name in _EXAMPLE),
            ),
        )
        .with_columns(
            check=pl.lit(check.code),
            severity=pl.lit(check.severity),
            dataset=pl.lit(dataset),
            detail=pl.concat_str(pl.lit(f"{check.doc} First: "), "example"),
        )
        .drop("example", *(one.meta.output_name() for one in also_by))
        for i, check in enumerate(checks)
    ]
    return FINDINGS.conform(pl.concat(found, how="diagonal"))
