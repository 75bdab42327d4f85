"""
The files of the panel: one Parquet file per dataset and period, with the rows of all symbols, sorted.

The same rows give the same bytes, however they were cut when they came. A file that is not what the catalog says is
refused, never read.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, set_aside
from marketkeep.model import PANEL_TABLES, Table
from marketkeep.model.tables import Dtype
from marketkeep.stores.lake import layout
from marketkeep.stores.panel.content import Content, content_of
from marketkeep.stores.panel.hashed import HashedFile

GROUP_ROWS = 65_536
"""Rows from which on a row group ends, with the symbol that is in it then."""

_ARROW: dict[Dtype, pa.DataType] = {
    pl.String: pa.dictionary(pa.int32(), pa.string()),
    pl.Date: pa.date32(),
    pl.Datetime("us", "UTC"): pa.timestamp("us", "UTC"),
    pl.Float64: pa.float64(),
    pl.Int64: pa.int64(),
    pl.Int16: pa.int16(),
}
# Prices and instants hardly repeat; to look for it takes longer than all the rest.
_PLAIN = (pl.Float64, pl.Int64, pl.Datetime("us", "UTC"))

_DATES = ("date", "until", "period_end")
"""What tells the date of a row, by the table it is of."""


def write_partition(files: Files, dataset: str, period: int, frames: Iterable[pl.DataFrame]) -> dict[str, Any] | None:
    """
    Write one file of the panel, and say so as a row of `PANELS`; without rows there is no file, and None is returned.

    `frames` are rows of the dataset's table in `PANEL_TABLES`, over all frames sorted by its key. They are taken one
    after the other; what is held of them in memory is a row group, for the file is written to this machine's disk and
    handed over when it is whole. Raises `ValueError` when a symbol comes behind a later one.
    """
    key, table = layout.panel(dataset, period), PANEL_TABLES[dataset]
    with set_aside(files.scratch, key.replace("/", "-")) as path:
        writing = _write(table, frames, path)
        if not writing.rows:
            files.remove([key])
            return None
        files.adopt(key, path)
    return {
        "dataset": dataset,
        "period": period,
        "key": key,
        "rows": writing.rows,
        "symbols": writing.symbols,
        "first": writing.first,
        "last": writing.last,
        "hash": writing.hash,
        "content": writing.content.hexdigest(),
    }


def _write(table: Table, frames: Iterable[pl.DataFrame], path: Path) -> _Writing:
    """Write rows to a file of this machine; what they come to."""
    writing = _Writing(table, path)
    # Rows are digested while they are compressed: neither holds Python's lock.
    with ThreadPoolExecutor(1, "digest") as beside:
        try:
            for group in _row_groups(frames):
                digested = beside.submit(writing.content.update, group)
                writing.add(group)
                digested.result()
            writing.close()
        except BaseException:
            writing.give_up()
            raise
    return writing


class _Writing:
    """A file that is being written, and what its rows come to."""

    def __init__(self, table: Table, path: Path) -> None:
        self._table = table
        schema = pa.schema([(name, _ARROW[kind]) for name, kind in table.schema.items()])
        self._sink = HashedFile(path)
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name, kind in table.schema.items() if kind not in _PLAIN],
            column_encoding={name: "DELTA_BINARY_PACKED" for name, kind in table.schema.items() if name == "ts"},
            sorting_columns=pq.SortingColumn.from_ordering(schema, [(name, "ascending") for name in table.key]),
        )
        self.content = Content(table.name)
        self.rows = self.symbols = 0
        self.first, self.last = date.max, date.min
        self._behind = ""

    def add(self, group: pl.DataFrame) -> None:
        """Write one row group, of whole symbols."""
        frame = group.select(list(self._table.schema)).rechunk()
        runs = frame["symbol"].rle().struct.field("value")
        if not runs.is_sorted() or runs[0] <= self._behind:
            raise ValueError(f"{self._table.name}: symbols must be sorted, and each lie together")
        dates = next(frame[name] for name in _DATES if name in frame.columns)
        self.first = min(self.first, cast("date", dates.min()))
        self.last = max(self.last, cast("date", dates.max()))
        self.rows, self.symbols, self._behind = self.rows + frame.height, self.symbols + len(runs), runs[-1]
        self._writer.write_table(self._arrow(frame), row_group_size=frame.height)

    def close(self) -> None:
        """End the file."""
        self._writer.close()
        self._sink.end()

    def give_up(self) -> None:
        """End the writer without a file: else it would want to write its footer when it is collected."""
        self._sink.give_up()
        self._writer.close()

    @property
    def hash(self) -> str:
        """SHA-256 of the bytes so far."""
        return self._sink.hexdigest()

    def _arrow(self, frame: pl.DataFrame) -> pa.Table:
        """The rows as Arrow has them; texts by number in order of first appearance, so that bytes follow from rows."""
        columns = {
            name: _numbered(frame[name]) if kind == pl.String else frame[name].to_arrow().cast(_ARROW[kind])
            for name, kind in self._table.schema.items()
        }
        return pa.table(columns)


def _numbered(values: pl.Series) -> pa.DictionaryArray:
    runs = values.rle().struct.unnest()
    texts = runs["value"].unique(maintain_order=True).drop_nulls()
    numbers = runs["value"].replace_strict(texts, range(len(texts)), default=None, return_dtype=pl.Int32)
    # Through Polars: Arrow's own way from Python values begins by importing pandas.
    indices = numbers.gather(np.repeat(np.arange(len(runs), dtype=np.uint32), runs["len"].to_numpy())).to_arrow()
    return pa.DictionaryArray.from_arrays(indices, texts.to_arrow().cast(pa.string()))


def _row_groups(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """
    The rows cut behind the symbol with which a row group is full: a symbol is in one group, and where the cuts fall
    follows from the rows alone.
    """
    pending: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        if frame.is_empty():
            continue
        pending.append(frame)
        rows += frame.height
        if rows > GROUP_ROWS:
            whole = pl.concat(pending)
            *groups, rest = _cut(whole)
            yield from groups
            pending, rows = [rest], rest.height
    if rows:
        yield pl.concat(pending)


def _cut(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """The full row groups of a frame, and what is left: at least its last symbol, of which more may come."""
    ends = np.cumsum(frame["symbol"].rle().struct.field("len").to_numpy())
    groups, start = [], 0
    for end in ends[:-1].tolist():
        if end - start >= GROUP_ROWS:
            groups.append(frame.slice(start, end - start))
            start = end
    return [*groups, frame.slice(start)]


@dataclass(frozen=True)
class Partition:
    """One file of the panel as the catalog has it (`row`, a row of `PANELS`), found to be what it should be."""

    row: Mapping[str, Any]
    _data: pa.Buffer
    _path: Path

    @classmethod
    def open(cls, files: Files, row: Mapping[str, Any]) -> Partition:
        """Open a file and compare it with its hash. Raises `CorruptFile` when it is lost or is another."""
        key = row["key"]
        try:
            (path,) = files.local([key], {key: row["hash"]})
            source = pa.memory_map(str(path))
        except OSError as error:
            raise CorruptFile(
                files.name(key), f"it cannot be read ({error.strerror or error})", derived=True, key=key
            ) from error
        data = source.read_buffer()
        if hashlib.sha256(data).hexdigest() != row["hash"]:
            raise CorruptFile(files.name(key), "its bytes differ from the hash in the catalog", derived=True, key=key)
        return cls(row, data, path)

    def read(self, columns: Sequence[str] | None = None, symbols: Collection[str] | None = None) -> pl.DataFrame:
        """Its rows, of these columns and symbols where some are named, sorted."""
        names = list(self._schema if columns is None else columns)
        if symbols is None:
            return self._frame(range(self._file.num_row_groups), names)
        if not symbols:
            return self._frame((), names)
        both, mine = list(dict.fromkeys([*names, "symbol"])), pl.col("symbol").is_in(list(symbols))
        groups = self._groups(symbols)
        if 4 * len(symbols) > self.row["symbols"]:
            return self._frame(groups, both).filter(mine).select(names)
        # Of a few symbols here and there no more is held than a row group beside their own rows.
        found = [self._frame((group,), both).filter(mine).select(names) for group in groups]
        return pl.concat(found) if found else self._frame((), names)

    def where(self, *wanted: pl.Expr) -> pl.DataFrame:
        """Its rows for which all of `wanted` hold; of the others hardly more is read than what tells them apart."""
        # The very bytes that were held against the hash: under the path others may lie by now.
        found = pl.scan_parquet(self._data.to_pybytes()).filter(*wanted)
        return found.select(pl.col(name).cast(kind) for name, kind in self._schema.items()).collect()

    def groups_of(self, symbols: Collection[str]) -> int:
        """How many row groups have to be read for these symbols."""
        return len(self._groups(symbols))

    def _groups(self, symbols: Collection[str]) -> list[int]:
        wanted = sorted(symbols)
        found = ((bisect_left(wanted, first), last) for first, last in self._spans)
        return [number for number, (at, last) in enumerate(found) if at < len(wanted) and wanted[at] <= last]

    def frames(self, without: Collection[str] = ()) -> Iterator[pl.DataFrame]:
        """Its rows a row group at a time, without those of some symbols."""
        gone = pl.Series(sorted(without), dtype=pl.String)
        for number in range(self._file.num_row_groups):
            found = self._frame((number,), list(self._schema))
            yield found.filter(~pl.col("symbol").is_in(gone.implode())) if without else found

    def content(self) -> str:
        """The digest over its rows."""
        return content_of(self.row["dataset"], self.frames())

    @property
    def _schema(self) -> dict[str, Any]:
        return PANEL_TABLES[self.row["dataset"]].schema

    @cached_property
    def _file(self) -> pq.ParquetFile:
        return pq.ParquetFile(pa.BufferReader(self._data))

    @cached_property
    def _spans(self) -> list[tuple[str, str]]:
        """First and last symbol of each row group."""
        told = self._file.metadata
        found = (told.row_group(number).column(0).statistics for number in range(told.num_row_groups))
        return [(one.min, one.max) for one in found]

    def _frame(self, groups: Collection[int], names: list[str]) -> pl.DataFrame:
        schema = {name: self._schema[name] for name in names}
        if not groups:
            return pl.DataFrame(schema=schema)
        if len(groups) == self._file.num_row_groups > 1:
            # Polars reads columns at once, and takes half the time for all of them.
            frame = pl.read_parquet(self._path, columns=names, glob=False, hive_partitioning=False)
        else:
            frame = pl.DataFrame(self._file.read_row_groups(list(groups), columns=names))
        return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
