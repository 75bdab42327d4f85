"""
Folded raw: what the reference tables need of a dataset, put together batch by batch and kept, so that the next update
reads new batches only.

A fold is the same whatever the order of the batches, and names those it rests on. It is derived: absent, damaged, of
another form or resting on a batch that is no longer there, it is made again from all of them.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson
import polars as pl

from marketkeep.pipeline.publishing.rows import batch_files
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout

_PART_ROWS = 250_000
_RESTS_ON = "marketkeep"
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Fold:
    """
    How a dataset is folded: `of` folds raw rows (with lineage beside them), `together` joins what was folded apart.

    `together` must not care about the order of its parts, and put rows into an order of its own; of no parts it makes
    an empty fold, by whose columns one that is kept is known to be of this form. `what` tells apart several folds of
    one dataset.
    """

    dataset: str
    of: Callable[[pl.DataFrame], pl.DataFrame]
    together: Callable[[Sequence[pl.DataFrame]], pl.DataFrame]
    what: str = ""

    @property
    def name(self) -> str:
        """What it is kept under: the dataset, and what of it is folded where there are several."""
        return f"{self.dataset}-{self.what}" if self.what else self.dataset


def folded(work: Workspace, batches: pl.DataFrame, fold: Fold) -> pl.DataFrame:
    """The fold of these raw batches (`BATCHES` rows), kept for the next time; so many rows are read at once."""
    mine = batches.filter((pl.col("dataset") == fold.dataset) & (pl.col("rows") > 0))
    wanted = set(mine["batch_id"])
    known, rests_on = _kept(work, fold)
    if known is None or not rests_on <= wanted:
        known, rests_on = None, set()
    if known is not None and rests_on == wanted:
        return known
    fresh = mine.filter(~pl.col("batch_id").is_in(list(rests_on)))
    parts = [fold.of(rows) for rows in _parts(work, fresh, fold.dataset)]
    whole = fold.together([*([] if known is None else [known]), *parts]).rechunk()
    _keep(work, fold, whole, wanted)
    return whole


def _kept(work: Workspace, fold: Fold) -> tuple[pl.DataFrame | None, set[str]]:
    """The fold that is kept and the batches it rests on; none when there is not exactly one that is whole."""
    found = _files(work, fold)
    if len(found) != 1:
        return None, set()
    try:
        data = work.files.read(found[0], found[0])
        if _digest(data) not in found[0]:
            return None, set()
        rests_on = orjson.loads(pl.read_parquet_metadata(io.BytesIO(data))[_RESTS_ON])
        known = pl.read_parquet(io.BytesIO(data))
        return (known, set(rests_on)) if known.schema == fold.together([]).schema else (None, set())
    except (OSError, KeyError, orjson.JSONDecodeError, pl.exceptions.PolarsError):
        return None, set()


def _keep(work: Workspace, fold: Fold, whole: pl.DataFrame, rests_on: set[str]) -> None:
    """Replace the fold that is kept."""
    old = _files(work, fold)
    new = None
    if rests_on:
        buffer = io.BytesIO()
        named = {_RESTS_ON: orjson.dumps(sorted(rests_on)).decode()}
        whole.write_parquet(buffer, compression="zstd", metadata=named)
        new = layout.folded(fold.name, _digest(buffer.getvalue()))
        work.lake.put(new, buffer.getvalue())
    work.lake.drop(*(key for key in old if key != new))


def _files(work: Workspace, fold: Fold) -> list[str]:
    """The keys of what is kept of a fold: one, unless a writer was cut short."""
    before, after = layout.folded(fold.name, "?").split("?")
    length = len(before) + _DIGITS + len(after)
    return [key for key in work.files.keys(before) if len(key) == length and key.endswith(after)]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _parts(work: Workspace, batches: pl.DataFrame, dataset: str) -> Iterator[pl.DataFrame]:
    """The raw rows of a dataset, so many at a time."""
    sizes = dict(batches.select("path", "rows").iter_rows())
    part: list[str] = []
    count = 0
    for path in batch_files(batches, dataset):
        if part and count + sizes[path] > _PART_ROWS:
            yield work.batches.rows(dataset, part)
            part, count = [], 0
        part.append(path)
        count += sizes[path]
    if part:
        yield work.batches.rows(dataset, part)
