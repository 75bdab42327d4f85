"""
The mapped panel: an accelerator on this machine for one Parquet partition of the panel, opened as a memory map.

It is derived, named by the hash of the partition it was made from, and never the truth: one that is cut or of another
form is as good as none and made again. A map stays whole for who has it open, whatever a writer does to the file.
Answers made from it share its pages; nothing here copies a column.
"""

from __future__ import annotations

import mmap
import os
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.ipc

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
_EPOCH = date(1970, 1, 1)
SYMBOLS, STARTS = b"symbols", b"starts"
FORM = 1
"""The form of the files; those of another are made anew."""


@dataclass(frozen=True, slots=True)
class Source:
    """The Parquet partition a map is made from, as the catalog tells of it."""

    dataset: str
    period: int
    key: str
    rows: int
    first: date
    last: date
    hash: str

    @property
    def name(self) -> str:
        """The name of its mapped file."""
        return f"{self.dataset}-{self.period}-{self.hash[:40]}-{FORM}.arrow"


def sources(panels: pl.DataFrame, dataset: str) -> list[Source]:
    """The partitions of a dataset in the catalog's table of panels, by their dates."""
    columns = ["dataset", "period", "key", "rows", "first", "last", "hash"]
    mine = panels.filter((pl.col("dataset") == dataset) & (pl.col("rows") > 0)).sort("first", "period")
    return [Source(*row) for row in mine.select(columns).iter_rows()]


def folder(scratch: Path) -> Path:
    """Where mapped partitions lie."""
    return scratch / "mapped"


def open_mapped(scratch: Path, source: Source) -> Mapped | None:
    """The map of a partition, None when there is none that can be used."""
    try:
        return _open(folder(scratch) / source.name, source)
    except (OSError, ValueError, KeyError):
        # Not there, cut, or not an Arrow file (ArrowInvalid is a ValueError).
        return None


@lru_cache(maxsize=512)
def _open(path: Path, source: Source) -> Mapped:
    handle = os.open(path, os.O_RDONLY)
    try:
        pages = mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        # With huge pages a look at one row would hold two megabytes of its column.
        with suppress(OSError):
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    buffer = pa.py_buffer(pages)
    file = pyarrow.ipc.open_file(buffer)
    told = file.schema.metadata or {}
    batch = file.get_batch(0).replace_schema_metadata(None)
    starts = np.frombuffer(b64decode(told[STARTS]), "<i8")
    symbols = told[SYMBOLS].decode().split("\n")
    if batch.num_rows != source.rows or len(starts) != len(symbols) + 1 or starts[-1] != source.rows:
        raise ValueError(path)
    return Mapped(source, pages, batch, symbols, starts)


def forget() -> None:
    """Let go of all maps, so that files are looked at again."""
    _open.cache_clear()


class Mapped:
    """
    An open partition: its rows as a frame over the map, and where each symbol's rows lie.

    `symbols` are sorted; the rows of `symbols[i]` are those from `starts[i]` to `starts[i + 1]`. `first` and `last` are
    the first and last date, as days since 1970.
    """

    def __init__(
        self, source: Source, pages: mmap.mmap, batch: pa.RecordBatch, symbols: list[str], starts: Ints
    ) -> None:
        self._pages, self._batch = pages, batch
        self._address = pa.py_buffer(pages).address
        self._chosen: dict[tuple[str, ...], pa.RecordBatch] = {}
        self.source, self.symbols, self.starts = source, symbols, starts
        self.first, self.last = ((day - _EPOCH).days for day in (source.first, source.last))

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All rows; the columns are those of the partition."""
        frame = pl.from_arrow(self._batch)
        if not isinstance(frame, pl.DataFrame):
            raise TypeError(self._batch)
        return frame

    @cached_property
    def days(self) -> npt.NDArray[np.int32]:
        """The date of each row, as days since 1970."""
        return np.frombuffer(self._batch.column("date").buffers()[1], np.int32, len(self._batch))

    @cached_property
    def sessions(self) -> npt.NDArray[np.int32]:
        """The distinct dates, sorted, as days since 1970."""
        days = self.days
        least = int(days.min())
        met = np.zeros(int(days.max()) - least + 1, np.bool_)
        met[days - least] = True
        self.release("date")
        return (np.flatnonzero(met) + least).astype(np.int32)

    def batch(self, columns: Sequence[str]) -> pa.RecordBatch:
        """All rows of these columns as they lie in the map."""
        key = tuple(columns)
        if key not in self._chosen:
            self._chosen[key] = self._batch.select(list(key))
        return self._chosen[key]

    def column(self, name: str) -> pa.Array:
        """A column as it lies in the map."""
        return self._batch.column(name)

    def values(self, column: str) -> Array:
        """A column of numbers as it lies in the map; an unknown price or volume is NaN."""
        dtype = self._batch.schema.field(column).type.to_pandas_dtype()
        return np.frombuffer(self._batch.column(column).buffers()[1], dtype, len(self._batch))

    def release(self, column: str, low: int = 0, high: int | None = None) -> None:
        """
        Take the pages of a column, or of its rows [low, high), out of this process's memory, where the system can;
        they come back when read.

        Who reads a whole market column by column would otherwise hold all of it twice.
        """
        values = self._batch.column(column).buffers()[1]
        width = values.size // max(1, len(self._batch))
        begin, end = low * width, values.size if high is None else high * width
        self._release(values.address - self._address + begin, end - begin)

    def release_all(self) -> None:
        """The same of every column."""
        self._release(0, len(self._pages))

    def _release(self, at: int, size: int) -> None:
        begin = at // mmap.PAGESIZE * mmap.PAGESIZE
        if size > 0 and hasattr(mmap, "MADV_DONTNEED"):
            with suppress(OSError, ValueError):
                self._pages.madvise(mmap.MADV_DONTNEED, begin, at + size - begin)
