"""
The mapped panel as one table: of the symbols and days wanted the rows, however many partitions they lie in.

One partition whole is handed out without a copy; a few runs of rows are put together, and many are gathered. What it
makes is as traded; prices are adjusted by `panel_steps`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from marketkeep.query.panel_join import Run, joined
from marketkeep.query.panel_steps import Days, Ints, first_not_before, spans
from marketkeep.stores.panel.mapped import Mapped

_FEW = 64
"""So many symbols or fewer are looked at one by one: an array operation costs more than they do."""
_LONG = 128
"""A run of so many rows or more is copied as one; shorter ones are gathered row by row."""


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """
    Symbols in order, and the days from `first` to `last`, both included, as days since 1970.

    A symbol may be there several times, each time with its own days [since, until).
    """

    symbols: Sequence[str]
    first: int
    last: int
    since: Days | None = None
    until: Days | None = None

    def some(self, places: slice | Ints) -> Wanted:
        """The items at these places."""
        chosen = range(len(self.symbols))[places] if isinstance(places, slice) else places.tolist()
        since, until = (None if days is None else days[places] for days in (self.since, self.until))
        return Wanted([self.symbols[at] for at in chosen], self.first, self.last, since, until)


@dataclass(frozen=True, eq=False, slots=True)
class Runs:
    """Of each wanted symbol the rows [low, high) of a partition."""

    part: Mapped
    low: Ints
    high: Ints

    @property
    def lengths(self) -> Ints:
        """The rows of each symbol."""
        return self.high - self.low

    @property
    def index(self) -> Ints:
        """The rows one behind the other."""
        return spans(self.low, self.lengths)


@dataclass(frozen=True, eq=False)
class Panel:
    """Partitions of one dataset in order of their dates."""

    parts: Sequence[Mapped]

    @cached_property
    def symbols(self) -> list[str]:
        """All symbols of which there are rows, sorted."""
        return sorted({symbol for part in self.parts for symbol in part.symbols})

    def holds(self, symbol: str) -> bool:
        """Whether there is any row of a symbol."""
        return any(place(part, symbol) >= 0 for part in reversed(self.parts))

    def runs(self, wanted: Wanted) -> list[Runs]:
        """Where the rows wanted lie, partition by partition."""
        return [
            Runs(part, *self._cut(part, wanted))
            for part in self.parts
            if part.first <= wanted.last and part.last >= wanted.first
        ]

    def frame(self, wanted: Wanted, columns: Sequence[str]) -> tuple[pl.DataFrame, Ints]:
        """The rows wanted, by symbol and day, and how many each of the symbols wanted has."""
        if len(wanted.symbols) <= _FEW and wanted.since is None:
            return self._few(wanted, columns)
        found = self.runs(wanted)
        counts = np.zeros(len(wanted.symbols), np.int64)
        for runs in found:
            counts += runs.lengths
        met = [runs for runs in found if runs.lengths.any()]
        if not met:
            return select(self.parts[0].frame, columns).clear(), counts
        rows, part = int(counts.sum()), met[0].part
        if len(met) == 1 and rows == len(part.days):
            return select(part.frame, columns), counts
        if len(met) == 1 and rows < _LONG * len(counts):
            return select(part.frame, columns)[pl.Series(met[0].index, dtype=pl.UInt32)], counts
        bounds = zip(*(zip(runs.low.tolist(), runs.high.tolist(), strict=True) for runs in met), strict=True)
        order = [Run(at, low, high - low) for parts in bounds for at, (low, high) in enumerate(parts) if high > low]
        return joined([runs.part for runs in met], order, columns), counts

    def _few(self, wanted: Wanted, columns: Sequence[str]) -> tuple[pl.DataFrame, Ints]:
        """The same of so few symbols that going through them one by one costs less than any array would."""
        parts = [part for part in self.parts if part.first <= wanted.last and part.last >= wanted.first]
        batches, counts = [], []
        for symbol in wanted.symbols:
            rows = 0
            for part in parts:
                at = place(part, symbol)
                if at < 0:
                    continue
                low, high = part.starts[at : at + 2].tolist()
                if wanted.first > part.first:
                    low += int(part.days[low:high].searchsorted(wanted.first))
                if wanted.last < part.last:
                    high = low + int(part.days[low:high].searchsorted(wanted.last + 1))
                if high > low:
                    batches.append(part.batch(columns).slice(low, high - low))
                    rows += high - low
            counts.append(rows)
        if not batches:
            return select(self.parts[0].frame, columns).clear(), np.array(counts, np.int64)
        # Arrow puts slices together in half the time that polars takes, which divides even this among threads.
        return pl.DataFrame(pa.concat_batches(batches)), np.array(counts, np.int64)

    @cached_property
    def _all(self) -> dict[int, tuple[Ints, Ints]]:
        """By partition the rows of every symbol."""
        return {}

    def _cut(self, part: Mapped, wanted: Wanted) -> tuple[Ints, Ints]:
        low, high = self._bounds(part, wanted.symbols)
        if wanted.since is not None and wanted.until is not None:
            begin, end = np.maximum(wanted.since, wanted.first), np.minimum(wanted.until, wanted.last + 1)
            return _forward(cut(part.days, low, high, begin), cut(part.days, low, high, end))
        begin, end = low, high
        if wanted.first > part.first:
            begin = cut(part.days, low, high, wanted.first)
        if wanted.last < part.last:
            end = cut(part.days, low, high, wanted.last + 1)
        return _forward(begin, end)

    def _bounds(self, part: Mapped, symbols: Sequence[str]) -> tuple[Ints, Ints]:
        if symbols is not self.symbols:
            return _rows(part, np.array([place(part, symbol) for symbol in symbols], np.int64))
        if id(part) not in self._all:
            known = {symbol: at for at, symbol in enumerate(part.symbols)}
            self._all[id(part)] = _rows(part, np.array([known.get(one, -1) for one in symbols], np.int64))
        return self._all[id(part)]


def _forward(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Where the days asked for end before they begin there are no rows."""
    return low, np.maximum(low, high)


def place(part: Mapped, symbol: str) -> int:
    """Which of a partition's symbols it is; -1 for none."""
    at = bisect_left(part.symbols, symbol)
    return at if at < len(part.symbols) and part.symbols[at] == symbol else -1


def cut(days: Days, low: Ints, high: Ints, day: int | Days) -> Ints:
    """Between each `low` and `high` the first row that is not before a day: one for all, or one for each."""
    if len(low) > _FEW:
        return first_not_before(days, low, high, np.broadcast_to(np.asarray(day, np.int32), low.shape))
    each = np.broadcast_to(day, low.shape).tolist()
    bounds = zip(low.tolist(), high.tolist(), each, strict=True)
    return np.array([begin + days[begin:end].searchsorted(one) for begin, end, one in bounds], np.int64)


def select(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """These columns, at once: a question about one symbol has no time for a query plan."""
    if list(columns) == frame.columns:
        return frame
    return pl.DataFrame([frame.get_column(name) for name in columns])


def _rows(part: Mapped, places: Ints) -> tuple[Ints, Ints]:
    absent = places < 0
    low, high = part.starts[places], part.starts[places + 1]
    return np.where(absent, 0, low), np.where(absent, 0, high)
