"""
pandas over CSV: a file a symbol.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl

from reads.peers.shape import Stored, Ways, seen

_COLUMNS = ["date", "open", "high", "low", "close", "volume"]


class Peer(Stored):
    """Only daily bars: minute bars of a year in CSV are nobody's way to keep them."""

    def fill(self) -> None:
        """Write a file a symbol."""
        for path in self.daily:
            for (name,), mine in pl.read_parquet(path).partition_by("symbol", as_dict=True).items():
                mine.select(_COLUMNS).write_csv(self.store / f"{name}.csv")

    def open(self) -> None:
        """Nothing is opened."""

    def about(self) -> str:
        """Name and version."""
        return f"pandas {pd.__version__} on CSV"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        return {"one": {"read_csv": self._one}, "some": {"read_csv": self._some}}

    def _one(self, symbol: str) -> Any:
        return pd.read_csv(self.store / f"{symbol}.csv", parse_dates=["date"], index_col="date")

    def _some(self, symbols: list[str], start: str, end: str) -> Any:
        return pd.concat({name: self._one(name).loc[start:end] for name in symbols})

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes."""
        del task
        return seen(got["close"].to_numpy())
