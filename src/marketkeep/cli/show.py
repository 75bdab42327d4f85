"""
How the command line shows things: tables for people, JSON for programs, one line for an error.

It formats and prints; it works nothing out. What goes into a pipe is never shortened or cut to a width.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

import orjson
import polars as pl
from rich.console import Console

SHOWN = 40
"""Rows of a long table that a terminal gets unless all are asked for."""

_GAP = "  "
_LEAST_FOLD = 24


class _Console(Console):
    """A console that leaves it to the face to end when nobody reads any more."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


OUT = _Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
ERR = _Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)


def say(text: str, style: str | None = None) -> None:
    """Text for a person, as it is; `style` (bold, dim) on a terminal only."""
    OUT.print(text, style=style)


def complain(text: str, kind: str = "error") -> None:
    """One line on standard error, whatever is in `text`."""
    ERR.print(f"{kind}: {printable(text)}")


def printable(text: str) -> str:
    """`text` on one line, what no terminal should be sent written out: it may come from a file or a source."""
    joined = " ".join(part.strip() for part in text.splitlines())
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in joined)


def json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def frame_json(frame: pl.DataFrame) -> None:
    """A frame as a JSON array, one record a line, as the published files are; dates and times as text."""
    between = "[\n"
    for row in frame.iter_rows(named=True):
        sys.stdout.write(between + orjson.dumps(row).decode())
        between = ",\n"
    sys.stdout.write("[]\n" if frame.is_empty() else "\n]\n")


def frame_table(frame: pl.DataFrame, title: str = "", *, spare: Sequence[str] = ()) -> None:
    """
    A frame as a table: numbers to the right, null as a dash.

    On a terminal too narrow for it the columns named in `spare` are left out, the first of them first, and a line
    says so; text in the last column is folded.
    """
    cells = {column.name: _cells(column) for column in frame}
    left_out = [] if not OUT.is_terminal else _left_out(cells, [name for name in spare if name in cells], OUT.width)
    shown = frame.drop(left_out)
    widths = [_width(name, cells[name]) for name in shown.columns]
    right = [dtype.is_numeric() for dtype in shown.dtypes]
    if title:
        say(title)
    say(_line(shown.columns, widths, right), style="bold")
    rows = zip(*(cells[name] for name in shown.columns), strict=True)
    fold = _fold(widths, right) if OUT.is_terminal else None
    sys.stdout.writelines(f"{line}\n" for row in rows for line in _lines(row, widths, right, fold))
    if left_out:
        say(f"not shown for want of width: {', '.join(left_out)}", style="dim")


def frame_part(frame: pl.DataFrame, *, all_rows: bool, newest: bool = False, spare: Sequence[str] = ()) -> None:
    """
    A table of which a terminal gets the first rows only, or the newest of each symbol, unless `all_rows`.

    A line says how many were left out. A pipe gets everything.
    """
    part = frame
    if OUT.is_terminal and not all_rows and frame.height > SHOWN:
        each = max(3, SHOWN // frame["symbol"].n_unique()) if newest else SHOWN
        part = frame.group_by("symbol", maintain_order=True).tail(each) if newest else frame.head(SHOWN)
    frame_table(part, spare=spare)
    if gone := frame.height - part.height:
        kind = "earlier rows" if newest else "more rows"
        say(f"{gone:,} {kind} left out; --all-rows shows them, --json writes them for programs", style="dim")


def _cells(column: pl.Series) -> list[str]:
    if column.dtype.is_float():
        places = _places(column)
        return ["-" if value is None else f"{value:,.{places}f}" for value in column]
    return [_cell(value) for value in column]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%SZ}"
    return printable(str(value))


def _places(column: pl.Series) -> int:
    """Decimal places for a whole column: none for whole numbers, two to four for prices, more for tiny ones."""
    known = column.drop_nulls().drop_nans().abs()
    if known.is_empty() or bool((known == known.round(0)).all()):
        return 0
    smallest = float(known.filter(known > 0).min() or 1.0)  # type: ignore[arg-type]
    most = min(max(4, 3 - math.floor(math.log10(smallest))), 12)
    # A price is exact to within its own size, not to within 1: 0.1 + 0.2 needs one place.
    return next((n for n in range(2, most) if bool(((known - known.round(n)).abs() <= 1e-9 * known).all())), most)


def _width(name: str, cells: Sequence[str]) -> int:
    return max(len(name), max(map(len, cells), default=0))


def _left_out(cells: dict[str, list[str]], spare: Sequence[str], room: int) -> list[str]:
    """The columns to leave out so that the rest fits, the last one folded if need be."""
    widths = {name: _width(name, column) for name, column in cells.items()}
    last = next(reversed(widths))
    if last not in spare:
        widths[last] = min(widths[last], 2 * _LEAST_FOLD)
    gone: list[str] = []
    for name in spare:
        if sum(widths.values()) + len(_GAP) * (len(widths) - 1) <= room:
            break
        gone.append(name)
        del widths[name]
    return gone


def _fold(widths: Sequence[int], right: Sequence[bool]) -> int | None:
    """The width to fold the last column to, when it is text that does not fit beside the others."""
    room = OUT.width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    return max(room, _LEAST_FOLD) if not right[-1] and room < widths[-1] else None


def _lines(row: Sequence[str], widths: Sequence[int], right: Sequence[bool], fold: int | None) -> list[str]:
    if fold is None:
        return [_line(row, widths, right)]
    first, *rest = textwrap.wrap(row[-1], fold) or [""]
    indent = " " * (sum(widths[:-1]) + len(_GAP) * (len(widths) - 1))
    return [_line([*row[:-1], first], widths, right), *(indent + line for line in rest)]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (cell.rjust(n) if number else cell.ljust(n) for cell, n, number in zip(row, widths, right, strict=True))
    return _GAP.join(padded).rstrip()
