"""
Longer bars from minutes: 5, 15 or 30 minutes, hours, and sessions.

A bar never crosses the edge of a segment (pre, regular, post), so the close of New York is never mixed with what is
traded after it. Bars are counted from the open of the session, back into pre and forth through regular, and from its
close in post; on a half day that is the early close. Nothing is filled: a span without trades has no bar.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, get_args

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.errors import BadInput
from marketkeep.model import UTC, Symbol
from marketkeep.model.tables import Dtype

MinuteEvery = Literal["5m", "15m", "30m", "1h", "session"]

_LENGTHS = {
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
}
_KEY = ["symbol", "date", "segment"]
_KEPT = (
    *("symbol", "ts", "date", "open", "high", "low", "close", "volume", "vwap", "trade_count"),
    *("segment", "feed", "source", "score"),
)
_EDGES: dict[str, Dtype] = {"around": pl.Boolean, "date": pl.Date, "session_open": UTC, "session_close": UTC}
_NAMED = (
    pl.col("session").alias("date"),
    pl.col("open").alias("session_open"),
    pl.col("close").alias("session_close"),
)


def resample_minutes(bars: pl.DataFrame, every: MinuteEvery) -> pl.DataFrame:
    """
    Minute bars as one bar per symbol and span of a segment, sorted by symbol and ts.

    `bars` has the columns of minute bars (`batch_id` apart), in any order. `ts` is the start of the span in UTC, of a
    `session` bar that of the segment's first minute held; the last span of a segment may be shorter than `every`.
    open and close are those of the first and last minute; high, low, volume and trade_count those of all, and null
    where one of them is unknown; vwap is the mean of the minutes' weighted by volume, null where it cannot be known;
    score is the lowest. `minutes` says how many minutes were traded in. Raises `BadInput` for another length.
    """
    if every not in get_args(MinuteEvery):
        raise BadInput(f"every={every!r} is unknown; use {', '.join(map(repr, get_args(MinuteEvery)))}")
    ordered = bars.sort("symbol", "ts")
    span = pl.lit(None, dtype=UTC) if every == "session" else _span(_LENGTHS[every])
    dated = ordered if every == "session" else _with_edges(ordered)
    return (
        dated.with_columns(span=span)
        .group_by(*_KEY, "span", maintain_order=True)
        .agg(
            ts=pl.coalesce(pl.col("span").first(), pl.col("ts").first()),
            open=pl.col("open").first(),
            high=_of_all("high", pl.col("high").max()),
            low=_of_all("low", pl.col("low").min()),
            close=pl.col("close").last(),
            volume=_of_all("volume", pl.col("volume").sum()),
            vwap=_vwap(),
            trade_count=_of_all("trade_count", pl.col("trade_count").sum()),
            feed=pl.col("feed").first(),
            source=pl.col("source").first(),
            score=pl.col("score").min(),
            minutes=pl.len().cast(pl.Int32),
        )
        .select([name for name in bars.columns if name in _KEPT] + ["minutes"])
        .sort("symbol", "ts")
    )


def _span(length: timedelta) -> pl.Expr:
    """The start of a bar's span, counted from the edge its segment is measured by."""
    edge = pl.when(pl.col("segment") == "post").then("session_close").otherwise("session_open")
    minutes = int(length.total_seconds()) // 60
    passed = (pl.col("ts") - edge).dt.total_minutes()
    # Floor, for minutes before the open count back.
    return edge + pl.duration(minutes=(passed // minutes) * minutes)


def _with_edges(bars: pl.DataFrame) -> pl.DataFrame:
    """`bars` with session_open and session_close (UTC) of their session, each by the calendar of its symbol."""
    crypto = [symbol for symbol in bars["symbol"].unique() if Symbol(symbol).asset_class == "crypto"]
    classed = bars.with_columns(around=pl.col("symbol").is_in(crypto))
    edges = [pl.DataFrame(schema=_EDGES)]
    for around in (False, True):
        days = classed.filter(pl.col("around") == around)["date"]
        first: Any = days.min()
        last: Any = days.max()
        if first is not None:
            sessions = calendar_for("crypto" if around else "equity").frame(first, last + timedelta(days=1))
            edges.append(sessions.select(pl.lit(around).alias("around"), *_NAMED))
    return classed.join(pl.concat(edges), on=["around", "date"], how="left", maintain_order="left")


def _of_all(name: str, value: pl.Expr) -> pl.Expr:
    """The value over all minutes of a span, null where one of them is unknown."""
    return pl.when(pl.col(name).null_count() == 0).then(value)


def _vwap() -> pl.Expr:
    traded = pl.col("volume").sum()
    known = (pl.col("vwap").null_count() == 0) & (pl.col("volume").null_count() == 0) & (traded > 0)
    return pl.when(known).then((pl.col("vwap") * pl.col("volume")).sum() / traded)
