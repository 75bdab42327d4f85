"""
Undoing what sources had applied: every candidate is brought to as traded before it is compared or chosen.

As-traded price = delivered price x the ratios of the splits that the source had applied (ex-date after the bar, up to
the row's basis_date); volume divides by the same. Prices that came as float32 are read back as the shortest decimal
that gives the same float32, which is what the venue printed. A split that a payload betrays not to have applied, or
to have applied twice, is undone as often as it was (`gold.applications`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.gold.applications import exact_splits, unusual, usual
from marketkeep.gold.newest import newest_actions

_PRICES = ("open", "high", "low", "close")
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def as_traded(bars: pl.DataFrame, actions: pl.DataFrame, prices: Sequence[str] = _PRICES) -> pl.DataFrame:
    """
    `bars` with `prices` and volume as traded; every other column and the order stay.

    `bars` are raw rows with symbol, date, source, basis, basis_date and digest; `actions` are raw actions. A source
    that tells of splits is undone by its own, as it told them last; one that tells none by every source's. Daily rows
    of a span of dates only give the same as all rows would, except for symbols that `needs_whole` names.
    """
    if bars.is_empty():
        return bars
    bars = without_dividends(bars, actions)
    ratio = _applied_ratio(bars, newest_actions(actions.filter(pl.col("kind") == "split")))
    scaled = bars.with_columns(ratio=ratio)
    adjusted = (bars["basis"] != "as_traded").to_numpy()
    columns = {name: _decode(scaled[name].to_numpy(), ratio, adjusted) for name in prices}
    volume = _undo_volume(scaled["volume"].to_numpy(), ratio)
    return bars.with_columns(
        *(pl.Series(name, values, nan_to_null=True) for name, values in columns.items()),
        pl.Series("volume", volume, nan_to_null=True),
    )


def without_dividends(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """
    `bars` with dividends put back into the prices of rows whose basis is `adjusted`; all others stay.

    From the last ex-date backwards: an adjusted price A before an ex-date is (P - D) x F, with P the split-adjusted
    close before it and F the product of later factors, so P = A / F + D and the factor there is 1 - D / P. Only the
    dividends of the row's own payload can have been in its prices. Needs every row from the ex-dates on.
    """
    adjusted = (bars["basis"] == "adjusted").to_numpy()
    if not adjusted.any():
        return bars
    factor = np.ones(bars.height)
    cash = actions.filter((pl.col("kind") != "split") & pl.col("amount").is_not_null())
    # The same payload may have been received twice; it had applied its dividends once.
    cash = cash.unique(["symbol", "ex_date", "kind", "digest", "amount"], keep="last", maintain_order=True)
    indexed = bars.select("symbol", "digest", "date", "close").with_row_index("row").filter(adjusted)
    for (symbol, digest), rows in indexed.partition_by("symbol", "digest", as_dict=True).items():
        own = cash.filter((pl.col("symbol") == symbol) & (pl.col("digest") == digest)).sort("ex_date", descending=True)
        factor[rows["row"].to_numpy()] = _dividend_factors(
            rows["date"].to_numpy(), rows["close"].to_numpy(), own.select("ex_date", "amount").rows()
        )
    return bars.with_columns((pl.col(name) / pl.Series(factor)).alias(name) for name in _PRICES)


def _dividend_factors(dates: npt.NDArray[np.datetime64], closes: Floats, cash: list[tuple[date, float]]) -> Floats:
    factors = np.ones(len(dates))
    later = 1.0
    for ex_date, amount in cash:
        at = int(np.searchsorted(dates, np.datetime64(ex_date)))
        if 0 < at < len(dates):
            before = closes[at - 1] / later + amount
            later *= 1 - amount / before
            factors[:at] = later
    return factors


def _applied_ratio(bars: pl.DataFrame, told: pl.DataFrame) -> Floats:
    """Product of the ratios of the splits that each row's source had applied to it; 1 where none."""
    adjusted = bars["basis"] != "as_traded"
    if told.is_empty() or not adjusted.any():
        return np.ones(bars.height)
    splits = exact_splits(told)
    rows = bars.select("symbol", "source", "digest", "date", "basis_date").with_row_index("row").filter(adjusted)
    standard = usual(splits, rows.select("symbol", "source").unique())
    # Of minute bars only a few sessions may be at hand: those of an ex-date need not be among them.
    odd = unusual(bars, splits) if "ts" not in bars.columns else unusual(bars.clear(), splits)
    hits = rows.join(standard, on=["symbol", "source"])
    if odd.height:
        key = ["symbol", "source", "digest", "ex_date"]
        hits = pl.concat([hits.join(odd, on=key, how="anti"), rows.join(odd, on=key[:3]).select(hits.columns)])
    hits = hits.filter(
        (pl.col("ex_date") > pl.col("date"))
        & (pl.col("basis_date").is_null() | (pl.col("ex_date") <= pl.col("basis_date")))
    )
    ratio = np.ones(bars.height)
    product = hits.group_by("row").agg(pl.col("split").product())
    ratio[product["row"].to_numpy()] = product["split"].to_numpy()
    return ratio


def _decode(values: Floats, ratio: Floats, adjusted: Bools) -> Floats:
    """
    Delivered prices times `ratio`, float32 noise removed where they are `adjusted`; as-traded ones stay as they are.

    Where a value is a float32 (as Yahoo's are), the result is the decimal with the fewest places that, divided by the
    ratio again, is that float32 within one unit of its last place. Others are multiplied; the product is rounded to
    eight places only where there was something to undo, so that untouched values stay what they were.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = values * ratio
        narrow = values.astype(np.float32)
        single = (narrow.astype(np.float64) == values) & np.isfinite(values)
        result = np.where(ratio == 1.0, values, np.round(product, 8))
        width = np.spacing(np.abs(narrow)).astype(np.float64) * ratio
        # A value of few places is what was printed, though it may be a float32 by chance.
        open_ = single & adjusted & ((ratio != 1.0) | (np.round(values, 6) != values))
        for places in range(2, 7):
            rounded = np.round(product, places)
            fits = open_ & (np.abs(rounded - product) <= width)
            result[fits] = rounded[fits]
            open_ &= ~fits
    return np.asarray(result, dtype=np.float64)


def _undo_volume(values: Floats, ratio: Floats) -> Floats:
    """Delivered volume divided by `ratio`, to a whole share where whole shares were delivered."""
    with np.errstate(over="ignore", invalid="ignore"):
        undone = values / ratio
        whole = (ratio != 1.0) & (np.floor(values) == values)
    return np.where(whole, np.round(undone), undone)
