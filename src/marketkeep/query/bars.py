"""
Daily bars, asked for lazily: nothing is read until a terminal method is called.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.files import write_atomic
from marketkeep.stores.lake import records

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Adjust = Literal["none", "splits", "all"]


@dataclass(frozen=True, slots=True)
class BarsRequest:
    """
    What bars are asked for: symbols (canonical), sessions `start` to `end` both included (None: all), how adjusted,
    and the two clocks. `as_of` shows what the market knew on that day, `recorded_by` what this keep held at that
    instant (UTC).
    """

    symbols: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    adjust: Adjust = "none"
    as_of: date | None = None
    recorded_by: datetime | None = None

    def __post_init__(self) -> None:
        if self.adjust not in get_args(Adjust):
            raise BadInput(f"adjust={self.adjust!r} is unknown; use 'none', 'splits' or 'all'")


@dataclass(frozen=True, slots=True)
class BarsQuery:
    """
    A question about daily bars; terminal methods read it.

    Columns: symbol, date, open, high, low, close (currency per share), adj_close, volume (shares), score (0 to 100),
    source; sorted by symbol and date. `adjust="none"` gives prices as traded then, `"splits"` brings them and the
    volume to today's shares, `"all"` also takes dividends out of earlier prices. Unknown values are null.
    """

    request: BarsRequest
    _read: Callable[[BarsRequest], pl.DataFrame]

    def adjusted(self, adjust: Adjust) -> BarsQuery:
        """The same question with another adjustment. Raises `BadInput` for one there is not."""
        return replace(self, request=replace(self.request, adjust=adjust))

    def polars(self) -> pl.DataFrame:
        """The bars as a polars frame. Raises `NotFound` for a symbol the keep holds nothing of."""
        return self._read(self.request)

    def arrow(self) -> pa.Table:
        """The bars as an Arrow table."""
        return self.polars().to_arrow()

    def pandas(self) -> pd.DataFrame:
        """The bars as a pandas frame (needs the `pandas` extra)."""
        return self.polars().to_pandas()

    def csv(self, path: str | Path) -> Path:
        """Write the bars as CSV with a header, dates as YYYY-MM-DD, null as empty; returns the path."""
        write_atomic(Path(path), self.polars().write_csv().encode())
        return Path(path)

    def json(self, path: str | Path) -> Path:
        """Write the bars as a JSON array of records, the form of the published files; returns the path."""
        write_atomic(Path(path), records.array(",\n".join(records.lines(self.polars()))))
        return Path(path)

    def parquet(self, path: str | Path) -> Path:
        """Write the bars as Parquet; returns the path."""
        buffer = io.BytesIO()
        self.polars().write_parquet(buffer)
        write_atomic(Path(path), buffer.getvalue())
        return Path(path)


def scale(bars: pl.DataFrame, adjust: Adjust) -> pl.DataFrame:
    """`bars` (with split_factor and dividend_factor) adjusted as asked: prices multiply, volume divides by splits."""
    if adjust == "none":
        return bars
    factor = pl.col("split_factor") * pl.col("dividend_factor") if adjust == "all" else pl.col("split_factor")
    return bars.with_columns(
        *(pl.col(name) * factor for name in ("open", "high", "low", "close")),
        volume=pl.col("volume") / pl.col("split_factor"),
    )
