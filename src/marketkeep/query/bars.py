"""
Daily bars, asked for lazily: nothing is read until a terminal method is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, get_args

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.query.terminals import Terminals

Adjust = Literal["none", "splits", "all"]
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class BarsRequest:
    """
    What bars are asked for: symbols (canonical), sessions `start` to `end` both included (None: all), how adjusted,
    and the two clocks. `as_of` shows what the market knew on that day, `recorded_by` what this keep held at that
    instant (UTC). With a `universe`, the name of an index, only the sessions on which a symbol was a member; without
    symbols those of all members.
    """

    symbols: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    adjust: Adjust = "none"
    as_of: date | None = None
    recorded_by: datetime | None = None
    universe: str | None = None

    def __post_init__(self) -> None:
        if self.adjust not in get_args(Adjust):
            raise BadInput(f"adjust={self.adjust!r} is unknown; use 'none', 'splits' or 'all'")


@dataclass(frozen=True, slots=True)
class BarsQuery(Terminals):
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


def scale(bars: pl.DataFrame, adjust: Adjust, prices: Sequence[str] = _PRICES) -> pl.DataFrame:
    """`bars` (with split_factor and dividend_factor) adjusted as asked: prices multiply, volume divides by splits."""
    if adjust == "none":
        return bars
    factor = pl.col("split_factor") * pl.col("dividend_factor") if adjust == "all" else pl.col("split_factor")
    return bars.with_columns(
        *(pl.col(name) * factor for name in prices),
        volume=pl.col("volume") / pl.col("split_factor"),
    )
