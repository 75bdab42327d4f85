"""
Bars of an index as it was: of each member only the sessions on which it was one.

Who has left the index, the market or its ticker since is there like everybody else, so that nothing is read with the
knowledge of who would survive. Sessions before the first that any source tells of the index have no members: those of
today are not taken for those of then.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.query.bars import BarsRequest
from marketkeep.query.members import first_told, member_intervals
from marketkeep.query.states import state
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake

_FAR = date(9999, 12, 31)


def member_spells(lake: Lake, batches: BatchStore, request: BarsRequest) -> pl.DataFrame:
    """
    When who was a member of `request.universe` within its range, under published symbols: symbol, [since, until).

    Raises `NotFound` for an index without members in the range.
    """
    index = str(request.universe)
    now = state(lake, batches, request.recorded_by)
    whole = member_intervals(now, index, request.as_of)
    # Two tickers of one security may have been members at a time, and its bars are told once.
    spells = _apart(published(stretches(whole, first_told(now, whole)), now.tickers()))
    if request.symbols:
        spells = spells.filter(pl.col("symbol").is_in(list(request.symbols)))
    if request.start is not None:
        spells = spells.filter(pl.col("until") > request.start)
    if request.end is not None:
        spells = spells.filter(pl.col("since") <= request.end)
    if spells.is_empty():
        raise NotFound(_nobody(index, request, first_told(now, whole)))
    return spells


def stretches(members: pl.DataFrame, first: date | None) -> pl.DataFrame:
    """
    Days [since, until) of each symbol, apart from each other, from `INDEX_MEMBERS` rows of one index.

    A member without a known beginning is one from `first` on.
    """
    bounded = members.select(
        "symbol",
        since=pl.max_horizontal(pl.col("from").fill_null(first), pl.lit(first)),
        until=pl.col("to").fill_null(_FAR),
    ).filter(pl.col("since") < pl.col("until"))
    return _apart(bounded)


def _apart(spells: pl.DataFrame) -> pl.DataFrame:
    """Stretches that meet or overlap as one, sorted."""
    ordered = spells.sort("symbol", "since", "until")
    behind = pl.col("until").cum_max().shift().over("symbol")
    begins = (pl.col("since") > behind).fill_null(value=True)
    return (
        ordered.with_columns(run=begins.cum_sum())
        .group_by("symbol", "run", maintain_order=True)
        .agg(pl.col("since").min(), pl.col("until").max())
        .drop("run")
    )


def published(spells: pl.DataFrame, tickers: pl.DataFrame) -> pl.DataFrame:
    """
    Stretches under the symbols that bars are published under, by `TICKERS` rows (trap 30).

    A member is told under the last ticker it had. Where several securities had that ticker last, one after the other,
    it is the one whose time in the market covers most of the stretch.
    """
    begins, ends = pl.col("from").fill_null(date.min).min(), pl.col("to").fill_null(_FAR).max()
    lives = tickers.group_by("symbol").agg(born=begins, died=ends).rename({"symbol": "published"})
    named = lives.with_columns(symbol=pl.col("published").str.replace("~.*$", ""))
    several = named.filter(pl.len().over("symbol") > 1)
    met = spells.join(several, on="symbol").with_columns(
        days=(pl.min_horizontal("until", "died") - pl.max_horizontal("since", "born")).dt.total_days()
    )
    best = met.filter(pl.col("days") > 0).sort("days", "born").unique(spells.columns, keep="last")
    chosen = spells.join(best.select(*spells.columns, "published"), on=spells.columns, how="left")
    return chosen.with_columns(symbol=pl.coalesce("published", "symbol")).select(spells.columns)


def within(bars: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """The bars of days that lie in a stretch of their symbol, in their order."""
    inside = (pl.col("date") >= pl.col("since")) & (pl.col("date") < pl.col("until"))
    joined = bars.lazy().join(spells.lazy(), on="symbol", maintain_order="left_right").filter(inside)
    return joined.select(bars.columns).collect()


def _nobody(index: str, request: BarsRequest, first: date | None) -> str:
    asked = ", ".join(request.symbols) or "nobody"
    when = f" from {request.start}" if request.start else ""
    when += f" through {request.end}" if request.end else ""
    told = f"; sources tell of it from {first} on" if first else ""
    return f"{index}: {asked} was a member{when or ' then'}{told}"
