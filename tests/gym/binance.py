"""
Binance's klines, as its REST interface gives them: lists of twelve, prices as texts, times in milliseconds.

Traps on purpose: for a minute without a trade the last price is repeated with a volume of nothing, while an outage is a
hole; both ends of a window are included; an unknown symbol is a 400 with a code of Binance's own; it knows no dollar.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import orjson

from gym.crypto import MINUTES, VOLUME_UNITS, CryptoTruth, midnight, utc_day
from gym.truth import Truth
from gym.wire import Ask, Reply

KLINES = "/api/v3/klines"
_STEPS = {"1m": 60, "1d": 86_400}
_INTERVALS = {*_STEPS, *["1s", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "3d", "1w", "1M"]}
_MOST = 1000


class Binance:
    """The spot markets quoted in coins."""

    name = "binance"
    hosts = frozenset({"api.binance.com", "data-api.binance.vision"})
    variants = frozenset({"empty", "duplicates", "not_found", "quota"})

    def __init__(self, truth: Truth) -> None:
        self.crypto = CryptoTruth(truth.seed)
        self._markets = {one.replace("-", ""): one for one in self.crypto.symbols if not one.endswith("-USD")}

    def key_of(self, ask: Ask) -> str | None:
        """The pair in its canonical form; the text asked for where there is no such market."""
        asked = ask.params.get("symbol", "")
        return self._markets.get(asked, asked) if ask.path == KLINES else None

    def answer(self, ask: Ask) -> Reply | None:
        """Candles, or an error in Binance's form."""
        if ask.path != KLINES:
            return None
        if ask.variant == "quota":
            return refusal(418, -1003, "Way too much request weight used; IP banned until 1735689600000.")
        pair = self._markets.get(ask.params.get("symbol", ""))
        if pair is None or ask.variant == "not_found":
            return refusal(400, -1121, "Invalid symbol.")
        interval = ask.params.get("interval")
        if interval not in _INTERVALS:
            return refusal(400, -1120, "Invalid interval.")
        if interval not in _STEPS:
            raise ValueError(f"the gym has no {interval} candles")
        rows = [] if ask.variant == "empty" else self._rows(pair, ask)
        if ask.variant == "duplicates":
            rows = sorted([*rows, *rows[-2:], *rows[: len(rows) // 2 : 7]])
        return Reply(200, orjson.dumps(rows), headers=(("x-mbx-used-weight-1m", "2"),))

    def _rows(self, pair: str, ask: Ask) -> list[list[Any]]:
        limit = min(int(ask.params.get("limit", 500)), _MOST)
        last = min(int(ask.params.get("endTime", int(ask.now * 1000))), int(ask.now * 1000))
        start = int(ask.params["startTime"]) if "startTime" in ask.params else last - 1000 * 86_400 * limit
        found: list[list[Any]] = []
        for row in (self._days if ask.params["interval"] == "1d" else self._minutes)(pair, start, last, ask):
            if start <= row[0] <= last:
                found.append(row)
            if len(found) == limit and "startTime" in ask.params:
                break
        return found[-limit:]

    def _days(self, pair: str, start: int, last: int, ask: Ask) -> Iterator[list[Any]]:
        for day in _dates(max(utc_day(start / 1000), self.crypto.pairs[pair].first), utc_day(last / 1000)):
            done = int(min(ask.now - midnight(day), 86_400)) // 60
            told = self.crypto.total(pair, day, done)
            if told is not None:
                yield self._row(pair, midnight(day), 86_400, told, day in ask.revised)

    def _minutes(self, pair: str, start: int, last: int, ask: Ask) -> Iterator[list[Any]]:
        for day in _dates(max(utc_day(start / 1000), self.crypto.pairs[pair].first), utc_day(last / 1000)):
            made = self.crypto.day(pair, day)
            done = int(min(ask.now - midnight(day), 86_400)) // 60
            values = np.stack((made.opens, made.highs, made.lows, made.closes, made.volume, made.trades), axis=1)
            for at in np.flatnonzero(made.up[: min(done, MINUTES)]).tolist():
                yield self._row(pair, midnight(day) + at * 60, 60, tuple(values[at].tolist()), day in ask.revised)

    def _row(self, pair: str, at: int, step: int, told: tuple[int, ...], early: bool) -> list[Any]:
        scale = 10 ** self.crypto.pairs[pair].digits
        prices = [f"{value / scale:.8f}" for value in told[:4]]
        # Before its revision a day's last tenth of the volume is not counted yet.
        volume = (told[4] // 10 * 9 if early else told[4]) / VOLUME_UNITS
        worth = f"{volume * told[3] / scale:.8f}"
        row = [at * 1000, *prices, f"{volume:.8f}", (at + step) * 1000 - 1, worth, told[5]]
        return [*row, f"{volume / 2:.8f}", f"{volume / 2 * told[3] / scale:.8f}", "0"]


def refusal(status: int, code: int, words: str) -> Reply:
    """Binance's error form."""
    return Reply(status, orjson.dumps({"code": code, "msg": words}))


def _dates(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)
