"""
Which dates of a symbol an update looks at again: those that its new rows may reach, and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.checks import NEAR_DAYS
from marketkeep.model import Symbol, Thresholds
from marketkeep.pipeline.publishing.rows import Spans
from marketkeep.pipeline.publishing.touched import Touched
from marketkeep.stores.lake import Catalog

NEAR = timedelta(days=NEAR_DAYS)
"""How far rows may decide on each other: who wins, and whether an event took place."""


def spans_of(
    catalog: Catalog, group: Sequence[Touched], retold: Collection[str], published: pl.DataFrame, thresholds: Thresholds
) -> dict[str, tuple[date, date] | None]:
    """
    By symbol the dates to look at again, both included; None for all there are. A symbol of which nothing is told
    anew has none.

    All of a symbol is looked at when its actions are `retold`, told differently from what is `published`, and when one
    lies beside a hole into which new rows fall, or behind one: its factor rests on the last close before it, however
    old, and on a bar behind it.
    """
    events = dict(published.group_by("symbol").agg("ex_date").iter_rows())
    window = timedelta(days=thresholds.window_days)
    spans: dict[str, tuple[date, date] | None] = {}
    for one in group:
        if one.whole or one.symbol in retold or catalog.bars(one.symbol).is_empty():
            spans[one.symbol] = None
        elif one.first is not None and one.last is not None:
            start, end = shifted(one.first, -2 * NEAR), shifted(one.last, window + 2 * NEAR)
            days = events.get(one.symbol, [])
            hole = _beside_a_hole(catalog, one.symbol, days, start, end) or (
                any(start <= day <= end for day in days)
                and not _held_between(catalog, one.symbol, shifted(start, -window), start)
            )
            spans[one.symbol] = None if hole else (start, end)
    return spans


def _beside_a_hole(catalog: Catalog, symbol: str, days: Sequence[date], start: date, end: date) -> bool:
    """Whether an ex-date out of the span [start, end] may have its close before, or its first bar behind, within it."""
    if max(days, default=date.min) > shifted(end, -NEAR):
        return True
    before = max((day for day in days if day < start), default=None)
    return before is not None and not _held_between(catalog, symbol, before, start)


def _held_between(catalog: Catalog, symbol: str, first: date, end: date) -> bool:
    """Whether a bar is held of the dates [first, end)."""
    calendar = calendar_for(Symbol(symbol).asset_class)
    for start, last, missing in catalog.held_spans("daily_bars", symbol):
        if start >= end or last < first:
            continue
        if start >= first or last < end:
            return True
        gone = set(missing)
        return any(day not in gone for day in calendar.sessions(first, end))
    return False


def shifted(day: date, by: timedelta) -> date:
    """A day so much later, within what a date can be."""
    return date.fromordinal(min(max(day.toordinal() + by.days, 1), date.max.toordinal()))


def widened(spans: Spans) -> Spans:
    """The dates of which rows must be at hand to choose among those of `spans`."""
    return {symbol: span and (shifted(span[0], -NEAR), shifted(span[1], NEAR)) for symbol, span in spans.items()}


def with_events(spans: Spans, published: pl.DataFrame) -> set[str]:
    """The symbols whose verdicts may come out otherwise: looked at whole, or with a published event in their span."""
    near = published.join(events_within(widened(spans)), on="symbol")
    inside = near.filter(pl.col("ex_date").is_between(pl.col("from") - NEAR, pl.col("to") + NEAR))
    return {*inside["symbol"], *(symbol for symbol, span in spans.items() if span is None)}


def events_within(spans: Spans) -> pl.DataFrame:
    """As rows of symbol, from and to the dates of ex-dates that rows at hand for `spans` are enough to judge."""
    rows = [
        (symbol, *((shifted(span[0], NEAR), shifted(span[1], -NEAR)) if span else (date.min, date.max)))
        for symbol, span in spans.items()
    ]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "from": pl.Date, "to": pl.Date}, orient="row")
