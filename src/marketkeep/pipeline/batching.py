"""
Batching: many parsed payloads become few raw batches, each row pointing at the payload it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from marketkeep.model import RAW_TABLES, Frames, Lineage, Payload, Request
from marketkeep.pipeline.workspace import Workspace
from marketkeep.raw import RawRef

ROWS_PER_BATCH = 250_000
PAYLOADS_PER_BATCH = 64
# Bars last: they carry the answers' lineage, so a crash between two files leaves the answer to be taken up again.
_ORDER = tuple(RAW_TABLES)


def lineage_of(request: Request, payload: Payload | None, ref: RawRef | None) -> Lineage:
    """What a row must remember of where it came from."""
    if payload is None or ref is None:
        raise ValueError("an answer that was landed has both a payload and a place")
    return Lineage(
        ref.digest,
        ref.pack,
        ref.offset,
        request.full_url,
        request.symbols,
        request.start,
        request.end,
        payload.fetched_at,
        faults=payload.faults,
    )


@dataclass(slots=True)
class _Pending:
    lineage: list[Lineage] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0


@dataclass(slots=True)
class Batching:
    """
    Gathers parsed payloads of one run by source and dataset; `full` says when it is time to `flush`.

    Flush only after the landing has acknowledged the payloads.
    """

    work: Workspace
    run_id: str
    rows: int = 0
    batches: int = 0
    _pending: dict[tuple[str, str], _Pending] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether enough is gathered for a batch."""
        return any(
            one.rows >= ROWS_PER_BATCH or len(one.lineage) >= PAYLOADS_PER_BATCH for one in self._pending.values()
        )

    def add(self, request: Request, lineage: Lineage, frames: Frames) -> None:
        """Gather one payload's rows. The request's own dataset remembers the answer even without rows."""
        for dataset in {request.dataset, *frames}:
            frame = frames.get(dataset)
            rows = 0 if frame is None else frame.height
            if rows or dataset == request.dataset:
                self._put(request.source, dataset, replace(lineage, rows=rows), frame)

    def refuse(self, request: Request, lineage: Lineage, fault: str) -> None:
        """Remember an answer (or its failing to come) from which no row was taken."""
        self._put(request.source, request.dataset, replace(lineage, refused=fault), None)

    def flush(self) -> None:
        """Write what is gathered; each batch is on disk when this returns."""
        for source, dataset in sorted(self._pending, key=lambda key: (_ORDER.index(key[1]), key[0])):
            pending = self._pending[source, dataset]
            table = RAW_TABLES[dataset]
            frame = pl.concat(pending.frames) if pending.frames else table.empty()
            if self.work.batches.write(dataset, source, self.run_id, frame, pending.lineage):
                self.batches += 1
        self._pending.clear()

    def _put(self, source: str, dataset: str, lineage: Lineage, frame: pl.DataFrame | None) -> None:
        pending = self._pending.setdefault((source, dataset), _Pending())
        if frame is not None and frame.height:
            numbered = frame.with_columns(payload=pl.lit(len(pending.lineage), dtype=pl.UInt32))
            pending.frames.append(RAW_TABLES[dataset].conform(numbered))
            pending.rows += frame.height
            self.rows += frame.height
        pending.lineage.append(lineage)
