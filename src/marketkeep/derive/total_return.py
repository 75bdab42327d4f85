"""
Total return: what one holding became, every distribution reinvested, from as-traded closes and corporate actions.

The index follows the share account of an investor who sells nothing: a split turns one share into n/d, and a payment
of D buys D / (C - D) shares for each held, C being the close before the ex-date (in shares of the ex-date): it is
reinvested at the price at which the ex-date would open if nothing but the payment moved it. That is adj_close's own
convention, the multiplier 1 - D / C (Yahoo's help names it the standard of CRSP, the Center for Research in Security
Prices), so the index moves exactly as adj_close does. A return counted as (C of the ex-date + D) / C, with the payment
kept in cash for that session, differs by D / C of the session's own move. What was not applied (no factor) is not
reinvested, and nothing is invented behind the last bar.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.errors import BadInput


def total_return(
    bars: pl.DataFrame, actions: pl.DataFrame, *, base: float = 100.0, upto: date | None = None
) -> pl.DataFrame:
    """
    The total-return index of each symbol: symbol, date, close (as traded), shares, total_return; sorted.

    `bars` have symbol, date and as-traded close, a row per session, in any order; `actions` have symbol, ex_date and
    adjustment_factor (null where not applied), and with `upto` only those with an ex-date up to that day count.
    `shares` is what one share of the first session has become, 1.0 there, and total_return = `base` x close x shares /
    first close. An ex-date that is no session takes effect on the next one held; one on or before the first session, or
    behind the last, has none. Raises `BadInput` when a symbol has two bars on one day.
    """
    if bars.select(pl.struct("symbol", "date").is_duplicated().any()).item():
        raise BadInput("a symbol has two bars on one day; a total return takes one row per session")
    events = actions.filter(pl.col("adjustment_factor").is_not_null())
    if upto is not None:
        events = events.filter(pl.col("ex_date") <= upto)
    held = bars.select("symbol", "date", "close").sort("symbol", "date")
    growth = (
        events.select("symbol", "adjustment_factor", date="ex_date")
        .sort("date")
        .join_asof(
            held.select("symbol", "date", session="date").sort("date"),
            on="date",
            by="symbol",
            strategy="forward",
            check_sortedness=False,
        )
        .drop_nulls("session")
        .group_by("symbol", date="session")
        .agg(growth=(1 / pl.col("adjustment_factor")).product())
    )
    first = pl.col("date") == pl.col("date").min().over("symbol")
    grown = held.join(growth, on=["symbol", "date"], how="left", maintain_order="left").with_columns(
        growth=pl.when(first).then(1.0).otherwise(pl.col("growth").fill_null(1.0))
    )
    shares = pl.col("growth").cum_prod().over("symbol")
    return grown.select(
        "symbol",
        "date",
        "close",
        shares=shares,
        total_return=base * pl.col("close") * shares / pl.col("close").first().over("symbol"),
    )
