"""
Raw batches: parsed rows as sources delivered them, append-only, each file named by the hash of its own bytes.

A batch groups many payloads of one dataset and source; its footer holds the lineage (pack, offset, digest, request)
that each row points to by position. There is no way to change or remove one; writing the same rows of the same
payloads again finds the file already there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import CorruptFile
from marketkeep.files import write_atomic
from marketkeep.model import RAW_TABLES, UTC, Batch, Lineage
from marketkeep.model.tables import Dtype

_HEADER = "marketkeep"
_ROW_GROUP = 50_000
_KEPT_LINEAGES = 4_000
_LINEAGE: dict[str, Dtype] = {
    "path": pl.String,
    "payload": pl.UInt32,
    "source": pl.String,
    "fetched_at": UTC,
    "digest": pl.String,
    "batch_id": pl.String,
}


class BatchStore:
    """The raw batches of a keep at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: set[str] = set()
        self._lineage_rows = lru_cache(_KEPT_LINEAGES)(self._lineage_of)

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
        path = Path("raw", dataset, source, f"{moment:%Y-%m-%d}", f"{batch_id}.parquet")
        if not (self.root / path).exists():
            write_atomic(self.root / path, data, durable=True)
        return _describe(path.as_posix(), batch_id, header, rows, tuple(lineage))

    def paths(self) -> list[str]:
        """Every batch file, relative to the root, oldest batch first."""
        found = self.root.glob("raw/*/*/*/*.parquet")
        return sorted(
            (path.relative_to(self.root).as_posix() for path in found), key=lambda path: (Path(path).stem, path)
        )

    def load(self, path: str) -> Batch:
        """
        Describe one batch, lineage included, after checking its bytes against its name.

        Raises `CorruptFile` when they differ.
        """
        data = self._verify(path)
        header = _read_header(self.root / path, data)
        table = RAW_TABLES[header["dataset"]]
        column = RAW_TABLES[header["dataset"]].dates
        rows = pl.read_parquet(io.BytesIO(data), columns=[column or table.key[0]])
        return _describe(path, Path(path).stem, header, rows, tuple(_lineage(one) for one in header["lineage"]))

    def lineage(self, path: str) -> tuple[Lineage, ...]:
        """What the rows of one batch came from, by position."""
        return tuple(_lineage(one) for one in _read_header(self.root / path)["lineage"])

    def run_of(self, path: str) -> str:
        """The run that wrote a batch."""
        return str(_read_header(self.root / path)["run_id"])

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
        chosen = list(paths)
        for path in chosen:
            self._verify_once(path)
        table = RAW_TABLES[dataset]
        if not chosen:
            return self._with_lineage(table.empty().with_columns(path=pl.lit(None, dtype=pl.String)), [])
        # A keep's folder may be called anything: its name is no pattern.
        scan = pl.scan_parquet([self.root / path for path in chosen], include_file_paths="path", glob=False)
        column = table.dates
        if symbols is not None:
            scan = scan.filter(pl.col("symbol").is_in(list(symbols)))
        if ciks is not None:
            scan = scan.filter(pl.col("cik").is_in(list(ciks)))
        if column and first is not None:
            scan = scan.filter(pl.col(column) >= first)
        if column and last is not None:
            scan = scan.filter(pl.col(column) <= last)
        frame = self._with_lineage(scan.collect(), chosen)
        if recorded_by is not None:
            frame = frame.filter(pl.col("fetched_at") <= recorded_by)
        order = [name for name in table.key if name != "payload"]
        return frame.sort(*order, "fetched_at", "batch_id", "payload", maintain_order=True)

    def _with_lineage(self, frame: pl.DataFrame, paths: list[str]) -> pl.DataFrame:
        lineage = pl.concat([pl.DataFrame(schema=_LINEAGE), *(self._lineage_rows(path) for path in paths)])
        return frame.join(lineage, on=["path", "payload"], how="left", maintain_order="left").drop("path")

    def _lineage_of(self, path: str) -> pl.DataFrame:
        """What `_with_lineage` needs of one batch's lineage: a row per payload."""
        told = [(index, one.fetched_at, one.digest) for index, one in enumerate(self.lineage(path))]
        schema = {name: _LINEAGE[name] for name in ("payload", "fetched_at", "digest")}
        names = {"path": str(self.root / path), "source": path.split("/")[2], "batch_id": Path(path).stem}
        frame = pl.DataFrame(told, schema=schema, orient="row")
        return frame.with_columns(pl.lit(text).alias(name) for name, text in names.items()).select(list(_LINEAGE))

    def _verify_once(self, path: str) -> None:
        if path not in self._verified:
            self._verify(path)

    def _verify(self, path: str) -> bytes:
        try:
            data = (self.root / path).read_bytes()
        except OSError as error:
            raise CorruptFile(self.root / path, f"it cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest()[:32] != Path(path).stem.partition("-")[2]:
            raise CorruptFile(self.root / path, "its bytes differ from the hash in its name")
        self._verified.add(path)
        return data


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


def _read_header(path: Path, data: bytes | None = None) -> dict[str, Any]:
    try:
        metadata = pl.read_parquet_metadata(io.BytesIO(data) if data is not None else path)
        header: dict[str, Any] = orjson.loads(metadata[_HEADER])
    except (OSError, KeyError, orjson.JSONDecodeError, pl.exceptions.PolarsError) as error:
        raise CorruptFile(path, "its footer cannot be read") from error
    return header


def _lineage(facts: dict[str, Any]) -> Lineage:
    known = {field.name for field in fields(Lineage)}
    values = {name: value for name, value in facts.items() if name in known}
    for name in ("start", "end"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["fetched_at"] = datetime.fromisoformat(values["fetched_at"])
    values["faults"] = tuple(values["faults"])
    values["symbols"] = tuple(values["symbols"])
    return Lineage(**values)
