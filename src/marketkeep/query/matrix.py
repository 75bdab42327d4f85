"""
One field of daily bars as a dense table: a row a session, a column a symbol, asked for lazily.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.errors import BadInput
from marketkeep.model import DAILY_BARS
from marketkeep.query.bars import COLUMNS, BarsQuery
from marketkeep.query.fields import nearest
from marketkeep.query.terminals import Terminals

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = tuple(name for name in COLUMNS if DAILY_BARS.schema[name].is_numeric())
"""The fields of daily bars that a matrix can be made of."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Matrix:
    """
    `values` (64-bit floats, sessions x symbols) with NaN where a symbol has no bar or its field is unknown.

    `sessions` are the days, in order, on which at least one of the symbols has a bar; `symbols` those of the columns:
    the ones that were named, in that order, or else, sorted, those of the universe that have any bar in the range.
    A column lies together in memory.
    """

    values: Floats
    sessions: npt.NDArray[np.datetime64]
    symbols: list[str]

    def numpy(self) -> Floats:
        """The values alone."""
        return self.values

    def polars(self) -> pl.DataFrame:
        """The wide frame: date, then a column a symbol, null where nothing is known."""
        date = pl.Series("date", self.sessions).cast(pl.Date)
        columns = (pl.Series(symbol, self.values[:, at]) for at, symbol in enumerate(self.symbols))
        return pl.DataFrame([date, *columns]).with_columns(pl.col(pl.Float64).fill_nan(None))

    def pandas(self) -> pd.DataFrame:
        """Sessions as the index, symbols as the columns, NaN where nothing is known (needs the `pandas` extra)."""
        import pandas as pd  # noqa: PLC0415  optional

        index = pd.DatetimeIndex(self.sessions.astype("datetime64[ns]"), name="date")
        return pd.DataFrame(self.values, index=index, columns=self.symbols, copy=False)


@dataclass(frozen=True, slots=True)
class MatrixQuery(Terminals):
    """
    A question about one field of daily bars; terminal methods read it: `matrix` and `numpy` dense, the others wide.

    Raises `BadInput` for a field that is no number of a daily bar, with the nearest that is.
    """

    field: str
    bars: BarsQuery

    def __post_init__(self) -> None:
        if self.field not in NUMERIC:
            raise BadInput(f"field={self.field!r} is no number of a daily bar; {nearest(self.field, NUMERIC)}")

    def matrix(self) -> Matrix:
        """The values with the sessions and symbols they belong to; see `Matrix`. Raises `NotFound` as `bars` do."""
        return self.bars.matrix(self.field)

    def numpy(self) -> Floats:
        """The values alone: sessions x symbols."""
        return self.matrix().numpy()

    def polars(self) -> pl.DataFrame:
        """The wide frame: date, then a column a symbol, null where nothing is known."""
        return self.matrix().polars()

    def pandas(self) -> pd.DataFrame:
        """Sessions as the index, symbols as the columns, NaN where nothing is known (needs the `pandas` extra)."""
        return self.matrix().pandas()

    def explain_plan(self) -> str:
        """How it is answered, in words; see `BarsQuery.explain_plan`."""
        return self.bars.explain_plan()


def spread(bars: pl.DataFrame, field: str, symbols: list[str] | None = None) -> Matrix:
    """Bars with symbol, date and a field as a matrix; of these symbols where some are named."""
    names = bars["symbol"].unique().sort().to_list() if symbols is None else symbols
    sessions = bars["date"].unique().sort()
    values = np.full((len(names), len(sessions)), np.nan)
    order = {name: at for at, name in enumerate(names)}
    if len(bars):
        rows = bars["symbol"].replace_strict(order, return_dtype=pl.Int64).to_numpy()
        values[rows, sessions.search_sorted(bars["date"]).to_numpy()] = _floats(bars[field])
    return Matrix(values.T, sessions.to_numpy().astype("datetime64[D]"), names)


def _floats(values: pl.Series) -> npt.NDArray[Any]:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
