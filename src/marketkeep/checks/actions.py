"""
What is not sure of corporate actions, told of their verdicts as they are published.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks.standing import Standing

DISPUTED = Standing("action_disputed", "warning", "Sources or prices tell an action differently; it is not sure.")
PHANTOM = Standing("action_phantom", "warning", "A source tells a split that prices do not follow; it is not applied.")
ABOVE = Standing("cash_above_close", "warning", "Cash at or above the close before it; it is refused (trap 39).")
ACTION_CHECKS = (DISPUTED, PHANTOM, ABOVE)

_REFUSED = "refused: not below the close"


def action_issues(actions: pl.DataFrame) -> pl.DataFrame:
    """All of these checks over `ACTIONS` rows, as `ISSUES` rows; each action is told once."""
    above = pl.col("witnesses").str.contains(_REFUSED, literal=True)
    said = pl.when(pl.col("witnesses") == "").then(pl.lit("")).otherwise(pl.format("; {}", "witnesses"))
    told = actions.with_columns(
        first="ex_date",
        last="ex_date",
        count=pl.lit(1),
        detail=pl.format("{} is {}: {}{}", "kind", "status", "told", said),
    )
    disputed = pl.col("status") == "disputed"
    parts = (
        (DISPUTED, told.filter(disputed & ~above)),
        (PHANTOM, told.filter(pl.col("status") == "phantom")),
        (ABOVE, told.filter(disputed & above)),
    )
    return pl.concat([check.found(rows, "actions") for check, rows in parts])
