"""
What cannot be right about securities, told of the reference tables as they are published.

Directories are late, the SEC's forms are filed around a date and funds share an issuer by the hundred, so only what is
plain is told.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from marketkeep.checks.standing import Standing
from marketkeep.model import ISSUES

UNLISTED = Standing("unlisted", "warning", "A symbol is followed that no directory of the exchanges lists.")
GOES_ON = Standing("bars_after_delisting", "warning", "Bars go on well behind the day a symbol was delisted.")
QUIET = Standing("gone_quiet", "info", "A symbol counts as active, is in no directory and has long had no bar.")
TWICE = Standing("security_twice", "warning", "Two active securities have the same issuer, class and name.")
COLLISION = Standing("ticker_collision", "error", "Two securities have one ticker on the same days.")
REFERENCE_CHECKS = (UNLISTED, GOES_ON, QUIET, TWICE, COLLISION)

_DATASET = "securities"
_SLACK = timedelta(days=30)
"""So far behind a delisting a bar may lie: its day is that of a form, or of a directory that was read late."""
_LONG = timedelta(days=90)
_LISTED = ("equity", "etf", "bond")


def reference_issues(securities: pl.DataFrame, tickers: pl.DataFrame, today: date | None) -> pl.DataFrame:
    """
    All of these checks over `SECURITIES` and `TICKERS` rows, as `ISSUES` rows.

    What has gone quiet is told only when `today` is given.
    """
    found = [unlisted(securities), goes_on(securities), twice(securities), collisions(tickers)]
    return pl.concat([*found, ISSUES.empty() if today is None else quiet(securities, today)])


def unlisted(securities: pl.DataFrame) -> pl.DataFrame:
    """Followed stocks and funds that no directory lists."""
    strange = _nowhere(securities).filter(pl.col("followed") & pl.col("active"))
    told = strange.with_columns(count=pl.lit(1), detail=pl.lit("followed, but in no directory: is it spelled right?"))
    return UNLISTED.found(told, _DATASET)


def goes_on(securities: pl.DataFrame) -> pl.DataFrame:
    """Delisted, and yet with a bar a month later: the delisting is wrong, or the bars are another security's."""
    wrong = securities.filter(pl.col("last_session") >= pl.col("delisting_date") + _SLACK)
    told = wrong.with_columns(
        first="delisting_date",
        last="last_session",
        count=pl.lit(1),
        detail=pl.format("delisted on {}, and there is a bar of {}", "delisting_date", "last_session"),
    )
    return GOES_ON.found(told, _DATASET)


def quiet(securities: pl.DataFrame, today: date) -> pl.DataFrame:
    """Active by default only: no directory lists it, nobody follows it, and the last bar is months old."""
    nowhere = _nowhere(securities).filter(pl.col("active") & ~pl.col("followed"))
    old = nowhere.filter(pl.col("last_session") < today - _LONG)
    told = old.with_columns(
        first="last_session",
        last="last_session",
        count=pl.lit(1),
        detail=pl.format("the last bar is of {}, and no directory tells what became of it", "last_session"),
    )
    return QUIET.found(told, _DATASET)


def twice(securities: pl.DataFrame) -> pl.DataFrame:
    """Active stocks of one issuer, class and name: one security under two symbols."""
    same = ["cik", "share_class", "name"]
    stocks = securities.filter(
        (pl.col("asset_class") == "equity") & pl.col("active") & pl.all_horizontal(pl.col("cik", "name").is_not_null())
    )
    met = stocks.filter(pl.len().over(same) > 1).group_by(same, maintain_order=True).agg("symbol")
    told = met.select(
        symbol=pl.col("symbol").list.first(),
        count=pl.col("symbol").list.len().cast(pl.Int64),
        detail=pl.format("{} are one security by issuer, class and name", pl.col("symbol").list.join(", ")),
    )
    return TWICE.found(told, _DATASET)


def collisions(tickers: pl.DataFrame) -> pl.DataFrame:
    """Tickers that two securities had on the same days."""
    begins, ends = pl.col("from").fill_null(pl.date(1, 1, 1)), pl.col("to").fill_null(pl.date(9999, 12, 31))
    rows = tickers.select("ticker", "security_id", "symbol", begins=begins, ends=ends).sort("ticker", "begins", "ends")
    pairs = rows.join(rows, on="ticker", suffix="_other").filter(
        (pl.col("security_id") < pl.col("security_id_other"))
        & (pl.col("begins") < pl.col("ends_other"))
        & (pl.col("begins_other") < pl.col("ends"))
    )
    first, last = pl.max_horizontal("begins", "begins_other"), pl.min_horizontal("ends", "ends_other")
    told = pairs.select(
        "symbol",
        first=pl.when(first.dt.year() > 1).then(first),
        last=pl.when(last.dt.year() < 9999).then(last),
        count=pl.lit(1, dtype=pl.Int64),
        detail=pl.format("{} and {} have the ticker {} at once", "symbol", "symbol_other", "ticker"),
    )
    return COLLISION.found(told, _DATASET)


def _nowhere(securities: pl.DataFrame) -> pl.DataFrame:
    """Stocks and funds that no directory lists; none where the keep has no directory at all."""
    if securities["exchange"].null_count() == securities.height:
        return securities.clear()
    spelled = pl.col("asset_class").is_in(_LISTED) & ~pl.col("symbol").str.starts_with("^")
    return securities.filter(spelled & pl.col("exchange").is_null())
