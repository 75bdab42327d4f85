"""
Bridges between elements: one filing tells its revenue by two elements alike, or a later one tells the year before by
another element. From then on both are known to be one figure, and what was told by one may be summed with, or taken
from, what was told by the other.

Only revenue is bridged, because only there a larger element of the same filing would have been taken for the whole.
"""

from __future__ import annotations

import polars as pl

_OVER = ["cik", "metric", "unit"]
_BRIDGED = ("revenue",)
_PERIODS = ("Q", "H", "T", "Y")


def bridges_between(named: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """
    Pairs of concepts that are one figure, also by way of a third: cik, metric, unit, concept, other, since.

    `named` are `named_facts`, `told` what filings told of metrics; `since` is the instant from which it is known.
    """
    wanted = pl.col("metric").is_in(_BRIDGED) & pl.col("class").is_in(_PERIODS) & (pl.col("value") != 0)
    when = told.select("cik", "accession", "available_at").unique()
    alike = [*_OVER, "class", "end", "value"]
    within = _pairs(named.filter(wanted).join(when, on=["cik", "accession"]), [*alike, "accession"])
    across = _pairs(told.filter(wanted), alike)
    first = pl.concat([within, across]).group_by(*_OVER, "concept", "other").agg(pl.col("since").min())
    onward = first.join(first, left_on=[*_OVER, "other"], right_on=[*_OVER, "concept"], suffix="_onward")
    by_way = onward.filter(pl.col("concept") != pl.col("other_onward")).select(
        *_OVER, "concept", other="other_onward", since=pl.max_horizontal("since", "since_onward")
    )
    return pl.concat([first, by_way]).group_by(*_OVER, "concept", "other").agg(pl.col("since").min())


def _pairs(told: pl.DataFrame, alike: list[str]) -> pl.DataFrame:
    tellings = told.group_by(*alike, "concept").agg(at=pl.col("available_at").min())
    pairs = tellings.join(tellings, on=alike, suffix="_other").filter(pl.col("concept") != pl.col("concept_other"))
    return pairs.select(*_OVER, "concept", other="concept_other", since=pl.max_horizontal("at", "at_other"))


def with_bridges(told: pl.DataFrame, bridges: pl.DataFrame) -> pl.DataFrame:
    """
    `told` with copies of what was told by a concept under each other one that is the same figure, usable from when that
    is known. Nothing else is changed; what the other concept tells itself stands before what is copied.
    """
    copies = told.join(bridges, on=[*_OVER, "concept"])
    renamed = copies.with_columns(concept=pl.col("other"), available_at=pl.max_horizontal("available_at", "since"))
    place = [*_OVER, "concept", "class", "end", "available_at"]
    ordered = renamed.select(told.columns).sort(*place, "filed", "accession", pl.col("value").is_null())
    once = ordered.unique(place, keep="last", maintain_order=True)
    return pl.concat([told, once.join(told, on=place, how="anti")])
