"""
The way from raw to gold of a few symbols, walked again with everything seen on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketkeep import checks
from marketkeep.gold import Gold, promote
from marketkeep.gold.identity import known_by
from marketkeep.gold.symbology import Symbology
from marketkeep.query.reading import raw_rows
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """Raw bars and actions with their lineage, under published symbols, and the gold they come to."""

    raw_bars: pl.DataFrame
    raw_actions: pl.DataFrame
    gold: Gold


def replayed(lake: Lake, batches: BatchStore, symbols: Sequence[str], recorded_by: datetime | None) -> Replayed:
    """All that had been received of these symbols by an instant (UTC; None for all), and what it comes to."""
    catalog, policy = lake.catalog(), lake.policy()
    tickers = catalog.tickers if recorded_by is None else known_by(catalog.tickers, recorded_by)
    rows = raw_rows(policy, batches, catalog, Symbology.of(tickers), symbols, recorded_by)
    raw_bars, raw_actions = rows("daily_bars"), rows("actions")
    return Replayed(raw_bars, raw_actions, promote(raw_bars, raw_actions, policy, checks))
