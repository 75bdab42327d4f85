"""
Candles of crypto exchanges: what is the same for all of them once their own form is read.

A day is UTC's; a candle is told by the instant it begins. Nothing is filled in here: where an exchange was down or
nobody traded there is no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Offer, Query, Request, Symbol

VALUES = ("open", "high", "low", "close", "volume")
STEP_SECONDS = {"daily_bars": 86_400, "minute_bars": 60}
# Milliseconds since 1970 that reach the year 2286: a time beyond is no time.
_FAR = 10**13


def pairs(query: Query, quotes: frozenset[str]) -> list[str]:
    """The symbols of a query that are crypto pairs in one of these quote currencies, in their order."""
    parsed = (Symbol.parse(symbol) for symbol in query.symbols)
    return [one.text for one in parsed if one.asset_class == "crypto" and one.text.rpartition("-")[2] in quotes]


def seconds(day: date) -> int:
    """The instant at which a UTC day begins, in seconds since 1970."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def utc_date(now: datetime) -> date:
    """The UTC day of an instant."""
    return now.astimezone(UTC).date()


def spans_within(query: Query, offer: Offer, days: int) -> Iterator[tuple[date, date]]:
    """A query's window in pieces of so many days, [start, end), from where the offer begins through today in UTC."""
    end = min(query.end, utc_date(query.now) + timedelta(days=1))
    start = max(query.start, offer.reach(query.today))
    while start < end:
        until = min(start + timedelta(days=days), end)
        yield start, until
        start = until


def candle_bars(source: str, request: Request, rows: pl.DataFrame) -> pl.DataFrame:
    """
    Candles as the raw bars asked for, in order of time, those outside the sessions asked left out.

    `rows` have `ms` (Int64, milliseconds since 1970 at which the candle begins), the values (Float64) and perhaps
    `trade_count`. A minute that does not begin on a full minute is none and is left out; a day that does not begin at
    midnight shows that another interval was answered. Raises `PayloadRefused`.
    """
    told = pl.col("ms").is_between(0, _FAR).fill_null(value=False) & pl.all_horizontal(
        pl.col(*VALUES).is_finite().fill_null(value=True)
    )
    if not rows.select(told.all()).item():
        raise PayloadRefused(
            source, "malformed", f"A candle from {source.capitalize()} holds what is no number or time."
        )
    step = STEP_SECONDS[request.dataset] * 1000
    on_grid = rows.filter(pl.col("ms") % step == 0)
    if request.dataset == "daily_bars" and on_grid.height < rows.height:
        raise wrong_interval(source)
    ts = pl.from_epoch("ms", time_unit="ms").dt.replace_time_zone("UTC").cast(RAW_TABLES["minute_bars"].schema["ts"])
    bars = on_grid.with_columns(ts=ts).with_columns(
        symbol=pl.lit(request.symbol),
        date=pl.col("ts").dt.date(),
        feed=pl.lit(source),
        basis=pl.lit("as_traded"),
    )
    if request.start is not None and request.end is not None:
        bars = bars.filter(pl.col("date").is_between(request.start, request.end, closed="left"))
    columns = [name for name in RAW_TABLES[request.dataset].delivered if name in bars.columns]
    return bars.sort("ts", maintain_order=True).select(columns)


def wrong_interval(source: str) -> PayloadRefused:
    """The refusal of candles of another length than was asked for."""
    reason = f"The candles from {source.capitalize()} are of another interval than asked."
    return PayloadRefused(source, "wrong_interval", reason, retry=False)
