"""
One field of the mapped panel as a dense table: a row a symbol, a column a session, NaN where nothing is known.

A symbol's sessions of a year lie side by side in the map and in the answer, so that most of it is copied in long runs.
The map's pages are let go of year by year: the answer is all that is held.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketkeep.query.panel import Panel, Runs, Wanted
from marketkeep.query.panel_bars import PRICES, PanelBars, Shape
from marketkeep.query.panel_steps import Days, Factors, Floats, Ints, spans, together

_TOGETHER = 64
"""Symbols written side by side before the next: as much as a cache holds."""
_CHUNKS = 16
"""A market is done in so many parts of its symbols, so that little of the map is held beside the answer."""
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False, slots=True)
class Dense:
    """`values` (symbols x sessions), the symbols of its rows, and the sessions of its columns as days since 1970."""

    values: Floats
    symbols: list[str]
    sessions: Days


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """The values and days of rows, of which [low, high) are those of each item."""

    values: Floats
    days: Days
    low: Ints
    high: Ints


def dense(bars: PanelBars, panel: Panel, wanted: Wanted, field: str, shape: Shape) -> Dense:
    """
    A field of the bars wanted, of the symbols that have any, on the sessions on which any of them has one.
    """
    items, found = _with_bars(panel, wanted)
    symbols, row = _rows_of(items.symbols)
    column = "close" if field == "adj_close" else field
    met = [(runs, _sessions(runs, items)) for runs in found if (runs.high > runs.low).any()]
    sessions = np.concatenate([days for _, days in met]) if met else np.zeros(0, np.int32)
    values = np.empty((len(symbols), len(sessions)))
    apart = len(symbols) == len(items.symbols)
    if not apart:
        values.fill(np.nan)

    def rows_of(runs: Runs, some: Wanted) -> _Rows:
        return _factored(bars, runs, some, field, shape) if shape.factored else _plain(runs, column)

    def put(chunk: slice) -> None:
        some, at = items.some(chunk), 0
        blocks: list[tuple[int, Floats, Floats]] = []
        for runs, days in met:
            mine = Runs(runs.part, runs.low[chunk], runs.high[chunk])
            rows = rows_of(mine, some)
            blocks += _full(values[:, at : at + len(days)], row[chunk], rows, len(days))
            _fill_rest(values, at, row[chunk], rows, days, apart=apart)
            at += len(days)
        for _, target, source in sorted(blocks, key=lambda one: one[0]):
            target[:] = source
        for runs, _ in met:
            # From the first row on: what is read is mapped with what lies before it.
            for name in (column, "date"):
                runs.part.release(name, 0, int(runs.high[chunk].max()))

    _in_chunks(put, len(items.symbols))
    return Dense(values, symbols, sessions)


def _in_chunks(put: Callable[[slice], None], items: int) -> None:
    """Do so many items, some at a time."""
    size = max(_TOGETHER, items // _CHUNKS)
    chunks = [slice(at, at + size) for at in range(0, items, size)]
    if len(chunks) < _CHUNKS // 2:
        for chunk in chunks:
            put(chunk)
        return
    # Copying lets other threads run; each writes rows of its own.
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(put, chunks))


def _with_bars(panel: Panel, wanted: Wanted) -> tuple[Wanted, list[Runs]]:
    """What is wanted without the items of which there are no rows, and where the rows lie."""
    found = panel.runs(wanted)
    counts = sum((runs.lengths for runs in found), np.zeros(len(wanted.symbols), np.int64))
    kept = np.flatnonzero(counts)
    if len(kept) == len(counts):
        return wanted, found
    return wanted.some(kept), [Runs(runs.part, runs.low[kept], runs.high[kept]) for runs in found]


def _rows_of(symbols: Sequence[str]) -> tuple[list[str], Ints]:
    """The distinct symbols (given sorted), and which of them each is."""
    distinct = list(dict.fromkeys(symbols))
    if len(distinct) == len(symbols):
        return distinct, np.arange(len(distinct))
    places = {symbol: at for at, symbol in enumerate(distinct)}
    return distinct, np.array([places[symbol] for symbol in symbols], np.int64)


def _sessions(runs: Runs, items: Wanted) -> Days:
    """The days on which any of these rows lies."""
    every = runs.part.sessions
    every = every[(every >= items.first) & (every <= items.last)]
    if (runs.lengths == len(every)).any():
        return every
    met = np.zeros(int(every[-1] - every[0]) + 1, np.bool_)
    met[runs.part.days[runs.index] - every[0]] = True
    return np.asarray(np.flatnonzero(met) + every[0], np.int32)


def _plain(runs: Runs, column: str) -> _Rows:
    return _Rows(runs.part.values(column), runs.part.days, runs.low, runs.high)


def _factored(bars: PanelBars, runs: Runs, items: Wanted, field: str, shape: Shape) -> _Rows:
    """The rows by themselves, times their factors."""
    plain, counts = _plain(runs, "close" if field == "adj_close" else field), runs.lengths
    days, values = plain.days, plain.values
    if int(counts.sum()) < len(days):
        index = runs.index
        days, values = days[index], values[index]
    factors = bars.steps(shape.as_of, items.symbols).over(items.symbols, counts, days)
    high = np.cumsum(counts)
    return _Rows(_times(values, field, factors, shape), days, high - counts, high)


def _times(values: Floats, field: str, factors: Factors, shape: Shape) -> Floats:
    """As `panel_bars.adjusted` reckons it."""
    chosen: Sequence[npt.NDArray[np.float64] | None] = ()
    if field == "adj_close":
        chosen = factors.split, factors.dividend
    elif field in PRICES and shape.adjust != "none":
        chosen = (together(factors) if shape.adjust == "all" else factors.split,)
    elif field == "volume" and shape.adjust != "none" and factors.split is not None:
        return values / factors.split
    for factor in chosen:
        if factor is not None:
            values = values * factor
    return values


def _full(block: Floats, row: Ints, rows: _Rows, sessions: int) -> Iterator[tuple[int, Floats, Floats]]:
    """
    The rows of items with a bar on each session, some items that lie side by side at a time: a number to sort them by,
    where they belong, and their values.

    What is written together, of all years, lies together in the answer: far apart, writing would take twice as long.
    """
    found = np.flatnonzero(rows.high - rows.low == sessions)
    if not len(found):
        return
    breaks = (np.diff(found) != 1) | (rows.low[found[1:]] != rows.high[found[:-1]])
    breaks |= np.diff(found // _TOGETHER) != 0
    # Of an item that is there twice no part is full but one that has all, so its row is its own here too.
    breaks |= np.diff(row[found]) != 1
    begins = found[np.flatnonzero(np.append(True, breaks))].tolist()
    ends = found[np.flatnonzero(np.append(breaks, True))].tolist()
    for begin, end in zip(begins, ends, strict=True):
        source = rows.values[rows.low[begin] : rows.high[end]].reshape(-1, sessions)
        yield begin // _TOGETHER, block[row[begin] : row[end] + 1], source


def _fill_rest(values: Floats, at: int, row: Ints, rows: _Rows, sessions: Days, *, apart: bool) -> None:
    """
    Put the rows of the other items where they belong, the first session in column `at`; with `apart` each item has a
    row of its own, not yet written.
    """
    counts = rows.high - rows.low
    rest = np.flatnonzero(counts != len(sessions))
    if not len(rest):
        return
    if apart:
        for one in row[rest].tolist():
            values[one, at : at + len(sessions)] = np.nan
    index = spans(rows.low[rest], counts[rest])
    places = np.zeros(int(sessions[-1] - sessions[0]) + 1, np.int64)
    places[sessions - sessions[0]] = np.arange(at, at + len(sessions))
    begins = np.repeat(row[rest] * values.shape[1], counts[rest])
    values.reshape(-1)[begins + places[rows.days[index] - sessions[0]]] = rows.values[index]
