"""
Fundamentals from raw: every version of every figure, in the order in which the market could know them.

Pure, and over many companies at once. The same facts give the same rows, whatever the order of their batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkeep.gold.fundamentals.bridges import bridges_between, with_bridges
from marketkeep.gold.fundamentals.families import kinds_of
from marketkeep.gold.fundamentals.formulas import with_formulas
from marketkeep.gold.fundamentals.quarters import SERIES, derived_quarters
from marketkeep.gold.fundamentals.told import named_facts, newest_companies, newest_facts, newest_filings, told_metrics
from marketkeep.gold.fundamentals.ttm import trailing_years
from marketkeep.gold.fundamentals.years import begins, fiscal_years, numbered
from marketkeep.model import FUNDAMENTALS, UTC
from marketkeep.model.tables import Dtype

_NO_CHANGE = 5e-3
_FAMILY_MOST = 100
_MADE = (
    # Reported, or put together from what the filing reports; only then a difference of periods.
    pl.col("derived").is_not_null() & (pl.col("derived") != pl.col("concept")),
    pl.col("derived").is_not_null(),
    pl.col("concept"),
)
_LINEAGE: dict[str, Dtype] = {"batch_id": pl.String, "fetched_at": UTC, "source": pl.String}


@dataclass(frozen=True, slots=True)
class Fundamentals:
    """
    `rows` are `FUNDAMENTALS` rows without a symbol, with batch_id, fetched_at and source of the fact beside them;
    `kinds` tells the kind of each company: cik, kind.
    """

    rows: pl.DataFrame
    kinds: pl.DataFrame


def resolve_fundamentals(facts: pl.DataFrame, filings: pl.DataFrame, companies: pl.DataFrame) -> Fundamentals:
    """
    Resolve raw facts, filings and companies (raw rows with their lineage beside them).

    Rows are sorted by company, metric, period_end, period and instant; a version is there when it changed the value.
    """
    chosen = newest_facts(facts)
    kinds = kinds_of(newest_companies(companies).select("cik", "sic"), chosen.select("cik", "concept"))
    if chosen.is_empty():
        return Fundamentals(_empty(), kinds)
    accepted = newest_filings(filings).select("cik", "accession", "accepted_at")
    named = named_facts(chosen, kinds)
    told = told_metrics(named, accepted)
    bridges = bridges_between(named, told)
    told = with_formulas(told)
    years = fiscal_years(told)
    quarters = _once(pl.concat([told.filter(pl.col("class") == "Q"), derived_quarters(told, bridges)]))
    yearly = told.filter(pl.col("class") == "Y").join(years.select("cik", "end"), on=["cik", "end"], how="semi")
    instants = told.filter(pl.col("class") == "I")
    trailing = trailing_years(with_bridges(quarters, bridges), told, years)
    versions = _versions(pl.concat([quarters, yearly, instants, trailing]))
    return Fundamentals(_published(versions, begins(told, years)), kinds)


def _once(quarters: pl.DataFrame) -> pl.DataFrame:
    """Of each filing one telling of a quarter: the reported one, else the derived one."""
    place = [*SERIES, "end", "accession"]
    ordered = quarters.sort(*place, pl.col("value").is_null(), *_MADE, "start")
    return ordered.unique(place, keep="first", maintain_order=True)


def _versions(rows: pl.DataFrame) -> pl.DataFrame:
    """
    Of each figure the rows that changed it, in the order of their instants.

    What a periodic form tells outranks the rest, and what a family prefers outranks what it does not: from its first
    telling on, nothing else is a version. Another scope is no restatement.
    """
    figure = ["cik", "metric", "class", "end"]
    ordered = rows.sort(*figure, "available_at", "filed", "accession", pl.col("value").is_null(), "tier", *_MADE)
    ordered = ordered.unique([*figure, "accession"], keep="first", maintain_order=True)
    worth = pl.col("tier").cast(pl.Int32) * _FAMILY_MOST + pl.col("rank")
    ranked = ordered.filter(worth == worth.cum_min().over(figure))
    before, value = pl.col("value").shift(1).over(figure), pl.col("value")
    was_told = pl.col("derived").shift(1).over(figure).is_null() & before.is_not_null()
    # A difference of rounded figures is no restatement of the figure itself, and only what was derived is withdrawn.
    rounding = pl.col("derived").is_not_null() & ((value - before).abs() <= _NO_CHANGE * before.abs())
    kept = value.ne_missing(before) & ~(was_told & (rounding | value.is_null())).fill_null(value=False)
    return ranked.filter(kept)


def _published(versions: pl.DataFrame, begin: pl.DataFrame) -> pl.DataFrame:
    quarters = numbered(versions.filter(pl.col("class") == "Q"), begin)
    named = pl.concat(
        [
            quarters.with_columns(period=pl.format("Q{}", "number")).drop("number"),
            versions.filter(pl.col("class") != "Q").with_columns(
                period=pl.col("class").replace({"Y": "FY", "I": "instant"})
            ),
        ]
    )
    columns = [name for name in FUNDAMENTALS.schema if name != "symbol"]
    renamed = named.rename({"start": "period_start", "end": "period_end"})
    return renamed.select(*columns, *_LINEAGE).sort(
        "cik", "metric", "period_end", "period", "available_at", "accession"
    )


def _empty() -> pl.DataFrame:
    return (
        FUNDAMENTALS.empty()
        .drop("symbol")
        .with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in _LINEAGE.items())
    )
