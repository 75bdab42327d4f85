"""
How a large question about minute bars is cut, by the catalog's own counts: whole symbols together, or months of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import polars as pl

from marketkeep.stores.lake import Catalog, minutes, touching

AT_ONCE = 500_000
"""Bars that are read together, some 70 MB: so many, or those of one symbol's month."""


@dataclass(frozen=True, slots=True)
class Piece:
    """These symbols, sorted, and sessions from `first` to `last`, both included (None: as far as is asked for)."""

    symbols: tuple[str, ...]
    first: date | None = None
    last: date | None = None


def cut(
    catalog: Catalog, symbols: Sequence[str], first: date | None, last: date | None, *, months: bool
) -> list[Piece]:
    """
    The pieces of a question about these symbols and sessions, in the order of its answer, symbol by symbol. Without
    `months` a symbol is never cut.
    """
    entries = catalog.entries.filter((pl.col("dataset") == minutes.DATASET) & pl.col("symbol").is_in(list(symbols)))
    near = touching(entries, first, last).sort("symbol", "period")
    held: dict[str, list[_Month]] = {symbol: [] for symbol in sorted(set(symbols))}
    for symbol, *month in near.select("symbol", "rows", "first", "last").iter_rows():
        held[symbol].append(_Month(*month))
    together: list[str] = []
    rows = 0
    pieces: list[Piece] = []
    for symbol, mine in held.items():
        size = sum(month.rows for month in mine)
        if together and rows + size > AT_ONCE:
            pieces.append(Piece(tuple(together), first, last))
            together, rows = [], 0
        if months and size > AT_ONCE:
            pieces += (Piece((symbol,), *_within(span, first, last)) for span in _spans(mine))
        else:
            together.append(symbol)
            rows += size
    return [*pieces, Piece(tuple(together), first, last)] if together else pieces


class _Month(NamedTuple):
    """What the catalog tells of a symbol's month: how many bars, first and last session."""

    rows: int
    first: date
    last: date


def _spans(held: Sequence[_Month]) -> Iterator[tuple[date, date]]:
    """First and last session of some months of one symbol at a time."""
    begin, end, rows = held[0].first, held[0].last, 0
    for month in held:
        if rows and rows + month.rows > AT_ONCE:
            yield begin, end
            begin, rows = month.first, 0
        end, rows = month.last, rows + month.rows
    yield begin, end


def _within(span: tuple[date, date], first: date | None, last: date | None) -> tuple[date, date]:
    return max(span[0], first or span[0]), min(span[1], last or span[1])
