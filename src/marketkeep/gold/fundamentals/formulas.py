"""
Metrics put together from what one and the same filing told of one period: its figures are on one basis.

A company need not report total liabilities, gross profit or free cash flow; their parts it does report.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkeep.gold.fundamentals.told import FORMULA_TIER

_PERIOD = ["cik", "class", "start", "end", "accession"]


@dataclass(frozen=True, slots=True)
class Formula:
    """`metric` is the sum of `needed` and of those `added` that are told; a name with - before it is subtracted."""

    metric: str
    needed: tuple[str, ...]
    added: tuple[str, ...] = ()


FORMULAS: tuple[Formula, ...] = (
    Formula("gross_profit", ("revenue", "-cost_of_revenue")),
    Formula("free_cash_flow", ("operating_cash_flow", "-capital_expenditure")),
    Formula("equity_with_minority", ("equity", "minority_interest")),
    Formula("liabilities", ("assets", "-equity_with_minority"), ("-temporary_equity",)),
    Formula("liabilities", ("assets", "-equity"), ("-minority_interest", "-temporary_equity")),
    Formula("short_term_debt", ("short_term_borrowings", "long_term_debt_current")),
    Formula("short_term_debt", ("long_term_debt_current",)),
    Formula("short_term_debt", ("short_term_borrowings",)),
    Formula("total_debt", ("long_term_debt",), ("short_term_debt",)),
)
"""In the order in which they are tried: a filing's metric that is told or was made already is not made again."""


def with_formulas(told: pl.DataFrame) -> pl.DataFrame:
    """`told` (see `told_metrics`) with the rows that `FORMULAS` make of it; nothing told is changed."""
    for formula in FORMULAS:
        told = pl.concat([told, _made(told, formula)])
    return told


def _made(told: pl.DataFrame, formula: Formula) -> pl.DataFrame:
    periodic = told.filter(pl.col("tier") < 2)
    first, *others = formula.needed
    rows = periodic.filter(pl.col("metric") == first)
    has = told.filter(pl.col("metric") == formula.metric).select(_PERIOD)
    rows = rows.join(has, on=_PERIOD, how="anti", nulls_equal=True)
    texts = [pl.lit(first)]
    value = pl.col("value")
    for name in (*others, *formula.added):
        metric, sign = name.removeprefix("-"), "-" if name.startswith("-") else "+"
        part = periodic.filter(pl.col("metric") == metric).select(*_PERIOD, pl.col("value").alias(metric))
        rows = rows.join(part, on=_PERIOD, how="left", nulls_equal=True, maintain_order="left")
        if name in others:
            rows = rows.filter(pl.col(metric).is_not_null())
        amount = pl.col(metric).fill_null(0.0)
        value = value - amount if sign == "-" else value + amount
        texts.append(pl.when(pl.col(metric).is_null()).then(pl.lit("")).otherwise(pl.lit(f" {sign} {metric}")))
    made = rows.with_columns(value=value, derived=pl.concat_str(texts))
    return made.with_columns(
        metric=pl.lit(formula.metric),
        concept=pl.col("derived"),
        tier=pl.lit(FORMULA_TIER, dtype=pl.Int8),
        rank=pl.lit(0, dtype=pl.Int32),
    ).select(told.columns)
