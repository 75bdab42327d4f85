"""
Adjustment factors from actions: what earlier prices are multiplied by.

    split:  denominator / numerator
    cash:   1 - D / close of the session before the ex-date, both as traded then (CRSP's and LEAN's convention)

split_factor(t) and dividend_factor(t) are the products over ex-dates later than t. Where a split falls on the same
ex-date, the amount is per new share, so the close before is first brought to new shares. Where several payments do,
each takes its part from what those before it left, so that together they make 1 - (D1 + D2) / close.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
CASH = ("dividend", "special_dividend", "capital_gain")


def with_factors(actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """
    One symbol's actions with their adjustment_factor, by the closes of its as-traded `bars` (sorted by date).

    It stays null where the action is not applied: no bar lies before and on or after the ex-date, or the verdict left
    no amount. Cash at or above the close before it is refused, because prices would turn negative: the factor stays
    null and the verdict becomes disputed.
    """
    if actions.is_empty():
        return actions
    rows = actions.rows(named=True)
    splits = {row["ex_date"]: row for row in rows if row["kind"] == "split"}
    days, closes = bars["date"].to_numpy(), bars["close"].to_numpy()
    factors: list[float | None] = []
    refused: list[bool] = []
    paid: dict[date, float] = {}
    for row in rows:
        before = paid.get(row["ex_date"], 0.0)
        factor = _factor(row, splits.get(row["ex_date"]), days, closes, before)
        refused.append(factor is not None and factor <= 0)
        factors.append(None if refused[-1] else factor)
        if factors[-1] is not None and row["kind"] in CASH:
            paid[row["ex_date"]] = before + (row["amount"] or 0.0)
    told = pl.Series(refused, dtype=pl.Boolean)
    return actions.with_columns(
        pl.Series("adjustment_factor", factors, dtype=pl.Float64),
        status=pl.when(told).then(pl.lit("disputed")).otherwise("status"),
        witnesses=pl.when(told)
        .then(pl.concat_str("witnesses", pl.lit("; refused: not below the close before the ex-date")))
        .otherwise("witnesses"),
    )


def _factor(row: dict[str, Any], split: dict[str, Any] | None, days: Days, closes: Floats, paid: float) -> float | None:
    ex_date = np.datetime64(row["ex_date"])
    if not len(days) or ex_date > days[-1] or ex_date <= days[0]:
        return None
    if row["kind"] == "split":
        return float(row["denominator"] / row["numerator"])
    if row["adjustment_factor"] is not None:
        # Inferred from a step of a source's adjusted close: the step is the fact, the amount was read off it.
        return float(row["adjustment_factor"])
    if row["kind"] not in CASH or row["amount"] is None:
        return None
    before = closes[int(np.searchsorted(days, ex_date)) - 1]
    base = before * split["denominator"] / split["numerator"] if split else before
    return float(1 - row["amount"] / (base - paid))


def cumulative(days: Days, events: list[tuple[date, float]]) -> Floats:
    """For each day (sorted) the product of the factors of the events with a later ex-date."""
    result = np.ones(len(days))
    for ex_date, factor in events:
        result[: np.searchsorted(days, np.datetime64(ex_date))] *= factor
    return result


def applied(
    actions: pl.DataFrame, *, upto: date | None = None
) -> tuple[list[tuple[date, float]], list[tuple[date, float]]]:
    """Split events and cash events that have a factor, with an ex-date up to `upto` (included), latest first."""
    rows = actions.filter(pl.col("adjustment_factor").is_not_null())
    if upto is not None:
        rows = rows.filter(pl.col("ex_date") <= upto)
    rows = rows.sort("ex_date", descending=True, maintain_order=True)
    events = rows.select("kind", "ex_date", "adjustment_factor").rows()
    splits = [(ex_date, factor) for kind, ex_date, factor in events if kind == "split"]
    return splits, [(ex_date, factor) for kind, ex_date, factor in events if kind != "split"]


def adjust(bars: pl.DataFrame, actions: pl.DataFrame, *, upto: date | None = None) -> pl.DataFrame:
    """
    One symbol's bars (sorted by date) with split_factor, dividend_factor and adj_close from its actions' factors.
    """
    splits, cash = applied(actions, upto=upto)
    days = bars["date"].to_numpy()
    frame = bars.with_columns(
        split_factor=pl.Series(cumulative(days, splits), dtype=pl.Float64),
        dividend_factor=pl.Series(cumulative(days, cash), dtype=pl.Float64),
    )
    return frame.with_columns(adj_close=pl.col("close") * pl.col("split_factor") * pl.col("dividend_factor"))
