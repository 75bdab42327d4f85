"""
The published minute bars: one Parquet file per symbol and session, one catalog entry per symbol and month.

Which files there are follows from the catalog alone: the sessions between an entry's first and last, without those
missing. No folder is ever listed to answer a question.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.errors import CorruptFile
from marketkeep.model import MINUTE_BARS, Symbol
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.catalog import Catalog

DATASET = "minute_bars"


def month_of(day: date) -> int:
    """The catalog's period of a session: 202403 for March 2024."""
    return day.year * 100 + day.month


def sessions_held(symbol: str, first: date, last: date, missing: Iterable[date]) -> list[date]:
    """The sessions that have a file, by the facts of one catalog entry."""
    holes = set(missing)
    calendar = calendar_for(Symbol(symbol).asset_class)
    return [day for day in calendar.sessions(first, last + timedelta(days=1)) if day not in holes]


def files_held(entries: pl.DataFrame) -> Iterator[tuple[str, int, list[date]]]:
    """By catalog entry of minute bars: symbol, month, and the sessions that have a file."""
    for symbol, period, first, last, missing in entries.select(
        "symbol", "period", "first", "last", "missing"
    ).iter_rows():
        yield symbol, period, sessions_held(symbol, first, last, missing)


def dump_minutes(bars: pl.DataFrame) -> bytes:
    """The file of one symbol's session: `MINUTE_BARS` rows, sorted by ts. The same rows give the same bytes."""
    buffer = io.BytesIO()
    bars.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def month_hash(digests: Sequence[str]) -> str:
    """The hash of a month: SHA-256 over the hex SHA-256 of its files, in order of session."""
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def file_digest(root: Path, symbol: str, day: date) -> str | None:
    """SHA-256 in hex of the file of one session, as it lies there; None when it cannot be read."""
    try:
        return hashlib.sha256((root / layout.minute_ticks(symbol, day)).read_bytes()).hexdigest()
    except OSError:
        return None


def load_minutes(root: Path, files: Iterable[tuple[str, date]]) -> pl.DataFrame:
    """
    The bars of these symbols' sessions, in the order given, as `MINUTE_BARS` rows.

    Raises `CorruptFile` naming the first file that is gone or is not what `dump_minutes` writes.
    """
    paths = [root / layout.minute_ticks(symbol, day) for symbol, day in files]
    if not paths:
        return MINUTE_BARS.empty()
    try:
        return pl.scan_parquet(paths, glob=False, schema=MINUTE_BARS.schema).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        for path in paths:
            _probe(path)
        raise CorruptFile(paths[0], f"it cannot be read ({error})", derived=True) from error


def read_minutes(
    root: Path, catalog: Catalog, symbols: Iterable[str], first: date | None, last: date | None
) -> pl.DataFrame:
    """Published minute bars of these symbols' sessions `first` to `last`, both included, sorted by symbol and ts."""
    files = [
        (symbol, day)
        for symbol in sorted(set(symbols))
        for _, _, days in files_held(_between(catalog.held(DATASET, symbol), first, last))
        for day in days
        if (first is None or day >= first) and (last is None or day <= last)
    ]
    return load_minutes(root, files)


def _between(entries: pl.DataFrame, first: date | None, last: date | None) -> pl.DataFrame:
    if first is not None:
        entries = entries.filter(pl.col("last") >= first)
    return entries if last is None else entries.filter(pl.col("first") <= last)


def _probe(path: Path) -> None:
    try:
        found = pl.read_parquet(path, glob=False).schema
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise CorruptFile(path, f"it cannot be read ({reason})", derived=True) from error
    if dict(found) != MINUTE_BARS.schema:
        raise CorruptFile(path, "it does not hold the columns of minute bars", derived=True)
