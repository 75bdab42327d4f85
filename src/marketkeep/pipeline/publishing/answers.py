"""
What answers said beside their rows: which spans they settle, and what they met or were refused for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl

from marketkeep.model import ASKED, EVERYTHING, FINDINGS, NOT_FOUND, PLAN_LIMIT, Batch, Lineage
from marketkeep.model.redact import redact_url

_REMEMBERED = (NOT_FOUND, PLAN_LIMIT)
_Key = tuple[str, str, str, str | None]
_Span = tuple[date, date, datetime]


def asked_after(before: pl.DataFrame, new: Iterable[Batch]) -> pl.DataFrame:
    """
    The ledger of what sources have answered for, the new answers merged in: as `ASKED` rows.

    A refusal is no answer, except one that asking again would not change for a while; it is kept apart, because it
    expires.
    """
    told: dict[_Key, list[_Span]] = {}
    for batch in new:
        for one in batch.lineage:
            if (one.refused is None or one.refused in _REMEMBERED) and one.start and one.end:
                for symbol in one.symbols or (EVERYTHING,):
                    key = (batch.dataset, batch.source, symbol, one.refused)
                    _append(told.setdefault(key, []), (one.start, one.end, one.fetched_at))
    if not told:
        return before
    names = ["dataset", "source", "symbol", "refused"]
    keys = pl.DataFrame(list(told), schema={name: ASKED.schema[name] for name in names}, orient="row")
    kept = before.join(keys, on=names, how="anti", nulls_equal=True)
    earlier = before.join(keys, on=names, how="semi", nulls_equal=True).select(list(ASKED.schema))
    for dataset, source, symbol, refused, start, end, at in earlier.iter_rows():
        told[dataset, source, symbol, refused].append((start, end, at))
    rows = [(*name, *span) for name, spans in told.items() for span in _merged(spans)]
    return pl.concat([kept, pl.DataFrame(rows, schema=ASKED.schema, orient="row")]).sort(*ASKED.key)


def _append(spans: list[_Span], span: _Span) -> None:
    """Add a span; one that goes on where the last one ends makes that longer, as when a market is told day by day."""
    if spans and spans[-1][0] <= span[0] <= spans[-1][1]:
        span = (spans[-1][0], max(spans[-1][1], span[1]), max(spans[-1][2], span[2]))
        spans.pop()
    spans.append(span)


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
        "repeated": 0,
        # What was only met on the way was got over by the answer that came.
        "resolved_at": one.fetched_at if severity == "info" else None,
        "resolved_by": batch.batch_id if severity == "info" else None,
    }
