"""
Reading gold by either clock: from the published files when the question is about now, from raw when it is about what
the keep held at some past instant. Both give the same answer where they meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from marketkeep import checks
from marketkeep.errors import BadRange, NotFound
from marketkeep.gold import Gold, promote
from marketkeep.gold import adjust as with_adjustment
from marketkeep.gold.identity import known_by
from marketkeep.gold.symbology import Symbology
from marketkeep.model import ACTIONS, Policy
from marketkeep.query.bars import BarsRequest, scale
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Catalog, Lake, records

_COLUMNS = list(records.TICK_COLUMNS)
_STORED = [name for name in _COLUMNS if name != "adj_close"]


def read_bars(lake: Lake, batches: BatchStore, request: BarsRequest) -> pl.DataFrame:
    """
    The bars asked for, in the published columns.

    Raises `BadRange` when the start lies after the end and `NotFound` for a symbol without any bar.
    """
    if request.start and request.end and request.start > request.end:
        raise BadRange(request.start, request.end)
    catalog = lake.catalog()
    if request.recorded_by is not None:
        bars, actions = gold_recorded_by(lake.policy(), batches, catalog, request.symbols, request.recorded_by)
        held = set(bars["symbol"])
    else:
        held = {symbol for symbol in request.symbols if not catalog.bars(symbol).is_empty()}
        last = min((day for day in (request.end, request.as_of) if day), default=None)
        bars = lake.bars(catalog, held, request.start, last)
        actions = lake.actions(held)
    absent = [symbol for symbol in request.symbols if symbol not in held]
    # Of an index whoever is held is shown: nobody named its members one by one.
    if absent and request.universe is None:
        when = f" recorded by {request.recorded_by:%Y-%m-%dT%H:%M:%SZ}" if request.recorded_by else ""
        raise NotFound(
            f"{', '.join(absent)}: no bars held{when}; collect with marketkeep add-symbol and update, or ingest a file"
        )
    return _adjusted(bars, actions, catalog, request)


def _adjusted(bars: pl.DataFrame, actions: pl.DataFrame, catalog: Catalog, request: BarsRequest) -> pl.DataFrame:
    if request.adjust == "none" and request.as_of is None and request.recorded_by is None:
        return bars.select(_COLUMNS)
    told = actions.partition_by("symbol", as_dict=True)
    frames = []
    for (symbol,), mine in (
        bars.sort("symbol", "date").partition_by("symbol", as_dict=True, maintain_order=True).items()
    ):
        events = told.get((symbol,), ACTIONS.empty())
        upto = request.as_of or _last_bar(mine, catalog, str(symbol), request)
        frames.append(with_adjustment(mine.select(_STORED), events, upto=upto))
    if not frames:
        return records.no_ticks()
    whole = pl.concat(frames)
    last = min((day for day in (request.end, request.as_of) if day), default=None)
    if request.start is not None:
        whole = whole.filter(pl.col("date") >= request.start)
    if last is not None:
        whole = whole.filter(pl.col("date") <= last)
    return scale(whole, request.adjust).select(_COLUMNS)


def _last_bar(bars: pl.DataFrame, catalog: Catalog, symbol: str, request: BarsRequest) -> date | None:
    """Actions take effect up to the last bar there is, not the last one asked for."""
    last: Any = bars["date"].max() if request.recorded_by else catalog.bars(symbol)["last"].max()
    return last if isinstance(last, date) else None


def gold_recorded_by(
    policy: Policy, batches: BatchStore, catalog: Catalog, symbols: Sequence[str], moment: datetime | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Gold of these symbols from the raw batches received by `moment` (UTC; None for all): bars and actions with factors.
    """
    gold = gold_of(policy, batches, catalog, symbols, moment)
    return gold.bars.select(_STORED), gold.actions


def gold_of(
    policy: Policy, batches: BatchStore, catalog: Catalog, symbols: Sequence[str], moment: datetime | None = None
) -> Gold:
    """
    All that raw comes to of these published symbols, every candidate checked; by `moment` (UTC) where that is given,
    with whom the keep knew by which ticker then.
    """
    tickers = catalog.tickers if moment is None else known_by(catalog.tickers, moment)
    rows = raw_rows(policy, batches, catalog, Symbology.of(tickers), symbols, moment)
    return promote(rows("daily_bars"), rows("actions"), policy, checks)


def raw_rows(
    policy: Policy,
    batches: BatchStore,
    catalog: Catalog,
    symbology: Symbology,
    symbols: Sequence[str],
    moment: datetime | None,
) -> Callable[[str], pl.DataFrame]:
    """By dataset the raw rows of these published symbols received by `moment`, under these symbols."""
    tickers = symbology.tickers_of(symbols)

    def of(dataset: str) -> pl.DataFrame:
        found = batches.rows(dataset, catalog.batch_paths(dataset), symbols=tickers, recorded_by=moment)
        named = symbology.named(found, "ex_date" if dataset == "actions" else "date", policy)
        return named.filter(pl.col("symbol").is_in(list(symbols)))

    return of
