"""
The steps of adjustment factors through time, and how they are laid over bars.

A bar has the factors of the first step of its symbol with a later `until`; behind the last one both are 1. They are
the products `gold.factors.adjust` makes, in its order, so that adjusted prices are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.model import FACTORS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.int32]
_FACTORS = ("split_factor", "dividend_factor")


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of rows in their order, None where all of them are 1."""

    split: Floats | None
    dividend: Floats | None


@dataclass(frozen=True, eq=False)
class Steps:
    """`FACTORS` rows, sorted by symbol and until."""

    table: pl.DataFrame = field(default_factory=FACTORS.empty)

    @cached_property
    def _until(self) -> Days:
        return self.table["until"].to_physical().to_numpy()

    @cached_property
    def _factors(self) -> tuple[Floats, Floats]:
        split, dividend = (self.table[name].to_numpy() for name in _FACTORS)
        return split, dividend

    @cached_property
    def _bounds(self) -> dict[str, tuple[int, int]]:
        """By symbol its first step and the one behind its last."""
        runs = self.table["symbol"].rle().struct.unnest()
        ends = runs["len"].cum_sum().to_list()
        return dict(zip(runs["value"].to_list(), zip([0, *ends], ends, strict=False), strict=True))

    def later_than(self, day: date) -> list[str]:
        """The symbols that have a step behind a day."""
        return self.table.filter(pl.col("until") > day)["symbol"].unique().to_list()

    def over(self, symbols: Sequence[str], counts: Ints, days: Days) -> Factors:
        """
        The factors of rows: of each symbol so many rows, one symbol behind the other, each in order of its `days`.
        """
        if len(symbols) == 1:
            return self._over_one(symbols[0], days)
        bounds = np.array([self._bounds.get(symbol, (0, 0)) for symbol in symbols], np.int64).reshape(-1, 2)
        item, step = self._concerned(bounds, days)
        ends = np.cumsum(counts)
        cuts = first_not_before(days, ends[item] - counts[item], ends[item], self._until[step])
        # Of each item its steps, and one more of which the factors are 1.
        per_item = np.bincount(item, minlength=len(symbols))
        places = np.arange(len(item)) + item
        last = np.cumsum(per_item + 1) - 1
        until = np.empty(len(item) + len(symbols), np.int64)
        until[places], until[last] = cuts, ends
        lengths = np.diff(until, prepend=0)
        return Factors(*(self._spread(values, step, places, lengths) for values in self._factors))

    def _over_one(self, symbol: str, days: Days) -> Factors:
        begin, end = self._bounds.get(symbol, (0, 0))
        ends = np.empty(end - begin + 2, np.int64)
        ends[0], ends[-1] = 0, len(days)
        ends[1:-1] = days.searchsorted(self._until[begin:end])
        lengths = ends[1:] - ends[:-1]
        told = []
        for values in self._factors:
            each = np.ones(len(lengths))
            each[:-1] = values[begin:end]
            told.append(None if (each == 1.0).all() else each.repeat(lengths))
        return Factors(*told)

    def _concerned(self, bounds: Ints, days: Days) -> tuple[Ints, Ints]:
        """Per item the steps that some row between the first and the last of `days` may need: items and steps."""
        lengths = bounds[:, 1] - bounds[:, 0]
        item = np.repeat(np.arange(len(bounds)), lengths)
        step = spans(bounds[:, 0], lengths)
        if not len(days) or not len(step):
            return item[:0], step[:0]
        least, most = days.min(), days.max()
        until = self._until[step]
        needed = until > least
        # A step whose one before reaches beyond the last day begins behind it.
        needed[1:] &= (until[:-1] <= most) | (item[1:] != item[:-1])
        return item[needed], step[needed]

    @staticmethod
    def _spread(values: Floats, step: Ints, places: Ints, lengths: Ints) -> Floats | None:
        mine = values[step]
        if (mine == 1.0).all():
            return None
        each = np.ones(len(lengths))
        each[places] = mine
        return np.repeat(each, lengths)


def spans(begins: Ints, lengths: Ints) -> Ints:
    """The numbers from each of `begins` on, so many of each, one span behind the other."""
    total = int(lengths.sum())
    return np.asarray(np.arange(total) + np.repeat(begins - (np.cumsum(lengths) - lengths), lengths), np.int64)


def first_not_before(days: Days, low: Ints, high: Ints, wanted: Days) -> Ints:
    """Between `low` and `high` the first place at which `days` (in order there) is not before the one wanted."""
    low, high = low.copy(), high.copy()
    width = int((high - low).max(initial=0))
    for _ in range(width.bit_length()):
        middle = (low + high) >> 1
        open_ = low < high
        before = open_ & (days[np.minimum(middle, len(days) - 1)] < wanted)
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low


def scaled(price: pl.Series, *factors: Floats | None) -> pl.Series:
    """A column times each factor in turn, whose rows are its own; None is 1."""
    for factor in factors:
        if factor is not None:
            price *= pl.Series(factor)
    return price


def together(factors: Factors) -> Floats | None:
    """Both factors as one."""
    if factors.split is None or factors.dividend is None:
        return factors.dividend if factors.split is None else factors.split
    product: Any = factors.split * factors.dividend
    return np.asarray(product, np.float64)
