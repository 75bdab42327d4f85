"""
Why an answer has no rows, told where it is the question's range: before all that is held, or behind all sessions.

A range in which nothing is held yet, behind the last session held or between two, is answered by no rows: that is how
a program learns that there is nothing new.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from marketkeep.errors import BadInput, NotFound
from marketkeep.stores.lake import Catalog, Lake

_NAMED = 3


def refuse_vain(
    lake: Lake, catalog: Catalog, dataset: str, symbols: Collection[str], start: date | None, end: date | None
) -> None:
    """
    For a question about bars of a dataset that has no answer, of these symbols or of all.

    Raises `NotFound` when the range ends before the first session held of any of them, and `BadInput` when it begins
    behind the last session that a calendar knows.
    """
    held = catalog.entries.filter(pl.col("dataset") == dataset)
    if symbols:
        held = held.filter(pl.col("symbol").is_in(list(symbols)))
    first: date | None = held["first"].min()  # type: ignore[assignment]
    if first is None:
        return
    if end is not None and end < first:
        bars = "minute bars" if dataset == "minute_bars" else "bars"
        raise NotFound(
            f"{_who(symbols)}: no {bars} through {end}; the first session held is {first}. {_remedy(lake, end)}"
        )
    if start is not None and start > first:
        # The calendar is loaded for this question alone.
        from marketkeep.calendars import XNYS  # noqa: PLC0415

        if start > XNYS.last:
            raise BadInput(f"start={start} lies behind the last session that is known to come, {XNYS.last}")


def _who(symbols: Collection[str]) -> str:
    named = sorted(symbols)
    if not named:
        return "all symbols"
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def _remedy(lake: Lake, end: date) -> str:
    begins = lake.policy().start
    if end < begins:
        return f"Sources are asked from {begins} on; older bars come from files: marketkeep ingest"
    return "marketkeep backfill asks for older ones"
