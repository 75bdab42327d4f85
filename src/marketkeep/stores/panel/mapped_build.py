"""
Making a mapped partition: the rows of one Parquet partition as one uncompressed Arrow IPC file.

The file is laid out first, empty, and filled a row group at a time, so that a month of the whole market's minutes
needs no more memory than one row group. Strings become views, so that a frame over the map copies none of them. The
file's metadata hold the index: which symbol's rows begin where. It refuses rows that are not sorted by symbol.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from marketkeep.errors import CorruptFile

Array = npt.NDArray[Any]
SYMBOLS, STARTS = b"symbols", b"starts"
_VIEW = np.dtype("V16")


def build(source: pa.Buffer, target: Path) -> None:
    """
    Write the rows of the Parquet bytes `source` (sorted by symbol) to `target`, aside and then renamed.

    Raises `OSError` where it cannot be written and `CorruptFile` when `source` is not what it should be; nothing is
    left behind then.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}-{get_ident()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(source, aside, target)
        aside.replace(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError) as error:
        raise CorruptFile(target, f"the panel does not hold what it should ({error})", derived=True) from error
    finally:
        aside.unlink(missing_ok=True)


def _write(source: pa.Buffer, aside: Path, target: Path) -> None:
    strings = [one.name for one in pq.read_schema(pa.BufferReader(source)) if _is_text(one.type)]
    with pq.ParquetFile(pa.BufferReader(source), read_dictionary=strings) as file:
        texts = {name: _Text() for name in strings}
        index = _Index()
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, columns=strings)
            for name, text in texts.items():
                codes = text.codes(part.column(name))
                if name == "symbol":
                    index.add(codes, text.values)
        rows = file.metadata.num_rows
        if index.rows != rows or index.symbols != sorted(set(index.symbols)):
            raise CorruptFile(target, "the rows of the panel are not sorted by symbol", derived=True)
        layout = _Layout(rows, file.schema_arrow, texts, _nulls(file))
        _lay_out(aside, layout, index)
        with aside.open("r+b") as out:
            _fill(out.fileno(), aside, file, layout)
            # On the disk before it has its name: a power cut must not leave a file of the right size full of zeros.
            os.fsync(out.fileno())


def _is_text(dtype: pa.DataType) -> bool:
    inner = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner))


def _nulls(file: pq.ParquetFile) -> dict[str, int]:
    """How many values of each column are null, of those that have any."""
    found: dict[str, int] = {}
    for group in range(file.num_row_groups):
        told = file.metadata.row_group(group)
        for at in range(told.num_columns):
            one = told.column(at)
            name, known = one.path_in_schema, one.statistics is not None and one.statistics.has_null_count
            count = one.statistics.null_count if known else file.read_row_group(group, [name]).column(0).null_count
            found[name] = found.get(name, 0) + count
    return {name: count for name, count in found.items() if count}


@dataclass
class _Text:
    """The distinct values of a column of text, in the order met."""

    values: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def codes(self, column: pa.ChunkedArray) -> Array:
        """The place of each row's value; of a null the first."""
        parts = []
        for chunk in column.chunks:
            for value in chunk.dictionary.to_pylist():
                if value not in self._places:
                    self._places[value] = len(self.values)
                    self.values.append(value)
            places = np.array([self._places[one] for one in chunk.dictionary.to_pylist()] or [0], np.int64)
            parts.append(places[chunk.indices.fill_null(0).to_numpy(zero_copy_only=False)])
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def views(self) -> pa.Array:
        """The distinct values as views."""
        return pa.array(self.values or [""], pa.string()).cast(pa.string_view())


@dataclass
class _Index:
    """Where each symbol's rows begin."""

    symbols: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    rows: int = 0
    _last: int = -1

    def add(self, codes: Array, values: list[str]) -> None:
        """The next rows, by the place of their symbol among `values`."""
        if not len(codes):
            return
        begins = np.flatnonzero(np.diff(codes, prepend=self._last))
        self.symbols += [values[code] for code in codes[begins]]
        self.starts += (begins + self.rows).tolist()
        self.rows += len(codes)
        self._last = int(codes[-1])

    def metadata(self) -> dict[bytes, bytes]:
        """As the file's metadata: names a line; places, and the number of rows behind, as 64-bit integers in base64."""
        starts = np.array([*self.starts, self.rows], "<i8")
        return {SYMBOLS: "\n".join(self.symbols).encode(), STARTS: b64encode(starts.tobytes())}


@dataclass
class _Layout:
    """The columns of a partition as they lie in its file."""

    rows: int
    schema: pa.Schema
    texts: dict[str, _Text]
    nulls: dict[str, int]

    def dtype(self, name: str) -> pa.DataType:
        """The type of a column in the file."""
        return pa.string_view() if name in self.texts else self.schema.field(name).type

    def width(self, name: str) -> int:
        """Bytes a row."""
        return 16 if name in self.texts else int(self.dtype(name).bit_width) // 8


def _lay_out(aside: Path, layout: _Layout, index: _Index) -> None:
    """The whole file with zeros for rows."""
    names = layout.schema.names
    zeros = np.zeros(layout.rows * max(layout.width(name) for name in names), np.uint8)
    columns = []
    for name in names:
        validity = pa.py_buffer(np.zeros((layout.rows + 7) // 8, np.uint8)) if name in layout.nulls else None
        values = pa.py_buffer(zeros[: layout.rows * layout.width(name)])
        beyond = layout.texts[name].views().buffers()[2:] if name in layout.texts else []
        # The count is written beside the column, and is not worked out again from what is filled in.
        count = layout.nulls.get(name, 0)
        columns.append(pa.Array.from_buffers(layout.dtype(name), layout.rows, [validity, values, *beyond], count))
    schema = pa.schema([(name, layout.dtype(name)) for name in names], metadata=index.metadata())
    with pa.OSFile(str(aside), "wb") as sink, pyarrow.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _fill(out: int, aside: Path, file: pq.ParquetFile, layout: _Layout) -> None:
    with pa.memory_map(str(aside)) as source:
        whole = source.read_buffer()
        batch = pyarrow.ipc.open_file(whole).get_batch(0)
        places = {
            name: [0 if one is None else int(one.address - whole.address) for one in batch.column(name).buffers()]
            for name in layout.schema.names
        }
        del batch, whole
    known = {name: np.zeros(layout.rows, np.bool_) for name in layout.nulls}
    views = {name: np.frombuffer(text.views().buffers()[1], _VIEW) for name, text in layout.texts.items()}
    row = 0
    for group in range(file.num_row_groups):
        part = file.read_row_group(group)
        for name in layout.schema.names:
            column = part.column(name)
            if name in known:
                known[name][row : row + len(column)] = column.is_valid().to_numpy()
            chosen = layout.texts[name].codes(column) if name in views else None
            at = places[name][1] + row * layout.width(name)
            for data in [views[name][chosen]] if chosen is not None else _numbers(column):
                at += os.pwrite(out, data.data, at)
        row += part.num_rows
    for name, valid in known.items():
        os.pwrite(out, np.packbits(valid, bitorder="little").data, places[name][0])


def _numbers(column: pa.ChunkedArray) -> Iterator[Array]:
    """The values of a column of numbers, dates or times; in place of null NaN, or 0 where there is none."""
    for chunk in column.chunks:
        plain = chunk
        if pa.types.is_temporal(chunk.type):
            plain = chunk.view(pa.int32() if chunk.type.bit_width == 32 else pa.int64())
        filler = float("nan") if pa.types.is_floating(plain.type) else 0
        yield np.ascontiguousarray(plain.fill_null(filler).to_numpy(zero_copy_only=False))
