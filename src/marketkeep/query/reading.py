"""
Reading gold by either clock: from the published files when the question is about now, from raw when it is about what
the keep held at some past instant. Both give the same answer where they meet.
"""

# Published bars as they are need nothing of gold, and who reads one symbol must not wait for it.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.errors import BadRange, NotFound
from marketkeep.model import Policy
from marketkeep.query.bars import BarsRequest, scale
from marketkeep.stores.lake import Catalog, Lake, records

if TYPE_CHECKING:
    from marketkeep.gold import Gold
    from marketkeep.gold.symbology import Symbology
    from marketkeep.raw import BatchStore

_COLUMNS = list(records.TICK_COLUMNS)
_STORED = [name for name in _COLUMNS if name != "adj_close"]


def read_bars(
    lake: Lake, batches: BatchStore, request: BarsRequest, *, raw: bool = False, catalog: Catalog | None = None
) -> pl.DataFrame:
    """
    The bars asked for, in the published columns; with `raw` made again from all that was received, asked about now or
    then. `catalog` is the version to read by, the current one without.

    Raises `BadRange` when the start lies after the end and `NotFound` for a symbol without any bar.
    """
    if request.start and request.end and request.start > request.end:
        raise BadRange(request.start, request.end)
    version = lake.catalog() if catalog is None else catalog
    if raw or request.recorded_by is not None:
        bars, actions = gold_recorded_by(lake.policy(), batches, version, request.symbols, request.recorded_by)
        _check_held(request, set(bars["symbol"]))
        return _adjusted(bars, actions, request)
    held = {symbol for symbol in request.symbols if not version.bars(symbol).is_empty()}
    _check_held(request, held)
    bars = lake.bars(version, held, request.start, _last(request))
    if request.adjust == "none" and request.as_of is None:
        return bars.select(_COLUMNS)
    return _adjusted(bars, lake.actions(held, version), request)


def _check_held(request: BarsRequest, held: set[str]) -> None:
    absent = [symbol for symbol in request.symbols if symbol not in held]
    # Of an index whoever is held is shown: nobody named its members one by one.
    if absent and request.universe is None:
        when = f" recorded by {request.recorded_by:%Y-%m-%dT%H:%M:%SZ}" if request.recorded_by else ""
        raise NotFound(
            f"{', '.join(absent)}: no bars held{when}; collect with marketkeep add-symbol and update, or ingest a file"
        )


def _last(request: BarsRequest) -> date | None:
    return min((day for day in (request.end, request.as_of) if day), default=None)


def _adjusted(bars: pl.DataFrame, actions: pl.DataFrame, request: BarsRequest) -> pl.DataFrame:
    from marketkeep.gold import adjust

    # An action behind the last bar there is has no factor.
    whole = adjust(bars.select(_STORED).sort("symbol", "date"), actions, upto=request.as_of)
    last = _last(request)
    if request.start is not None:
        whole = whole.filter(pl.col("date") >= request.start)
    if last is not None:
        whole = whole.filter(pl.col("date") <= last)
    return scale(whole, request.adjust).select(_COLUMNS)


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
    from marketkeep import checks
    from marketkeep.gold import promote
    from marketkeep.gold.identity import known_by
    from marketkeep.gold.symbology import Symbology

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
