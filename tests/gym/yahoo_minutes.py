"""
Yahoo's one-minute charts: the last 30 days, 8 days a call, prices adjusted for splits and rounded to float32.

Traps on purpose: a minute in which nothing traded is for some symbols a row of null, for the others no row; rows
outside regular hours come when asked for and have no volume; the minute under way is partial, and some symbols have a
row without volume behind it that is stamped with the second of the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from gym.minutes import POST_SECONDS, PRE_SECONDS, between
from gym.sessions import Sessions, new_york_date, utc_offset
from gym.truth import History

MOST_DAYS, REACH_DAYS = 8, 30
_DAY = 86_400
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Manner:
    """How minutes are told: with rows outside regular hours, with rows of null, with a row of this very second."""

    prepost: bool
    nulls: bool
    twice: bool


def beyond(start: int, end: int, now: float) -> str | None:
    """Why a window is not served, in Yahoo's words; None when it is."""
    told = f"1m data not available for startTime={start} and endTime={end}."
    if end - start > MOST_DAYS * _DAY:
        return f"{told} Only {MOST_DAYS} days worth of 1m granularity data are allowed to be fetched per request."
    if start < now - REACH_DAYS * _DAY:
        return f"{told} The requested range must be within the last {REACH_DAYS} days."
    return None


def rows(history: History, start: int, end: int, now: float, manner: Manner) -> pl.DataFrame:
    """Rows that begin in [start, end) and before `now`: ts, open, high, low, close (float32 values), volume (int64)."""
    frame = between(history, start, min(end, now)).drop("vwap", "trades")
    hours = _hours(history.sessions, frame["ts"].to_numpy())
    if not manner.prepost:
        frame, hours = frame.filter(pl.Series(hours)), hours[hours]
    frame = frame.with_columns(volume=pl.when(pl.Series(hours)).then("volume").otherwise(0.0))
    frame = _running(frame, now)
    if manner.nulls:
        frame = _with_nulls(history.sessions, frame, start, min(end, now))
    if manner.twice and frame.height and frame["ts"][-1] < now < min(end, frame["ts"][-1] + 60):
        second = [pl.lit(int(now), dtype=pl.Int64).alias("ts"), *(pl.col("close").alias(name) for name in _PRICES)]
        frame = pl.concat([frame, frame.tail(1).select(*second, pl.lit(0.0).alias("volume"))])
    return _adjusted(history, frame, new_york_date(now))


def periods(sessions: Sessions, start: int, end: int, *, prepost: bool) -> Any:
    """The hours of each session that a window meets, as `tradingPeriods` tells them."""
    chosen = [
        (int(opens), int(closes))
        for opens, closes in zip(sessions.opens, sessions.closes, strict=True)
        if opens - PRE_SECONDS < end and closes + POST_SECONDS > start
    ]
    regular = [[_period(opens, closes)] for opens, closes in chosen]
    if not prepost:
        return regular
    return {
        "pre": [[_period(opens - PRE_SECONDS, opens)] for opens, _ in chosen],
        "regular": regular,
        "post": [[_period(closes, closes + POST_SECONDS)] for _, closes in chosen],
    }


def _period(start: int, end: int) -> dict[str, Any]:
    offset, zone = utc_offset(start)
    return {"timezone": zone, "start": start, "end": end, "gmtoffset": offset}


def _hours(sessions: Sessions, stamps: Any) -> Any:
    """Which instants lie in regular hours."""
    at = np.searchsorted(sessions.opens, stamps, side="right") - 1
    return (at >= 0) & (stamps < sessions.closes[np.maximum(at, 0)])


def _running(frame: pl.DataFrame, now: float) -> pl.DataFrame:
    """The minute under way as it stands: part of its volume, and no further than a part of its way."""
    if frame.is_empty() or frame["ts"][-1] + 60 <= now:
        return frame
    done = (now - frame["ts"][-1]) / 60
    close = (pl.col("open") + (pl.col("close") - pl.col("open")) * done).round(2)
    live = frame.tail(1).with_columns(
        close=close,
        high=pl.max_horizontal(pl.col("open"), close),
        low=pl.min_horizontal(pl.col("open"), close),
        volume=(pl.col("volume") * done).floor(),
    )
    return pl.concat([frame.head(-1), live])


def _with_nulls(sessions: Sessions, frame: pl.DataFrame, start: int, end: float) -> pl.DataFrame:
    """A row for every regular minute of the window."""
    lo = int(np.searchsorted(sessions.closes, start, side="right"))
    hi = int(np.searchsorted(sessions.opens, end, side="left"))
    bounds = zip(sessions.opens[lo:hi].tolist(), sessions.closes[lo:hi].tolist(), strict=True)
    stamps = [stamp for opens, closes in bounds for stamp in range(opens, closes, 60) if start <= stamp < end]
    every = pl.DataFrame({"ts": stamps}, schema={"ts": pl.Int64})
    return every.join(frame, on="ts", how="full", coalesce=True).sort("ts")


def _adjusted(history: History, frame: pl.DataFrame, today: date) -> pl.DataFrame:
    """Prices over the ratio of the splits since, volume times it."""
    days = history.sessions.opens - PRE_SECONDS
    at = np.searchsorted(days, frame["ts"].to_numpy(), side="right") - 1
    ratio = pl.Series(history.ratio_after(today)[np.maximum(at, 0)], dtype=pl.Float64)
    return frame.with_columns(
        *((pl.col(name) / ratio).cast(pl.Float32).cast(pl.Float64) for name in _PRICES),
        volume=(pl.col("volume") * ratio).round().cast(pl.Int64),
    )
