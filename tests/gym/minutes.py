"""
One-minute bars behind the daily ones, as traded: what trades in regular hours adds up to the day's bar exactly.

Before and after regular hours a few minutes trade as well, at prices that may lie beyond the day's range and with
volume that the day's bar does not count. A minute in which nothing traded has no row.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from gym.truth import History

SCHEMA = {
    "ts": pl.Int64,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "vwap": pl.Float64,
    "trades": pl.Int64,
}
"""`ts` is the start of the minute in epoch seconds, prices are dollars in whole cents but for `vwap`."""

PRE_SECONDS, POST_SECONDS = 19_800, 14_400
"""From 4:00 in New York to the opening, and from the close to 20:00, or 17:00 on half days."""

_STREAM = 1_000_003


@lru_cache(maxsize=4096)
def minutes(history: History, session: date) -> pl.DataFrame:
    """
    The minutes of one session by `ts`, with pre and post market; empty where the symbol did not trade that day.

    The same for the same seed, symbol number and session, whatever was asked before.
    """
    at = int(np.searchsorted(history.sessions.dates, np.datetime64(session, "D")))
    if at >= len(history.sessions.dates) or history.sessions.dates[at].item() != session:
        return pl.DataFrame(schema=SCHEMA)
    opens, closes = int(history.sessions.opens[at]), int(history.sessions.closes[at])
    rng = np.random.default_rng([history.seed, history.security.number, session.toordinal(), _STREAM])
    day = [int(getattr(history, name)[at]) for name in ("open", "high", "low", "close", "volume")]
    number = history.security.number
    parts = [
        _aside(rng, number, opens - PRE_SECONDS, opens, day[0]),
        _regular(rng, number, opens, closes, day),
        _aside(rng, number, closes, closes + POST_SECONDS, day[3]),
    ]
    stamps, open_, high, low, close, volume = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # Rounded to four places the average stays between two prices of whole cents.
    vwap = np.round((low + (high - low) * rng.random(len(stamps))) / 100, 4)
    trades = np.clip(volume // rng.integers(20, 180, len(stamps)), 1, volume).astype(np.int64)
    prices = {"open": open_ / 100, "high": high / 100, "low": low / 100, "close": close / 100}
    frame = pl.DataFrame({"ts": stamps, **prices, "volume": volume.astype(np.float64), "vwap": vwap, "trades": trades})
    return history.told_minutes(session, frame)


def regular(history: History, session: date) -> pl.DataFrame:
    """The minutes of the regular session only."""
    at = int(np.searchsorted(history.sessions.dates, np.datetime64(session, "D")))
    frame = minutes(history, session)
    if frame.is_empty():
        return frame
    opens, closes = int(history.sessions.opens[at]), int(history.sessions.closes[at])
    return frame.filter((pl.col("ts") >= opens) & (pl.col("ts") < closes))


def between(history: History, start: float, end: float) -> pl.DataFrame:
    """The minutes that start in [start, end), epoch seconds, of all sessions that reach into it."""
    sessions = history.sessions
    lo = int(np.searchsorted(sessions.closes + POST_SECONDS, start, side="right"))
    hi = int(np.searchsorted(sessions.opens - PRE_SECONDS, end, side="left"))
    frames = [minutes(history, day) for day in sessions.dates[lo:hi].tolist()]
    whole = pl.concat([pl.DataFrame(schema=SCHEMA), *frames])
    return whole.filter((pl.col("ts") >= start) & (pl.col("ts") < end))


def traded_share(number: int) -> float:
    """The share of regular minutes in which a symbol trades: nearly all for most, few for every fifth and ninth."""
    if number % 9 == 8:
        return 0.06
    return 0.55 if number % 5 == 4 else 0.99


def _regular(rng: Any, number: int, opens: int, closes: int, day: list[int]) -> tuple[Any, ...]:
    """Stamps, prices in cents and volume of the regular session, from the day's open, high, low, close and volume."""
    open_day, high_day, low_day, close_day, shares = day
    count = (closes - opens) // 60
    traded = np.flatnonzero(rng.random(count) < traded_share(number))[:shares]
    if not len(traded):
        traded = np.array([0])
    rows = len(traded)
    ends = _bridge(rng, open_day, close_day, rows, (high_day - low_day) / 2)
    ends = np.clip(ends, low_day, high_day)
    ends[-1] = close_day
    starts = np.concatenate(([open_day], np.clip(ends[:-1] + rng.integers(-1, 2, rows - 1), low_day, high_day)))
    reach = max(1, (high_day - low_day) // 20)
    highs = np.minimum(np.maximum(starts, ends) + rng.integers(0, reach + 1, rows), high_day)
    lows = np.maximum(np.minimum(starts, ends) - rng.integers(0, reach + 1, rows), low_day)
    highs[np.argmax(highs)], lows[np.argmin(lows)] = high_day, low_day
    weights = 0.4 + np.abs(np.linspace(-1, 1, rows)) + rng.random(rows)
    volume = 1 + rng.multinomial(shares - rows, weights / weights.sum())
    return opens + 60 * traded, starts, highs, lows, ends, volume


def _bridge(rng: Any, first: int, last: int, rows: int, width: float) -> Any:
    """A walk of whole cents that starts near `first` and ends at `last`."""
    walk = np.cumsum(rng.normal(0.0, 1.0, rows))
    along = np.arange(1, rows + 1) / rows
    tied = (walk - walk[-1] * along) * (width / np.sqrt(rows))
    return np.round(first + (last - first) * along + tied).astype(np.int64)


def _aside(rng: Any, number: int, start: int, end: int, near: int) -> tuple[Any, ...]:
    """A few minutes outside regular hours, around a price, now and then far from it."""
    most = 3 if traded_share(number) < 0.5 else 16
    stamps = start + 60 * np.sort(rng.choice((end - start) // 60, int(rng.integers(0, most)), replace=False))
    rows = len(stamps)
    drift = rng.normal(0.0, 0.004, rows) + (rng.random(rows) < 0.2) * rng.normal(0.0, 0.05, rows)
    starts = np.maximum(1, np.round(near * (1 + drift))).astype(np.int64)
    ends = np.maximum(1, starts + rng.integers(-3, 4, rows))
    highs = np.maximum(starts, ends) + rng.integers(0, 3, rows)
    lows = np.maximum(1, np.minimum(starts, ends) - rng.integers(0, 3, rows))
    return stamps, starts, highs, lows, ends, rng.integers(1, 900, rows)
