"""
True quarters out of what is told to date: a quarter is the longer period less the shorter one that begins with it.

Only flows of one concept are differenced, and only where both periods are on one basis. That is judged by what was
known when the longer one was told: at its first telling, the filings of both periods must have told the year before
alike (both anew, or neither); at a later telling that changes it, the shorter one must have been told again too. Else
the quarter is null, which also withdraws what was derived before.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.fundamentals.bridges import with_bridges

SERIES = ["cik", "metric", "concept", "unit"]
"""What a difference or a sum never crosses."""

_STEPS = (("H", "Q", "6M-3M"), ("T", "H", "9M-6M"), ("Y", "T", "FY-9M"))
_REST = (70, 125)
_RECAST, _ROUNDING = 2e-3, 2e-4
_YEAR, _ABOUT = 364, "14d"


def derived_quarters(told: pl.DataFrame, bridges: pl.DataFrame) -> pl.DataFrame:
    """
    The quarters that follow from flows to date, as rows of `told`'s columns with class Q; value null where refused.

    `bridges` are the concepts that are one figure (see `bridges_between`).
    """
    flows = told.filter((pl.col("measure") == "flow") & (pl.col("class") != "I") & (pl.col("tier") < 2))
    tellings = with_bridges(with_recast(flows), bridges)
    return pl.concat(_differences(tellings, *step).select(told.columns) for step in _STEPS)


def with_recast(flows: pl.DataFrame) -> pl.DataFrame:
    """
    Tellings in the order in which they could be known, with `told_at` (that instant), `before` and `told_before` (value
    and instant of the telling of the same period before, by whatever concept) and `recast` (by what part the value
    changed against it; null at the first).
    """
    period = ["cik", "metric", "unit", "class", "end"]
    ordered = flows.sort(*period, "available_at", "filed", "accession")
    before = pl.col("value").shift(1).over(period)
    size = pl.max_horizontal(pl.col("value").abs(), before.abs(), 1e-9)
    return ordered.with_columns(
        told_at=pl.col("available_at"),
        before=before,
        told_before=pl.col("available_at").shift(1).over(period),
        recast=(pl.col("value") - before).abs() / size,
    )


def _differences(tellings: pl.DataFrame, longer: str, shorter: str, how: str) -> pl.DataFrame:
    long = tellings.filter(pl.col("class") == longer)
    short = tellings.filter(pl.col("class") == shorter)
    parts = _with_part(long, short)
    paired = _as_known(parts, short)
    paired = _year_before(paired, long, "end", "accession", "long_recast")
    paired = _year_before(paired, short, "part_end", "part_accession", "part_recast")
    most = pl.max_horizontal("long_recast", "part_recast")
    least = pl.min_horizontal("long_recast", "part_recast")
    # Where one of both does not tell the year before there is no sign of another basis.
    alike = ~((most > _RECAST) & (least < most / 4)).fill_null(value=False)
    part_anew = pl.col("part_told") > pl.col("told_before")
    # Nothing new is told, or only in millions instead of thousands: neither another basis nor a better quarter.
    repeated = (pl.col("recast") <= _ROUNDING) & ~part_anew
    paired = paired.filter(~repeated.fill_null(value=False))
    same = pl.col("value") == pl.col("before")
    one_basis = pl.when(pl.col("told_before").is_null()).then(_both_known(alike)).otherwise(same | part_anew)
    return paired.with_columns(
        value=pl.when(one_basis).then(pl.col("value") - pl.col("part_value")),
        start=pl.col("part_end") + pl.duration(days=1),
        derived=pl.when(pl.col("derived").is_null())
        .then(pl.lit(how))
        .otherwise(pl.format(f"{how} of {{}}", "derived")),
    ).with_columns(pl.lit("Q").alias("class"))


def _both_known(alike: pl.Expr) -> pl.Expr:
    known = pl.col("long_recast").is_not_null() & pl.col("part_recast").is_not_null()
    return ~known | alike


def _with_part(long: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """Each long telling with `part_start` and `part_end`: the shorter period that begins with it, within a week."""
    spans = short.select(*SERIES, part_start="start", part_end="end").unique().sort("part_start", "part_end")
    joined = long.sort("start").join_asof(
        spans,
        left_on="start",
        right_on="part_start",
        by=SERIES,
        strategy="nearest",
        tolerance="6d",
        check_sortedness=False,
    )
    rest = (pl.col("end") - pl.col("part_end")).dt.total_days()
    return joined.filter(rest.is_between(*_REST))


def _as_known(parts: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """Each long telling with the telling of its part that was the last one known then: value, instant, filing."""
    known = short.select(
        *SERIES,
        part_end="end",
        part_at="available_at",
        part_told="told_at",
        part_value="value",
        part_accession="accession",
    ).sort("part_at", "part_told", "part_accession")
    found = parts.sort("available_at").join_asof(
        known, left_on="available_at", right_on="part_at", by=[*SERIES, "part_end"], check_sortedness=False
    )
    return found.filter(pl.col("part_value").is_not_null())


def _year_before(paired: pl.DataFrame, tellings: pl.DataFrame, end: str, accession: str, name: str) -> pl.DataFrame:
    """By what part the filing `accession` changed the period a year before `end`."""
    earlier = tellings.select(*SERIES, _filing="accession", _end="end", _recast="recast").sort("_end")
    asked = paired.with_columns(_ago=pl.col(end) - pl.duration(days=_YEAR), _filing=pl.col(accession)).sort("_ago")
    found = asked.join_asof(
        earlier,
        left_on="_ago",
        right_on="_end",
        by=[*SERIES, "_filing"],
        strategy="nearest",
        tolerance=_ABOUT,
        check_sortedness=False,
    )
    return found.rename({"_recast": name}).drop("_ago", "_filing", "_end", strict=False)
