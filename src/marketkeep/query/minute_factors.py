"""
The factors of minute bars: those that a daily bar of their session has.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold import adjust as with_adjustment
from marketkeep.model import ACTIONS
from marketkeep.query.reading import gold_recorded_by
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake

if TYPE_CHECKING:
    from marketkeep.query.minutes import MinuteBarsRequest

_Spans = dict[str, tuple[date, date]]


def with_factors(
    lake: Lake,
    batches: BatchStore,
    catalog: Catalog,
    request: MinuteBarsRequest,
    bars: pl.DataFrame,
    since: dict[str, date],
) -> pl.DataFrame:
    """
    `bars` with the split_factor and dividend_factor that a daily bar of their session has.

    They may be a piece of more: `since` has the first session that each symbol had in any piece before, and is told
    those of this one. Raises `NotFound` where an action has no factor.
    """
    daily: _Spans
    if request.recorded_by is None:
        actions = lake.actions(request.symbols, catalog)
        spans = catalog.entries.filter((pl.col("dataset") == "daily_bars") & pl.col("symbol").is_in(request.symbols))
        first, last = pl.col("first").min(), pl.col("last").max()
    else:
        spans, actions = gold_recorded_by(lake.policy(), batches, catalog, request.symbols, request.recorded_by)
        first, last = pl.col("date").min().alias("first"), pl.col("date").max().alias("last")
    daily = {symbol: (start, end) for symbol, start, end in spans.group_by("symbol").agg(first, last).iter_rows()}
    told = actions.partition_by("symbol", as_dict=True)
    frames = []
    for (name,), days in bars.select("symbol", "date").unique().partition_by("symbol", as_dict=True).items():
        symbol = str(name)
        events = told.get((symbol,), ACTIONS.empty())
        known = request.known_day(symbol)
        if known is not None:
            events = events.filter(pl.col("ex_date") <= known)
        span = daily.get(symbol)
        first_day = since.setdefault(symbol, cast("date", days["date"].min()))
        refuse_unfounded(symbol, events, span, days["date"].extend_constant(first_day, 1))
        upto = known or (span[1] if span else None)
        frames.append(with_adjustment(days.sort("date").with_columns(close=1.0), events, upto=upto))
    factors = pl.concat(frames).select("symbol", "date", "split_factor", "dividend_factor")
    return bars.join(factors, on=["symbol", "date"], how="left", maintain_order="left")


def refuse_unfounded(symbol: str, events: pl.DataFrame, daily: tuple[date, date] | None, days: pl.Series) -> None:
    """An action has no factor where no daily bars surround it; leaving it out would give prices that are wrong."""
    first: Any = days.min()
    last: Any = days.max()
    ahead = events.filter((pl.col("ex_date") > first) & pl.col("adjustment_factor").is_null())
    if daily is not None:
        beyond = (pl.col("ex_date") > daily[1]) & (pl.col("ex_date") <= last)
        ahead = ahead.filter((pl.col("ex_date") <= daily[0]) | beyond)
    if not ahead.is_empty():
        kind, ex_date = ahead.sort("ex_date").select("kind", "ex_date").row(0)
        raise NotFound(
            f"{symbol}: the {kind} of {ex_date} has no factor, for there are no daily bars before and after it; "
            "collect daily bars too, or ask with adjust='none'"
        )
