"""
Publishing files of daily bars, each of a symbol and year: whole ones, and lines of some dates in those there are.

Only what is other than it was is written. A file that is not the one expected is never patched, but made whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import islice

import polars as pl

from marketkeep.files import Files
from marketkeep.stores.lake import layout, records
from marketkeep.stores.lake.splicing import lines_of, spliced

Key = tuple[str, int]
"""A symbol and a year."""

_AT_ONCE, _BATCH = 4, 256
"""Files that are written at once, for a disk has time to wait for, and how many are held in memory for it."""

_KEY = (pl.col("symbol"), pl.col("date").dt.year())


@dataclass(frozen=True, slots=True)
class _New:
    """A file to write: all of it, or new lines for some dates of what is there, if that is the file of a hash."""

    files: Files
    key: str
    data: bytes
    dates: tuple[date, date] | None = None
    there: bytes | None = None
    hash: str = ""

    def put(self) -> str | None:
        """Write it; its hash, None where there is another file than it is for."""
        if self.dates is None:
            whole = self.data
        elif self.there is None or hashlib.sha256(self.there).hexdigest() != self.hash:
            return None
        else:
            whole = spliced(self.there, *self.dates, lines_of(self.data))
            if whole == self.there:
                return self.hash
        self.files.write(self.key, whole)
        return hashlib.sha256(whole).hexdigest()


def put_bars(
    files: Files,
    bars: pl.DataFrame,
    years: Collection[Key],
    known: Mapping[Key, str],
    within: Mapping[str, tuple[date, date]],
) -> dict[Key, str]:
    """
    Publish `bars` (`TICK_COLUMNS` rows, sorted, all there are of these symbols' years); the hash of each file.

    Of a file whose hash is `known` only the lines of its symbol's dates `within`, both included, are made anew; there
    are bars of each such file.
    """
    hashes: dict[Key, str] = {}
    with ThreadPoolExecutor(_AT_ONCE, "publish") as pool:
        for put in (_patches(files, bars, known, within), _whole(files, bars, years, hashes)):
            while some := list(islice(put, _BATCH)):
                digests = pool.map(_New.put, (one for _, one in some))
                hashes |= {key: digest for (key, _), digest in zip(some, digests, strict=True) if digest is not None}
    return hashes


def _patches(
    files: Files, bars: pl.DataFrame, known: Mapping[Key, str], within: Mapping[str, tuple[date, date]]
) -> Iterator[tuple[Key, _New]]:
    if not known:
        return
    keys = sorted(known)
    spans = [within[symbol] for symbol, _ in keys]
    bars = bars.filter(pl.col("date").is_between(min(first for first, _ in spans), max(last for _, last in spans)))
    schema = {"symbol": pl.String, "year": pl.Int32, "from": pl.Date, "to": pl.Date}
    marks = pl.DataFrame([(*key, *within[key[0]]) for key in keys], schema=schema, orient="row")
    marked = bars.join(marks, left_on=_KEY, right_on=["symbol", "year"], maintain_order="left")
    lines = records.dump_ticks(marked.filter(pl.col("date").is_between("from", "to")))
    versions = {layout.ticks(*key): known[key] for key in keys}
    for key, (path, there) in zip(keys, files.stream(list(versions), versions), strict=True):
        yield key, _New(files, path, lines.get(key, b"[]\n"), within[key[0]], there, known[key])


def _whole(
    files: Files, bars: pl.DataFrame, years: Collection[Key], done: Mapping[Key, str]
) -> Iterator[tuple[Key, _New]]:
    """The files of all bars that are not `done` when the first is asked for."""
    if len(done) == len(years):
        return
    gone = pl.DataFrame(list(done), schema={"symbol": pl.String, "year": pl.Int32}, orient="row")
    rest = bars.join(gone, left_on=_KEY, right_on=["symbol", "year"], how="anti", maintain_order="left")
    for key, data in records.dump_ticks(rest).items():
        yield key, _New(files, layout.ticks(*key), data)
