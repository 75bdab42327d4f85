"""
Daily bars, asked for lazily: nothing is read until a terminal method is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.query.fields import check_fields
from marketkeep.query.terminals import Terminals, session_or_own
from marketkeep.stores.lake import records

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

    from marketkeep.query.matrix import Matrix
    from marketkeep.query.plan_run import BarsReader

Adjust = Literal["none", "splits", "all"]
COLUMNS = records.TICK_COLUMNS
_AT_ONCE = 100
"""Bars of so many symbols or fewer are written as one."""
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class BarsRequest:
    """
    What bars are asked for: symbols (canonical), sessions `start` to `end` both included (None: all), how adjusted,
    and the two clocks. `as_of` shows what the market knew on that day, `recorded_by` what this keep held at that
    instant (UTC). With a `universe`, the name of an index, only the sessions on which a symbol was a member; without
    symbols those of all members; the universe `all` is every symbol held. `fields` are the columns wanted beside symbol
    and date, None for all.
    """

    symbols: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    adjust: Adjust = "none"
    as_of: date | None = None
    recorded_by: datetime | None = None
    universe: str | None = None
    fields: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self.fields, COLUMNS, "daily bars")
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
    _on_spark: Callable[[SparkSession, BarsRequest], SparkFrame] | None = None
    _reader: Callable[[], BarsReader] | None = None

    def adjusted(self, adjust: Adjust) -> BarsQuery:
        """The same question with another adjustment. Raises `BadInput` for one there is not."""
        return replace(self, request=replace(self.request, adjust=adjust))

    def polars(self) -> pl.DataFrame:
        """The bars as a polars frame. Raises `NotFound` for a symbol the keep holds nothing of."""
        return self._read(self.request)

    def matrix(self, field: str) -> Matrix:
        """
        A field of the bars as a dense table, sessions x symbols; see `Matrix`. Raises `BadInput` for no such number.
        """
        from marketkeep.query.matrix import MatrixQuery, spread  # noqa: PLC0415  most questions want rows

        MatrixQuery(field, self)
        if self._reader is None:
            return spread(replace(self, request=replace(self.request, fields=(field,))).polars(), field)
        return self._reader().matrix(self.request, field)

    def numpy(self) -> npt.NDArray[Any]:
        """
        The one field that `fields` names as a dense array, sessions x symbols, NaN where nothing is known, see
        `Matrix`; of several fields a structured array with a field a column.
        """
        fields = [name for name in self.request.fields or () if name not in ("symbol", "date")]
        return self.matrix(fields[0]).values if len(fields) == 1 else self.polars().to_numpy(structured=True)

    def explain_plan(self) -> str:
        """
        How the question is answered, in words: what is read, how many partitions, rows and columns, how prices are
        adjusted, and why this way. No bar is read.
        """
        return "a frame that is there already" if self._reader is None else self._reader().plan(self.request).told()

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The answer in pieces of some symbols each, of which nothing is kept once the next is read."""
        if self._reader is None:
            yield self.polars()
        else:
            yield from self._reader().pieces(self.request)

    def _batches(self) -> Iterator[pl.DataFrame]:
        """The bars in pieces of some symbols where there are many, so that a whole market is never held."""
        if self._reader is None or (self.request.universe is None and len(self.request.symbols) <= _AT_ONCE):
            yield self.polars()
        else:
            yield from self._reader().pieces(self.request)

    def spark(self, session: SparkSession | None = None) -> SparkFrame:
        """
        The bars as a frame of Spark over the panel, unread until an action and in no order; `session` as elsewhere.
        """
        if self._on_spark is None:
            return Terminals.spark(self, session)
        return self._on_spark(session_or_own(session), self.request)


def scale(bars: pl.DataFrame, adjust: Adjust, prices: Sequence[str] = _PRICES) -> pl.DataFrame:
    """`bars` (with split_factor and dividend_factor) adjusted as asked: prices multiply, volume divides by splits."""
    if adjust == "none":
        return bars
    factor = pl.col("split_factor") * pl.col("dividend_factor") if adjust == "all" else pl.col("split_factor")
    return bars.with_columns(
        *(pl.col(name) * factor for name in prices),
        volume=pl.col("volume") / pl.col("split_factor"),
    )
