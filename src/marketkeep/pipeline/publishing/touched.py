"""
What new raw batches touch: which symbols, over which dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from marketkeep.gold import newest_actions
from marketkeep.model import Batch
from marketkeep.pipeline.workspace import Workspace

_SESSIONS = {"symbol": pl.String, "date": pl.Date, "rows": pl.Int64}


@dataclass(frozen=True, slots=True)
class Touched:
    """One symbol: dates of its new bars, both included (None when none), rows to come, and whether actions are new."""

    symbol: str
    first: date | None
    last: date | None
    rows: int
    actions: bool


def touched(work: Workspace, new: Sequence[Batch]) -> list[Touched]:
    """The symbols that new batches hold rows of, sorted."""
    bars = _spans(work, new, "daily_bars", "date")
    actions = _spans(work, new, "actions", "ex_date")
    both = sorted(set(bars) | set(actions))
    found = []
    for symbol in both:
        first, last, rows = bars.get(symbol, (None, None, 0))
        found.append(Touched(symbol, first, last, rows, symbol in actions))
    return found


def _spans(work: Workspace, new: Sequence[Batch], dataset: str, column: str) -> dict[str, tuple[date, date, int]]:
    paths = [work.root / batch.path for batch in new if batch.dataset == dataset and batch.rows]
    if not paths:
        return {}
    found = (
        pl.scan_parquet(paths, glob=False)
        .group_by("symbol")
        .agg(first=pl.col(column).min(), last=pl.col(column).max(), rows=pl.len())
        .collect()
    )
    return {symbol: (first, last, rows) for symbol, first, last, rows in found.iter_rows()}


def touched_minutes(work: Workspace, new: Sequence[Batch]) -> pl.DataFrame:
    """The sessions that new batches hold minute bars of: symbol, date, and rows to come."""
    paths = [work.root / batch.path for batch in new if batch.dataset == "minute_bars" and batch.rows]
    if not paths:
        return pl.DataFrame(schema=_SESSIONS)
    dated = pl.scan_parquet(paths, glob=False).filter(pl.col("date").is_not_null())
    found = dated.group_by("symbol", "date").agg(rows=pl.len().cast(pl.Int64))
    return found.sort("symbol", "date").collect()


def retold_splits(work: Workspace, known: Sequence[str], new: Sequence[Batch]) -> dict[str, date]:
    """
    Symbols whose splits are told differently with the new batches than without, and the last ex-date of any: what a
    source had scaled before then was traded at another price than was thought.

    `known` are all batch files of actions, the new ones among them.
    """
    usable = set(known)
    told = [batch for batch in new if batch.path in usable]
    fresh = work.batches.rows("actions", [batch.path for batch in told]).filter(pl.col("kind") == "split")
    symbols = fresh["symbol"].unique().to_list()
    if not symbols:
        return {}
    new_ids = [batch.batch_id for batch in told]
    whole = work.batches.rows("actions", known, symbols=symbols).filter(pl.col("kind") == "split")
    facts = ["symbol", "source", "ex_date", "numerator", "denominator"]
    before = newest_actions(whole.filter(~pl.col("batch_id").is_in(new_ids))).select(facts)
    after = newest_actions(whole).select(facts)
    changed = pl.concat([before.join(after, on=facts, how="anti"), after.join(before, on=facts, how="anti")])
    concerned = whole.join(changed, on="symbol", how="semi")
    return dict(concerned.group_by("symbol").agg(pl.col("ex_date").max()).iter_rows())
