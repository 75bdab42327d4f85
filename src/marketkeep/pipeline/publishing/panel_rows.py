"""
What belongs into the panel by the published files: which periods of a dataset, which symbols in them, and their rows.

It is read from the published files alone and in order of symbol, so any process that reaches them can make a partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from marketkeep.files import Files
from marketkeep.gold import factor_steps
from marketkeep.model import PANEL_BARS, PANEL_MINUTES
from marketkeep.stores.lake import layout, minutes, records
from marketkeep.stores.lake.fundamentals import load_fundamentals
from marketkeep.stores.panel.partition import write_partition

_SYMBOLS_AT_ONCE = 250
"""Files of so many symbols are read together: some 60,000 daily bars of a year."""

_A_MONTH = 999_999
"""Periods beyond it are sessions."""

_FILES_AT_ONCE = 800
"""Sessions of minutes that are read together: some 300,000 bars."""

_Some = Sequence[tuple[str, str]]
"""Symbols, each with the hash of its published file."""

BARS, FACTORS, FIGURES, MINUTES = "daily_bars", "factors", "fundamentals", "minute_bars"


def expected(entries: pl.DataFrame) -> dict[tuple[str, int], set[str]]:
    """By dataset and period of the panel the symbols that a catalog's `entries` have rows of."""
    wanted: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for dataset in (BARS, FIGURES):
        for year, symbols in _of(entries, dataset).group_by("period").agg("symbol").iter_rows():
            wanted[dataset, year] = set(symbols)
    if with_actions := set(_of(entries, "actions")["symbol"]):
        wanted[FACTORS, 0] = with_actions
    held = _of(entries, MINUTES)
    going_on = open_month(entries)
    for month, symbols in held.filter(pl.col("period") != going_on).group_by("period").agg("symbol").iter_rows():
        wanted[MINUTES, month] = set(symbols)
    for symbol, _, days in minutes.files_held(held.filter(pl.col("period") == going_on)):
        for day in days:
            wanted[MINUTES, minute_period(day, going_on)].add(symbol)
    return dict(wanted)


def open_month(entries: pl.DataFrame) -> int:
    """
    The newest month (202403) with minute bars, which goes on: a session more must not write all of it again, so its
    sessions are files of their own. 0 without any.
    """
    newest: Any = _of(entries, MINUTES)["period"].max()
    return int(newest or 0)


def minute_period(day: date, going_on: int) -> int:
    """The period of the panel that a session's minutes are in: its month, or in the month that goes on itself."""
    month = minutes.month_of(day)
    return month * 100 + day.day if month == going_on else month


def published_rows(
    files: Files, entries: pl.DataFrame, dataset: str, period: int, symbols: Collection[str] | None = None
) -> Iterator[pl.DataFrame]:
    """
    The rows of a partition as the published files have them, of these symbols where some are named, in its order.

    Raises `CorruptFile` naming a published file that is not what it should be.
    """
    told = _of(entries, published_as(dataset)).filter(
        pl.col("period") == (period // 100 if period > _A_MONTH else period)
    )
    chosen = told if symbols is None else told.filter(pl.col("symbol").is_in(sorted(symbols)))
    if dataset == MINUTES:
        yield from _minutes(files, chosen.sort("symbol"), period)
        return
    for some in chosen.sort("symbol").select("symbol", "hash").iter_slices(_SYMBOLS_AT_ONCE):
        yield _READERS[dataset](files, period, some.rows())


def published_as(dataset: str) -> str:
    """The dataset of the published files that a dataset of the panel is made from."""
    return "actions" if dataset == FACTORS else dataset


def build_partition(files: Files, entries: pl.DataFrame, dataset: str, period: int) -> dict[str, Any] | None:
    """
    Make one file of the panel from the published files, and say so as a row of `PANELS`; None where nothing belongs
    into it.
    """
    return write_partition(files, dataset, period, published_rows(files, entries, dataset, period))


def _minutes(files: Files, entries: pl.DataFrame, period: int) -> Iterator[pl.DataFrame]:
    versions: dict[str, str] = {}
    some: list[tuple[str, date]] = []
    for (symbol, _, days), digest in zip(minutes.files_held(entries), entries["hash"], strict=True):
        mine = [day for day in days if period < _A_MONTH or day.day == period % 100]
        some += [(symbol, day) for day in mine]
        versions |= {layout.minute_ticks(symbol, day): digest for day in mine}
        if len(some) >= _FILES_AT_ONCE:
            yield minutes.load_minutes(files, some, versions).select(list(PANEL_MINUTES.schema))
            versions, some = {}, []
    if some:
        yield minutes.load_minutes(files, some, versions).select(list(PANEL_MINUTES.schema))


def _of(entries: pl.DataFrame, dataset: str) -> pl.DataFrame:
    return entries.filter(pl.col("dataset") == dataset)


def _bars(files: Files, year: int, some: _Some) -> pl.DataFrame:
    versions = {layout.ticks(symbol, year): digest for symbol, digest in some}
    return records.load_ticks(files, list(versions), versions).select(list(PANEL_BARS.schema))


def _figures(files: Files, year: int, some: _Some) -> pl.DataFrame:
    versions = {layout.fundamentals(symbol, year): digest for symbol, digest in some}
    return load_fundamentals(files, list(versions), versions)


def _factors(files: Files, _: int, some: _Some) -> pl.DataFrame:
    versions = {layout.actions(symbol): digest for symbol, digest in some}
    return factor_steps(records.load_actions(files, list(versions), versions))


_READERS: dict[str, Callable[[Files, int, _Some], pl.DataFrame]] = {BARS: _bars, FACTORS: _factors, FIGURES: _figures}
