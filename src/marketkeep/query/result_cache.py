"""
Answers kept for who asks the same again: of heavy questions alone, by the question and the version of the catalog.

Frames are never changed, so an answer is handed to everybody. What a map answers is not kept: reading it again costs
less than the memory. The least recently used go first when there are more bytes than the limit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock

import polars as pl

from marketkeep.errors import BadInput

LIMIT = 256 * 1024 * 1024
"""Bytes kept unless `limited` says otherwise."""


@dataclass
class ResultCache:
    """Answers by their questions, `limit` bytes of them at most."""

    limit: int = LIMIT
    bytes: int = 0
    _kept: OrderedDict[Hashable, tuple[pl.DataFrame, int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, question: Hashable, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What is kept as the answer, else what `read` gives; errors are not kept, nor what alone exceeds the limit."""
        with self._lock:
            if question in self._kept:
                self._kept.move_to_end(question)
                return self._kept[question][0]
        found = read()
        size = int(found.estimated_size())
        with self._lock:
            if question not in self._kept and size <= self.limit:
                self._kept[question] = found, size
                self.bytes += size
                self._shrink()
        return found

    def limited(self, limit: int) -> None:
        """Keep so many bytes from now on; 0 keeps nothing. Raises `BadInput` for less."""
        if limit < 0:
            raise BadInput(f"a cache of {limit} bytes cannot be; give 0 for none")
        with self._lock:
            self.limit = limit
            self._shrink()

    def _shrink(self) -> None:
        while self.bytes > self.limit:
            _, (_, size) = self._kept.popitem(last=False)
            self.bytes -= size


RESULTS = ResultCache()
"""The answers kept in this process, of all keeps together."""
