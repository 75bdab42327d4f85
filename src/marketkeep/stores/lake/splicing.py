"""
New lines in a published file of bars: those of some dates are replaced, all others stay byte for byte.

A record is a line, so a file need neither be read as JSON nor written again for the sake of its last days.
"""

from __future__ import annotations

from datetime import date

_DATE = b'"date":"'
_DAY = len("2024-01-02")
_HEAD, _TAIL = len(b"[\n"), len(b"\n]\n")


def spliced(data: bytes, first: date, last: date, lines: bytes) -> bytes:
    """
    A file of one symbol's daily bars, as `dump_ticks` writes it, with `lines` (joined by comma and newline) in place of
    those of the dates `first` to `last`, both included.

    It looks at the lines from the last one back to `first`. What is left without any is a file of no records.
    """
    start, stop = _bounds(data, first.isoformat().encode("ascii"), last.isoformat().encode("ascii"))
    before = data[_HEAD : start - 2] if start > _HEAD else b""
    behind = data[stop:-_TAIL]
    text = b",\n".join(part for part in (before, lines, behind) if part)
    return b"[\n" + text + b"\n]\n" if text else b"[]\n"


def lines_of(data: bytes) -> bytes:
    """The lines of such a file, joined by comma and newline."""
    return data[_HEAD:-_TAIL]


def _bounds(data: bytes, first: bytes, last: bytes) -> tuple[int, int]:
    """
    Where the first line of the dates begins, and where the first line behind them does. A comma and a newline lie
    before each line but the first; behind the last one it is as if they did.
    """
    # The symbol comes first and is the same in all lines, so that dates lie at one place of each.
    place = data.find(_DATE) + len(_DATE) - _HEAD
    start = stop = at = len(data) - _TAIL + 2
    while at > _HEAD:
        begin = data.rfind(b"\n", 0, at - 2) + 1
        day = data[begin + place : begin + place + _DAY]
        if day < first:
            break
        start = begin
        if day > last:
            stop = begin
        at = begin
    return start, stop
