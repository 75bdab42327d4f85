"""
Reference tables: ticker_metadata and ticker_history from all that raw tells of securities. Both are small and written
whole; what they are made from is read in parts, because a directory repeats itself every day.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from marketkeep.gold.identity import DELISTING_FORMS, Told, reference, sightings, together
from marketkeep.pipeline.publish import batch_files
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout

_PART_ROWS = 250_000


def publish_reference(work: Workspace, entries: pl.DataFrame, batches: pl.DataFrame) -> None:
    """
    Write reference/ticker_metadata and reference/ticker_history.

    `entries` are the catalog's (`CATALOG` rows), `batches` the raw batches to rest on (`BATCHES` rows). The same
    batches give the same tables, whatever the order in which they were absorbed.
    """
    seen = together([sightings(rows) for rows in _parts(work, batches, "listings")])
    companies = work.batches.rows("companies", batch_files(batches, "companies"))
    told = Told(
        seen,
        stated=work.batches.rows("securities", batch_files(batches, "securities")),
        history=work.batches.rows("ticker_history", batch_files(batches, "ticker_history")),
        companies=companies.unique("cik", keep="last", maintain_order=True),
        filings=_filings(work, batches),
        held=_held(entries),
    )
    securities, history = reference(told)
    work.lake.put_frame(layout.METADATA, securities)
    if history.is_empty():
        work.lake.drop(layout.HISTORY)
    else:
        work.lake.put_frame(layout.HISTORY, history)


def _filings(work: Workspace, batches: pl.DataFrame) -> pl.DataFrame:
    """The filings that end a listing: few among all that companies filed."""
    parts = [
        rows.filter(pl.col("form").is_in(DELISTING_FORMS)).select("cik", "form", "filed")
        for rows in _parts(work, batches, "filings")
    ]
    none = pl.DataFrame(schema={"cik": pl.Int64, "form": pl.String, "filed": pl.Date})
    return pl.concat([none, *parts]).unique().sort("cik", "filed", "form")


def _held(entries: pl.DataFrame) -> pl.DataFrame:
    bars = entries.filter(pl.col("dataset") == "daily_bars")
    return bars.group_by("symbol").agg(first_session=pl.col("first").min(), last_session=pl.col("last").max())


def _parts(work: Workspace, batches: pl.DataFrame, dataset: str) -> Iterator[pl.DataFrame]:
    """The raw rows of a dataset, so many at a time."""
    mine = batches.filter(pl.col("dataset") == dataset)
    sizes = dict(mine.select("path", "rows").iter_rows())
    part: list[str] = []
    count = 0
    for path in batch_files(batches, dataset):
        if part and count + sizes[path] > _PART_ROWS:
            yield work.batches.rows(dataset, part)
            part, count = [], 0
        part.append(path)
        count += sizes[path]
    if part:
        yield work.batches.rows(dataset, part)
