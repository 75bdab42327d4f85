"""
The raw rows of what is published: loaded under the tickers that their security ever had, and told under the symbol that
it has now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from marketkeep.gold.symbology import Symbology
from marketkeep.pipeline.workspace import Workspace

Spans = Mapping[str, tuple[date, date] | None]
"""By symbol dates, both included; None for all there are."""

_MOST_HELD = 5_000_000


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Raw rows in memory: all that there are of these symbols."""

    symbols: frozenset[str]
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class RawRows:
    """The rows of these raw `batches` (`BATCHES` rows) by published symbol, the actions of some perhaps `held`."""

    work: Workspace
    batches: pl.DataFrame
    symbology: Symbology
    held: HeldRows | None = None

    def holding_actions(self, symbols: Collection[str]) -> RawRows:
        """
        The same, with the actions of these symbols read at once where they fit in memory.

        Any batch may tell an action of any symbol, so each look at some symbols' opens every file there is.
        """
        mine = self.batches.filter(pl.col("dataset") == "actions")
        if mine["rows"].sum() > _MOST_HELD:
            return self
        return replace(self, held=HeldRows(frozenset(symbols), self.of("actions", sorted(symbols))))

    def of(
        self, dataset: str, symbols: Sequence[str], first: date | None = None, last: date | None = None
    ) -> pl.DataFrame:
        """All rows of these symbols, between two dates (both included) when these are given."""
        if dataset == "actions" and first is last is None and self.held and self.held.symbols.issuperset(symbols):
            return self.held.rows.filter(pl.col("symbol").is_in(list(symbols)))
        files = batch_files(self.batches, dataset, first, last) if symbols else []
        tickers = self.symbology.tickers_of(symbols)
        found = self.work.batches.rows(dataset, files, symbols=tickers, first=first, last=last)
        day = "ex_date" if dataset == "actions" else "date"
        named = self.symbology.named(found, day, self.work.policy)
        return named.filter(pl.col("symbol").is_in(list(symbols)))

    def within(self, dataset: str, spans: Spans) -> pl.DataFrame:
        """The rows of these symbols within their spans; batches that hold nothing of those dates are not opened."""
        whole = [symbol for symbol, span in spans.items() if span is None]
        bounded = [(symbol, *span) for symbol, span in spans.items() if span is not None]
        raw = self.of(dataset, whole)
        if not bounded:
            return raw
        first, last = min(start for _, start, _ in bounded), max(end for _, _, end in bounded)
        near = self.of(dataset, [symbol for symbol, _, _ in bounded], first, last)
        return pl.concat([raw, inside(near, {symbol: (start, end) for symbol, start, end in bounded})])


def inside(rows: pl.DataFrame, spans: Spans) -> pl.DataFrame:
    """The rows (with symbol and date) that lie within the span of their symbol, in their order."""
    bounded = [(symbol, *span) for symbol, span in spans.items() if span is not None]
    table = pl.DataFrame(bounded, schema={"symbol": pl.String, "from": pl.Date, "to": pl.Date}, orient="row")
    met = rows.join(table, on="symbol", how="left", maintain_order="left")
    near = pl.col("date").is_between("from", "to") | pl.col("from").is_null()
    return met.filter(near & pl.col("symbol").is_in(list(spans))).drop("from", "to")


def batch_files(batches: pl.DataFrame, dataset: str, first: date | None = None, last: date | None = None) -> list[str]:
    """The files of a dataset's batches, oldest first; only those with rows between two dates when these are given."""
    mine = batches.filter((pl.col("dataset") == dataset) & (pl.col("rows") > 0))
    if first is not None and last is not None:
        mine = mine.filter((pl.col("last") >= first) & (pl.col("first") <= last))
    return mine.sort("batch_id")["path"].to_list()
