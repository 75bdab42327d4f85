"""
The basis of a dividend: is an amount told per share of then, or scaled by the splits that came later?

A source that also tells its adjusted close betrays the basis: the step of adj_close/close over the ex-date must be
1 - D / close of the session before. The candidate that reproduces the step is the basis; if none does, it is unknown,
and `gold` will call the action disputed instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from marketkeep.model import RAW_TABLES

_TOLERANCE = 1e-4
_COLUMNS = (
    *("symbol", "ex_date", "kind", "numerator", "denominator", "amount", "currency"),
    *("text", "basis", "basis_date"),
)


class Split(NamedTuple):
    """A split as told: ex-date, new shares per old share, and the source's own words."""

    ex_date: date
    ratio: Fraction
    text: str


class Cash(NamedTuple):
    """A cash payment as told: ex-date, kind and amount per share."""

    ex_date: date
    kind: str
    amount: float


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens over one ex-date: the close before it, as delivered, and the factor the source applied there."""

    close_before: float
    factor: float


def action_rows(
    symbol: str,
    splits: list[Split],
    cash: list[Cash],
    bars: pl.DataFrame,
    *,
    basis_date: date | None,
    currency: str | None,
) -> pl.DataFrame:
    """
    Raw action rows of one symbol, the amounts as told, each with the basis its own payload's bars betray.

    `bars` are the same payload's split-adjusted rows (date, close, adj_close), sorted by date.
    """
    rows: list[tuple[object, ...]] = [
        (symbol, s.ex_date, "split", s.ratio.numerator, s.ratio.denominator, None, None, s.text, "as_traded", None)
        for s in splits
    ]
    steps = _steps(bars)
    for (ex_date, kind, amount), together in _with_company(cash):
        basis = _basis(steps.get(ex_date), together, _later(splits, ex_date, basis_date))
        applied = None if basis == "as_traded" else basis_date
        rows.append((symbol, ex_date, kind, None, None, amount, currency, repr(amount), basis, applied))
    schema = {name: RAW_TABLES["actions"].schema[name] for name in _COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _with_company(cash: list[Cash]) -> list[tuple[Cash, float]]:
    """Each payment with the sum of all payments of its ex-date: they make one step together."""
    total: dict[date, float] = {}
    for one in cash:
        total[one.ex_date] = total.get(one.ex_date, 0.0) + one.amount
    return [(one, total[one.ex_date]) for one in cash]


def _later(splits: list[Split], ex_date: date, basis_date: date | None) -> Fraction:
    ratio = Fraction(1)
    for split in splits:
        if split.ex_date > ex_date and (basis_date is None or split.ex_date <= basis_date):
            ratio *= split.ratio
    return ratio


def _steps(bars: pl.DataFrame) -> dict[date, _Step]:
    rows = bars.select("date", "close", "adj_close").drop_nulls().unique("date", keep="last").sort("date").rows()
    found = {}
    for (_, close, adjusted), (ex_date, next_close, next_adjusted) in pairwise(rows):
        if min(close, adjusted, next_close, next_adjusted) > 0:
            found[ex_date] = _Step(close, (adjusted / close) / (next_adjusted / next_close))
    return found


def _basis(step: _Step | None, together: float, later: Fraction) -> str:
    """`split_adjusted` unless the step says otherwise; without a step there is only the source's own word for it."""
    if step is None:
        return "split_adjusted"
    candidates = {"split_adjusted": together, "as_traded": together / float(later)}
    errors = {name: abs(1 - value / step.close_before - step.factor) for name, value in candidates.items()}
    best = min(errors, key=lambda name: errors[name])
    return best if errors[best] <= _TOLERANCE else "unknown"
