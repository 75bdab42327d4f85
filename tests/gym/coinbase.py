"""
Coinbase Exchange's candles, as it gives them: [time, low, high, open, close, volume] in seconds, newest first.

Traps on purpose: 300 candles at most, a longer window is a 400; both ends of a window are included; a candle without a
trade is left out; an unknown product is a 404.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from gym.crypto import MINUTES, VOLUME_UNITS, CryptoTruth, midnight, utc_day
from gym.truth import Truth
from gym.wire import Ask, Reply

PRODUCTS, CANDLES = "/products/", "/candles"
_STEPS = (60, 86_400)
_GRANULARITIES = (60, 300, 900, 3600, 21_600, 86_400)
_MOST = 300


class Coinbase:
    """Every pair of the crypto truth."""

    name = "coinbase"
    hosts = frozenset({"api.exchange.coinbase.com"})
    variants = frozenset({"empty", "duplicates", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.crypto = CryptoTruth(truth.seed)

    def key_of(self, ask: Ask) -> str | None:
        """The product, which is written as its canonical symbol."""
        if not (ask.path.startswith(PRODUCTS) and ask.path.endswith(CANDLES)):
            return None
        return ask.path[len(PRODUCTS) : -len(CANDLES)]

    def answer(self, ask: Ask) -> Reply | None:
        """Candles, or an error in Coinbase's form."""
        pair = self.key_of(ask)
        if pair is None:
            return None
        if pair not in self.crypto.symbols or ask.variant == "not_found":
            return refusal(404, "NotFound")
        step = int(ask.params.get("granularity", 60))
        if step not in _GRANULARITIES:
            return refusal(400, "Unsupported granularity")
        if step not in _STEPS:
            raise ValueError(f"the gym has no candles of {step} seconds")
        last = _instant(ask.params["end"]) if "end" in ask.params else int(ask.now)
        start = _instant(ask.params["start"]) if "start" in ask.params else last - (_MOST - 1) * step
        if (last - start) // step >= _MOST:
            words = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
            return refusal(400, words)
        rows = [] if ask.variant == "empty" else list(self._rows(pair, step, start, min(last, int(ask.now)), ask))
        if ask.variant == "duplicates":
            rows = [*rows, *rows[-2:], *rows[: len(rows) // 2 : 7]]
        return Reply(200, orjson.dumps(sorted(rows, reverse=True)), "application/json; charset=utf-8")

    def _rows(self, pair: str, step: int, start: int, last: int, ask: Ask) -> Iterator[list[Any]]:
        day = max(utc_day(start), self.crypto.pairs[pair].first)
        while day <= utc_day(last):
            for row in self._days(pair, day, ask) if step == 86_400 else self._minutes(pair, day, ask):
                if start <= row[0] <= last:
                    yield row
            day += timedelta(days=1)

    def _days(self, pair: str, day: date, ask: Ask) -> Iterator[list[Any]]:
        told = self.crypto.total(pair, day, _done(day, ask))
        if told is not None:
            yield self._row(pair, midnight(day), told, day in ask.revised)

    def _minutes(self, pair: str, day: date, ask: Ask) -> Iterator[list[Any]]:
        made = self.crypto.day(pair, day)
        values = np.stack((made.opens, made.highs, made.lows, made.closes, made.volume), axis=1)
        for at in np.flatnonzero(made.traded[: _done(day, ask)]).tolist():
            yield self._row(pair, midnight(day) + at * 60, tuple(values[at].tolist()), day in ask.revised)

    def _row(self, pair: str, at: int, told: tuple[int, ...], early: bool) -> list[Any]:
        scale = 10 ** self.crypto.pairs[pair].digits
        opened, high, low, close = (value / scale for value in told[:4])
        # Before its revision a day's last tenth of the volume is not counted yet.
        volume = (told[4] // 10 * 9 if early else told[4]) / VOLUME_UNITS
        return [at, low, high, opened, close, volume]


def refusal(status: int, words: str) -> Reply:
    """Coinbase's error form."""
    return Reply(status, orjson.dumps({"message": words}))


def _done(day: date, ask: Ask) -> int:
    """How many minutes of a day are over."""
    return max(0, min(int(ask.now - midnight(day)) // 60, MINUTES))


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
