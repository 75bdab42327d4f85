"""
What new raw batches touch: which symbols, over which dates, and what their answers said beside their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from marketkeep.model import ASKED, FINDINGS, Batch, Lineage
from marketkeep.model.redact import redact_url
from marketkeep.pipeline.workspace import Workspace

NOT_FOUND = "not_found"
EMPTY = "empty"
"""The faults of answers that say the source knows no such symbol, and that it has no rows for the window."""

_Key = tuple[str, str, str, bool]
_Span = tuple[date, date, datetime]


@dataclass(frozen=True, slots=True)
class Touched:
    """One symbol: dates of its new bars, both included (None when none), rows to come, and whether actions are new."""

    symbol: str
    first: date | None
    last: date | None
    rows: int
    actions: bool


def touched(work: Workspace, new: Sequence[Batch]) -> list[Touched]:
    """The symbols that new batches hold rows of, sorted."""
    bars = _spans(work, new, "daily_bars", "date")
    actions = _spans(work, new, "actions", "ex_date")
    both = sorted(set(bars) | set(actions))
    found = []
    for symbol in both:
        first, last, rows = bars.get(symbol, (None, None, 0))
        found.append(Touched(symbol, first, last, rows, symbol in actions))
    return found


def _spans(work: Workspace, new: Sequence[Batch], dataset: str, column: str) -> dict[str, tuple[date, date, int]]:
    paths = [work.root / batch.path for batch in new if batch.dataset == dataset and batch.rows]
    if not paths:
        return {}
    found = (
        pl.scan_parquet(paths, glob=False)
        .group_by("symbol")
        .agg(first=pl.col(column).min(), last=pl.col(column).max(), rows=pl.len())
        .collect()
    )
    return {symbol: (first, last, rows) for symbol, first, last, rows in found.iter_rows()}


def asked_after(before: pl.DataFrame, new: Iterable[Batch]) -> pl.DataFrame:
    """
    The ledger of what sources have answered for, the new answers merged in: as `ASKED` rows.

    A refusal is no answer, except that a source knows no such symbol; that is kept apart, because it expires.
    """
    told: dict[_Key, list[_Span]] = {}
    for batch in new:
        for one in batch.lineage:
            settled = one.refused is None or one.refused == NOT_FOUND
            if settled and one.symbol and one.start and one.end:
                key = (batch.dataset, batch.source, one.symbol, one.refused is not None)
                told.setdefault(key, []).append((one.start, one.end, one.fetched_at))
    if not told:
        return before
    names = ["dataset", "source", "symbol", "refused"]
    keys = pl.DataFrame(list(told), schema=names, orient="row")
    kept = before.join(keys, on=names, how="anti")
    earlier = before.join(keys, on=names, how="semi").select(list(ASKED.schema))
    for dataset, source, symbol, refused, start, end, at in earlier.iter_rows():
        told[dataset, source, symbol, refused].append((start, end, at))
    rows = [(*name, *span) for name, spans in told.items() for span in _merged(spans)]
    return pl.concat([kept, pl.DataFrame(rows, schema=ASKED.schema, orient="row")]).sort(*ASKED.key)


def _merged(spans: list[_Span]) -> list[_Span]:
    """Overlapping or adjoining spans as one, with the time of the latest answer."""
    merged: list[_Span] = []
    for start, end, at in sorted(spans):
        if merged and start <= merged[-1][1]:
            before = merged[-1]
            merged[-1] = (before[0], max(before[1], end), max(before[2], at))
        else:
            merged.append((start, end, at))
    return merged


def answer_findings(new: Iterable[Batch]) -> pl.DataFrame:
    """What answers met on the way or were refused for, as `FINDINGS` rows: one per answer and fault."""
    rows = []
    for batch in new:
        for one in batch.lineage:
            address = redact_url(one.url)
            for code in sorted(set(one.faults)):
                count = one.faults.count(code)
                rows.append(_finding(batch, one, code, "info", count, f"Met before an answer came from {address}"))
            if one.refused:
                rows.append(_finding(batch, one, one.refused, "warning", 1, f"Refused what came from {address}"))
    return pl.DataFrame(rows, schema=FINDINGS.schema) if rows else FINDINGS.empty()


def _finding(batch: Batch, one: Lineage, code: str, severity: str, count: int, detail: str) -> dict[str, object]:
    return {
        "check": code,
        "severity": severity,
        "dataset": batch.dataset,
        "symbol": one.symbol,
        "source": batch.source,
        "first": one.start,
        "last": one.end,
        "count": count,
        "detail": detail,
        "batch_id": batch.batch_id,
        "detected_at": one.fetched_at,
    }
