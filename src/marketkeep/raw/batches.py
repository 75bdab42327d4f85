"""
Raw batches: parsed rows as sources delivered them, append-only, each file named by the hash of its own bytes.

A batch groups many payloads of one dataset and source; its footer holds the lineage (pack, offset, digest, request)
that each row points to by position. There is no way to change or remove one; writing the same rows of the same
payloads again finds the file already there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from functools import lru_cache
from itertools import starmap
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import Files, files_at
from marketkeep.model import RAW_TABLES, UTC, Batch, Lineage
from marketkeep.model.tables import Dtype

_HEADER = "marketkeep"
_ROW_GROUP = 50_000
_KEPT_LINEAGES = 4_000
_DEPTH = 4
_FEW_SYMBOLS = 300
_LINEAGE: dict[str, Dtype] = {
    "path": pl.String,
    "payload": pl.UInt32,
    "source": pl.String,
    "fetched_at": UTC,
    "digest": pl.String,
    "batch_id": pl.String,
}


@dataclass(slots=True)
class Seen:
    """What is known of batches that were read whole: which had the bytes they should, and by batch its few symbols."""

    verified: set[str] = field(default_factory=set)
    symbols: dict[str, frozenset[str]] = field(default_factory=dict)

    def of(self, path: str, symbols: pl.Series | None) -> None:
        """Remember whose rows a batch holds, unless they are too many to be worth it."""
        if symbols is not None and (few := symbols.unique()).len() <= _FEW_SYMBOLS:
            self.symbols[path] = frozenset(few)

    def add(self, other: Seen) -> None:
        """Take in what another process has seen."""
        self.verified |= other.verified
        self.symbols |= other.symbols

    def without(self, path: str, symbols: Collection[str]) -> bool:
        """Whether a batch is known to hold nothing of these symbols."""
        return path in self.symbols and self.symbols[path].isdisjoint(symbols)


class BatchStore:
    """
    The raw batches of the keep at a place.

    What it has `seen` of them goes along when it is pickled, so that a process that works for this one trusts it.
    """

    def __init__(self, place: Files | Path | str, seen: Seen | None = None) -> None:
        self.files = files_at(place)
        self.seen = seen or Seen()
        self._lineage_rows = lru_cache(_KEPT_LINEAGES)(self._lineage_of)

    def __reduce__(self) -> tuple[type[BatchStore], tuple[Files, Seen]]:
        return BatchStore, (self.files, self.seen)

    def write(
        self, dataset: str, source: str, run_id: str, frame: pl.DataFrame, lineage: Sequence[Lineage]
    ) -> Batch | None:
        """
        Keep rows (in the dataset's raw columns) and the lineage their `payload` column points into.

        Returns None when there is neither a row nor an answer to remember. The file is on disk when this returns.
        """
        if frame.is_empty() and not lineage:
            return None
        table = RAW_TABLES[dataset]
        rows = table.conform(frame).sort(*table.key, maintain_order=True)
        header = {"dataset": dataset, "source": source, "run_id": run_id, "lineage": [asdict(one) for one in lineage]}
        buffer = io.BytesIO()
        rows.write_parquet(
            buffer,
            compression="zstd",
            row_group_size=_ROW_GROUP,
            metadata={_HEADER: orjson.dumps(header).decode()},
        )
        data = buffer.getvalue()
        moment = min(one.fetched_at for one in lineage)
        batch_id = f"{moment:%Y%m%dT%H%M%S%f}-{hashlib.sha256(data).hexdigest()[:32]}"
        path = f"raw/{dataset}/{source}/{moment:%Y-%m-%d}/{batch_id}.parquet"
        if not self.files.exists(path):
            self.files.write(path, data, durable=True)
        return _describe(path, batch_id, header, rows, tuple(lineage))

    def paths(self) -> list[str]:
        """Every batch file, relative to the root, oldest batch first. It lists: for the writer alone."""
        found = (key for key in self.files.keys("raw/") if key.endswith(".parquet") and key.count("/") == _DEPTH)
        return sorted(found, key=lambda path: (_stem(path), path))

    def load(self, path: str) -> Batch:
        """
        Describe one batch, lineage included, after checking its bytes against its name.

        Raises `CorruptFile` when they differ.
        """
        return self._described(path, self._verify(path))

    def load_all(self, paths: Sequence[str]) -> Iterator[Batch | CorruptFile]:
        """Describe many batches as `load` does, in their order; one that is corrupt is told in its place."""
        left = list(paths)
        while left:
            try:
                for path, data in self._bytes(tuple(left)):
                    yield self._described(path, self._verified_bytes(path, data))
                    left.pop(0)
            except CorruptFile as error:
                left.pop(0)
                yield error

    def _described(self, path: str, data: bytes) -> Batch:
        header = self._header(path, data)
        table = RAW_TABLES[header["dataset"]]
        names = {table.dates or table.key[0], *(["symbol"] if "symbol" in table.schema else [])}
        rows = pl.read_parquet(io.BytesIO(data), columns=sorted(names))
        self.seen.of(path, rows["symbol"] if "symbol" in names else None)
        return _describe(path, _stem(path), header, rows, tuple(_lineage(one) for one in header["lineage"]))

    def lineage(self, path: str) -> tuple[Lineage, ...]:
        """What the rows of one batch came from, by position."""
        return tuple(_lineage(one) for one in self._header(path)["lineage"])

    def run_of(self, path: str) -> str:
        """The run that wrote a batch."""
        return str(self._header(path)["run_id"])

    def rows(
        self,
        dataset: str,
        paths: Iterable[str],
        *,
        symbols: Sequence[str] | None = None,
        ciks: Sequence[int] | None = None,
        first: date | None = None,
        last: date | None = None,
        recorded_by: datetime | None = None,
    ) -> pl.DataFrame:
        """
        The raw rows of these batches with their lineage beside them: source, fetched_at (UTC), digest, batch_id.

        `first` and `last` bound the dates, both included. `recorded_by` keeps what had been received by then.
        Ordered by key, then time received. Raises `CorruptFile` for a batch whose bytes differ from its name.
        """
        chosen = [path for path in paths if symbols is None or not self.seen.without(path, symbols)]
        self._verify_once(chosen)
        table = RAW_TABLES[dataset]
        if not chosen:
            return self._with_lineage(table.empty().with_columns(path=pl.lit(None, dtype=pl.String)), {})
        # A keep's folder may be called anything: its name is no pattern.
        local = self._local(chosen)
        scan = pl.scan_parquet(local, include_file_paths="path", glob=False)
        column = table.dates
        if symbols is not None:
            scan = scan.filter(pl.col("symbol").is_in(list(symbols)))
        if ciks is not None:
            scan = scan.filter(pl.col("cik").is_in(list(ciks)))
        if column and first is not None:
            scan = scan.filter(pl.col(column) >= first)
        if column and last is not None:
            scan = scan.filter(pl.col(column) <= last)
        frame = self._with_lineage(scan.collect(), dict(zip(chosen, map(str, local), strict=True)))
        if recorded_by is not None:
            frame = frame.filter(pl.col("fetched_at") <= recorded_by)
        order = [name for name in table.key if name != "payload"]
        return frame.sort(*order, "fetched_at", "batch_id", "payload", maintain_order=True)

    def scan(self, paths: Sequence[str]) -> pl.LazyFrame:
        """The raw rows of these batches as they are in their files, unverified, for sums over them."""
        return pl.scan_parquet(self._local(paths), glob=False)

    def _with_lineage(self, frame: pl.DataFrame, scanned: Mapping[str, str]) -> pl.DataFrame:
        """`scanned` says by batch under which path its rows were read."""
        lineage = pl.concat([pl.DataFrame(schema=_LINEAGE), *starmap(self._lineage_rows, scanned.items())])
        return frame.join(lineage, on=["path", "payload"], how="left", maintain_order="left").drop("path")

    def _lineage_of(self, path: str, scanned: str) -> pl.DataFrame:
        """What `_with_lineage` needs of one batch's lineage: a row per payload."""
        told = [(index, one.fetched_at, one.digest) for index, one in enumerate(self.lineage(path))]
        schema = {name: _LINEAGE[name] for name in ("payload", "fetched_at", "digest")}
        names = {"path": scanned, "source": path.split("/")[2], "batch_id": _stem(path)}
        frame = pl.DataFrame(told, schema=schema, orient="row")
        return frame.with_columns(pl.lit(text).alias(name) for name, text in names.items()).select(list(_LINEAGE))

    def _verify_once(self, paths: Sequence[str]) -> None:
        for path, data in self._bytes([path for path in paths if path not in self.seen.verified]):
            self._verified_bytes(path, data)

    def _verify(self, path: str) -> bytes:
        [(_, data)] = self._bytes([path])
        return self._verified_bytes(path, data)

    def _verified_bytes(self, path: str, data: bytes | None) -> bytes:
        if data is None:
            raise self._corrupt(path, "it cannot be read (it is not there)")
        if hashlib.sha256(data).hexdigest()[:32] != _stem(path).partition("-")[2]:
            raise self._corrupt(path, "its bytes differ from the hash in its name")
        self.seen.verified.add(path)
        return data

    def _bytes(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """The bytes of files, None of one that is not there; raises `CorruptFile` for one that cannot be read."""
        stream = self.files.stream(paths, _tokens(paths))
        for path in paths:
            try:
                yield next(stream)
            except OSError as error:
                raise self._corrupt(path, f"it cannot be read ({error.strerror})") from error

    def _local(self, paths: Sequence[str]) -> list[Path]:
        try:
            return self.files.local(paths, _tokens(paths))
        except FileNotFoundError as error:
            gone = next((path for path in paths if self.files.name(path) == error.filename), paths[0])
            raise self._corrupt(gone, "it cannot be read (it is not there)") from error

    def _header(self, path: str, data: bytes | None = None) -> dict[str, Any]:
        try:
            metadata = pl.read_parquet_metadata(self._local([path])[0] if data is None else io.BytesIO(data))
            header: dict[str, Any] = orjson.loads(metadata[_HEADER])
        except (OSError, KeyError, orjson.JSONDecodeError, pl.exceptions.PolarsError) as error:
            raise self._corrupt(path, "its footer cannot be read") from error
        return header

    def _corrupt(self, path: str, reason: str) -> CorruptFile:
        return CorruptFile(self.files.name(path), reason, key=path)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".parquet")


def _tokens(paths: Iterable[str]) -> dict[str, str]:
    """A batch is named by the hash of its bytes, so its name stands for them."""
    return {path: _stem(path) for path in paths}


def _describe(
    path: str, batch_id: str, header: dict[str, Any], rows: pl.DataFrame, lineage: tuple[Lineage, ...]
) -> Batch:
    column = RAW_TABLES[header["dataset"]].dates
    dates = rows[column] if column else None
    first: Any = dates.min() if dates is not None else None
    last: Any = dates.max() if dates is not None else None
    return Batch(
        batch_id, path, header["dataset"], header["source"], header["run_id"], rows.height, first, last, lineage
    )


def _lineage(facts: dict[str, Any]) -> Lineage:
    known = {field.name for field in fields(Lineage)}
    values = {name: value for name, value in facts.items() if name in known}
    for name in ("start", "end"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["fetched_at"] = datetime.fromisoformat(values["fetched_at"])
    values["faults"] = tuple(values["faults"])
    values["symbols"] = tuple(values["symbols"])
    return Lineage(**values)
