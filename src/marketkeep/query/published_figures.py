"""
Published figures by the cheaper of two ways: a file a symbol and year, or the panel, a file a year with all companies.

Both hold the same rows, every version of every figure; which is read is a matter of time alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.model import PANEL_FUNDAMENTALS
from marketkeep.stores.lake import Catalog, Lake
from marketkeep.stores.lake.fundamentals import DATASET, Years, entries_of, read_fundamentals
from marketkeep.stores.panel.partition import GROUP_ROWS, Partition

_FILE, _FILE_ROW, _PARTITION, _PANEL_ROW = 80.0, 3.0, 1_000.0, 0.1
"""
Microseconds: to read a published file and a row of it, to open a partition and to look at a row of it. Measured on two
cores; only their proportions matter.
"""


def published_figures(
    lake: Lake, catalog: Catalog, symbols: Collection[str], years: Years = (None, None), wanted: Sequence[pl.Expr] = ()
) -> pl.DataFrame:
    """
    The figures of these symbols whose `period_end` lies in these years, in no order, for which all of `wanted` holds.

    A partition that is not what the catalog tells of is passed over for the published files. Raises `CorruptFile` for
    one of these that is not what it should be.
    """
    parts = _partitions(catalog, years)
    if parts is not None and _cheaper(parts, entries_of(catalog, symbols, years), len(symbols)):
        mine = pl.col("symbol").is_in(pl.Series(sorted(symbols), dtype=pl.String).implode())
        try:
            opened = (Partition.open(lake.files, row) for row in parts.iter_rows(named=True))
            found = [one.where(mine, *wanted) for one in opened]
            return pl.concat([PANEL_FUNDAMENTALS.empty(), *found], rechunk=True)
        except CorruptFile:
            pass  # Replaced since, or damaged: the files hold the same rows.
    return read_fundamentals(lake.files, catalog, symbols, years).filter(*wanted)


def _partitions(catalog: Catalog, years: Years) -> pl.DataFrame | None:
    """The panel's files of these years; None where the panel does not have all that is published."""
    told = catalog.panels.filter(pl.col("dataset") == DATASET)
    if "figures_panel" not in catalog.worked_out:
        published = catalog.entries.filter(pl.col("dataset") == DATASET)["rows"].sum()
        catalog.worked_out["figures_panel"] = told["rows"].sum() == published
    if not catalog.worked_out["figures_panel"]:
        return None
    first, last = years
    bounds = [] if first is None else [pl.col("period") >= first]
    return told.filter(*bounds, *([] if last is None else [pl.col("period") <= last])).sort("period")


def _cheaper(parts: pl.DataFrame, entries: pl.DataFrame, symbols: int) -> bool:
    """Whether partitions cost less than files. At most a row group is looked at for each symbol."""
    looked_at = int(parts["rows"].clip(upper_bound=symbols * GROUP_ROWS).sum())
    told = int(entries["rows"].sum())
    return len(parts) * _PARTITION + looked_at * _PANEL_ROW < len(entries) * _FILE + told * _FILE_ROW
