"""
Reference tables: ticker_metadata from the statements about securities and the bars held, ticker_history from what
sources tell of renames and delistings. Both are small and written whole.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import SECURITIES, TICKER_HISTORY, Symbol
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout


def publish_securities(work: Workspace, entries: pl.DataFrame, paths: list[str]) -> None:
    """Write reference/ticker_metadata from the newest statement about each symbol and the catalog's entries."""
    told = work.batches.rows("securities", paths).sort("symbol", "fetched_at", "batch_id", maintain_order=True)
    stated = told.unique("symbol", keep="last", maintain_order=True).select(
        "symbol", "asset_class", "followed", start=pl.col("first_session")
    )
    held = (
        entries.filter(pl.col("dataset") == "daily_bars")
        .group_by("symbol")
        .agg(first_session=pl.col("first").min(), last_session=pl.col("last").max())
    )
    guessed = pl.DataFrame(
        {"symbol": held["symbol"], "guess": [Symbol(symbol).asset_class for symbol in held["symbol"]]},
        schema={"symbol": pl.String, "guess": pl.String},
    )
    table = (
        stated.join(held.join(guessed, on="symbol"), on="symbol", how="full", coalesce=True)
        .with_columns(
            asset_class=pl.coalesce("asset_class", "guess"), followed=pl.col("followed").fill_null(value=False)
        )
        .drop("guess")
        .sort("symbol")
    )
    work.lake.put_frame(layout.METADATA, SECURITIES.conform(table))


def publish_history(work: Workspace, paths: list[str]) -> None:
    """Write reference/ticker_history: of each symbol and date what was told last."""
    told = work.batches.rows("ticker_history", paths).sort(
        "symbol", "effective_date", "fetched_at", "batch_id", maintain_order=True
    )
    if not told.is_empty():
        newest = told.unique(["symbol", "effective_date"], keep="last", maintain_order=True)
        work.lake.put_frame(layout.HISTORY, TICKER_HISTORY.conform(newest.select(list(TICKER_HISTORY.schema))))
