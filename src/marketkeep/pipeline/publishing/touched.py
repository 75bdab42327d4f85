"""
What new raw batches touch: which symbols, over which dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from marketkeep.gold import newest_actions
from marketkeep.gold.symbology import Symbology
from marketkeep.model import Batch
from marketkeep.pipeline.workspace import Workspace

_BATCHES_AT_ONCE = 16
_SESSIONS = {"symbol": pl.String, "date": pl.Date, "rows": pl.Int64}


@dataclass(frozen=True, slots=True)
class Touched:
    """
    One published symbol: dates of its new bars, both included (None when none), rows to come, whether actions are new,
    and whether all of it is to be looked at again, whatever is new.
    """

    symbol: str
    first: date | None = None
    last: date | None = None
    rows: int = 0
    actions: bool = False
    whole: bool = False


def touched(
    work: Workspace, new: Sequence[Batch], symbology: Symbology, again: AbstractSet[str] = frozenset()
) -> list[Touched]:
    """
    The published symbols that rows of new batches may belong to, and those that are to be looked at `again`, sorted.
    """
    found = {symbol: Touched(symbol, whole=True) for symbol in again}
    for of_day, batches in _by_meaning(work, new):
        for ticker, (first, last, rows) in _spans(work, batches, "daily_bars", "date").items():
            for symbol in symbology.symbols_of([ticker], of_day=of_day):
                known = found.get(symbol, Touched(symbol))
                start, end = min(first, known.first or first), max(last, known.last or last)
                found[symbol] = replace(known, first=start, last=end, rows=known.rows + rows)
        for symbol in symbology.symbols_of(_spans(work, batches, "actions", "ex_date"), of_day=of_day):
            found[symbol] = replace(found.get(symbol, Touched(symbol)), actions=True)
    return [found[symbol] for symbol in sorted(found)]


def _by_meaning(work: Workspace, new: Sequence[Batch]) -> Iterator[tuple[bool, list[Batch]]]:
    """New batches apart: of sources whose tickers mean who had them on a row's day, and of all others."""
    of_day = [batch for batch in new if batch.source in work.policy.tickers_of_the_day]
    yield True, of_day
    yield False, [batch for batch in new if batch.source not in work.policy.tickers_of_the_day]


def _spans(work: Workspace, new: Sequence[Batch], dataset: str, column: str) -> dict[str, tuple[date, date, int]]:
    """By raw ticker the first and last date of its new rows, and how many there are."""
    keys = [batch.path for batch in new if batch.dataset == dataset and batch.rows]
    if not keys:
        return {}
    found = (
        work.batches.scan(keys)
        .group_by("symbol")
        .agg(first=pl.col(column).min(), last=pl.col(column).max(), rows=pl.len())
        .collect()
    )
    return {symbol: (first, last, rows) for symbol, first, last, rows in found.iter_rows()}


def touched_minutes(work: Workspace, new: Sequence[Batch]) -> pl.DataFrame:
    """The sessions that new batches hold minute bars of: symbol, date, and rows to come."""
    paths = [batch.path for batch in new if batch.dataset == "minute_bars" and batch.rows]
    parts = [pl.DataFrame(schema=_SESSIONS), *work.engine.map(_sessions, work, some_batches(work, paths))]
    return pl.concat(parts).group_by("symbol", "date").agg(pl.col("rows").sum()).sort("symbol", "date")


def _sessions(work: Workspace, paths: Sequence[str]) -> pl.DataFrame:
    dated = work.batches.scan(paths).filter(pl.col("date").is_not_null())
    return dated.group_by("symbol", "date").agg(rows=pl.len().cast(pl.Int64)).collect()


def some_batches(work: Workspace, paths: Sequence[str]) -> list[Sequence[str]]:
    """Batches in parts for an engine: all together where they are read here, some at a time elsewhere."""
    size = max(1, len(paths)) if work.engine.here else _BATCHES_AT_ONCE
    return [paths[at : at + size] for at in range(0, len(paths), size)]


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
