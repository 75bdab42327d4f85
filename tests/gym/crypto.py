"""
The truth of the crypto exchanges: continuous minutes of a few pairs, made from a seed, and the days they add up to.

An exchange stands still at times: minutes, and now and then a whole day, in which there is nothing to tell. A minute
may also pass without a trade. A pair's day depends on the seed, the pair and the day only, so no window needs another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

MINUTES = 1440
VOLUME_UNITS = 10**8
_ORIGIN = date(2015, 1, 1)
_SPAN = 20 * 366


@dataclass(frozen=True)
class Pair:
    """A market: its symbol, the price it starts from, the digits behind the point, and how many trades a minute has."""

    symbol: str
    price: float
    digits: int
    trades: float
    first: date


PAIRS = (
    Pair("BTC-USD", 30_000.0, 2, 40.0, date(2017, 8, 17)),
    Pair("ETH-USD", 1_800.0, 2, 12.0, date(2017, 8, 17)),
    Pair("LTC-USD", 90.0, 2, 0.8, date(2018, 3, 1)),
    Pair("BTC-USDT", 30_010.0, 2, 60.0, date(2017, 8, 17)),
    Pair("ETH-USDT", 1_801.0, 2, 20.0, date(2017, 8, 17)),
    Pair("LTC-BTC", 0.003, 8, 0.5, date(2018, 3, 1)),
)


@dataclass(frozen=True, eq=False)
class CandleDay:
    """
    A pair's UTC day, an array entry per minute: prices in units of the last digit, volume in 1e-8 coins.

    `up` says that the exchange was running; where it was and `trades` is 0, prices are those of the last trade.
    """

    opens: Any
    highs: Any
    lows: Any
    closes: Any
    volume: Any
    trades: Any
    up: Any

    @property
    def traded(self) -> Any:
        """The minutes with a trade."""
        return self.up & (self.trades > 0)


class CryptoTruth:
    """The pairs and their candles. `seed` is that of the securities' truth."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.pairs = {pair.symbol: pair for pair in PAIRS}
        self.symbols = tuple(self.pairs)
        self.day = lru_cache(maxsize=256)(self._make)
        self._totals: dict[tuple[str, date], tuple[int, ...] | None] = {}

    def minutes(self, symbol: str, day: date) -> pl.DataFrame:
        """A UTC day's minutes with trades: ts (epoch seconds of the start), open, high, low, close, volume, trades."""
        if day < self.pairs[symbol].first:
            return self._frame(symbol, np.arange(0), self.day(symbol, self.pairs[symbol].first), np.zeros(0, int))
        made = self.day(symbol, day)
        at = np.flatnonzero(made.traded)
        return self._frame(symbol, midnight(day) + at * 60, made, at)

    def daily(self, symbol: str, first: date, last: date) -> pl.DataFrame:
        """The UTC days from `first` through `last` that had a trade: date, open, high, low, close, volume, trades."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        scale = 10 ** self.pairs[symbol].digits
        rows = [
            (day, *(price / scale for price in told[:4]), told[4] / VOLUME_UNITS, told[5])
            for day in days
            if (told := self.total(symbol, day)) is not None
        ]
        schema = {"date": pl.Date, **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64)}
        return pl.DataFrame(rows, schema={**schema, "trades": pl.Int64}, orient="row")

    def total(self, symbol: str, day: date, until: int = MINUTES) -> tuple[int, ...] | None:
        """Open, high, low, close, volume and trades of a day's first minutes, in units; None without a trade."""
        if day < self.pairs[symbol].first:
            return None
        if until < MINUTES:
            return _sum(self.day(symbol, day), until)
        if (symbol, day) not in self._totals:
            self._totals[symbol, day] = _sum(self.day(symbol, day), until)
        return self._totals[symbol, day]

    def _frame(self, symbol: str, ts: Any, made: CandleDay, at: Any) -> pl.DataFrame:
        scale = 10 ** self.pairs[symbol].digits
        prices = {"open": made.opens, "high": made.highs, "low": made.lows, "close": made.closes}
        return pl.DataFrame(
            {
                "ts": ts.astype(np.int64),
                **{name: values[at] / scale for name, values in prices.items()},
                "volume": made.volume[at] / VOLUME_UNITS,
                "trades": made.trades[at],
            }
        )

    def _make(self, symbol: str, day: date) -> CandleDay:
        pair, number = self.pairs[symbol], self.symbols.index(symbol)
        rng = np.random.default_rng([self.seed, 1_000_000 + number, day.toordinal()])
        walk, at = _walk(self.seed, number), (day - _ORIGIN).days
        noise = rng.normal(0.0, 0.0008, MINUTES).cumsum()
        done = np.arange(1, MINUTES + 1) / MINUTES
        path = walk[at] + (walk[at + 1] - walk[at]) * done + noise - noise[-1] * done
        close = pair.price * np.exp(path)
        open_ = np.concatenate(([pair.price * np.exp(walk[at])], close[:-1])) * np.exp(rng.normal(0, 0.0001, MINUTES))
        high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.0003, MINUTES)))
        low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.0003, MINUTES)))
        units = [np.maximum(np.round(v * 10**pair.digits), 1).astype(np.int64) for v in (open_, high, low, close)]
        trades = rng.poisson(pair.trades, MINUTES)
        volume = trades * rng.integers(1_000, VOLUME_UNITS // 10, MINUTES)
        quiet = trades == 0
        last = _last_close(units[3], quiet, units[0][0])
        opens, highs, lows, closes = (np.where(quiet, last, values) for values in units)
        return CandleDay(opens, highs, lows, closes, volume, trades, _up(day))


def midnight(day: date) -> int:
    """The instant at which a UTC day begins, in epoch seconds."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def utc_day(epoch: float) -> date:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(epoch, UTC).date()


@lru_cache(maxsize=64)
def _walk(seed: int, number: int) -> Any:
    """A pair's mean-reverting path in logarithms, one entry a day from 2015."""
    shocks = np.random.default_rng([seed, 2_000_000 + number]).normal(0.0, 0.03, _SPAN).tolist()
    path, level = np.empty(_SPAN), 0.0
    for at, shock in enumerate(shocks):
        level = 0.995 * level + shock
        path[at] = level
    return path


def _up(day: date) -> Any:
    """Whether the exchange was running, by minute: it stood still for 90 minutes at times, and seldom all day."""
    up = np.ones(MINUTES, dtype=bool)
    if day.toordinal() % 181 == 7:
        up[:] = False
    elif day.toordinal() % 23 == 4:
        up[120:210] = False
    return up


def _last_close(closes: Any, quiet: Any, before: Any) -> Any:
    """Per minute the close of the last one with a trade; `before` where the day had none yet."""
    at = np.maximum.accumulate(np.where(quiet, -1, np.arange(len(closes))))
    return np.where(at < 0, before, closes[np.maximum(at, 0)])


def _sum(made: CandleDay, until: int) -> tuple[int, ...] | None:
    at = np.flatnonzero(made.traded[:until])
    if not len(at):
        return None
    return (
        int(made.opens[at[0]]),
        int(made.highs[at].max()),
        int(made.lows[at].min()),
        int(made.closes[at[-1]]),
        int(made.volume[at].sum()),
        int(made.trades[at].sum()),
    )
