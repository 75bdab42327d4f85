"""
Issues: what is wrong now. Findings tell what happened; an issue is a finding that still stands, or a hole.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks import BAR_CHECKS, MINUTE_CHECKS
from marketkeep.stores.lake import Catalog, Lake

_COLUMNS = ["check", "severity", "dataset", "symbol", "source", "first", "last", "count", "detail"]
_BARS = {"daily_bars": BAR_CHECKS, "minute_bars": MINUTE_CHECKS}


def issues(lake: Lake) -> pl.DataFrame:
    """Errors whose sessions are still without a bar, sessions missing, and actions in dispute; worst first."""
    catalog = lake.catalog()
    findings = lake.findings().filter(pl.col("severity") != "info")
    minute = pl.col("dataset") == "minute_bars"
    refused = [
        _refused(findings.filter(~minute), catalog, "daily_bars"),
        _refused(findings.filter(minute), catalog, "minute_bars"),
    ]
    found = pl.concat([*refused, _gaps(catalog), _disputed(lake, catalog)])
    order = pl.col("severity").replace_strict({"error": 0, "warning": 1, "info": 2}, return_dtype=pl.Int8)
    return found.sort(order, "symbol", "first", "check", maintain_order=True)


def _refused(findings: pl.DataFrame, catalog: Catalog, dataset: str) -> pl.DataFrame:
    """Findings that still stand: a flaw in a bar that is served, or something refused that nothing has replaced."""
    findings = findings.with_row_index("row")
    held = catalog.entries.filter(pl.col("dataset") == dataset)
    spans = held.group_by("symbol").agg(held_from=pl.col("first").min(), held_to=pl.col("last").max())
    holes = held.select("symbol", hole="missing").explode("hole").drop_nulls()
    open_rows = findings.join(holes, on="symbol").filter(pl.col("hole").is_between("first", "last"))["row"].unique()
    joined = findings.join(spans, on="symbol", how="left", maintain_order="left")
    outside = (pl.col("first") < pl.col("held_from")) | (pl.col("last") > pl.col("held_to"))
    lost = pl.col("row").is_in(open_rows.implode()) | outside.fill_null(value=True)
    stands = (
        pl.when(pl.col("check").is_in([check.code for check in _BARS[dataset] if not check.hard]))
        .then(pl.lit(value=True))
        .when(pl.col("check").is_in([check.code for check in _BARS[dataset] if check.hard]))
        .then(lost)
        # An answer refused asked for a whole window: it is made good once another brought the symbol's bars.
        .otherwise(pl.col("held_to").is_null())
    )
    return joined.filter(stands).select(_COLUMNS)


def _gaps(catalog: Catalog) -> pl.DataFrame:
    holes = catalog.entries.filter(pl.col("dataset").is_in(list(_BARS)) & (pl.col("missing").list.len() > 0))
    found = (
        holes.select("dataset", "symbol", day="missing")
        .explode("day")
        .group_by("dataset", "symbol")
        .agg(first=pl.col("day").min(), last=pl.col("day").max(), count=pl.len().cast(pl.Int64))
        .sort("dataset", "symbol")
    )
    return found.with_columns(
        check=pl.lit("gap"),
        severity=pl.lit("warning"),
        source=pl.lit(None, dtype=pl.String),
        detail=pl.format("{} sessions between {} and {} have no bar", "count", "first", "last"),
    ).select(_COLUMNS)


def _disputed(lake: Lake, catalog: Catalog) -> pl.DataFrame:
    told = catalog.entries.filter(pl.col("dataset") == "actions")["symbol"]
    actions = lake.actions(told).filter(pl.col("status") == "disputed")
    return actions.select(
        pl.lit("action_disputed").alias("check"),
        pl.lit("warning").alias("severity"),
        pl.lit("actions").alias("dataset"),
        "symbol",
        pl.lit(None, dtype=pl.String).alias("source"),
        pl.col("ex_date").alias("first"),
        pl.col("ex_date").alias("last"),
        pl.lit(1, dtype=pl.Int64).alias("count"),
        pl.format("{} in dispute: {}", "kind", "witnesses").alias("detail"),
    )
