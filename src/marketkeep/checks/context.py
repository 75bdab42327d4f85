"""
What lies around each gold bar, so that a candidate for its session can be judged: the level before and after it, what
was usual, and how often the same bar stood before.

Everything is brought to the row's own shares and price by the factors. Nothing looks farther back than `window_days`
and twice `NEAR_DAYS`, nor farther ahead than `NEAR_DAYS`, in calendar days: a part of the bars gives the same context
as all of them. Nothing is filled in: after a halt longer than `NEAR_DAYS` there is no close before.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from marketkeep.checks.bar_rules import PRICES
from marketkeep.checks.context_rules import UNKNOWN_MOVE, agree, limit, step
from marketkeep.checks.windows import NEAR_DAYS, Whole, day_key, usual_before
from marketkeep.model import Thresholds

_BEFORE = ("past_1", "past_2", "past_3")
_AFTER = ("next_1", "next_2", "next_3")
_LONGEST = 3
"""Sessions that a spike may last."""

_key, _factor, _even = pl.col("key"), pl.col("factor"), pl.col("even")


def bar_context(bars: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    The context of gold bars: one row per symbol and date, in their order, for `check_series`.

    `bars` are winners of one symbol or many, sorted by symbol and date: symbol, date, source, open, high, low, close,
    volume (as traded), split_factor and dividend_factor. The result has symbol, date, `key` (rises with symbol and
    date), gold_source, gold_open to gold_volume, the factors, `move` (log return after actions from the bar before),
    `before` (the last close before that was no spike), `next_1` to `next_3` (closes after), `log_volume` and
    `usual_volume` (its median over `window_days` before; both of today's shares), and `stale` (whether
    `stale_sessions` equal bars end here).
    """
    frame = bars.select(
        *("symbol", "date", "source", *PRICES, "volume", "split_factor", "dividend_factor"),
        key=day_key().set_sorted(),
        factor=pl.col("split_factor") * pl.col("dividend_factor"),
        log_volume=log_volume(),
    )
    frame = frame.with_columns(even=pl.col("close") * _factor)
    around = {name: _near(_even, i) / _factor for i, name in enumerate(_BEFORE, 1)}
    around |= {name: _near(_even, -i) / _factor for i, name in enumerate(_AFTER, 1)}
    frame = frame.with_columns(
        stale=_stale(thresholds),
        usual_volume=pl.col("log_volume").rolling_median_by(
            "key", f"{max(thresholds.window_days, 1)}i", closed="left", min_samples=max(thresholds.window_least, 1)
        ),
        **around,
    ).with_columns(move=step(pl.col("close"), "past_1"))
    return frame.with_columns(before=_clean_before(frame, _spikes(frame, thresholds))).select(
        *("symbol", "date", "key"),
        *(pl.col(name).alias(f"gold_{name}") for name in ("source", *PRICES, "volume")),
        *("split_factor", "dividend_factor", "move", "before", *_AFTER, "log_volume", "usual_volume", "stale"),
    )


def log_volume() -> pl.Expr:
    """The natural logarithm of a row's volume in shares of today; null where it is none or unknown."""
    return (pl.when(pl.col("volume") > 0).then("volume") / pl.col("split_factor")).log()


def _near(values: pl.Expr, rows: int) -> pl.Expr:
    """`values` of so many rows before (after where negative), of the same symbol and within `NEAR_DAYS`."""
    return pl.when((_key - _key.shift(rows)).abs() <= NEAR_DAYS).then(values.shift(rows))


def _stale(thresholds: Thresholds) -> pl.Expr:
    """Whether so many equal bars in a row end here, all within the window."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in (*PRICES, "volume"))
    again = (same & (_key - _key.shift(1) <= NEAR_DAYS)).fill_null(value=False)
    repeats = max(thresholds.stale_sessions - 1, 1)
    within = _key - _key.shift(repeats) <= thresholds.window_days
    return ((again.cast(pl.UInt32).rolling_sum(repeats) == repeats) & within).fill_null(value=False)


def _spikes(frame: pl.DataFrame, thresholds: Thresholds) -> Whole:
    """Positions of gold bars that leave the level of both sides for at most three sessions."""
    floor = min(math.log1p(thresholds.spike_floor), UNKNOWN_MOVE)
    close = pl.col("close")
    sides = (pl.any_horizontal(step(close, name).abs() > floor for name in names) for names in (_BEFORE, _AFTER))
    some = frame.with_row_index("row").filter(pl.all_horizontal(*sides))
    if some.is_empty():
        return np.array([], dtype=np.int64)
    _, spread = usual_before(
        frame["key"].to_numpy(),
        frame["move"].to_numpy(),
        some["row"].to_numpy().astype(np.int64),
        thresholds.window_days,
        thresholds.window_least,
        resting=True,
    )
    some = some.with_columns(pl.Series("move_spread", spread, nan_to_null=True))
    some = some.with_columns(far=limit(thresholds, thresholds.spike_floor))
    return some.filter(_stands_out())["row"].to_numpy().astype(np.int64)


def _stands_out() -> pl.Expr:
    """Far from a level before and after that agree, with at most two like it between, and more against it than for."""
    close, far = pl.col("close"), pl.col("far")
    pairs = [
        agree(pl.col(_BEFORE[i]), pl.col(_AFTER[j]), close, far)
        & pl.all_horizontal(step(close, name).abs() > far for name in (_BEFORE[i], _AFTER[j]))
        & pl.all_horizontal(
            pl.lit(value=True), *(step(pl.col(name), _BEFORE[i]).abs() > far for name in (*_BEFORE[:i], *_AFTER[:j]))
        )
        for i in range(_LONGEST)
        for j in range(_LONGEST - i)
    ]
    near = pl.sum_horizontal((step(close, name).abs() <= far).cast(pl.Int32) for name in (*_BEFORE, *_AFTER))
    off = pl.sum_horizontal((step(close, name).abs() > far).cast(pl.Int32) for name in (*_BEFORE, *_AFTER))
    return pl.any_horizontal(one.fill_null(value=False) for one in pairs) & (near < off)


def _clean_before(frame: pl.DataFrame, spikes: Whole) -> pl.Series:
    """The last close before each row that is no spike, on the row's basis; null where none is near."""
    at = np.arange(frame.height)
    at[spikes] = -1
    last = np.maximum.accumulate(at) if len(at) else at
    source = np.concatenate([[-1], last[:-1]])[: frame.height]
    keys = frame["key"].to_numpy()
    near = (source >= 0) & (keys - keys[source] <= NEAR_DAYS)
    even = frame["even"].to_numpy()[source] / frame["factor"].to_numpy()
    return pl.Series("before", np.where(near, even, np.nan), nan_to_null=True)
