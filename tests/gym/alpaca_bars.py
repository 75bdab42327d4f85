"""Bars as Alpaca writes them: one-letter fields, RFC 3339 times in UTC; a daily bar at midnight in New York."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from gym.crypto import CryptoTruth, midnight, utc_day
from gym.minutes import POST_SECONDS, PRE_SECONDS, minutes, regular
from gym.truth import History
from gym.wire import Ask

Row = dict[str, Any]
_OPENS_AFTER = 34_200


def daily_rows(history: History, start: int, end: int, room: int, ask: Ask) -> list[Row]:
    """Daily bars stamped within [start, end], at most `room` of them; that of a session under way as far as it is."""
    lo, hi = _positions(history, start, end)
    rows = []
    for at in range(lo, hi):
        row = _daily(history, at) if history.sessions.closes[at] <= ask.now else _running(history, at, end)
        if row is not None:
            rows.append(_unrevised(history, at, row) if history.sessions.dates[at].item() in ask.revised else row)
        if len(rows) == room:
            break
    return rows


def minute_rows(history: History, start: int, end: int, room: int, ask: Ask) -> list[Row]:
    """Minutes that are over and begin within [start, end], extended hours included, at most `room` of them."""
    end = min(end, int(ask.now) - 60)
    sessions = history.sessions
    lo = int(np.searchsorted(sessions.closes + POST_SECONDS, start, side="right"))
    hi = int(np.searchsorted(sessions.opens - PRE_SECONDS, end, side="right"))
    rows: list[Row] = []
    for day in sessions.dates[lo:hi].tolist():
        rows += [row for stamp, row in _minutes(history, day) if start <= stamp <= end]
        if len(rows) >= room:
            break
    return rows[:room]


def pair_rows(crypto: CryptoTruth, pair: str, bounds: tuple[int, int], room: int, ask: Ask) -> list[Row]:
    """A crypto pair's minutes that are over, begin within both bounds and had a trade, at most `room` of them."""
    start, end = max(bounds[0], midnight(crypto.pairs[pair].first)), min(bounds[1], int(ask.now) - 60)
    day, rows = utc_day(start), []
    while day <= utc_day(end) and len(rows) < room:
        for stamp, open_, high, low, close, volume, trades in crypto.minutes(pair, day).rows():
            if start <= stamp <= end:
                prices = {"o": open_, "h": high, "l": low, "c": close}
                rows.append(prices | {"t": _utc(stamp), "v": volume, "n": trades, "vw": (high + low) / 2})
        day += timedelta(days=1)
    return rows[:room]


@lru_cache(maxsize=64)
def _minutes(history: History, day: date) -> list[tuple[int, Row]]:
    frame = minutes(history, day)
    return [(row[0], _row(_utc(row[0]), row[1:5], row[5], row[7], row[6])) for row in frame.rows()]


def _positions(history: History, start: int, end: int) -> tuple[int, int]:
    stamps = _midnights(history)
    return int(np.searchsorted(stamps, start)), int(np.searchsorted(stamps, end, side="right"))


def _midnights(history: History) -> Any:
    """Midnight in New York of each session, in epoch seconds: clocks never change between it and the opening."""
    return history.sessions.opens - _OPENS_AFTER


def _daily(history: History, at: int) -> Row:
    prices = [float(getattr(history, name)[at]) / 100 for name in ("open", "high", "low", "close")]
    volume = int(history.volume[at])
    stamp = _utc(int(_midnights(history)[at]))
    return _row(stamp, prices, volume, max(volume // 120, 1), round(sum(prices[1:]) / 3, 6))


def _running(history: History, at: int, end: int) -> Row | None:
    """The bar of a session under way, made of the minutes that are over."""
    frame = regular(history, history.sessions.dates[at].item())
    frame = frame.filter(frame["ts"] + 60 <= end)
    if frame.is_empty():
        return None
    prices = [frame["open"][0], frame["high"].max(), frame["low"].min(), frame["close"][-1]]
    stamp = _utc(int(_midnights(history)[at]))
    return _row(stamp, prices, frame["volume"].sum(), int(frame["trades"].sum()), round(sum(prices[1:]) / 3, 6))


def _unrevised(history: History, at: int, row: Row) -> Row:
    """Before its revision a session's close lies at the low, and a tenth of its volume is not counted yet."""
    return row | {"c": row["l"], "v": int(history.volume[at]) // 1000 * 900}


def _row(stamp: str, prices: Any, volume: float, trades: int, vwap: float) -> Row:
    open_, high, low, close = prices
    return {"c": close, "h": high, "l": low, "n": trades, "o": open_, "t": stamp, "v": int(volume), "vw": vwap}


def _utc(stamp: int) -> str:
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
