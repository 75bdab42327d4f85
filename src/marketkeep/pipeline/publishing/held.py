"""
Published bars as they are needed to publish more: from the panel where many are, else from the published files.

The panel is read only where it is what the catalog says; a run that was cut short leaves files of either kind behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files
from marketkeep.model import PANEL_BARS
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.panel.partition import Partition

_WORTH = 12
"""Files of a symbol and year that take longer to read than a row group of the panel."""


class HeldBars:
    """The bars that `catalog` says are published, as traded. Pickled it opens its files anew where it comes to."""

    def __init__(self, files: Files, catalog: Catalog, *, worth: int = _WORTH) -> None:
        self._files, self._catalog, self._worth = files, catalog, worth
        self._open: dict[int, Partition | None] = {}

    def __reduce__(self) -> tuple[Callable[..., HeldBars], tuple[Files, Catalog]]:
        return HeldBars, (self._files, self._catalog)

    def years(self, keys: Iterable[tuple[str, int]]) -> pl.DataFrame:
        """All bars of these symbols' years, as `PANEL_BARS` rows sorted by symbol and date; without any, none."""
        by_year: defaultdict[int, list[str]] = defaultdict(list)
        for symbol, year in keys:
            by_year[year].append(symbol)
        parts, rest = [PANEL_BARS.empty()], []
        for year, symbols in by_year.items():
            partition = self._partition(year) if len(symbols) >= self._worth else None
            if partition is None or partition.groups_of(symbols) * self._worth > len(symbols):
                rest += [(symbol, year) for symbol in symbols]
            else:
                parts.append(partition.read(symbols=symbols))
        if rest:
            parts.append(Lake(self._files).years(rest).select(list(PANEL_BARS.schema)))
        filled = [part for part in parts if not part.is_empty()]
        return filled[0] if len(filled) == 1 else pl.concat(parts).sort("symbol", "date")

    def _partition(self, year: int) -> Partition | None:
        if year not in self._open:
            mine = (pl.col("dataset") == PANEL_BARS.name) & (pl.col("period") == year)
            self._open[year] = None
            for row in self._catalog.panels.filter(mine).iter_rows(named=True):
                try:
                    self._open[year] = Partition.open(self._files, row)
                except CorruptFile:
                    break
        return self._open[year]
