"""
The checks of a session's minutes as a whole, against its daily bar. Nothing is repaired.

Only like is compared with like. Regular hours alone, because trades before and after them shape minutes but not the
daily prices; the auction that prints in the minute of the close may speak for it. Shares of the consolidated tape
alone, for a single exchange sees a few percent of the trades; a coin only with its own venue's day. Whether minutes are
missing is told by their volume, not by their number: a minute without a trade has no bar.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks.rules import Check
from marketkeep.model import FINDINGS, Symbol, Thresholds

CONSOLIDATED = ("sip", "yahoo")
"""Feeds of shares that daily bars may be compared with; all daily bars of shares are of the consolidated tape."""

_PRICES = ("open", "high", "low", "close")
_KEY = ["symbol", "date"]


def _incomplete() -> pl.Expr:
    known = (pl.col("daily_volume") > 0) & pl.col("volume").is_not_null()
    return pl.col("alike") & known & (pl.col("volume") < pl.col("daily_volume") * pl.col("minute_volume"))


def _differs() -> pl.Expr:
    high = _off("high", pl.col("high")) & _off("high", pl.max_horizontal("high", "closing"))
    low = _off("low", pl.col("low")) & _off("low", pl.min_horizontal("low", "closing"))
    close = _off("close", pl.col("close")) & _off("close", pl.coalesce("closing", "close"))
    any_off = pl.any_horizontal(_off("open", pl.col("open")), high, low, close)
    return pl.col("alike") & any_off & ~_incomplete().fill_null(value=False)


def _off(name: str, ours: pl.Expr) -> pl.Expr:
    return (ours / pl.col(f"daily_{name}") - 1).abs() > pl.col("minute_share")


MINUTE_DAY_CHECKS: tuple[Check, ...] = (
    Check(
        "minutes_differ",
        "warning",
        0,
        "The regular minutes of a session come to another open, high, low or close than its daily bar.",
        _differs,
    ),
    Check(
        "minutes_incomplete",
        "warning",
        0,
        "The regular minutes of a session hold too little of its daily volume.",
        _incomplete,
    ),
)


def compare_days(days: pl.DataFrame, daily: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    What is found when the minutes of sessions are laid beside their daily bars, as `FINDINGS` rows with their life: one
    per check, symbol and session.

    `days` are all `MINUTE_DAYS` rows of the sessions, sorted by key, so every version; `daily` their bars as they stand
    now (symbol, date, open, high, low, close, volume, source). A finding is of the minutes: it begins with the first
    version that is off the daily bar as it is known now, and is cured by the batch of the first one behind the last
    such. Where the daily bar was wrong and has been put right, there is none.
    """
    theirs = daily.select(*_KEY, *(pl.col(name).alias(f"daily_{name}") for name in (*_PRICES, "volume", "source")))
    told = days.join(theirs, on=_KEY, maintain_order="left")
    if told.is_empty():
        return FINDINGS.empty()
    told = told.with_columns(
        alike=_alike(told),
        minute_share=pl.lit(thresholds.minute_share),
        minute_volume=pl.lit(thresholds.minute_volume),
    )
    return FINDINGS.conform(pl.concat([_of_check(told, check) for check in MINUTE_DAY_CHECKS]))


def _alike(told: pl.DataFrame) -> pl.Series:
    """Whether minutes and daily bar are of one class of feed."""
    coins = [symbol for symbol in told["symbol"].unique() if Symbol(symbol).asset_class == "crypto"]
    venue = pl.col("feed") == pl.col("daily_source")
    consolidated = pl.col("feed").is_in(list(CONSOLIDATED))
    return told.select(pl.when(pl.col("symbol").is_in(coins)).then(venue).otherwise(consolidated)).to_series()


def _of_check(told: pl.DataFrame, check: Check) -> pl.DataFrame:
    numbered = told.with_columns(
        fails=check.hits().fill_null(value=False),
        version=pl.int_range(pl.len()).over(_KEY),
        example=_example(),
    )
    bad = pl.col("fails")
    last = pl.col("version").filter(bad).max()
    grouped = numbered.group_by(_KEY, maintain_order=True).agg(
        failing=bad.sum().cast(pl.Int64),
        source=pl.col("source").filter(bad).last(),
        batch_id=pl.col("batch_id").filter(bad).first(),
        detected_at=pl.col("received_at").filter(bad).first(),
        example=pl.col("example").filter(bad).last(),
        resolved_at=pl.col("received_at").filter(pl.col("version") > last).first(),
        resolved_by=pl.col("batch_id").filter(pl.col("version") > last).first(),
    )
    return grouped.filter(pl.col("failing") > 0).select(
        check=pl.lit(check.code),
        severity=pl.lit(check.severity),
        dataset=pl.lit("minute_bars"),
        symbol="symbol",
        source="source",
        first="date",
        last="date",
        count=pl.lit(1, dtype=pl.Int64),
        detail=pl.concat_str(pl.lit(f"{check.doc} "), "example"),
        batch_id="batch_id",
        detected_at="detected_at",
        repeated=pl.col("failing") - 1,
        resolved_at="resolved_at",
        resolved_by="resolved_by",
    )


def _example() -> pl.Expr:
    names = (*_PRICES, "volume")
    ours, theirs = (
        [pl.col(f"{prefix}{name}").cast(pl.String).fill_null("null") for name in names] for prefix in ("", "daily_")
    )
    each = "open {} high {} low {} close {} volume {}"
    return pl.format(
        f"{{}} minutes of {{}}: {each}; the day of {{}}: {each}.",
        "minutes",
        "feed",
        *ours,
        "daily_source",
        *theirs,
    )
