"""
Tables as the market knew them on a day: what came later is taken away, what ended later has not ended yet.

Each function takes a table as it is known now, or was at an earlier instant, and gives one of the same columns. Nothing
is added: what the keep does not know of an old day it does not know.
"""

from __future__ import annotations

from datetime import date

import polars as pl


def actions_on(actions: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`ACTIONS` rows with an ex-date up to the day."""
    return actions if day is None else actions.filter(pl.col("ex_date") <= day)


def history_on(history: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`TICKER_HISTORY` rows that were in force on the day."""
    return history if day is None else history.filter(pl.col("effective_date") <= day)


def yields_on(yields: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`TREASURY_YIELDS` rows up to the day."""
    return yields if day is None else yields.filter(pl.col("date") <= day)


def members_on(members: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`INDEX_MEMBERS` rows that had begun by the day; an end that lay ahead was not known."""
    if day is None:
        return members
    begun = members.filter(pl.col("from").is_null() | (pl.col("from") <= day))
    over = (pl.col("to") <= day).fill_null(value=False)
    return begun.with_columns(pl.when(over).then(name).alias(name) for name in ("to", "to_source"))


def tickers_on(tickers: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`TICKERS` rows of who had a ticker by the day; who gave it up later still has it."""
    if day is None:
        return tickers
    begun = tickers.filter(pl.col("from").is_null() | (pl.col("from") <= day))
    over = (pl.col("to") <= day).fill_null(value=False)
    return begun.with_columns(pl.when(over).then(name).alias(name) for name in ("to", "closed_at"))


def securities_on(
    securities: pl.DataFrame, tickers: pl.DataFrame, held: pl.DataFrame, day: date | None
) -> pl.DataFrame:
    """
    `SECURITIES` rows as of the day: none that was not listed yet, and what was delisted later is active.

    Listed are those of which `tickers` (`TICKERS` rows) has one begun by then, and those it does not have at all.
    `held` has symbol, first_session and last_session of the bars held up to the day; a security of which only later
    ones are held stays, for its listing may be older.
    """
    if day is None:
        return securities
    later = tickers.join(tickers_on(tickers, day), on="security_id", how="anti")["security_id"].unique()
    stands = securities.filter(~pl.col("security_id").is_in(later.implode()))
    ahead = (pl.col("delisting_date") > day).fill_null(value=False)
    told = stands.with_columns(
        active=pl.col("active") | ahead,
        delisting_reason=pl.when(~ahead).then("delisting_reason"),
        delisting_date=pl.when(~ahead).then("delisting_date"),
    ).drop("first_session", "last_session")
    return told.join(held, on="symbol", how="left", maintain_order="left").select(securities.columns)


def findings_on(findings: pl.DataFrame, day: date | None) -> pl.DataFrame:
    """`FINDINGS` rows about dates up to the day; one that goes on behind it ends there, its `count` unknown."""
    if day is None:
        return findings
    begun = findings.filter(pl.col("first").is_null() | (pl.col("first") <= day))
    beyond = (pl.col("last") > day).fill_null(value=False)
    return begun.with_columns(
        last=pl.when(beyond).then(pl.lit(day)).otherwise("last"), count=pl.when(~beyond).then("count")
    )
