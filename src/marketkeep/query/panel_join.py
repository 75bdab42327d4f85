"""
Rows of several maps put together symbol by symbol, column by column.

A run of rows is copied as it lies in the map, text as the views it is there: no value is looked at. Of each column the
pages of the maps are let go of when it is done, so that only the answer is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from marketkeep.stores.panel.mapped import Mapped

Array = npt.NDArray[Any]
# Sixteen bytes that numpy copies as one value.
_VIEW = np.dtype(np.complex128)
_NUMBERS: dict[int, np.dtype[Any]] = {bits: np.dtype(f"i{bits // 8}") for bits in (16, 32, 64)}
"""Numbers of any kind by their width: they are copied, not read."""
_INLINE = 12


class Run(NamedTuple):
    """Rows of one of some parts: which part, its first row, how many."""

    part: int
    low: int
    rows: int


def joined(parts: Sequence[Mapped], runs: Sequence[Run], columns: Sequence[str]) -> pl.DataFrame:
    """The rows of these runs, one behind the other, in these columns."""
    found = []
    for name in columns:
        found.append(_column([part.column(name) for part in parts], runs))
        for part in parts:
            part.release(name)
    frame = pl.from_arrow(pa.RecordBatch.from_arrays(found, names=list(columns)))
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(columns)
    return frame


def _column(sources: Sequence[pa.Array], runs: Sequence[Run]) -> pa.Array:
    dtype = sources[0].type
    text = pa.types.is_string_view(dtype)
    kind: np.dtype[Any] = _VIEW if text else _NUMBERS[dtype.bit_width]
    values = [np.frombuffer(one.buffers()[1], kind, len(one)) for one in sources]
    data = _cut(values, runs)
    beyond: list[pa.Buffer] = []
    if text:
        beyond = _beyond(sources, runs, data)
    validity = None
    if any(one.null_count for one in sources):
        validity = pa.py_buffer(np.packbits(_cut([_valid(one) for one in sources], runs), bitorder="little"))
    return pa.Array.from_buffers(dtype, len(data), [validity, pa.py_buffer(data), *beyond])


def _cut(values: Sequence[Array], runs: Sequence[Run]) -> Array:
    return np.concatenate([values[part][low : low + rows] for part, low, rows in runs])


def _valid(source: pa.Array) -> Array:
    """Whether each value is known."""
    bits = source.buffers()[0]
    if bits is None:
        return np.ones(len(source), np.uint8)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=len(source), bitorder="little")


def _beyond(sources: Sequence[pa.Array], runs: Sequence[Run], views: Array) -> list[pa.Buffer]:
    """Where text too long for a view lies, of all parts; the views are made to point there."""
    each = [one.buffers()[2:] for one in sources]
    if not any(each):
        return []
    offsets = np.cumsum([0, *(len(buffers) for buffers in each)])[:-1]
    shift = np.repeat(offsets[[run.part for run in runs]], [run.rows for run in runs]).astype(np.int32)
    fields = views.view(np.int32).reshape(-1, 4)
    fields[:, 2] += np.where(fields[:, 0] > _INLINE, shift, np.int32(0))
    return [buffer for buffers in each for buffer in buffers]
