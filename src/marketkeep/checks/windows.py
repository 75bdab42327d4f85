"""
Windows over many symbols' rows at once: which rows lie near each other in time, and what was usual before a row.

Rows get one whole number each, their symbol's turn and their day, so that "the same symbol, so many days apart" is one
subtraction. Nothing here looks farther than it is told to: days are calendar days, and a row never counts in what was
usual before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

NEAR_DAYS = 10
"""Calendar days either side within which a row's neighbours are looked for; rows farther away are none."""

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_SYMBOL = 1 << 20
_EPOCH = 1 << 19
_AT_ONCE = 20_000
NORMAL, NORMAL_90 = 1.4826, 1.6449
"""Of a normal distribution: its standard deviation over the median, the 90th percentile over it, of deviations."""


def day_key() -> pl.Expr:
    """Per row of a frame sorted by symbol and date a number that rises; a day is 1, the next symbol's days are far."""
    turn = pl.col("symbol").rle_id().cast(pl.Int64)
    return turn * _SYMBOL + pl.col("date").to_physical().cast(pl.Int64) + _EPOCH


def usual_before(
    keys: Whole, values: Floats, rows: Whole, days: int, least: int, *, resting: bool = False
) -> tuple[Floats, Floats]:
    """
    Per row of `rows` (positions) the median of `values` over the `days` before it, and their spread.

    The spread estimates a standard deviation by ranks, so that a few odd values do not widen it: the median absolute
    deviation times 1.4826 (Rousseeuw and Croux 1993). Of values that may be `resting`, as a price that does not move
    on most days, it is the 90th percentile of the deviations over 1.6449 where that is larger. Values that are not
    finite do not count; both are NaN where fewer than `least` do. Windows are laid out one by one: for a few rows
    among many.
    """
    counts = np.isfinite(values)
    held, at = values[counts], keys[counts]
    first = np.searchsorted(at, keys[rows] - days)
    after = np.searchsorted(at, keys[rows])
    centre, spread = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    enough = np.flatnonzero(after - first >= max(least, 1))
    for start in range(0, len(enough), _AT_ONCE):
        some = enough[start : start + _AT_ONCE]
        sizes = after[some] - first[some]
        steps = np.arange(sizes.max())
        places = np.minimum(first[some][:, None] + steps, len(held) - 1)
        window = np.sort(np.where(steps < sizes[:, None], held[places], np.inf), axis=1)
        centre[some] = middle = _median(window, sizes)
        off = np.sort(np.abs(window - middle[:, None]), axis=1)
        spread[some] = NORMAL * _median(off, sizes)
        if resting:
            most = off[np.arange(len(sizes)), -(-9 * sizes // 10) - 1]
            spread[some] = np.maximum(spread[some], most / NORMAL_90)
    return centre, spread


def _median(ordered: Floats, sizes: Whole) -> Floats:
    """The median of the first `sizes` values of each row."""
    lines = np.arange(len(sizes))
    return np.asarray((ordered[lines, (sizes - 1) // 2] + ordered[lines, sizes // 2]) / 2, dtype=np.float64)
