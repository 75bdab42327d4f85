"""
The data of the reading benchmark: a made-up market by seed, written as Parquet that everybody loads.

Daily bars as traded of `symbols` over `sessions` up to the end of 2024: a random walk with splits and dividends; some
symbols are listed later or delisted before the end, some have a hole. Minute bars of some symbols for a year and of
more for a month. The same parameters give the same bytes, so that a folder that has them is used again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.calendars import XNYS

LAST = date(2024, 12, 31)
MINUTE_YEAR = 2024
MINUTE_MONTH = 3
GROUP = 250
MINUTES = 390
FORM = 4
"""Raise it when the same parameters come to give other data."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """What is made: symbols and sessions of daily bars, symbols with minutes for a year and for its month of March."""

    symbols: int
    sessions: int
    minute_year: int
    minute_month: int
    companies: int
    seed: int = 1

    @property
    def key(self) -> str:
        """A name for the folder of these data."""
        digest = hashlib.sha256(json.dumps([FORM, asdict(self)]).encode()).hexdigest()[:8]
        return f"{self.symbols}x{self.sessions}-{digest}"

    def days(self) -> list[date]:
        """Its sessions."""
        every = XNYS.sessions(XNYS.first, LAST + timedelta(days=1))
        return every[-self.sessions :]

    def later(self, count: int) -> list[date]:
        """So many sessions after its last, for appending."""
        return XNYS.sessions(LAST + timedelta(days=1), date(2026, 12, 31))[:count]

    def names(self) -> list[str]:
        """Its symbols, sorted."""
        return [f"S{number:05d}" for number in range(self.symbols)]


def make(market: Market, folder: Path) -> Path:
    """The folder with `daily/`, `actions.parquet`, `minutes/`; made when it is not there yet."""
    place = folder / market.key
    if (place / "whole").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    (place / "daily").mkdir(parents=True)
    (place / "minutes").mkdir()
    days, names = market.days(), market.names()
    actions = []
    for first in range(0, market.symbols, GROUP):
        bars, told = _group(names[first : first + GROUP], days, np.random.default_rng([market.seed, first]))
        bars.write_parquet(place / "daily" / f"{first // GROUP:04d}.parquet")
        actions.append(told)
    pl.concat(actions).write_parquet(place / "actions.parquet")
    for number, frame in enumerate(_minutes(market)):
        frame.write_parquet(place / "minutes" / f"{number:04d}.parquet")
    (place / "market.json").write_text(json.dumps(asdict(market)))
    (place / "whole").touch()
    return place


def _group(names: Sequence[str], days: Sequence[date], rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars with adjusted closes, and actions, of some symbols."""
    shape = (len(names), len(days))
    split = np.ones(shape)
    for row in range(len(names)):
        when = [int(rng.integers(low, low + shape[1] // 4)) for low in (shape[1] // 8, 5 * shape[1] // 8)]
        split[row, when] = rng.choice([2.0, 3.0, 0.1], 2, p=[0.6, 0.3, 0.1])
    walk = np.exp(np.cumsum(rng.normal(0.0003, 0.015, shape), axis=1))
    close = np.maximum(np.round(80 * walk / np.cumprod(split, axis=1), 2), 0.5)
    paid = np.where((np.arange(shape[1]) + np.arange(shape[0])[:, None]) % 63 == 62, 0.1, 0.0)
    paid[paid > close / 8] = 0.0
    held = _held(shape, rng)
    # Neither a split nor a dividend without a bar on its day and on the one before.
    steady = held.copy()
    steady[:, 1:] &= held[:, :-1]
    steady[:, 0] = False
    paid[~steady | (split != 1)] = 0.0
    undone = np.where(steady, 1.0, split)
    split = np.where(steady, split, 1.0)
    close = np.maximum(np.round(close * np.cumprod(undone, axis=1), 2), 0.5)
    spread = np.round(close * rng.uniform(0.001, 0.03, shape), 2) + 0.01
    table = {
        "open": np.round(close - spread / 3, 2),
        "high": np.round(close + spread, 2),
        "low": np.maximum(np.round(close - spread, 2), 0.01),
        "close": close,
        "volume": np.round(np.exp(rng.normal(13, 0.4, shape))),
        "adj_close": _adjusted(close, split, paid),
    }
    at = held.ravel()
    which = np.repeat(np.arange(shape[0]), shape[1])[at]
    column = np.tile(np.arange(shape[1]), shape[0])[at]
    calendar = pl.Series("date", days)
    bars = pl.DataFrame(
        {
            "symbol": pl.Series(names)[which],
            "date": calendar[column],
            **{name: values.ravel()[at] for name, values in table.items()},
        }
    )
    return bars, _actions(names, calendar, split, paid)


def _held(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which sessions each symbol has: three in a hundred listed later, as many delisted, two with a hole."""
    held = np.ones(shape, dtype=np.bool_)
    for row, kind in enumerate(rng.random(shape[0])):
        at = int(rng.integers(shape[1] // 10, shape[1] - shape[1] // 10))
        if kind < 0.03:
            held[row, :at] = False
        elif kind < 0.06:
            held[row, at:] = False
        elif kind < 0.08:
            held[row, at : at + 10] = False
    return held


def _adjusted(close: Floats, split: Floats, paid: Floats) -> Floats:
    """Closes times the factors of later ex-dates: 1 / ratio, and 1 - amount / close before."""
    step = 1 / split
    step[:, 1:] *= 1 - paid[:, 1:] / close[:, :-1]
    factor = np.ones_like(close)
    factor[:, :-1] = np.cumprod(step[:, :0:-1], axis=1)[:, ::-1]
    return close * factor


def _actions(names: Sequence[str], calendar: pl.Series, split: Floats, paid: Floats) -> pl.DataFrame:
    rows, columns = np.nonzero((split != 1) | (paid > 0))
    ratio = split[rows, columns]
    is_split = ratio != 1
    whole = {
        "symbol": pl.Series(names)[rows],
        "ex_date": calendar[columns],
        "kind": np.where(is_split, "split", "dividend"),
        "numerator": np.where(ratio > 1, np.round(ratio), 1).astype(np.int64),
        "denominator": np.where(ratio > 1, 1, np.round(1 / ratio)).astype(np.int64),
        "amount": paid[rows, columns],
    }
    known = pl.col("kind") == "split"
    return pl.DataFrame(whole).with_columns(
        numerator=pl.when(known).then("numerator"),
        denominator=pl.when(known).then("denominator"),
        amount=pl.when(~known).then("amount"),
    )


def _minutes(market: Market) -> Iterator[pl.DataFrame]:
    """Regular-hours minutes: a month of sessions of everybody in a frame, symbols with a year first."""
    for month in range(1, 13):
        days = [day for day in market.days() if (day.year, day.month) == (MINUTE_YEAR, month)]
        count = market.minute_month if month == MINUTE_MONTH else market.minute_year
        for first in range(0, count, GROUP if days else 1):
            names = market.names()[first : min(first + GROUP, count)]
            if days:
                yield _minutes_of(names, days, np.random.default_rng([market.seed, 7, month, first]))


def _minutes_of(names: Sequence[str], days: Sequence[date], rng: np.random.Generator) -> pl.DataFrame:
    opens = [XNYS.session_open(day) for day in days]
    stamps = pl.concat(
        pl.datetime_range(
            begin, begin + timedelta(minutes=MINUTES - 1), "1m", time_unit="us", time_zone="UTC", eager=True
        )
        for begin in opens
    )
    # A day that closes early has fewer; what is behind its close is not kept.
    closes = pl.Series([XNYS.session_close(day) for day in days], dtype=stamps.dtype)
    per = len(stamps)
    inside = (stamps < closes[np.repeat(np.arange(len(days)), MINUTES)]).to_numpy()
    shape = (len(names), per)
    close = np.maximum(np.round(100 + np.cumsum(rng.normal(0, 0.02, shape), axis=1), 2), 1.0)
    at = np.tile(inside, len(names))
    which = np.repeat(np.arange(len(names)), per)[at]
    when = np.tile(np.arange(per), len(names))[at]
    flat = close.ravel()[at]
    return pl.DataFrame(
        {
            "symbol": pl.Series(names)[which],
            "ts": stamps[when],
            "date": pl.Series(days)[when // MINUTES],
            "open": flat,
            "high": np.round(flat + 0.05, 2),
            "low": np.round(flat - 0.05, 2),
            "close": flat,
            "volume": rng.integers(1, 100_000, len(flat)).astype(float),
        }
    )


def daily(place: Path) -> list[Path]:
    """The files of daily bars, in order of symbols."""
    return sorted((place / "daily").glob("*.parquet"))


def minutes(place: Path) -> list[Path]:
    """The files of minute bars, a month of some symbols each."""
    return sorted((place / "minutes").glob("*.parquet"))


def later_rows(place: Path, market: Market, first: int, count: int) -> pl.DataFrame:
    """So many sessions of every symbol, from the `first` behind the last on: the last bar of each, moved a little."""
    columns = ["open", "high", "low", "close", "volume"]
    days = market.later(first + count)[first:]
    bars = pl.scan_parquet(daily(place)).sort("symbol", "date")
    last = bars.group_by("symbol", maintain_order=True).agg(pl.col(columns).last()).collect()
    after = pl.DataFrame({"date": days, "by": [1 + 0.002 * ((first + at) % 7) for at in range(count)]})
    moved = last.join(after, how="cross").with_columns((pl.col(name) * pl.col("by")).round(2) for name in columns)
    return moved.select("symbol", "date", *columns).sort("symbol", "date")
