"""
From marks on rows to findings with a life: when a flaw was told first, how often again, and what cured it.

A finding is open as long as what is published suffers from it: a hard one while its session has no bar, a soft one
while the bar that won carries it. It is cured by the batch of the bar that won otherwise; a move that is hard to
believe also by another source that bears it out. What stands on a day or minute that has no bar at all is a fact of
its source, and never open. All of it follows from the rows alone, so an update and a rebuild find the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.checks.minutes import MINUTE_CHECKS
from marketkeep.checks.rules import Check
from marketkeep.model import FINDINGS

DISAGREEMENT = "source_disagreement"
"""The code of a check that concerns a row which lost: it is open while no two sources agree."""

REVISED = "revised"
"""The code of a finding that a source changed what it had said; a fact, and never open."""

_NOWHERE = frozenset({"not_a_session", "off_minute", "outside_date", "outside_hours"})
"""Codes of rows that stand where there is nothing to be held: told, refused, and nobody lacks them."""

_MOVES = frozenset({"price_spike", "return_outlier"})
"""Codes of prices that are hard to believe: another source that agrees bears them out."""

_EXAMPLE = ("open", "high", "low", "close", "volume")
_WINNER = ("source", "batch_id", "fetched_at", "failed", "status")


def bar_findings(checked: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """
    The findings of checked daily bars, every version of every source among them, as `FINDINGS` rows: one per check,
    symbol, source and date.

    `bars` are the winners among them, with `failed` and `status`.
    """
    return _findings(checked, bars, BAR_CHECKS, "daily_bars", "date", pl.col("date").cast(pl.String))


def minute_findings(checked: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """
    The findings of checked minute bars, as `FINDINGS` rows: one per check, symbol, source and session, open as long as
    one of its minutes is.

    `bars` are the winners among them with fetched_at and `failed`.
    """
    when = pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    return _findings(checked, bars, MINUTE_CHECKS, "minute_bars", "ts", when)


def revision_findings(revised: pl.DataFrame) -> pl.DataFrame:
    """What `gold.revisions` returned, as `FINDINGS` rows: one per symbol, source and date."""
    if revised.is_empty():
        return FINDINGS.empty()
    grouped = revised.group_by("symbol", "source", "date", maintain_order=True).agg(
        detail=pl.concat_str(pl.lit("The source changed what it had said: "), pl.col("detail").first()),
        batch_id=pl.col("batch_id").first(),
        detected_at=pl.col("fetched_at").first(),
        repeated=(pl.col("batch_id").n_unique() - 1).cast(pl.Int64),
        resolved_at=pl.col("fetched_at").last(),
        resolved_by=pl.col("batch_id").last(),
    )
    return FINDINGS.conform(
        grouped.with_columns(
            first="date",
            last="date",
            count=pl.lit(1),
            check=pl.lit(REVISED),
            severity=pl.lit("info"),
            dataset=pl.lit("daily_bars"),
        ).drop("date")
    )


def _findings(
    checked: pl.DataFrame, bars: pl.DataFrame, checks: Sequence[Check], dataset: str, at: str, when: pl.Expr
) -> pl.DataFrame:
    failing = checked.filter(pl.col("failed") > 0)
    if failing.is_empty():
        return FINDINGS.empty()
    if "status" not in bars.columns:
        bars = bars.with_columns(status=pl.lit("single"))
    winners = bars.select("symbol", at, *(pl.col(name).alias(f"won_{name}") for name in _WINNER))
    told = failing.with_columns(
        example=pl.format(
            "{} open {} high {} low {} close {} volume {}",
            when,
            *(_number(name).fill_null("null") for name in _EXAMPLE),
        )
    ).join(winners, on=["symbol", at], how="left", maintain_order="left")
    told = told.join(_borne_out(checked, winners, checks, at), on=["symbol", at], how="left", maintain_order="left")
    # A row that is refused is told by what refused it; what else is odd about it troubles nobody.
    stands = ~pl.col("hard")
    found = [
        _of_check(told.filter((pl.col("failed") & (1 << bit) != 0) & (stands | check.hard)), check, bit, dataset)
        for bit, check in enumerate(checks)
    ]
    return FINDINGS.conform(pl.concat(found))


def _borne_out(checked: pl.DataFrame, winners: pl.DataFrame, checks: Sequence[Check], at: str) -> pl.DataFrame:
    """Where the bar that won is confirmed: the first row of another source that agrees with it, and its batch."""
    apart = sum(1 << bit for bit, check in enumerate(checks) if check.code == DISAGREEMENT)
    sure = winners.filter(pl.col("won_status") == "confirmed").select("symbol", at, "won_source")
    others = checked.filter(~pl.col("hard") & (pl.col("failed") & apart == 0)).join(sure, on=["symbol", at])
    agreeing = others.filter(pl.col("source") != pl.col("won_source")).sort("fetched_at", "batch_id")
    return agreeing.group_by("symbol", at).agg(
        borne_at=pl.col("fetched_at").first(), borne_by=pl.col("batch_id").first()
    )


def _number(name: str) -> pl.Expr:
    """A price as it is, a volume as the whole number it is as a rule."""
    value = pl.col(name)
    whole = (value == value.round()) & (name == "volume")
    return pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))


def _of_check(rows: pl.DataFrame, check: Check, bit: int, dataset: str) -> pl.DataFrame:
    """The findings of one check; `rows` are those that failed it, by symbol and time, then by time received."""
    if check.code in _NOWHERE:
        lived = rows.with_columns(cured_at="fetched_at", cured_by="batch_id")
    else:
        closed = _cured(check, bit)
        cured_at = pl.when(closed).then(pl.max_horizontal("fetched_at", "won_fetched_at"))
        lived = rows.with_columns(cured_at=cured_at, cured_by=pl.when(closed).then("won_batch_id"))
        if check.code in _MOVES:
            seen = pl.max_horizontal("fetched_at", "borne_at")
            lived = lived.with_columns(
                cured_at=pl.coalesce("cured_at", pl.when(pl.col("borne_by").is_not_null()).then(seen)),
                cured_by=pl.coalesce("cured_by", "borne_by"),
            )
    whole = pl.col("cured_at").is_not_null().all()
    grouped = lived.group_by("symbol", "source", "date", maintain_order=True).agg(
        first=pl.col("date").first(),
        count=pl.len().cast(pl.Int64),
        versions=pl.col("batch_id").n_unique().cast(pl.Int64),
        example=pl.col("example").first(),
        batch_id=pl.col("batch_id").sort_by("fetched_at").first(),
        detected_at=pl.col("fetched_at").min(),
        resolved_at=pl.when(whole).then(pl.col("cured_at").max()),
        resolved_by=pl.when(whole).then(pl.col("cured_by").sort_by("cured_at").last()),
    )
    # A version more is no row more: of a daily bar there is one a date, whatever was told of it again.
    count = (pl.col("count") / pl.col("versions")).ceil().cast(pl.Int64)
    return grouped.select(
        check=pl.lit(check.code),
        severity=pl.lit(check.severity),
        dataset=pl.lit(dataset),
        symbol="symbol",
        source="source",
        first="first",
        last="first",
        count=count,
        detail=pl.concat_str(pl.lit(f"{check.doc} First: "), "example"),
        batch_id="batch_id",
        detected_at="detected_at",
        repeated=pl.col("versions") - 1,
        resolved_at="resolved_at",
        resolved_by="resolved_by",
    )


def _cured(check: Check, bit: int) -> pl.Expr:
    """Whether a failed row no longer troubles what is published."""
    won = pl.col("won_source").is_not_null()
    if check.hard:
        return won
    if check.code == DISAGREEMENT:
        return won & (pl.col("won_status") != "disputed")
    carried = (pl.col("won_source") == pl.col("source")) & (pl.col("won_failed") & (1 << bit) != 0)
    return won & ~carried
