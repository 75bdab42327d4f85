"""
What cannot be right about the members of an index, told of the intervals as they are published.

No number of members is expected of any index (trap 55): 505 names are as good as 500. Only a day on which a tenth of
them change at once is worth a look; it is how a source looks that tells of another index, or of half of one.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks.standing import Standing
from marketkeep.model import ISSUES, Thresholds

OVERLAP = Standing("members_overlap", "error", "Two intervals of a symbol in one index share days.")
REVERSED = Standing("members_reversed", "error", "An interval of membership ends on or before the day it begins.")
UNKNOWN = Standing("member_unknown", "warning", "A member is no security that this keep knows of.")
JUMP = Standing("members_jump", "warning", "More than a tenth of an index come or go on one day.")
MEMBERSHIP_CHECKS = (OVERLAP, REVERSED, UNKNOWN, JUMP)

_MANY, _NAMED = 20, 5
"""More unknown members of an index than these are told in one line, and so many of them by name."""

_DATASET = "index_members"
_FEW = 4
"""So many at least: of a short list of one's own one is more than a tenth."""


def membership_issues(members: pl.DataFrame, known: pl.Series, thresholds: Thresholds) -> pl.DataFrame:
    """All of these checks over `INDEX_MEMBERS` rows, as `ISSUES` rows; `known` are the symbols of all securities."""
    if members.is_empty():
        return ISSUES.empty()
    found = (reversed_(members), overlapping(members), unknown(members, known), jumps(members, thresholds))
    return pl.concat(found)


def reversed_(members: pl.DataFrame) -> pl.DataFrame:
    """Intervals [from, to) that hold no day."""
    wrong = members.filter(pl.col("to") <= pl.col("from"))
    told = wrong.with_columns(
        first="to",
        last="from",
        count=pl.lit(1),
        detail=pl.format("in {} it is a member from {} and no longer from {}", "index", "from", "to"),
    )
    return REVERSED.found(told, _DATASET)


def overlapping(members: pl.DataFrame) -> pl.DataFrame:
    """Intervals that begin before an earlier one of the same index and symbol has ended."""
    key = ["index", "symbol"]
    ordered = members.sort(*key, "from", nulls_last=False)
    ends = pl.col("to").fill_null(pl.date(9999, 12, 31)).cum_max().shift().over(key)
    begins = pl.col("from").fill_null(pl.date(1, 1, 1))
    wrong = ordered.with_columns(before=ends).filter(begins < pl.col("before"))
    told = wrong.with_columns(
        first="from",
        last=pl.min_horizontal("to", "before"),
        count=pl.lit(1),
        detail=pl.format(
            "in {} an interval begins on {} before another has ended", "index", pl.col("from").cast(pl.String)
        ),
    )
    return OVERLAP.found(told.with_columns(last=pl.when(pl.col("last").dt.year() < 9999).then("last")), _DATASET)


def unknown(members: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """
    Members that no directory, user or bar tells of; what is read of an index without them has survivors only.

    One line a member and index; where there are many, as of a keep that began long after the index, one for them all.
    """
    strange = members.filter(~pl.col("symbol").is_in(known.implode()))
    grouped = strange.group_by("index", "symbol").agg(
        first=pl.col("from").min(), last=pl.col("to").max(), count=pl.len().cast(pl.Int64)
    )
    many = pl.len().over("index") > _MANY
    each = grouped.filter(~many).with_columns(
        detail=pl.format("a member of {} that this keep knows nothing else of", "index")
    )
    together = (
        grouped.filter(many)
        .sort("index", "symbol")
        .group_by("index", maintain_order=True)
        .agg(
            first=pl.col("first").min(),
            last=pl.col("last").max(),
            count=pl.len().cast(pl.Int64),
            names=pl.col("symbol").head(_NAMED).str.join(", "),
        )
        .with_columns(
            symbol=pl.lit(None, dtype=pl.String),
            detail=pl.format(
                "{} members of {} that this keep knows nothing else of: {}, ...; what is read of the index lacks them",
                "count",
                "index",
                "names",
            ),
        )
    )
    told = pl.concat([each, together.select(each.columns)]).sort("index", "symbol")
    return UNKNOWN.found(told, _DATASET)


def jumps(members: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    Days on which more than `jump_share` of an index come, or as many go, four at least; the day on which it begins is
    none.

    `count` is how many came and went.
    """
    came = members.filter(pl.col("from").is_not_null()).group_by("index", day="from").agg(came=pl.len())
    went = members.filter(pl.col("to").is_not_null()).group_by("index", day="to").agg(went=pl.len())
    always = members.filter(pl.col("from").is_null()).group_by("index").agg(always=pl.len())
    days = (
        came.join(went, on=["index", "day"], how="full", coalesce=True)
        .join(always, on="index", how="left")
        .with_columns(pl.col("came", "went", "always").fill_null(0).cast(pl.Int64))
        .sort("index", "day")
    )
    change = pl.col("came") - pl.col("went")
    before = pl.col("always") + change.cum_sum().over("index") - change
    most = pl.max_horizontal("came", "went")
    told = (
        days.with_columns(before=before)
        .filter((pl.col("before") > 0) & (most >= _FEW) & (most > thresholds.jump_share * pl.col("before")))
        .with_columns(
            first="day",
            last="day",
            count=pl.col("came") + pl.col("went"),
            detail=pl.format("{}: {} came and {} went of {} on {}", "index", "came", "went", "before", "day"),
        )
    )
    return JUMP.found(told, _DATASET)
