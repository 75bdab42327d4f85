"""
The catalog: what is published, which raw batches it rests on, and what sources have already been asked.

Five tables kept as content-addressed Parquet files and one small pointer that is replaced in one step; a reader sees
one whole version or the next. It is derived: `rebuild` makes it again from raw, byte for byte.
"""

from __future__ import annotations

import errno
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import CorruptFile, OtherForm, StoreError
from marketkeep.files import Files, files_at
from marketkeep.model import ASKED, BATCHES, CATALOG, PANELS, TICKERS, Batch, Table
from marketkeep.stores.lake.layout import CURRENT

FORM = 3
"""The form of all that is published. What another form has published is made anew by `rebuild`, never read."""

_NO_ENTRIES = CATALOG.empty()
_TABLES: dict[str, Table] = {
    "entries": CATALOG,
    "batches": BATCHES,
    "asked": ASKED,
    "tickers": TICKERS,
    "panels": PANELS,
}


@dataclass(frozen=True)
class Catalog:
    """
    One version of the catalog; `version` is the hash of its content, empty for a keep that holds nothing.

    `tickers` (`TICKERS` rows) say whose rows what is published holds under which symbol, `panels` (`PANELS` rows) which
    files the panel is made of.
    """

    version: str
    entries: pl.DataFrame
    batches: pl.DataFrame
    asked: pl.DataFrame
    tickers: pl.DataFrame = field(default_factory=TICKERS.empty)
    panels: pl.DataFrame = field(default_factory=PANELS.empty)
    pointer: bytes | None = None

    @classmethod
    def empty(cls) -> Catalog:
        """The catalog of a keep that holds nothing yet."""
        return cls("", CATALOG.empty(), BATCHES.empty(), ASKED.empty())

    def held(self, dataset: str, symbol: str) -> pl.DataFrame:
        """The entries of one symbol in a dataset, by period."""
        if dataset not in self._held:
            mine = self.entries.filter(pl.col("dataset") == dataset).sort("symbol", "period")
            self._held[dataset] = mine.partition_by("symbol", as_dict=True)
        return self._held[dataset].get((symbol,), _NO_ENTRIES)

    def bars(self, symbol: str) -> pl.DataFrame:
        """The entries of one symbol's daily bars, by year."""
        return self.held("daily_bars", symbol)

    def held_spans(self, dataset: str, symbol: str) -> list[tuple[date, date, list[date]]]:
        """Of each period of a symbol in a dataset: first and last date held, and the sessions missing between."""
        return self._spans.get((dataset, symbol), [])

    def answered(self, dataset: str, source: str, symbol: str) -> list[tuple[str | None, date, date, datetime]]:
        """Spans [start, end) a source has answered for: what it refused them for, if so, and when it last said so."""
        return self._asked.get((dataset, source, symbol), [])

    def answered_by_any(self, dataset: str, symbol: str) -> list[tuple[date, date]]:
        """Spans [start, end) that some source has answered for, with rows or without."""
        return self._answered.get((dataset, symbol), [])

    @cached_property
    def worked_out(self) -> dict[str, Any]:
        """What readers worked out of this version, under names of their own; it is let go of with it."""
        return {}

    @cached_property
    def _answered(self) -> dict[tuple[str, str], list[tuple[date, date]]]:
        told: defaultdict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
        for (dataset, _, symbol), spans in self._asked.items():
            told[dataset, symbol] += [(start, end) for refused, start, end, _ in spans if refused is None]
        return dict(told)

    @cached_property
    def _held(self) -> dict[str, dict[tuple[object, ...], pl.DataFrame]]:
        """By dataset, filled when it is first asked for: most questions are about one."""
        return {}

    @cached_property
    def _spans(self) -> dict[tuple[str, str], list[tuple[date, date, list[date]]]]:
        """Read once: planning asks for every symbol."""
        told: defaultdict[tuple[str, str], list[tuple[date, date, list[date]]]] = defaultdict(list)
        known = self.entries.sort("dataset", "symbol", "period").select("dataset", "symbol", "first", "last", "missing")
        for dataset, symbol, first, last, holes in known.iter_rows():
            told[dataset, symbol].append((first, last, holes))
        return dict(told)

    @cached_property
    def _asked(self) -> dict[tuple[str, str, str], list[tuple[str | None, date, date, datetime]]]:
        told: defaultdict[tuple[str, str, str], list[tuple[str | None, date, date, datetime]]] = defaultdict(list)
        for dataset, source, symbol, *span in self.asked.select(list(ASKED.schema)).iter_rows():
            told[dataset, source, symbol].append((span[0], span[1], span[2], span[3]))
        return dict(told)

    def symbols(self) -> list[str]:
        """Symbols with at least one bar, sorted."""
        held = self.entries.filter(pl.col("dataset") == "daily_bars")["symbol"]
        return held.unique().sort().to_list()

    def batch_paths(self, dataset: str) -> list[str]:
        """The raw batch files of a dataset, oldest first."""
        return self.batches.filter(pl.col("dataset") == dataset).sort("batch_id")["path"].to_list()


def read_catalog(place: Files | Path | str) -> Catalog:
    """The current version; an absent one is empty. Raises `CorruptFile` when its bytes differ from their hash."""
    files = files_at(place)
    # A writer may replace the version between our two reads; the files of the old one are then gone, so look again.
    for attempt in range(3):
        try:
            pointer = read_pointer(files)
            return Catalog.empty() if pointer is None else _load(files, pointer)
        except FileNotFoundError as error:
            if attempt == 2:
                raise CorruptFile(
                    str(error.filename), "the catalog points to it, but it is gone", derived=True
                ) from error
    raise AssertionError("unreachable")


def read_pointer(files: Files) -> bytes | None:
    """The pointer to the current version, None where there is none."""
    try:
        return files.read(CURRENT)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=4)
def _load(files: Files, pointer: bytes) -> Catalog:
    """The version a pointer names. What it names never changes, so it is read once."""
    try:
        told = orjson.loads(pointer)
        if told.get("form") != FORM:
            raise OtherForm(files.name(CURRENT))
        names = {table: str(told[table]) for table in _TABLES}
        keys = {f"catalog/{names[table]}": table for table in _TABLES}
    except (orjson.JSONDecodeError, AttributeError, KeyError) as error:
        raise CorruptFile(files.name(CURRENT), "it does not name the catalog's tables", derived=True) from error
    frames = {}
    for key, data in files.stream(list(keys), {key: key for key in keys}):
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "it is not there", files.name(key))
        if _digest(data) not in key:
            raise CorruptFile(files.name(key), "its bytes differ from the hash in its name", derived=True)
        frames[keys[key]] = pl.read_parquet(io.BytesIO(data))
    return Catalog(_version(names), **frames, pointer=pointer)


def write_catalog(
    place: Files | Path | str,
    entries: pl.DataFrame,
    batches: pl.DataFrame,
    asked: pl.DataFrame,
    tickers: pl.DataFrame | None = None,
    panels: pl.DataFrame | None = None,
    *,
    over: Catalog | None = None,
) -> Catalog:
    """
    Replace the current version in one step and drop the files only the old one used.

    `over` is the version that this one was made from. Raises `StoreError` when another writer replaced that meanwhile;
    then nothing was changed.
    """
    files, names = files_at(place), {}
    before = read_pointer(files) if over is None else over.pointer
    frames = {}
    told = {"entries": entries, "batches": batches, "asked": asked, "tickers": tickers, "panels": panels}
    for name, table in _TABLES.items():
        frame = told[name]
        frames[name] = table.empty() if frame is None else table.conform(frame).sort(*table.key)
        buffer = io.BytesIO()
        frames[name].write_parquet(buffer, compression="zstd")
        names[name] = f"{name}-{_digest(buffer.getvalue())}.parquet"
        key = f"catalog/{names[name]}"
        if not files.exists(key):
            # Stored before the pointer names it: a power cut must not leave a pointer to nothing.
            files.write(key, buffer.getvalue(), durable=True)
    pointer = orjson.dumps({"form": FORM, **names}, option=orjson.OPT_INDENT_2) + b"\n"
    files.replace(CURRENT, pointer, over=before)
    kept = {CURRENT, *(f"catalog/{name}" for name in names.values())}
    # What was folded lies in a folder of its own.
    old = (key for key in files.keys("catalog/") if key not in kept and "/" not in key.removeprefix("catalog/"))
    with suppress(StoreError):
        files.remove(old)
    return Catalog(_version(names), **frames, pointer=pointer)


def touching(rows: pl.DataFrame, first: date | None, last: date | None) -> pl.DataFrame:
    """Of rows that tell their `first` and `last` date those with any from `first` through `last`; None: no bound."""
    if first is not None:
        rows = rows.filter(pl.col("last") >= first)
    return rows if last is None else rows.filter(pl.col("first") <= last)


def batch_rows(batches: Iterable[Batch]) -> pl.DataFrame:
    """Batches as rows of the catalog's table."""
    names = [column.name for column in BATCHES.columns]
    return pl.DataFrame([[getattr(b, name) for name in names] for b in batches], schema=BATCHES.schema, orient="row")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _version(names: dict[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(names, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
