"""
Issues: what is wrong now. Findings tell what happened; an issue is a finding that still stands, or a hole.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks import BAR_CHECKS
from marketkeep.stores.lake import Catalog, Lake

_HARD = [check.code for check in BAR_CHECKS if check.hard]
_SOFT = [check.code for check in BAR_CHECKS if not check.hard]
_COLUMNS = ["check", "severity", "dataset", "symbol", "source", "first", "last", "count", "detail"]


def issues(lake: Lake) -> pl.DataFrame:
    """Errors whose sessions are still without a bar, sessions missing, and actions in dispute; worst first."""
    catalog = lake.catalog()
    found = pl.concat([_refused(lake, catalog), _gaps(catalog), _disputed(lake, catalog)])
    order = pl.col("severity").replace_strict({"error": 0, "warning": 1, "info": 2}, return_dtype=pl.Int8)
    return found.sort(order, "symbol", "first", "check", maintain_order=True)


def _refused(lake: Lake, catalog: Catalog) -> pl.DataFrame:
    """Findings that still stand: a flaw in a bar that is served, or something refused that nothing has replaced."""
    findings = lake.findings().filter(pl.col("severity") != "info").with_row_index("row")
    held = catalog.entries.filter(pl.col("dataset") == "daily_bars")
    spans = held.group_by("symbol").agg(held_from=pl.col("first").min(), held_to=pl.col("last").max())
    holes = held.select("symbol", hole="missing").explode("hole").drop_nulls()
    open_rows = findings.join(holes, on="symbol").filter(pl.col("hole").is_between("first", "last"))["row"].unique()
    joined = findings.join(spans, on="symbol", how="left", maintain_order="left")
    outside = (pl.col("first") < pl.col("held_from")) | (pl.col("last") > pl.col("held_to"))
    lost = pl.col("row").is_in(open_rows.implode()) | outside.fill_null(value=True)
    stands = (
        pl.when(pl.col("check").is_in(_SOFT))
        .then(pl.lit(value=True))
        .when(pl.col("check").is_in(_HARD))
        .then(lost)
        # An answer refused asked for a whole window: it is made good once another brought the symbol's bars.
        .otherwise(pl.col("held_to").is_null())
    )
    return joined.filter(stands).select(_COLUMNS)


def _gaps(catalog: Catalog) -> pl.DataFrame:
    holes = catalog.entries.filter((pl.col("dataset") == "daily_bars") & (pl.col("missing").list.len() > 0))
    found = (
        holes.select("symbol", day="missing")
        .explode("day")
        .group_by("symbol")
        .agg(first=pl.col("day").min(), last=pl.col("day").max(), count=pl.len().cast(pl.Int64))
    )
    return found.with_columns(
        check=pl.lit("gap"),
        severity=pl.lit("warning"),
        dataset=pl.lit("daily_bars"),
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
