"""
Appending one session to every symbol of a keep: as the whole update behind the wire, or as its stores alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from marketkeep.model import ACTIONS, PANEL_BARS
from marketkeep.pipeline.engine import LocalEngine
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.publishing.held import HeldBars
from marketkeep.pipeline.publishing.panel import PanelUpdate
from marketkeep.pipeline.publishing.pieces import Pieces
from marketkeep.pipeline.publishing.written import Published, Ready, entry_rows, without, write_bars
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import write_catalog
from marketkeep.stores.panel.mapped_files import refresh
from reads import keep as made

WHOLE = "whole update"
STORES = "stores, published files too"
BARE = "stores, without published files"


class Appending:
    """Each way on a copy of the keep of its own. Published files are replaced, never changed: links to them are one."""

    def __init__(self, root: Path, place: Path) -> None:
        self._root, self._place = root, place

    def ways(self) -> dict[str, Callable[[pl.DataFrame], int]]:
        """The three ways, by name."""
        return {
            WHOLE: lambda rows: self._whole(WHOLE, rows),
            STORES: lambda rows: self._stores(STORES, rows, published=True),
            BARE: lambda rows: self._stores(BARE, rows, published=False),
        }

    def begin(self, rows: pl.DataFrame) -> None:
        """Make the copies, with these sessions appended already."""
        shutil.rmtree(self._place, ignore_errors=True)
        self._linked(self._root, WHOLE)
        self._whole(WHOLE, rows)
        for name in (STORES, BARE):
            self._linked(self._place / WHOLE, name)

    def end(self) -> None:
        """Remove the copies."""
        shutil.rmtree(self._place, ignore_errors=True)

    def _linked(self, root: Path, name: str) -> None:
        shutil.copytree(root, self._place / name, copy_function=os.link)

    def _whole(self, name: str, rows: pl.DataFrame) -> int:
        """The raw batch, its checks, a published file a symbol, the panel, the catalog, all flushed to disk."""
        work = open_workspace(self._place / name)
        made.write(work, "daily_bars", rows, rows["date"][-1])
        absorb(work)
        return rows.height

    def _stores(self, name: str, rows: pl.DataFrame, *, published: bool) -> int:
        """What of that the stores do: a file a symbol where asked for, the panel's open year, the map, the catalog."""
        work = open_workspace(self._place / name)
        catalog = work.lake.catalog()
        day: date = rows["date"][0]
        symbols = rows["symbol"].to_list()
        years = {(symbol, day.year) for symbol in symbols}
        new = rows.with_columns(score=pl.lit(100), source=pl.lit(made.SOURCE))
        held = HeldBars(work.files, catalog).years(years)
        bars = pl.concat([held, PANEL_BARS.conform(new.select(list(PANEL_BARS.schema)))]).sort("symbol", "date")
        if published:
            # No ex-date lies behind the last session: what it closed at is its adjusted close.
            whole = bars.with_columns(adj_close=pl.col("close"))
            within = dict.fromkeys(symbols, (day, day))
            result = Published()
            write_bars(
                work,
                catalog,
                Ready({symbol: {day.year} for symbol in symbols}, years, within, whole, ACTIONS.empty()),
                result,
            )
            entries = pl.concat([without(catalog.entries, result.keys), entry_rows(result.entries)])
        else:
            mine = (pl.col("dataset") == "daily_bars") & (pl.col("period") == day.year)
            entries = catalog.entries.with_columns(
                last=pl.when(mine).then(pl.lit(day)).otherwise("last"),
                rows=pl.when(mine).then(pl.col("rows") + 1).otherwise("rows"),
            )
        with Pieces(work.files.scratch) as pieces:
            panel = PanelUpdate(work.files, catalog, pieces, LocalEngine())
            panel.take(years, bars)
            panels = panel.write(entries)
        write_catalog(work.files, entries, catalog.batches, catalog.asked, catalog.tickers, panels, over=catalog)
        refresh(work.files, panels)
        return rows.height
