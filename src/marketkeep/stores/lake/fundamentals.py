"""
Reading and writing the published fundamentals: one JSON array a symbol and year of `period_end`, one record a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, Versions
from marketkeep.model import FUNDAMENTALS, UTC
from marketkeep.stores.lake import layout, records
from marketkeep.stores.lake.catalog import Catalog

DATASET = "fundamentals"

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_DATES = [name for name, dtype in FUNDAMENTALS.schema.items() if dtype == pl.Date]
_TEXT = {
    name: pl.String if name == "available_at" or name in _DATES else dtype
    for name, dtype in FUNDAMENTALS.schema.items()
}
_ORDER = ("symbol", "metric", "period_end", "period", "available_at", "accession")


def dump_fundamentals(rows: pl.DataFrame) -> dict[tuple[str, int], bytes]:
    """The files of these rows (`FUNDAMENTALS`) by symbol and year of `period_end`."""
    ordered = FUNDAMENTALS.conform(rows).sort(_ORDER)
    text = ordered.with_columns(pl.col("available_at").dt.to_string(_INSTANT))
    files = (
        text.select("symbol", year=pl.col("period_end").dt.year(), line=records.lines(text))
        .group_by("symbol", "year", maintain_order=True)
        .agg(text=pl.col("line").str.join(",\n"))
    )
    return {(symbol, year): records.array(whole) for symbol, year, whole in files.iter_rows()}


def read_fundamentals(
    files: Files, catalog: Catalog, symbols: Iterable[str], years: tuple[int | None, int | None] = (None, None)
) -> pl.DataFrame:
    """
    Published rows of these symbols whose `period_end` lies in the years from first to last (None: without bound), as
    `FUNDAMENTALS` rows.

    Raises `CorruptFile` for a file that is not what `dump_fundamentals` writes.
    """
    first, last = years
    mine = catalog.entries.filter((pl.col("dataset") == DATASET) & pl.col("symbol").is_in(sorted(set(symbols))))
    if first is not None:
        mine = mine.filter(pl.col("period") >= first)
    if last is not None:
        mine = mine.filter(pl.col("period") <= last)
    told = mine.sort("symbol", "period").select("symbol", "period", "hash").iter_rows()
    versions = {layout.fundamentals(symbol, year): digest for symbol, year, digest in told}
    return load_fundamentals(files, list(versions), versions)


def load_fundamentals(files: Files, keys: Sequence[str], versions: Versions | None = None) -> pl.DataFrame:
    """The rows of these files. Raises `CorruptFile` naming one that cannot be read."""
    try:
        frames = [_parsed(files.name(key), data) for key, data in files.stream(keys, versions)]
    except OSError as error:
        raise CorruptFile(str(error.filename), f"it cannot be read ({error.strerror})", derived=True) from error
    return pl.concat([FUNDAMENTALS.empty(), *frames])


def _parsed(name: str, data: bytes | None) -> pl.DataFrame:
    if data is None:
        raise CorruptFile(name, "it cannot be read (it is not there)", derived=True)
    try:
        frame = pl.read_json(data, schema=_TEXT)
        read = frame.with_columns(
            *(pl.col(name).str.to_date("%Y-%m-%d", strict=True) for name in _DATES),
            available_at=pl.col("available_at").str.to_datetime(_INSTANT, time_unit="us", strict=True).cast(UTC),
        )
    except pl.exceptions.PolarsError as error:
        raise CorruptFile(name, f"it does not hold the records it should ({error})", derived=True) from error
    if read.select(pl.any_horizontal(pl.col(FUNDAMENTALS.key).is_null()).any()).item():
        raise CorruptFile(name, f"a record without one of {', '.join(FUNDAMENTALS.key)}", derived=True)
    return read
