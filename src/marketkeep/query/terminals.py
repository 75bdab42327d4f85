"""
What every lazy question can be ended with: a frame of one library or another, or a file. It knows no question itself.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.files import write_atomic
from marketkeep.stores.lake import records

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Terminals(ABC):
    """The terminal methods of a question; each reads it anew."""

    __slots__ = ()

    @abstractmethod
    def polars(self) -> pl.DataFrame:
        """The answer as a polars frame. Raises `NotFound` for a symbol the keep holds nothing of."""

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        return self.polars().to_arrow()

    def pandas(self) -> pd.DataFrame:
        """The answer as a pandas frame (needs the `pandas` extra)."""
        return self.polars().to_pandas()

    def csv(self, path: str | Path) -> Path:
        """
        Write CSV with a header, null as empty, dates as YYYY-MM-DD, times as YYYY-MM-DDTHH:MM:SSZ; returns the path.
        """
        text = self.polars().write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ")
        write_atomic(Path(path), text.encode())
        return Path(path)

    def json(self, path: str | Path) -> Path:
        """Write a JSON array of records, the form of the published JSON files; returns the path."""
        write_atomic(Path(path), records.array(",\n".join(records.lines(self.polars()))))
        return Path(path)

    def parquet(self, path: str | Path) -> Path:
        """Write Parquet; returns the path."""
        buffer = io.BytesIO()
        self.polars().write_parquet(buffer)
        write_atomic(Path(path), buffer.getvalue())
        return Path(path)
