"""
The published minute bars: one Parquet file per symbol and session, one catalog entry per symbol and month.

Which files there are follows from the catalog alone: the sessions between an entry's first and last, without those
missing. No folder is ever listed to answer a question.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import IO

import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, Folder, Versions
from marketkeep.model import MINUTE_BARS, Symbol
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.catalog import Catalog, touching

DATASET = "minute_bars"
_TOGETHER = 64
_PARSERS = 2


def month_of(day: date) -> int:
    """The catalog's period of a session: 202403 for March 2024."""
    return day.year * 100 + day.month


def sessions_held(symbol: str, first: date, last: date, missing: Iterable[date]) -> list[date]:
    """The sessions that have a file, by the facts of one catalog entry."""
    holes = set(missing)
    # Daily bars are read without any calendar being loaded.
    from marketkeep.calendars import calendar_for  # noqa: PLC0415

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


def file_digests(files: Files, sessions: Sequence[tuple[str, date]]) -> dict[tuple[str, date], str | None]:
    """SHA-256 in hex of the file of each of these symbols' sessions, as it lies there; None when it cannot be read."""
    keys = [layout.minute_ticks(symbol, day) for symbol, day in sessions]
    return dict(zip(sessions, digests(files, keys).values(), strict=True))


def digests(files: Files, keys: Sequence[str]) -> dict[str, str | None]:
    """SHA-256 in hex of each of these files, in their order, as it lies there; None when it cannot be read."""
    try:
        return {key: None if data is None else _hex(data) for key, data in files.stream(keys)}
    except OSError:
        return {key: _digest(files, key) for key in keys}


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def load_minutes(files: Files, sessions: Iterable[tuple[str, date]], versions: Versions | None = None) -> pl.DataFrame:
    """
    The bars of these symbols' sessions, in the order given, as `MINUTE_BARS` rows.

    Raises `CorruptFile` naming the first file that is gone or is not what `dump_minutes` writes.
    """
    keys = [layout.minute_ticks(symbol, day) for symbol, day in sessions]
    if not keys:
        return MINUTE_BARS.empty()
    if not isinstance(files, Folder):
        return _streamed(files, keys, versions)
    try:
        return _scanned(files.local(keys))
    except (OSError, pl.exceptions.PolarsError) as error:
        for key in keys:
            _probe(files.name(key), files.root / key)
        raise CorruptFile(files.name(keys[0]), f"it cannot be read ({error})", derived=True) from error


def _streamed(files: Files, keys: Sequence[str], versions: Versions | None) -> pl.DataFrame:
    """The bars of files that come over a line: those that are there are parsed while the next are on their way."""
    with ThreadPoolExecutor(_PARSERS) as pool:
        parts = [pool.submit(_parsed, files, group) for group in _groups(files.stream(keys, versions))]
        return pl.concat([part.result() for part in parts])


def _groups(items: Iterable[tuple[str, bytes | None]]) -> Iterator[list[tuple[str, bytes | None]]]:
    """Items in groups: polars reads many small files together for a seventh of what it takes one by one."""
    waiting = iter(items)
    while group := list(islice(waiting, _TOGETHER)):
        yield group


def _parsed(files: Files, group: Sequence[tuple[str, bytes | None]]) -> pl.DataFrame:
    for key, data in group:
        if data is None:
            raise CorruptFile(files.name(key), "it cannot be read (there is no such file)", derived=True)
    try:
        bodies: list[IO[bytes]] = [io.BytesIO(data or b"") for _, data in group]
        return _scanned(bodies)
    except (OSError, pl.exceptions.PolarsError) as error:
        for key, data in group:
            _probe(files.name(key), io.BytesIO(data or b""))
        raise CorruptFile(files.name(group[0][0]), f"it cannot be read ({error})", derived=True) from error


def _scanned(sources: list[Path] | list[IO[bytes]]) -> pl.DataFrame:
    return pl.scan_parquet(sources, glob=False, schema=MINUTE_BARS.schema).collect()


def read_minutes(
    files: Files, catalog: Catalog, symbols: Iterable[str], first: date | None, last: date | None
) -> pl.DataFrame:
    """Published minute bars of these symbols' sessions `first` to `last`, both included, sorted by symbol and ts."""
    versions: dict[str, str] = {}
    sessions: list[tuple[str, date]] = []
    for symbol in sorted(set(symbols)):
        entries = touching(catalog.held(DATASET, symbol), first, last)
        for (_, _, days), digest in zip(files_held(entries), entries["hash"], strict=True):
            some = [day for day in days if (first is None or day >= first) and (last is None or day <= last)]
            sessions += [(symbol, day) for day in some]
            versions |= {layout.minute_ticks(symbol, day): digest for day in some}
    return load_minutes(files, sessions, versions)


def _digest(files: Files, key: str) -> str | None:
    try:
        return _hex(files.read(key))
    except OSError:
        return None


def _probe(name: str, source: Path | io.BytesIO) -> None:
    """Raise `CorruptFile` if a file is not what `dump_minutes` writes."""
    try:
        found = pl.read_parquet(source, glob=False).schema
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise CorruptFile(name, f"it cannot be read ({reason})", derived=True) from error
    if dict(found) != MINUTE_BARS.schema:
        raise CorruptFile(name, "it does not hold the columns of minute bars", derived=True)
