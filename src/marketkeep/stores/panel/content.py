"""
The digest of a partition's rows, whatever form of file holds them: published files, Parquet or mapped Arrow.

With it anyone can tell whether two files hold the same rows in the same order, to the last bit of a number. It says
nothing of how they are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from marketkeep.model import PANEL_TABLES

_NULL = np.uint32(2**32 - 1)


class Content:
    """
    The digest over rows of a dataset that come in pieces, in order; how they are cut makes no difference.

    Each column has a SHA-256 of its own: numbers as they lie in memory (little end first; dates as days and instants as
    microseconds since 1970), unknown ones as 0 and the places of these behind; text as numbers in order of first
    appearance, and the texts themselves behind. The digest is the SHA-256 over the names, types and digests of the
    columns, in the order of the table.
    """

    def __init__(self, dataset: str) -> None:
        self._columns = {name: _Column(str(kind)) for name, kind in PANEL_TABLES[dataset].schema.items()}

    def update(self, frame: pl.DataFrame) -> None:
        """Take in the next rows: columns of the dataset's table in any order, text plain or as categories."""
        for name, column in self._columns.items():
            column.update(frame[name])

    def hexdigest(self) -> str:
        """The digest of all rows so far."""
        told = [f"{name} {column.kind} {column.hexdigest()}\n" for name, column in self._columns.items()]
        return hashlib.sha256("".join(told).encode("utf-8")).hexdigest()


def content_of(dataset: str, frames: Iterable[pl.DataFrame]) -> str:
    """The digest over all rows of these frames, in their order."""
    content = Content(dataset)
    for frame in frames:
        content.update(frame)
    return content.hexdigest()


class _Column:
    """The digest of one column."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._values, self._nulls = hashlib.sha256(), hashlib.sha256()
        self._numbers: dict[str, int] = {}
        self._rows = 0

    def update(self, values: pl.Series) -> None:
        """Take in the next values."""
        if self.kind == "String":
            self._values.update(self._numbered(values).data)
        else:
            numbers = values.to_physical()
            if numbers.null_count():
                places = np.flatnonzero(numbers.is_null().to_numpy()).astype(np.uint64) + np.uint64(self._rows)
                self._nulls.update(places.data)
                numbers = numbers.fill_null(0)
            self._values.update(np.ascontiguousarray(numbers.to_numpy()).data)
        self._rows += len(values)

    def hexdigest(self) -> str:
        """The digest of all values so far."""
        told = hashlib.sha256(self._values.digest() + self._nulls.digest())
        told.update(f"{self._rows}\n".encode("ascii") + "\n".join(self._numbers).encode("utf-8"))
        return told.hexdigest()

    def _numbered(self, values: pl.Series) -> npt.NDArray[Any]:
        """Each text as its number; a run of the same is looked at once."""
        runs = values.cast(pl.String).rle().struct.unnest()
        texts = runs["value"].unique(maintain_order=True).drop_nulls()
        numbers = [self._numbers.setdefault(text, len(self._numbers)) for text in texts]
        known = runs["value"].replace_strict(texts, numbers, default=None, return_dtype=pl.UInt32)
        return np.repeat(known.fill_null(int(_NULL)).to_numpy(), runs["len"].to_numpy())
