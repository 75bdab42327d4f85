"""
Bars as a keep held them at a past instant, on Spark: the workers answer for some symbols each, from raw, as it is done
here for all.
"""

# PySpark and pyarrow are imported when a Spark frame is asked for: nothing else may wait for them.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from marketkeep.model.tables import Dtype
from marketkeep.query.bars import BarsRequest
from marketkeep.query.minutes import MinuteBarsRequest
from marketkeep.query.spark_panel import arrow_batches, spark_schema
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Request = TypeVar("Request", BarsRequest, MinuteBarsRequest)


def replayed(
    session: SparkSession,
    lake: Lake,
    request: Request,
    read: Callable[[Lake, BatchStore, Request], pl.DataFrame],
    schema: Mapping[str, Dtype],
    together: int,
) -> DataFrame:
    """
    What `read` answers to a request with an instant, in columns of `schema`: a task for so many symbols together.

    The workers open the keep where it lies and need this package. Errors are raised there, when the frame is read.
    """
    files, symbols = lake.files, sorted(request.symbols)

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for group in batch.to_pylist():
                asked = replace(request, symbols=tuple(group["symbols"].split()))
                yield from arrow_batches(read(Lake(files), BatchStore(files), asked), schema)

    groups = [(" ".join(symbols[at : at + together]),) for at in range(0, len(symbols), together)]
    told = session.createDataFrame(groups, "symbols string").repartition(max(1, len(groups)))
    return told.mapInArrow(answer, spark_schema(schema))
