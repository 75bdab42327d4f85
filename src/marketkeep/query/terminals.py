"""
What every lazy question can be ended with: a frame of one library or another, or a file. It knows no question itself.

Files are written part by part as the answer comes and renamed when whole, so that what is there is never half of one.
"""

# Each library is imported by the method that hands out its frames.
# ruff: noqa: PLC0415

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.files import replacing
from marketkeep.stores.lake import records

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_ROW_GROUP = 131_072


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

    def numpy(self) -> npt.NDArray[Any]:
        """The answer as a structured array: a record a row, a field a column; null numbers are NaN."""
        return self.polars().to_numpy(structured=True)

    def duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """
        The answer as a relation of DuckDB, over its Arrow table: of `connection`, or of DuckDB's own default one.
        """
        import duckdb

        return (connection or duckdb.default_connection()).from_arrow(self.arrow())

    def spark(self, session: SparkSession | None = None) -> SparkFrame:
        """
        The answer as a frame of Spark (needs the `spark` extra): of `session`, or of the active one, or of a new one.
        """
        from marketkeep.query.spark_panel import to_spark

        return to_spark(session_or_own(session), self.polars())

    def csv(self, path: str | Path) -> Path:
        """
        Write CSV with a header, null as empty, dates as YYYY-MM-DD, times as YYYY-MM-DDTHH:MM:SSZ; returns the path.
        """
        parts = self._begun()
        with replacing(Path(path)) as file:
            for number, frame in enumerate(parts):
                frame.write_csv(file, datetime_format=_INSTANT, include_header=number == 0)
        return Path(path)

    def json(self, path: str | Path) -> Path:
        """Write a JSON array of records, the form of the published JSON files; returns the path."""
        parts = self._begun()
        with replacing(Path(path)) as file:
            begun = False
            for frame in parts:
                for part in frame.iter_slices(_ROW_GROUP):
                    file.write((",\n" if begun else "[\n").encode())
                    file.write(",\n".join(records.lines(part)).encode())
                    begun = True
            file.write(b"\n]\n" if begun else b"[]\n")
        return Path(path)

    def parquet(self, path: str | Path) -> Path:
        """Write Parquet, compressed with zstd; returns the path."""
        parts = self._batches()
        first = next(parts)
        second = next(parts, None)
        with replacing(Path(path)) as file:
            if second is None:
                first.write_parquet(file, row_group_size=_ROW_GROUP)
            else:
                _in_groups(file, first, second, parts)
        return Path(path)

    def _batches(self) -> Iterator[pl.DataFrame]:
        """The answer in parts of the same columns, in order, at least one; a question may know how to come in many."""
        yield self.polars()

    def _begun(self) -> Iterator[pl.DataFrame]:
        """The same, the first part read by now: what cannot be answered leaves no file."""
        parts = self._batches()
        return chain([next(parts)], parts)


def session_or_own(session: SparkSession | None) -> SparkSession:
    """The session given, the active one, or a new one as the environment sets it. Raises `BadInput` without Spark."""
    if session is not None:
        return session
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise BadInput("spark() needs PySpark; install it with: pip install 'marketkeep[spark]'") from None
    builder: Any = SparkSession.builder
    found: SparkSession = SparkSession.getActiveSession() or builder.getOrCreate()
    return found


def _in_groups(file: BinaryIO, first: pl.DataFrame, second: pl.DataFrame, rest: Iterator[pl.DataFrame]) -> None:
    """One Parquet file of many parts, a row group or more each."""
    import pyarrow.parquet as pq

    table = first.to_arrow()
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        writer.write_table(table, _ROW_GROUP)
        del table, first
        writer.write_table(second.to_arrow(), _ROW_GROUP)
        del second
        for frame in rest:
            writer.write_table(frame.to_arrow(), _ROW_GROUP)
