"""
Choosing among sources: one bar per symbol and session, the losers named.

Of each source the newest version that passed the hard checks stands. Where two or more agree within tolerance, the
best ranked of those wins and the bar is confirmed; else priority decides, then score, and the bar is disputed; a
source alone is single.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import Policy, Symbol

DATASET = "daily_bars"
CANDIDATE = "candidate"
"""The column with the place of each checked row, by which a winner is known again."""


def candidates(checked: pl.DataFrame) -> pl.DataFrame:
    """
    The row that stands for each source: per symbol, date and source the newest that passed the hard checks.

    `checked` is sorted by symbol and date, then by time received.
    """
    return checked.filter(~pl.col("hard")).unique(["symbol", "date", "source"], keep="last", maintain_order=True)


def resolve(checked: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """
    The winners, sorted by symbol and date, each with `status`: confirmed, single or disputed.

    Agreement is measured on the close, relative to the larger, as traded. Priority and tolerance are those of the
    symbol's class of assets. `checked` has the place of each row in `candidate`.
    """
    standing = candidates(checked)
    if standing["source"].n_unique() <= 1:
        return standing.with_columns(status=pl.lit("single")).sort("symbol", "date")
    key = ["symbol", "date"]
    standing = _with_policy(standing, policy)
    told = standing.select(CANDIDATE, *key, "source", "close", "tolerance")
    pairs = told.join(told.drop("tolerance"), on=key, suffix="_other").filter(
        pl.col("source") != pl.col("source_other")
    )
    gap = (pl.col("close") - pl.col("close_other")).abs() / pl.max_horizontal("close", "close_other")
    agreeing = pairs.filter(gap <= pl.col("tolerance"))[CANDIDATE].unique()
    return (
        standing.with_columns(agrees=pl.col(CANDIDATE).is_in(agreeing.implode()), told=pl.len().over(key))
        .sort(*key, "agrees", "rank", "score", "source", descending=[False, False, True, False, True, False])
        .unique(key, keep="first", maintain_order=True)
        .with_columns(
            status=pl.when("agrees")
            .then(pl.lit("confirmed"))
            .when(pl.col("told") == 1)
            .then(pl.lit("single"))
            .otherwise(pl.lit("disputed"))
        )
        .drop("rank", "tolerance", "agrees", "told")
    )


def _with_policy(standing: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """`standing` with the rank of each row's source and the tolerance, both of its symbol's class."""
    known = {symbol: Symbol(symbol).asset_class for symbol in standing["symbol"].unique()}
    classes = pl.DataFrame(list(known.items()), schema={"symbol": pl.String, "class": pl.String}, orient="row")
    rows = [
        (kind, source, policy.rank(source, DATASET, kind), policy.tolerance_of(DATASET, kind))
        for kind in sorted(set(known.values()))
        for source in standing["source"].unique().sort()
    ]
    schema = {"class": pl.String, "source": pl.String, "rank": pl.Int32, "tolerance": pl.Float64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return (
        standing.join(classes, on="symbol", how="left", maintain_order="left")
        .join(table, on=["class", "source"], how="left", maintain_order="left")
        .drop("class")
    )


def revisions(checked: pl.DataFrame) -> pl.DataFrame:
    """
    Rows that changed what their source had said before: symbol, date, source, batch_id, fetched_at, and a sentence.

    Prices are compared as traded with a slack of one part in a million, volumes exactly. Only rows that passed the
    hard checks count: a live bar that becomes final is not a revision.
    """
    key = ["symbol", "date", "source"]
    rows = checked.filter(~pl.col("hard") & (pl.len().over(key) > 1)).sort(*key, "fetched_at", maintain_order=True)
    before = {name: pl.col(name).shift(1).over(key) for name in ("open", "high", "low", "close", "volume", "batch_id")}
    moved = pl.any_horizontal(
        (pl.col(name) / before[name] - 1).abs() > 1e-6 for name in ("open", "high", "low", "close")
    ) | (pl.col("volume") != before["volume"])
    return (
        rows.with_columns(
            changed=(moved & before["batch_id"].is_not_null()).fill_null(value=False),
            detail=pl.format(
                "{} close {} volume {} was close {} volume {}",
                "date",
                "close",
                pl.col("volume").cast(pl.String).fill_null("null"),
                before["close"],
                before["volume"].cast(pl.String).fill_null("null"),
            ),
        )
        .filter("changed")
        .select("symbol", "date", "source", "batch_id", "fetched_at", "detail")
    )
