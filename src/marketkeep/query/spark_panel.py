"""
The panel's files as Spark reads them, and frames of ours handed to it. It knows no question.

Spark reads the Parquet itself where it can reach it: a folder that all its machines share, or a bucket where it has the
s3a file system. Elsewhere its workers read through the files of the keep.
"""

# PySpark and pyarrow are imported when a Spark frame is asked for: nothing else may wait for them.
# ruff: noqa: PLC0415

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkeep.files import Files
from marketkeep.model import PANEL_TABLES, UTC
from marketkeep.model.tables import Dtype

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_ROWS_AT_ONCE = 131_072
_numbers = count(1)


def spark_schema(schema: Mapping[str, Dtype]) -> StructType:
    """The columns of a frame as Spark's types; instants are timestamps."""
    from pyspark.sql import types

    known: dict[Any, type[types.DataType]] = {
        pl.String: types.StringType,
        pl.Date: types.DateType,
        pl.Float64: types.DoubleType,
        pl.Int16: types.ShortType,
        pl.Int32: types.IntegerType,
        pl.Int64: types.LongType,
        UTC: types.TimestampType,
    }
    return types.StructType([types.StructField(name, known[dtype]()) for name, dtype in schema.items()])


def arrow_schema(schema: Mapping[str, Dtype]) -> pa.Schema:
    """The columns of a frame in the Arrow types that Spark takes and gives."""
    import pyarrow as pa

    known: dict[Any, pa.DataType] = {
        pl.String: pa.string(),
        pl.Date: pa.date32(),
        pl.Float64: pa.float64(),
        pl.Int16: pa.int16(),
        pl.Int32: pa.int32(),
        pl.Int64: pa.int64(),
        UTC: pa.timestamp("us", "UTC"),
    }
    return pa.schema([(name, known[dtype]) for name, dtype in schema.items()])


def arrow_batches(frame: pl.DataFrame, schema: Mapping[str, Dtype]) -> list[pa.RecordBatch]:
    """A frame as record batches of exactly these columns."""
    table = frame.select(list(schema)).to_arrow().cast(arrow_schema(schema))
    batches: list[pa.RecordBatch] = table.to_batches(_ROWS_AT_ONCE)
    return batches


def frame_of(table: pa.Table, schema: Mapping[str, Dtype]) -> pl.DataFrame:
    """What Spark hands to a worker, as a frame of these columns: it tells instants by another zone's clock."""
    return pl.DataFrame(table.select(list(schema)).cast(arrow_schema(schema)))


def to_spark(session: SparkSession, frame: pl.DataFrame) -> DataFrame:
    """A frame, small enough to be sent, as Spark's."""
    import pyarrow as pa

    batches = arrow_batches(frame, frame.schema)
    if not batches:
        return session.createDataFrame([], spark_schema(frame.schema))
    return session.createDataFrame(pa.Table.from_batches(batches), spark_schema(frame.schema))


def scan(session: SparkSession, files: Files, dataset: str, parts: pl.DataFrame, columns: Sequence[str]) -> DataFrame:
    """
    These columns of files of the panel (`PANELS` rows of one dataset), unread until an action; filters put on it reach
    the files.
    """
    table = PANEL_TABLES[dataset]
    if parts.is_empty():
        return session.createDataFrame([], spark_schema({name: table.schema[name] for name in columns}))
    if not _reaches(session, files):
        return _through_files(session, files, dataset, parts, columns)
    remote = "://" in files.place
    place = re.sub("^s3://", "s3a://", files.place) if remote else f"file://{Path(files.place).resolve()}"
    paths = [_plain(f"{place}/{key}") for key in parts["key"]]
    return session.read.schema(spark_schema(table.schema)).parquet(*paths).select(*columns)


def _plain(path: str) -> str:
    """A path that Hadoop takes for itself, whatever it is called: it reads patterns everywhere."""
    return re.sub(r"([\\{}\[\]*?,^])", r"\\\1", path)


def _reaches(session: SparkSession, files: Files) -> bool:
    """Whether Spark can read the files by itself."""
    machine: Any = getattr(session, "_jvm", None)
    if "://" not in files.place or machine is None:
        # Without a machine of its own it is a session far away, by Spark Connect: a cluster's.
        return True
    try:
        machine.java.lang.Class.forName(_S3A)
    except Exception:  # noqa: BLE001  # whatever Java says, it is not there
        return False
    return True


def _through_files(
    session: SparkSession, files: Files, dataset: str, parts: pl.DataFrame, columns: Sequence[str]
) -> DataFrame:
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

    known = PANEL_TABLES[dataset].schema
    schema = {name: known[name] for name in columns}
    told = parts.select("key", "hash").rows()
    word = f"marketkeep_panel_{next(_numbers)}"

    # Made anew for each question, so that what they close over goes along; options would be told in plans.
    class Reader(DataSourceReader):
        """Reads files of the panel, one a task."""

        def partitions(self) -> Sequence[InputPartition]:
            return [InputPartition(one) for one in told]

        def read(self, partition: InputPartition) -> Iterator[Any]:
            key, digest = partition.value
            return read_part(files, key, digest, schema)

    class Source(DataSource):
        """Files of the panel by the files of the keep."""

        @classmethod
        def name(cls) -> str:
            return word

        def schema(self) -> StructType:
            return spark_schema(schema)

        def reader(self, schema: StructType) -> DataSourceReader:
            return Reader()

    session.dataSource.register(Source)
    return session.read.format(word).load()


def read_part(files: Files, key: str, digest: str, schema: Mapping[str, Dtype]) -> Iterator[pa.RecordBatch]:
    """Columns of one file of the panel, read where this runs."""
    import pyarrow.parquet as pq

    [path] = files.local([key], {key: digest})
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(schema)):
            yield from arrow_batches(pl.DataFrame(batch), schema)
