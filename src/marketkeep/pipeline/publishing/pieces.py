"""
Rows on their way into the panel: publishing gives them by groups of symbols, the panel takes them by period.

Few are kept in memory. Where a run publishes more than that, as a rebuild does, they wait as Arrow files in the keep's
scratch folder, which is emptied before and after.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from marketkeep.files import storing

_ROWS = 2_000_000
"""How many are kept in memory before they are set aside: some 150 MB of daily bars."""

_AT_ONCE = 16_384
"""Rows of a piece set aside that are read together: of every piece of a period so many are in memory."""

Place = tuple[str, int]
"""A dataset and a period of it."""


class Pieces:
    """Rows by dataset and period, each piece sorted by symbol; no symbol is in two pieces of a period."""

    def __init__(self, scratch: Path, *, rows: int = _ROWS) -> None:
        self._folder, self._limit = scratch / "pieces", rows
        self._held: defaultdict[Place, list[pl.DataFrame]] = defaultdict(list)
        self._aside: defaultdict[Place, list[Path]] = defaultdict(list)
        self._rows = self._files = 0

    def __enter__(self) -> Self:
        """What a killed run had set aside goes."""
        shutil.rmtree(self._folder, ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays behind."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, dataset: str, period: int, rows: pl.DataFrame) -> None:
        """Take in rows, sorted by symbol and time."""
        self._held[dataset, period].append(rows)
        self._rows += rows.height
        if self._rows > self._limit:
            self._set_aside()

    def of(self, dataset: str, period: int) -> list[Iterator[pl.DataFrame]]:
        """The pieces of a period, each as a stream of frames; those set aside are read when their turn comes."""
        place = (dataset, period)
        held = [iter([frame]) for frame in self._held.get(place, ())]
        return [*held, *(_frames(path) for path in self._aside.get(place, ()))]

    def _set_aside(self) -> None:
        for place, frames in self._held.items():
            path = self._folder / f"{self._files:06d}.arrow"
            self._files += 1
            self._aside[place].append(path)
            with storing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                whole = pl.concat(frames).sort("symbol", maintain_order=True)
                whole.write_ipc(path, compression="lz4", record_batch_size=_AT_ONCE)
        self._held.clear()
        self._rows = 0


def _frames(path: Path) -> Iterator[pl.DataFrame]:
    with pa.OSFile(str(path)) as source:
        file = pyarrow.ipc.open_file(source)
        for number in range(file.num_record_batches):
            yield pl.DataFrame(file.get_batch(number))
