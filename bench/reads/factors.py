"""
Qlib's benchmark task as somebody with a keep would write it: fourteen factors over dense matrices, with numpy alone.

Windows are those of Qlib: so many sessions of the venue, with what there is of them at the beginning and over holes;
the standard deviation is that of a sample. Sums over a window are added up within that window (by doubling), never
taken as a difference of running totals, which would lose the digits of a cheap symbol that was dear before.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FIELDS = ("open", "high", "low", "close", "adj_close", "volume")
COMPUTED = ("before", "mean5", "std20", "max20", "min20", "corr20", "day", "volume10")
_AT_ONCE = 16
"""Symbols at once: so few that what is worked on stays in the processor's cache."""
_THREADS = 2


def factors(keep: Any, symbols: list[str], start: str | None = None, end: str | None = None) -> dict[str, Floats]:
    """By name fourteen matrices, sessions x symbols, NaN for what is not known."""
    fields = {name: keep.matrix(name, symbols, start, end).numpy() for name in FIELDS}
    return fields | computed(fields)


def computed(fields: dict[str, Floats]) -> dict[str, Floats]:
    """The eight that are worked out."""
    lying = {name: np.ascontiguousarray(values.T) for name, values in fields.items() if name != "adj_close"}
    shape = lying["close"].shape
    found = {name: np.empty(shape) for name in COMPUTED}

    def work(first: int) -> None:
        some = slice(first, first + _AT_ONCE)
        _some({name: values[some] for name, values in lying.items()}, {name: to[some] for name, to in found.items()})

    with np.errstate(all="ignore"), ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work, range(0, shape[0], _AT_ONCE)))
    return {name: values.T for name, values in found.items()}


def _some(of: dict[str, Floats], to: dict[str, Floats]) -> None:
    with np.errstate(all="ignore"):
        close, volume = of["close"], of["volume"]
        to["before"][:, 0] = np.nan
        np.divide(close[:, :-1], close[:, 1:], out=to["before"][:, 1:])
        np.divide(close, of["open"], out=to["day"])
        to["day"] -= 1
        held = ~(np.isnan(close) | np.isnan(volume))
        whole = bool(held.all())
        x, y = (close, volume) if whole else (np.where(held, close, 0.0), np.where(held, volume, 0.0))

        def counts(window: int) -> Floats:
            if whole:
                return np.minimum(np.arange(1.0, close.shape[1] + 1), window)
            return windowed(held.astype(np.float64), window)

        np.divide(windowed(x, 5), counts(5) * close, out=to["mean5"])
        np.divide(windowed(y, 10), counts(10) * volume, out=to["volume10"])
        _spread(x, y, counts(20), to)
        _extreme(np.maximum, of["high"], -np.inf, to["max20"])
        _extreme(np.minimum, of["low"], np.inf, to["min20"])
        if not whole:
            _cut(held, to)


def _spread(x: Floats, y: Floats, n: Floats, to: dict[str, Floats]) -> None:
    """The closes' standard deviation, and their correlation with volume."""
    sum_x, sum_y = windowed(x, 20), windowed(y, 20)
    mean_x = sum_x / n
    of_x = windowed(x * x, 20) - sum_x * mean_x
    of_y = windowed(y * y, 20) - sum_y * sum_y / n
    both = windowed(x * y, 20) - mean_x * sum_y
    np.sqrt(of_x / (n - 1), out=to["std20"])
    of_x *= of_y
    np.divide(both, np.sqrt(of_x), out=to["corr20"])
    to["corr20"][:, 0] = np.nan


def windowed(x: Floats, window: int) -> Floats:
    """Sums of the last `window` values of each row, of fewer at its beginning."""
    total: Floats | None = None
    power, width, done = x, 1, 0
    while True:
        if window & width:
            if total is None:
                total = power.copy()
            else:
                total[:, done:] += power[:, : power.shape[1] - done]
            done += width
        if 2 * width > window:
            return x if total is None else total
        wider = power.copy()
        wider[:, width:] += power[:, :-width]
        power, width = wider, 2 * width


def _extreme(choose: Callable[..., Any], values: Floats, none: float, to: Floats) -> None:
    """The highest or lowest of the last 20; NaN where there is none."""
    holes = np.isnan(values)
    any_hole = bool(holes.any())
    power = np.where(holes, none, values) if any_hole else values
    for shift in (1, 2, 4, 8, 4):
        wider = power.copy()
        choose(wider[:, shift:], power[:, :-shift], out=wider[:, shift:])
        power = wider
    to[:] = np.where(np.isinf(power), np.nan, power) if any_hole else power


def _cut(held: npt.NDArray[np.bool_], to: dict[str, Floats]) -> None:
    """Nothing is known after the last bar, however much of a window still lies before it."""
    length = held.shape[1]
    last = length - np.argmax(held[:, ::-1], axis=1)
    gone = np.arange(length) >= np.where(held.any(axis=1), last, 0)[:, None]
    for name in ("std20", "max20", "min20", "corr20"):
        to[name][gone] = np.nan


def look(found: dict[str, Floats]) -> dict[str, float]:
    """Rows of closes, and of every factor its sum and the sum of its magnitudes."""
    told = {"rows": float(np.count_nonzero(~np.isnan(found["close"])))}
    for name, values in found.items():
        there = values[np.isfinite(values)].astype(np.float64)
        told[f"sum of {name}"] = float(there.sum())
        told[f"size of {name}"] = float(np.abs(there).sum())
    return told
