"""
Adjustment factors from actions: what earlier prices are multiplied by.

    split:  denominator / numerator
    cash:   1 - D / close of the session before the ex-date, both as traded then (CRSP's and LEAN's convention)

split_factor(t) and dividend_factor(t) are the products over ex-dates later than t. Where a split falls on the same
ex-date, the amount is per new share, so the close before is first brought to new shares. Where several payments do,
each takes its part from what those before it left, so that together they make 1 - (D1 + D2) / close.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.gold.jury.steps import says
from marketkeep.model import FACTORS

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
CASH = ("dividend", "special_dividend", "capital_gain")
_REFUSED = "refused: not below the close before the ex-date"
_STILL = "not applied: the prices chosen make no step"


def with_factors(actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """
    Actions with their adjustment_factor, by the closes of as-traded `bars` of their symbols (sorted by symbol and
    date); `actions` of one symbol are in order of their ex-dates.

    It stays null where the action is not applied: a phantom, no bar before and on or after the ex-date, or a verdict
    that left no amount. Cash at or above the close before it is refused, because prices would turn negative: the factor
    stays null and the verdict becomes disputed. A split in dispute is applied unless the bars clearly make no step
    over it, so that adjusted prices make none either.
    """
    if actions.is_empty():
        return actions
    rows = actions.rows(named=True)
    splits = {_day(row): row for row in rows if row["kind"] == "split" and row["status"] != "phantom"}
    prices = _prices(bars.filter(pl.col("symbol").is_in(actions["symbol"].unique().implode())))
    factors: list[float | None] = []
    notes: list[str] = []
    paid: dict[tuple[str, date], float] = {}
    for row in rows:
        day = _day(row)
        before = paid.get(day, 0.0)
        factor, note = _factor(row, splits.get(day), prices.get(row["symbol"]), before)
        factors.append(factor)
        notes.append(note)
        if factor is not None and row["kind"] in CASH:
            paid[day] = before + (row["amount"] or 0.0)
    noted = pl.Series(notes, dtype=pl.String)
    told = pl.when(pl.col("witnesses") == "").then(noted).otherwise(pl.concat_str("witnesses", pl.lit("; "), noted))
    return actions.with_columns(
        pl.Series("adjustment_factor", factors, dtype=pl.Float64),
        status=pl.when(noted != "").then(pl.lit("disputed")).otherwise("status"),
        witnesses=pl.when(noted != "").then(told).otherwise("witnesses"),
    )


@dataclass(frozen=True, slots=True)
class _Prices:
    """One symbol's bars as arrays: their days, closes, and first prices (the close where the open is not known)."""

    days: Days
    closes: Floats
    firsts: Floats


def _prices(bars: pl.DataFrame) -> dict[str, _Prices]:
    """By symbol; bars of a symbol lie together."""
    first = bars.select(pl.coalesce("open", "close") if "open" in bars.columns else pl.col("close")).to_series()
    days, closes, firsts = bars["date"].to_numpy(), bars["close"].to_numpy(), first.to_numpy()
    found = {}
    start = 0
    for count, symbol in bars["symbol"].rle().struct.unnest().iter_rows():
        mine = slice(start, start + count)
        found[symbol] = _Prices(days[mine], closes[mine], firsts[mine])
        start += count
    return found


def _day(row: dict[str, Any]) -> tuple[str, date]:
    return row["symbol"], row["ex_date"]


def _factor(
    row: dict[str, Any], split: dict[str, Any] | None, prices: _Prices | None, paid: float
) -> tuple[float | None, str]:
    """The factor, and why there is none where the verdict alone does not say it."""
    if prices is None:
        return None, ""
    ex_date, days = np.datetime64(row["ex_date"]), prices.days
    if ex_date > days[-1] or ex_date <= days[0] or row["status"] == "phantom":
        return None, ""
    at = int(np.searchsorted(days, ex_date))
    before = float(prices.closes[at - 1])
    if row["kind"] == "split":
        still = row["status"] == "disputed" and _still(before / float(prices.firsts[at]), row)
        return (None, _STILL) if still else (float(row["denominator"] / row["numerator"]), "")
    if row["adjustment_factor"] is not None:
        # Inferred from a step of a source's adjusted close: the step is the fact, the amount was read off it.
        return float(row["adjustment_factor"]), ""
    if row["kind"] not in CASH or row["amount"] is None:
        return None, ""
    base = before * split["denominator"] / split["numerator"] if split else before
    factor = float(1 - row["amount"] / (base - paid)) if base != paid else 0.0
    return (None, _REFUSED) if factor <= 0 else (factor, "")


def _still(step: float, row: dict[str, Any]) -> bool:
    return 0 < step < np.inf and says(step, row["numerator"] / row["denominator"]) == "do not step"


def factor_steps(actions: pl.DataFrame) -> pl.DataFrame:
    """
    The factors as steps, `FACTORS` rows sorted by symbol and until: a bar has those of the first row of its symbol with
    a later `until`, the product of the factors of its symbol's actions with a later ex-date, the latest first. Behind
    the last row both are 1.

    Rows of actions that are not applied make no step.
    """
    key = ["symbol", "ex_date"]
    factor, is_split = pl.col("adjustment_factor"), pl.col("kind") == "split"
    events = actions.filter(factor.is_not_null())
    return (
        events.sort(*key, descending=[False, True], maintain_order=True)
        .select(
            *key,
            # A factor of 1 leaves a product as it is, to the last bit.
            split_factor=pl.when(is_split).then(factor).otherwise(1.0).cum_prod().over("symbol"),
            dividend_factor=pl.when(is_split).then(1.0).otherwise(factor).cum_prod().over("symbol"),
        )
        .unique(key, keep="last", maintain_order=True)
        .select("symbol", "split_factor", "dividend_factor", until="ex_date")
        .select(list(FACTORS.schema))
        .sort("symbol", "until")
    )


def adjust(bars: pl.DataFrame, actions: pl.DataFrame, *, upto: date | None = None) -> pl.DataFrame:
    """
    Bars (sorted by symbol and date) with split_factor, dividend_factor and adj_close from their actions' factors.

    With `upto` only ex-dates up to that day (included) are applied.
    """
    events = actions if upto is None else actions.filter(pl.col("ex_date") <= upto)
    met = bars.select("symbol", "date").join_asof(
        factor_steps(events),
        left_on="date",
        right_on="until",
        by="symbol",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    frame = bars.with_columns(met.select(pl.col("split_factor", "dividend_factor").fill_null(1.0)))
    return frame.with_columns(adj_close=pl.col("close") * pl.col("split_factor") * pl.col("dividend_factor"))
