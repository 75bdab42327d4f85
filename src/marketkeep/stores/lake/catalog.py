"""
The catalog: what is published, which raw batches it rests on, and what sources have already been asked.

Four tables kept as content-addressed Parquet files and one small pointer that is replaced in one step; a reader sees
one whole version or the next. It is derived: `rebuild` makes it again from raw, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import orjson
import polars as pl

from marketkeep.errors import CorruptFile, OtherForm
from marketkeep.files import write_atomic
from marketkeep.model import ASKED, BATCHES, CATALOG, TICKERS, Batch, Table
from marketkeep.stores.lake.layout import CURRENT

FORM = 2
"""The form of all that is published. What another form has published is made anew by `rebuild`, never read."""

_NO_ENTRIES = CATALOG.empty()
_TABLES: dict[str, Table] = {"entries": CATALOG, "batches": BATCHES, "asked": ASKED, "tickers": TICKERS}


@dataclass(frozen=True)
class Catalog:
    """
    One version of the catalog; `version` is the hash of its content, empty for a keep that holds nothing.

    `tickers` (`TICKERS` rows) say whose rows what is published holds under which symbol.
    """

    version: str
    entries: pl.DataFrame
    batches: pl.DataFrame
    asked: pl.DataFrame
    tickers: pl.DataFrame = field(default_factory=TICKERS.empty)

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


def read_catalog(root: Path) -> Catalog:
    """The current version; an absent one is empty. Raises `CorruptFile` when its bytes differ from their hash."""
    # A writer may replace the version between our two reads; the files of the old one are then gone, so look again.
    for attempt in range(3):
        try:
            return _read(root)
        except FileNotFoundError as error:
            if attempt == 2:
                raise CorruptFile(
                    Path(str(error.filename)), "the catalog points to it, but it is gone", derived=True
                ) from error
    raise AssertionError("unreachable")


def _read(root: Path) -> Catalog:
    pointer = root / CURRENT
    return _load(root, pointer.read_bytes()) if pointer.exists() else Catalog.empty()


@lru_cache(maxsize=4)
def _load(root: Path, pointer: bytes) -> Catalog:
    """The version a pointer names. What it names never changes, so it is read once."""
    try:
        told = orjson.loads(pointer)
        if told.get("form") != FORM:
            raise OtherForm(root / CURRENT)
        names = {table: str(told[table]) for table in _TABLES}
        paths = {table: root / "catalog" / names[table] for table in _TABLES}
    except (orjson.JSONDecodeError, AttributeError, KeyError) as error:
        raise CorruptFile(root / CURRENT, "it does not name the catalog's tables", derived=True) from error
    frames = {}
    for table, path in paths.items():
        data = path.read_bytes()
        if _digest(data) not in path.name:
            raise CorruptFile(path, "its bytes differ from the hash in its name", derived=True)
        frames[table] = pl.read_parquet(io.BytesIO(data))
    return Catalog(_version(names), **frames)


def write_catalog(
    root: Path,
    entries: pl.DataFrame,
    batches: pl.DataFrame,
    asked: pl.DataFrame,
    tickers: pl.DataFrame | None = None,
) -> Catalog:
    """Replace the current version in one step and drop the files only the old one used."""
    names = {}
    frames = {}
    told = {"entries": entries, "batches": batches, "asked": asked}
    for name, frame in {**told, "tickers": TICKERS.empty() if tickers is None else tickers}.items():
        table = _TABLES[name]
        frames[name] = table.conform(frame).sort(*table.key)
        buffer = io.BytesIO()
        frames[name].write_parquet(buffer, compression="zstd")
        names[name] = f"{name}-{_digest(buffer.getvalue())}.parquet"
        if not (root / "catalog" / names[name]).exists():
            # On disk before the pointer names it: a power cut must not leave a pointer to nothing.
            write_atomic(root / "catalog" / names[name], buffer.getvalue(), durable=True)
    pointer = orjson.dumps({"form": FORM, **names}, option=orjson.OPT_INDENT_2)
    write_atomic(root / CURRENT, pointer + b"\n", durable=True)
    for old in (root / "catalog").glob("*.parquet"):
        if old.name not in names.values():
            with suppress(OSError):
                old.unlink()
    return Catalog(_version(names), **frames)


def batch_rows(batches: Iterable[Batch]) -> pl.DataFrame:
    """Batches as rows of the catalog's table."""
    names = [column.name for column in BATCHES.columns]
    return pl.DataFrame([[getattr(b, name) for name in names] for b in batches], schema=BATCHES.schema, orient="row")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _version(names: dict[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(names, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
