"""
What is held of bars, symbol by symbol, and of which securities, by either clock.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.checks.coverage import bridged
from marketkeep.gold.yields import treasury_securities
from marketkeep.query import market_time
from marketkeep.query.holdings import by_symbol, cut, entries_of, spans
from marketkeep.query.states import State


def coverage(state: State, dataset: str, as_of: date | None) -> pl.DataFrame:
    """Per symbol: rows, first and last session, missing sessions within them, and mean score; up to `as_of`."""
    return by_symbol(bridged(scored(state, cut(state.entries(dataset), as_of), dataset, as_of)))


def symbols(state: State, as_of: date | None) -> list[str]:
    """Symbols with at least one daily bar, up to `as_of`, sorted."""
    held = state.entries("daily_bars")
    begun = held if as_of is None else held.filter(pl.col("first") <= as_of)
    return sorted(begun["symbol"].unique())


def securities(state: State, as_of: date | None) -> pl.DataFrame:
    """`SECURITIES` rows, up to `as_of`: see `market_time.securities_on`."""
    if as_of is None:
        return state.securities()
    points = treasury_securities(market_time.yields_on(state.yields(), as_of))
    bars = spans(cut(state.entries("daily_bars"), as_of))
    held = pl.concat([bars, points.select(bars.columns)])
    return market_time.securities_on(state.securities(), state.tickers(), held, as_of)


def scored(state: State, entries: pl.DataFrame, dataset: str, as_of: date | None) -> pl.DataFrame:
    """`entries` with what was cut at `as_of` made again from its bars: their score, and the rows of minute bars."""
    lost = entries.filter(pl.col("score").is_null())
    if as_of is None or lost.is_empty():
        return entries
    first: date | None = lost.select(pl.col("first").min()).item()
    read = entries_of(state.days(dataset, lost["symbol"].unique().to_list(), first, as_of), dataset)
    key = ["dataset", "symbol", "period"]
    known = read.join(lost, on=key, how="semi").select(*key, "rows", "score")
    whole = lost.drop("rows", "score").join(known, on=key, how="left").select(entries.columns)
    return pl.concat([entries.filter(pl.col("score").is_not_null()), whole])
