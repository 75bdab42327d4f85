"""
Reference tables: tickers, ticker_metadata and ticker_history from all that raw tells of securities. All are small and
written whole; of what they are made from only new batches are read, because a directory repeats itself every day.

Who had which ticker is worked out before bars are published, because these go where it says; the rest rests on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from marketkeep.gold.identity import DELISTING_FORMS, Identity, Told, identify, reference, sightings, together
from marketkeep.gold.yields import treasury_securities
from marketkeep.model import RAW_TABLES, UTC
from marketkeep.model.tables import Dtype
from marketkeep.pipeline.publishing.folded import Fold, folded
from marketkeep.pipeline.publishing.rows import batch_files
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.reference import treasury_yields

SYMBOLOGY_RESTS_ON = frozenset({"listings", "ticker_history", "companies", "filings"})
"""The datasets that tell who had which ticker."""

RESTS_ON = frozenset({"listings", "securities", "ticker_history", "companies", "filings", "treasury_yields"})
"""The datasets that the reference tables are made from, beside the bars held."""

_LINEAGE: dict[str, Dtype] = {"source": pl.String, "fetched_at": UTC, "digest": pl.String, "batch_id": pl.String}
_FILED = {"cik": pl.Int64, "form": pl.String, "filed": pl.Date}
_TELLING = ["cik", "fetched_at", "batch_id", "payload"]


_NOBODY = pl.DataFrame(schema={"symbol": pl.String, "first_session": pl.Date, "last_session": pl.Date})


def identified(work: Workspace, batches: pl.DataFrame) -> Identity:
    """Who had which ticker when, by these raw batches (`BATCHES` rows) and nothing that is published."""
    return identify(_told(work, batches, _NOBODY))


def publish_reference(
    work: Workspace, entries: pl.DataFrame, batches: pl.DataFrame, known: Identity | None = None
) -> None:
    """
    Write reference/tickers, reference/ticker_metadata and reference/ticker_history; the yields are published before.

    `entries` are the catalog's (`CATALOG` rows), `batches` the raw batches to rest on (`BATCHES` rows), `known` what
    `identified` made of these. The same batches give the same tables, whatever the order in which they were absorbed.
    """
    told = _told(work, batches, held_spans(entries))
    known = known or identify(told)
    securities, history = reference(told, known)
    points = treasury_securities(treasury_yields(work.lake))
    others = securities.join(points, on="symbol", how="anti", maintain_order="left")
    work.lake.put_frame(layout.METADATA, pl.concat([others, points]).sort("symbol"))
    for path, frame in ((layout.HISTORY, history), (layout.TICKERS, known.tickers)):
        if frame.is_empty():
            work.lake.drop(path)
        else:
            work.lake.put_frame(path, frame)


def companies(work: Workspace, batches: pl.DataFrame) -> pl.DataFrame:
    """The newest statement about each company, by these raw batches (`BATCHES` rows)."""
    return folded(work, batches, _COMPANIES)


def _told(work: Workspace, batches: pl.DataFrame, held: pl.DataFrame) -> Told:
    return Told(
        folded(work, batches, _LISTINGS),
        stated=work.batches.rows("securities", batch_files(batches, "securities")),
        history=work.batches.rows("ticker_history", batch_files(batches, "ticker_history")),
        companies=folded(work, batches, _COMPANIES),
        filings=folded(work, batches, _FILINGS),
        held=held,
    )


def held_spans(entries: pl.DataFrame) -> pl.DataFrame:
    """First and last session held of each symbol's daily bars, by symbol."""
    bars = entries.filter(pl.col("dataset") == "daily_bars")
    spans = bars.group_by("symbol").agg(first_session=pl.col("first").min(), last_session=pl.col("last").max())
    return spans.sort("symbol")


def _newest(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The newest statement about each company."""
    none = pl.DataFrame(schema={**RAW_TABLES["companies"].schema, **_LINEAGE})
    told = pl.concat([none, *parts]).sort(*_TELLING)
    return told.unique("cik", keep="last", maintain_order=True)


def _endings(rows: pl.DataFrame) -> pl.DataFrame:
    """The filings that end a listing: few among all that companies filed."""
    return rows.filter(pl.col("form").is_in(DELISTING_FORMS)).select(list(_FILED))


def _every(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=_FILED), *parts]).unique().sort("cik", "filed", "form")


_LISTINGS = Fold("listings", sightings, together)
_COMPANIES = Fold("companies", lambda rows: _newest([rows]), _newest)
_FILINGS = Fold("filings", _endings, _every)
