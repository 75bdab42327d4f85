"""
Plain tables: CSV with a file per symbol, or Parquet with one file of all, each with the corporate actions beside it.

Both hold everything a keep has of a bar, to the last bit. CSV has a file per symbol, because that is how tools without
a database read bars, and `columns.csv` with the meaning and unit of each column; Parquet has one file, sorted by symbol
and time, whose fields carry both. Unknown is an empty cell, or null.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from marketkeep.export.wanted import EVERYTHING, Reader
from marketkeep.model import ACTIONS, DAILY_BARS, INDEX_MEMBERS, MINUTE_BARS, Symbol, Table

_TIMES = "%Y-%m-%dT%H:%M:%SZ"
_GROUP = 1 << 17


def write_csv(reader: Reader, folder: Path) -> int:
    """Write `<table>/<symbol>.csv`, actions.csv and columns.csv; how many bars."""
    table = _table(reader)
    (folder / table.name).mkdir()
    bars = 0
    for piece in _pieces(reader):
        bars += piece.height
        for (symbol,), mine in piece.partition_by("symbol", as_dict=True, maintain_order=True).items():
            path = folder / table.name / f"{Symbol(str(symbol)).folder}.csv"
            # A symbol's months of minute bars come one after the other.
            with path.open("ab") as file:
                mine.write_csv(file, include_header=file.tell() == 0, datetime_format=_TIMES)
    for other, rows in _beside(reader):
        rows.write_csv(folder / f"{other.name}.csv", datetime_format=_TIMES)
    _columns(table, ACTIONS).write_csv(folder / "columns.csv")
    return bars


def write_parquet(reader: Reader, folder: Path) -> int:
    """Write `<table>.parquet` and actions.parquet; how many bars."""
    table = _table(reader)
    bars = 0
    writer: pq.ParquetWriter | None = None
    try:
        for piece in _pieces(reader):
            bars += piece.height
            rows = _arrow(table, piece)
            writer = writer or pq.ParquetWriter(folder / f"{table.name}.parquet", rows.schema, compression="zstd")
            writer.write_table(rows, row_group_size=_GROUP)
    finally:
        if writer is not None:
            writer.close()
    for other, rows in _beside(reader):
        pq.write_table(_arrow(other, rows), folder / f"{other.name}.parquet", compression="zstd")
    return bars


def _table(reader: Reader) -> Table:
    return MINUTE_BARS if reader.wanted.minute else DAILY_BARS


def _pieces(reader: Reader) -> Iterator[pl.DataFrame]:
    for group in reader.pieces():
        if reader.wanted.minute:
            for symbol in group:
                yield from reader.minutes(symbol)
        else:
            yield reader.bars(group)


def _beside(reader: Reader) -> Iterator[tuple[Table, pl.DataFrame]]:
    """What is not a bar: the actions, and of an index who was a member when."""
    yield ACTIONS, reader.actions(reader.symbols).sort("symbol", "ex_date", "kind")
    if reader.wanted.universe not in (None, EVERYTHING):
        yield INDEX_MEMBERS, reader.keep.index_members(reader.wanted.universe, **reader.wanted.clocks)


def _columns(*tables: Table) -> pl.DataFrame:
    rows = [(table.name, column.name, column.unit, column.doc) for table in tables for column in table.columns]
    return pl.DataFrame(rows, schema=["table", "column", "unit", "meaning"], orient="row")


def _arrow(table: Table, rows: pl.DataFrame) -> pa.Table:
    """With plain strings, which every reader knows, and what each column means."""
    meant = {column.name: column for column in table.columns}
    found = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    fields = [
        pa.field(
            field.name,
            pa.string() if pa.types.is_large_string(field.type) else field.type,
            metadata={"unit": meant[field.name].unit, "meaning": meant[field.name].doc},
        )
        for field in found.schema
    ]
    return found.cast(pa.schema(fields))
