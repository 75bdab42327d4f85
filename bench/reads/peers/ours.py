"""
marketkeep itself, through its public face. The cache of results is off: every answer is worked out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import marketkeep
from marketkeep.query.result_cache import RESULTS
from reads import keep as made
from reads.appending import Appending
from reads.factors import factors, look
from reads.market import Market
from reads.peers.shape import FIELDS, Stored, Ways, seen


class Peer(Stored):
    """A keep on a folder; its accelerator is made when the store is."""

    @property
    def root(self) -> Path:
        """The keep."""
        return self.store / "keep"

    def fill(self) -> None:
        """Publish everything from raw batches."""
        market = Market(**self.market)
        made.make(market, self.data, self.root)
        made.figures(self.root).write_parquet(self.data / "figures.parquet")

    _appending: Appending

    def open(self) -> None:
        """Open it, and have the accelerator made."""
        RESULTS.limited(0)
        self.keep = marketkeep.open(self.root)
        # Who asks for the first time has the panel mapped; from then on every update keeps that current.
        self.keep.matrix("close", "all").numpy()
        self._appending = Appending(self.root, self.store / "copies")

    def about(self) -> str:
        """Name and version."""
        return f"marketkeep {marketkeep.__version__}"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        return {
            "one": {
                "polars": lambda symbol: self.keep.bars(symbol, fields=FIELDS).polars(),
                "arrow": lambda symbol: self.keep.bars(symbol, fields=FIELDS).arrow(),
            },
            "some": {
                "polars": lambda symbols, start, end: self.keep.bars(symbols, start, end, fields=FIELDS).polars(),
                "arrow": lambda symbols, start, end: self.keep.bars(symbols, start, end, fields=FIELDS).arrow(),
            },
            "field": {"matrix": lambda field: self.keep.matrix(field, "all").numpy()},
            "session": {"polars": self._all},
            "session_closes": {
                "polars": lambda start, end: self.keep.bars(None, start, end, universe="all", fields="close").polars()
            },
            "year": {"polars": self._all},
            "minute_one": {"polars": self._minutes},
            "minute_some": {"polars": self._minutes},
            "factors": {"matrix and numpy": lambda symbols: factors(self.keep, symbols)},
            "figures": {"polars": self._figures},
            "append": self._appending.ways(),
        }

    def _all(self, start: str, end: str) -> pl.DataFrame:
        return self.keep.bars(None, start, end, universe="all", fields=FIELDS).polars()

    def _minutes(self, symbols: list[str], start: str, end: str) -> pl.DataFrame:
        return self.keep.minute_bars(symbols, start, end, fields=FIELDS).polars()

    def _figures(self, symbols: list[str], metrics: list[str], as_of: str) -> pl.DataFrame:
        return self.keep.fundamentals(symbols, metrics, as_of=as_of).polars()

    def begin(self, rows: pl.DataFrame) -> None:
        """Append these sessions before any is timed."""
        self._appending.begin(rows)

    def close(self) -> None:
        """Remove what was appended to."""
        self._appending.end()

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes; of factors the sum of each."""
        if task == "factors":
            return look(got)
        if task == "figures":
            return seen(got["value"].to_numpy())
        return seen(got if isinstance(got, np.ndarray) else got["close"].to_numpy())
