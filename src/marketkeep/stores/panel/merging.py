"""
Merging rows that come from several places, each sorted by symbol, into one sorted sequence in bounded memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import polars as pl


def merged(streams: Iterable[Iterable[pl.DataFrame]]) -> Iterator[pl.DataFrame]:
    """
    The rows of all streams by symbol. Each stream is sorted by symbol over all of its frames, and no symbol is in two.

    One frame of each stream is held at a time; what comes out are slices of them.
    """
    heads: list[tuple[str, int]] = []
    frames: dict[int, pl.DataFrame] = {}
    sources = [iter(stream) for stream in streams]
    for number in range(len(sources)):
        _advance(sources, frames, heads, number)
    while heads:
        _, number = heapq.heappop(heads)
        frame = frames[number]
        until = heads[0][0] if heads else None
        count = frame.height if until is None else _before(frame["symbol"], until)
        yield frame.slice(0, count)
        if count < frame.height:
            frames[number] = frame.slice(count)
            heapq.heappush(heads, (frames[number]["symbol"][0], number))
        else:
            _advance(sources, frames, heads, number)


def _before(symbols: pl.Series, until: str) -> int:
    """How many of these sorted symbols come before another one: it is not among them."""
    return symbols.len() if symbols[-1] < until else int(symbols.search_sorted(until))


def _advance(
    sources: list[Iterator[pl.DataFrame]], frames: dict[int, pl.DataFrame], heads: list[tuple[str, int]], number: int
) -> None:
    """Take the next frame with rows of a stream, if it has one."""
    for frame in sources[number]:
        if not frame.is_empty():
            frames[number] = frame
            heapq.heappush(heads, (frame["symbol"][0], number))
            return
    frames.pop(number, None)
