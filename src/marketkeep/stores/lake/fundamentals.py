"""
Reading and writing the published fundamentals: one JSON array a symbol and year of `period_end`, one record a line.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from marketkeep.files import Files, Versions
from marketkeep.model import FUNDAMENTALS, PANEL_FUNDAMENTALS
from marketkeep.stores.lake import layout, records
from marketkeep.stores.lake.catalog import Catalog

DATASET = "fundamentals"

_FILES_AT_ONCE = 256
"""Files whose text is held and parsed together: of a company that tells much some 150 KB each."""


def dump_fundamentals(rows: pl.DataFrame) -> dict[tuple[str, int], bytes]:
    """The files of these rows (`FUNDAMENTALS`) by symbol and year of `period_end`."""
    ordered = FUNDAMENTALS.conform(rows).sort(PANEL_FUNDAMENTALS.key)
    text = ordered.with_columns(pl.col("available_at").dt.to_string(records.INSTANT))
    files = (
        text.select("symbol", year=pl.col("period_end").dt.year(), line=records.lines(text))
        .group_by("symbol", "year", maintain_order=True)
        .agg(text=pl.col("line").str.join(",\n"))
    )
    return {(symbol, year): records.array(whole) for symbol, year, whole in files.iter_rows()}


Years = tuple[int | None, int | None]
"""The first and the last year of `period_end`, both included; None: without bound."""


def read_fundamentals(
    files: Files, catalog: Catalog, symbols: Collection[str], years: Years = (None, None)
) -> pl.DataFrame:
    """
    Published rows of these symbols and years as `FUNDAMENTALS` rows: by symbol, and within a year in its file's order.

    Raises `CorruptFile` for a file that is not what `dump_fundamentals` writes.
    """
    told = entries_of(catalog, symbols, years).sort("symbol", "period").select("symbol", "period", "hash").iter_rows()
    versions = {layout.fundamentals(symbol, year): digest for symbol, year, digest in told}
    return load_fundamentals(files, list(versions), versions)


def entries_of(catalog: Catalog, symbols: Collection[str], years: Years = (None, None)) -> pl.DataFrame:
    """The catalog's entries of the files of these symbols and years."""
    first, last = years
    mine = catalog.entries.filter((pl.col("dataset") == DATASET) & pl.col("symbol").is_in(sorted(set(symbols))))
    if first is not None:
        mine = mine.filter(pl.col("period") >= first)
    return mine if last is None else mine.filter(pl.col("period") <= last)


def load_fundamentals(files: Files, keys: Sequence[str], versions: Versions | None = None) -> pl.DataFrame:
    """The rows of these files, in their order. Raises `CorruptFile` naming one that cannot be read."""
    form = FUNDAMENTALS.schema, FUNDAMENTALS.key
    some = (keys[at : at + _FILES_AT_ONCE] for at in range(0, len(keys), _FILES_AT_ONCE))
    frames = [records.load(files, part, versions, form, absent=False) for part in some]
    return pl.concat([FUNDAMENTALS.empty(), *frames], rechunk=True)
