"""
Keeping findings: one file per dataset and year, in which those of the dates looked at anew give way to what is found
now. Nothing else is touched, so an update costs what its dates cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import orjson
import polars as pl

from marketkeep.model import FINDINGS
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout

ANSWERS = "answers"
"""The folder of findings about answers: what was met on the way to one, or refused of it."""

Spans = Mapping[str, tuple[date, date] | None]
"""By symbol the dates looked at anew, both included; None for all there are."""

_SPANS = {"symbol": pl.String, "from": pl.Date, "to": pl.Date}


def replace_findings(work: Workspace, dataset: str, found: pl.DataFrame, spans: Spans) -> None:
    """Keep what was found of these symbols and dates in place of what was known of them; the rest stays."""
    rows = [(symbol, *(span or (date.min, date.max))) for symbol, span in spans.items()]
    anew = pl.DataFrame(rows, schema=_SPANS, orient="row")
    years = set(found["first"].dt.year().unique())
    for year in _held(work, dataset):
        if any(span is None or span[0].year <= year <= span[1].year for span in spans.values()):
            known = known_findings(work, dataset, year).with_row_index("row")
            gone = known.join(anew, on="symbol").filter(pl.col("first").is_between("from", "to"))["row"].unique()
            fresh = found.filter(pl.col("first").dt.year() == year)
            years.discard(year)
            if gone.is_empty() and fresh.is_empty():
                continue
            _write(work, dataset, year, [known.filter(~pl.col("row").is_in(gone.implode())).drop("row"), fresh])
    for year in sorted(years):
        _write(work, dataset, year, [found.filter(pl.col("first").dt.year() == year)])


def keep_answers(work: Workspace, found: pl.DataFrame) -> None:
    """Keep what was met with new answers; what a batch says of its answers never changes."""
    for year in found["detected_at"].dt.year().unique().sort():
        rows = found.filter(pl.col("detected_at").dt.year() == year)
        known = known_findings(work, ANSWERS, year)
        told = rows["batch_id"].unique().implode()
        _write(work, ANSWERS, year, [known.filter(~pl.col("batch_id").is_in(told)), rows])


def replace_whole(work: Workspace, dataset: str, found: pl.DataFrame) -> None:
    """Keep what was found of a dataset that is always looked at whole."""
    _write(work, dataset, 0, [found])


def hold_findings(work: Workspace) -> None:
    """Note which files of findings there are, for readers, who list nothing. Call it when all of them are written."""
    keys = [key for key in work.files.keys("quality/findings/") if key.endswith(".parquet")]
    if keys:
        work.lake.put(layout.FINDINGS_HELD, orjson.dumps(keys))
    else:
        work.lake.drop(layout.FINDINGS_HELD)


def known_findings(work: Workspace, dataset: str, year: int) -> pl.DataFrame:
    """What is kept of a dataset and year."""
    return work.lake.table(layout.findings(dataset, year), FINDINGS)


def _held(work: Workspace, dataset: str) -> list[int]:
    prefix = layout.findings(dataset, 0).rpartition("/")[0] + "/"
    return [int(key.removeprefix(prefix).removesuffix(".parquet")) for key in work.files.keys(prefix)]


def _write(work: Workspace, dataset: str, year: int, parts: list[pl.DataFrame]) -> None:
    whole = pl.concat(parts)
    path = layout.findings(dataset, year)
    if whole.is_empty():
        work.lake.drop(path)
    else:
        work.lake.put_frame(path, whole.sort(*FINDINGS.key, "detail", "detected_at"))
